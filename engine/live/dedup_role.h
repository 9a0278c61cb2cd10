// SPDX-License-Identifier: Apache-2.0
//
// The live deduplicator: reads both engines, appends the first copy of each message to the merged
// log, serves that log, checks the second copies. On divergence it publishes nothing more, says
// what differs, and goes on serving history and status.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "engine/deduplicator.h"
#include "engine/live/role_loop.h"
#include "engine/transport/stream_client.h"
#include "engine/transport/stream_server.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct DedupRoleOptions {
  std::string name = "dedup";
  std::string folder;                                    ///< of the merged log
  std::array<Endpoint, Deduplicator::kEngines> engines;  ///< A, B
  Endpoint stream;                                       ///< where the merged stream is served
  bool exit_on_divergence = false;                       ///< else it stays up and serves
  std::uint64_t segment_bytes = replay::kSegmentBytesDefault;  ///< of the log
  std::size_t ring_size = Deduplicator::kRingSizeDefault;      ///< digests kept in memory
  ConnectionLimits limits;
};

class DedupRole {
 public:
  DedupRole(DedupRoleOptions options, replay::Storage& storage);
  ~DedupRole();

  /// kDivergence if the copies were found to differ.
  ExitCode Run();
  /// Ends Run soon. From any thread.
  void Stop() { loop_.StopSoon(); }

 private:
  class Source;
  class MergedHistory;

  ExitCode RunInFolder();
  Status OpenExistingLog();
  /// `session`: of a new log; blank: that of the log that is there.
  Status OpenLog(proto::Session session);
  void OnSchema(const std::string& schema);
  void CheckTwoEngines();
  void OnMessage(std::size_t engine, const proto::MessageView& message);
  void OnBatchEnd();
  void OnDivergence();
  pb::Status MakeStatus() const;

  DedupRoleOptions options_;
  replay::Storage& storage_;
  RoleLoop loop_;
  proto::Session session_;  ///< blank until known
  std::string schema_;
  std::optional<replay::LogWriter> log_;
  std::unique_ptr<MergedHistory> history_;
  std::optional<Deduplicator> deduplicator_;
  bool warned_of_names_ = false;
  std::string report_;  ///< of the divergence; empty: none
  StreamServer stream_;
  std::array<std::unique_ptr<Source>, Deduplicator::kEngines> sources_;
};

}  // namespace tandem::engine
