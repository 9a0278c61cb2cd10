// SPDX-License-Identifier: Apache-2.0
//
// Writes a live stream to a log, without gap or repeat over reconnects and restarts. Verifies the
// digest chain as it comes: what is recorded is what was served. It may be told several servers of
// one stream, as two deduplicators of a pair: when one fails it goes on with the next, and the
// chain says whether that is the same stream.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/live/role_loop.h"
#include "engine/transport/mold_client.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct RecordRoleOptions {
  std::string folder;              ///< of the log
  Endpoint from;                   ///< a stream; no host: the lines only
  std::vector<Endpoint> others{};  ///< the same stream at other places
  MoldClientOptions mold = {};     ///< lines of the stream
  std::string schema = {};         ///< of a new log, if there is no connection that tells it
  std::uint64_t first = 0;         ///< of a new log; 0: message 1
  std::uint64_t last = 0;  ///< stop after it; 0: go on until told to stop or the session ends
  std::string user = "record";
  std::string password = {};  ///< of that user; empty: none
  ConnectionLimits limits;
};

class RecordRole : private StreamClient::Handler {
 public:
  RecordRole(RecordRoleOptions options, replay::Storage& storage);

  ExitCode Run();
  /// Ends Run soon. From any thread.
  void Stop() { loop_.StopSoon(); }

  [[nodiscard]] std::uint64_t first_recorded() const { return first_recorded_; }
  /// Of the last message that is in the log: after a write that failed, of those before it.
  [[nodiscard]] proto::StreamPosition position() const {
    return log_ ? log_->flushed_position() : proto::StreamPosition{};
  }

 private:
  std::uint64_t WantedNumber() override;
  std::optional<std::uint64_t> WantedDigest() override;
  std::string WantedSession() override { return log_ ? log_->session().str() : ""; }
  void OnLogin(proto::Session session, std::uint64_t number) override;
  void OnSchema(const std::string& schema) override { schema_ = schema; }
  void OnStatus(const pb::Status& status) override;
  void OnMessage(const proto::MessageView& message) override;
  void OnBatchEnd() override;
  void OnDisconnected(const std::string& why) override;

  ExitCode RunInFolder();
  Status OpenExistingLog();
  /// `session`: of a new log; blank: that of the log that is there.
  Status OpenLog(proto::Session session);

  RecordRoleOptions options_;
  replay::Storage& storage_;
  RoleLoop loop_;
  std::string schema_;
  replay::LogRole role_{"recorded"};  ///< of the log: as the server says; lines alone do not say it
  std::optional<replay::LogWriter> log_;
  std::uint64_t first_recorded_ = 0;
  /// Where the stream was taken to. Until a log that begins later than at message 1 is there, the
  /// message before its first one is awaited: it gives the digest to begin with.
  proto::StreamPosition position_;
  bool awaits_start_ = false;
  std::uint32_t epoch_ = 0;  ///< of the last message in the log
  bool is_input_ = false;    ///< the server is a sequencer
  bool is_behind_ = false;   ///< the server has less than is recorded
  std::chrono::steady_clock::time_point behind_since_;
  bool done_ = false;
  MoldClient client_;
};

}  // namespace tandem::engine
