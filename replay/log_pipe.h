// SPDX-License-Identifier: Apache-2.0
//
// LogPipe: appends to a LogWriter on a thread of its own, so that checksums and writes of a replay
// do not hold up its steps. Bounded: four chunks of about 1 MiB, then Append waits for the disk.
//
// Append, Finish and the destructor: one thread. From construction to Finish the writer belongs to
// the pipe. After an error of the writer nothing more is written and Finish gives the error.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "pools/result.h"
#include "replay/log_writer.h"

namespace tandem::replay {

class LogPipe {
 public:
  explicit LogPipe(LogWriter& log);
  ~LogPipe();

  /// Copies the next message of the stream. False after an error: Finish says which.
  bool Append(std::span<const std::byte> message);
  /// Waits until everything is flushed to the log. The last call.
  Status Finish();

 private:
  static constexpr std::size_t kChunkBytes = 1u << 20;
  static constexpr std::size_t kChunks = 4;

  struct Chunk {
    std::vector<std::byte> bytes;      ///< messages back to back
    std::vector<std::uint32_t> sizes;  ///< of each
  };

  bool HandOver();
  void Write();

  LogWriter& log_;
  Chunk filling_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> full_;
  std::vector<Chunk> empty_;
  Status status_;
  bool failed_ = false;
  bool finishing_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace tandem::replay
