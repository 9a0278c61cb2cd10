// SPDX-License-Identifier: Apache-2.0
//
// InputReplica: an engine's copy of the input log: the same messages, byte for byte, in a log of
// role input. What is stepped is in it before its outputs are in the output log, so whoever lost
// inputs that were acted on can have them from here. A restarted engine steps from it; a restarted
// sequencer takes back from it what its own log has lost. On the thread of the io_context.
#pragma once

#include <optional>
#include <string>

#include "engine/transport/stream_server.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::engine {

class InputReplica {
 public:
  /// `name`: of the engine. `folder`: of the log; made if missing.
  InputReplica(boost::asio::io_context& context, replay::Storage& storage, std::string folder,
               std::string name, std::uint64_t segment_bytes, const ConnectionLimits& limits);

  /// Serves it there, as soon as there is a log. `users`: file of those who may read it; "":
  /// anybody may.
  Status Listen(const Endpoint& endpoint, const std::string& users);
  /// Continues the log that is there, if there is one.
  Status OpenExisting();
  Status Create(proto::Session session, const std::string& schema);
  [[nodiscard]] bool open() const { return log_.has_value(); }
  [[nodiscard]] proto::Session session() const { return log_->session(); }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::uint16_t port() const { return stream_.port(); }

  /// Buffers the next message. Error kDivergence: it does not follow from the last one here.
  Status Append(const proto::MessageView& message);
  /// An error if `status` of the sequencer shows that it has another past than this log.
  [[nodiscard]] Status Compare(const pb::Status& status) const;
  /// Puts what is buffered into the log, and serves it.
  Status Flush();
  [[nodiscard]] proto::StreamPosition position() const {
    return log_ ? log_->position() : proto::StreamPosition{};
  }

  /// Message `number`, which is flushed; valid until the next call. In order it costs a look.
  Result<proto::MessageView> Read(std::uint64_t number);

  Status Close();

 private:
  Status Adopt(Result<replay::LogWriter> log);
  [[nodiscard]] pb::Status MakeStatus() const;

  replay::Storage& storage_;
  std::string folder_;
  std::string name_;
  std::uint64_t segment_bytes_;
  std::optional<replay::LogWriter> log_;
  std::optional<replay::LogReader> reader_;
  StreamServer stream_;
};

}  // namespace tandem::engine
