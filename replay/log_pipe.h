// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a replay that need not hold up its steps: ReadAhead reads and checks a log on a
// thread of its own, LogPipe appends to one. Both are bounded: some chunks of messages, then the
// faster side waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>

#include "pools/result.h"
#include "replay/chunk_queue.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::replay {

/// Next and the destructor: one thread. The reader belongs to it until it is destroyed, and stands
/// anywhere ahead then.
class ReadAhead {
 public:
  /// Reads what `log` has, up to and including message `last`.
  ReadAhead(LogReader& log, std::uint64_t last);
  ~ReadAhead();

  /// As LogReader::Next: message() or error() says what came.
  ReadOutcome Next();
  [[nodiscard]] const proto::MessageView& message() const { return message_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  void Read(std::uint64_t last);

  LogReader& log_;
  ChunkQueue queue_;
  Chunk chunk_;            ///< being taken from
  std::size_t index_ = 0;  ///< in it: of the next message
  std::size_t begin_ = 0;  ///< in its bytes
  proto::MessageView message_;
  ReadOutcome outcome_ = ReadOutcome::kEnd;  ///< of the end; written before the queue is closed
  Error error_;
  std::thread thread_;  ///< last: it uses all of the above
};

/// Append, Finish and the destructor: one thread. From construction to Finish the writer belongs to
/// the pipe. After an error of the writer nothing more is written and Finish gives the error.
class LogPipe {
 public:
  explicit LogPipe(LogWriter& log);
  ~LogPipe();

  /// Copies the next message of the stream. False after an error: Finish says which.
  bool Append(std::span<const std::byte> message);
  /// Lets what was appended be written now, however little it is. False as Append.
  bool HandOn() { return filling_.sizes.empty() || queue_.Push(filling_); }
  /// Waits until everything is flushed to the log. The last call.
  Status Finish();

 private:
  void Write();

  LogWriter& log_;
  ChunkQueue queue_;
  Chunk filling_;
  Status status_;       ///< of the thread; read after its end
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace tandem::replay
