// SPDX-License-Identifier: Apache-2.0
//
// The live deduplicator: reads both engines, appends to the merged log what the policy lets out,
// serves that log, checks that the copies are identical. On divergence it publishes nothing more,
// says what differs, and goes on serving history and status, until a person has decided.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "engine/deduplicator.h"
#include "engine/live/engine_source.h"
#include "engine/live/incident_keeper.h"
#include "engine/live/merged_history.h"
#include "engine/live/role_loop.h"
#include "engine/transport/stream_server.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct DedupRoleOptions {
  std::string name = "dedup";
  std::string folder;                                    ///< of the merged log
  std::array<Endpoint, Deduplicator::kEngines> engines;  ///< A, B
  Endpoint stream;                                       ///< where the merged stream is served
  DedupPolicy policy = DedupPolicy::kFirst;
  /// Policy agree: how long an output waits for its second copy; null: for ever.
  std::optional<std::chrono::milliseconds> alone_after;
  /// An engine that stands still for longer while the other one goes on is reported.
  std::chrono::milliseconds silence_limit{5'000};
  bool exit_on_divergence = false;                             ///< else it stays up and serves
  IncidentKeeper* incidents = nullptr;                         ///< outlives the role; null: none
  std::uint64_t segment_bytes = replay::kSegmentBytesDefault;  ///< of the log
  std::size_t ring_size = DeduplicatorOptions{}.ring_size;     ///< marks kept in memory
  std::size_t held_bytes = DeduplicatorOptions{}.held_bytes;   ///< policy agree: at least 2 MiB
  std::string users = {};       ///< file of those who may read the merged stream; "": anybody may
  std::string password = {};    ///< to log in with, under its name; empty: none
  MoldServerOptions mold = {};  ///< the merged stream by MoldUDP64
  ConnectionLimits limits;
};

class DedupRole : private EngineSource::Handler {
 public:
  DedupRole(DedupRoleOptions options, replay::Storage& storage);
  ~DedupRole() override;

  /// kDivergence if the copies were found to differ, and that is not resolved.
  ExitCode Run();
  /// Ends Run soon. From any thread.
  void Stop() { loop_.StopSoon(); }

 private:
  using Clock = std::chrono::steady_clock;

  std::uint64_t WantedNumber(std::size_t engine) override;
  std::string WantedSession() override { return session_.str(); }
  void OnSchema(const std::string& schema) override;
  void OnMessage(std::size_t engine, const proto::MessageView& message) override;
  void OnStatus(std::size_t engine, const pb::Status& status) override;
  void OnBatchEnd(std::size_t engine) override;

  ExitCode RunInFolder();
  Status OpenExistingLog();
  /// `session`: of a new log; blank: that of the log that is there.
  Status OpenLog(proto::Session session);
  Status OpenWriter(proto::Session session);
  void CheckTwoEngines();
  void Append(std::span<const std::byte> message);
  void OnOutcome(std::size_t engine, std::uint64_t number, Deduplicator::Outcome outcome);
  void FlushAndPublish();
  void Watch();
  void LookForSilence(std::size_t engine, Clock::time_point now);
  void TellIfAlone();
  pb::Status MakeStatus() const;

  // dedup_incidents.cc
  void OnSearching(std::size_t engine);
  void OnDivergence();
  std::string Describe() const;
  std::string DescribeOmission() const;
  IncidentFacts MakeFacts() const;
  void AwaitDecision(Clock::time_point now);
  Status ResumeIncident();
  Status Resolve(std::size_t keep);
  Status TakeBack(std::uint64_t last);
  void OnReadmitted(std::size_t engine);

  DedupRoleOptions options_;
  replay::Storage& storage_;
  RoleLoop loop_;
  proto::Session session_;  ///< blank until known
  std::string schema_;
  std::optional<replay::LogWriter> log_;
  std::unique_ptr<MergedHistory> history_;
  std::optional<Deduplicator> deduplicator_;
  bool warned_of_names_ = false;
  std::string report_;  ///< of the divergence that is not resolved; empty: none
  std::optional<Clock::time_point> search_deadline_;
  Clock::time_point decision_asked_at_;
  std::string decision_error_;  ///< told already
  std::optional<std::size_t> alone_;
  std::array<bool, Deduplicator::kEngines> silent_{};
  StreamServer stream_;
  boost::asio::steady_timer watch_timer_;
  std::array<std::unique_ptr<EngineSource>, Deduplicator::kEngines> sources_;
};

}  // namespace tandem::engine
