// SPDX-License-Identifier: Apache-2.0
//
// The live sequencer: submissions in on one port, the input stream out on another, the input log
// between. Order for each batch: append, (sync), acknowledge, publish. The first message of an
// epoch is always synced, so that the next start knows of the epoch whatever the disk loses.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "engine/live/control_check.h"
#include "engine/live/durability.h"
#include "engine/live/role_loop.h"
#include "engine/live/snapshot_schedule.h"
#include "engine/live/take_back.h"
#include "engine/sequenced_clock.h"
#include "engine/sequencer.h"
#include "engine/transport/gate.h"
#include "engine/transport/stream_server.h"
#include "engine/transport/submission_server.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct SequencerRoleOptions {
  std::string name = "sequencer";
  std::string folder;      ///< of the input log
  proto::Session session;  ///< blank: that of the log, which must exist then
  std::string schema;      ///< of the application's messages, for the log
  Endpoint submissions;    ///< where clients submit
  Endpoint stream;         ///< where engines read
  Durability durability = Durability::kNone;
  std::size_t message_size_max = proto::kMessageSizeMaxDefault;
  std::uint64_t segment_bytes = replay::kSegmentBytesDefault;  ///< of the log
  std::vector<Endpoint> replicas;  ///< engines' copies of the input, to take back from
  std::chrono::milliseconds replica_wait{5'000};
  SnapshotSchedule::Options snapshots{};  ///< when engines are told to write images
  bool end_session = false;               ///< write the last message, then only serve
  MoldServerOptions mold = {};            ///< the input stream by MoldUDP64
  ConnectionLimits limits;
  std::string users = {};     ///< file of those who may log in; "": anybody may
  std::string password = {};  ///< to log in at replicas with, as `taker`; empty: none
  std::chrono::nanoseconds clock_jump_max = std::chrono::seconds(10);  ///< see SequencedClock
  /// In ns; not given: those of the standard library. The second one should run while the host
  /// sleeps, too.
  std::function<std::int64_t()> wall_clock;
  std::function<std::int64_t()> steady_clock;
};

class SequencerRole : private SubmissionServer::Backend {
 public:
  SequencerRole(SequencerRoleOptions options, replay::Storage& storage);

  /// Opens the log, listens, and runs until it is told to stop.
  ExitCode Run();
  /// Ends Run soon. From any thread.
  void Stop() { loop_.StopSoon(); }

 private:
  Status Open();
  Status Recover();
  [[nodiscard]] std::vector<std::byte> CheckpointBody() const;
  void OnTime();
  /// Tells an engine to write an image, if one is due. True: something was appended.
  bool TellSnapshot();
  void SyncLater();
  void AppendMessage();
  /// Puts what is appended into the log, then acknowledges and publishes it.
  Status Write();
  pb::Status MakeStatus() const;

  /// Of the stream, from the clocks. Reports what is odd about them.
  std::int64_t Now();

  Sequencer::Verdict Submit(proto::User user, const proto::MessageView& message,
                            Sequencer::Rights rights) override;
  const std::string& reason() const override { return reason_; }
  const Sequencer& sequencer() const override { return *sequencer_; }
  bool Commit() override;
  void CommitSoon() override;

  SequencerRoleOptions options_;
  replay::Storage& storage_;
  RoleLoop loop_;
  boost::asio::steady_timer tick_timer_;
  boost::asio::steady_timer sync_timer_;
  std::optional<replay::LogWriter> log_;
  std::optional<Sequencer> sequencer_;
  SequencedClock clock_;
  std::uint64_t clock_jumps_ = 0;  ///< refused
  EnginePositions engines_;
  SnapshotSchedule snapshots_;
  std::string reason_;  ///< why the last submission was refused
  Gate gate_;
  TakeBack take_back_;
  StreamServer stream_;
  SubmissionServer submissions_;
  std::uint64_t recovered_ = 0;   ///< messages that the log held at the start
  bool epoch_is_synced_ = false;  ///< the first message of this epoch is on the disk
  bool commit_is_scheduled_ = false;
  std::optional<std::int64_t> batch_ns_;  ///< time of what is appended and not yet committed
};

}  // namespace tandem::engine
