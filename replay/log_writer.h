// SPDX-License-Identifier: Apache-2.0
//
// LogWriter: appends the messages of one stream to a log; the only writer of its folder (locked).
//
//   Append buffers and does no I/O. Flush hands everything buffered to the operating system: from
//   then on it survives the end of this process, and readers see it. Sync makes it survive the end
//   of the host and moves the mark. Whatever was flushed is in the log when it is opened again,
//   once; what was not flushed is not, and must not have been published.
//
// After a failed write or sync the writer refuses everything: each later call gives the same error,
// and nothing is tried again. Open the log anew to go on; that recovers it.
// A writer that goes away without Close leaves the log as a crash of the process would.
// Costs: Append about 20 ns for 100 bytes; Flush one write, and one more for each new segment; when
// eight full segments wait for a Sync, the next one that fills up syncs the oldest on the way.
// One thread at a time. Owns its files; `Storage` outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/header.h"
#include "replay/log_format.h"
#include "replay/log_recovery.h"
#include "replay/storage.h"

namespace tandem::replay {

struct LogOptions {
  proto::Session session;  ///< blank: that of the log, which must exist then
  LogRole role = kOutputRole;
  std::string schema;             ///< FileDescriptorSet of the messages; empty: keep what is there
  proto::StreamPosition start{};  ///< of a new log: the position before its first message
  std::uint64_t segment_bytes = kSegmentBytesDefault;
  /// Body of the checkpoint of a segment that begins with the message which is being appended;
  /// empty: it has none. See log_checkpoint.h.
  std::function<std::vector<std::byte>()> checkpoint{};
  bool check_digest = false;  ///< recompute the digest of each message in Append
};

class LogWriter {
 public:
  /// Creates the log in `folder` or continues it: finds the last whole message, cuts what follows.
  static Result<LogWriter> Open(Storage& storage, const std::string& folder,
                                const LogOptions& options);
  LogWriter(LogWriter&&) noexcept;
  LogWriter& operator=(LogWriter&&) noexcept;
  ~LogWriter();

  /// The next message of the stream, header complete. Its number must follow and its session must
  /// be that of the log. Copies; no I/O.
  void Append(std::span<const std::byte> message);
  /// Writes what is buffered. Nothing buffered: costs nothing.
  Status Flush();
  /// Flush, then sync, then mark. Nothing new since the last one: costs nothing.
  Status Sync();
  /// Ends the segment, syncs, marks, gives unused space back, unlocks. The writer is done then.
  Status Close();

  [[nodiscard]] proto::StreamPosition position() const;          ///< appended
  [[nodiscard]] proto::StreamPosition flushed_position() const;  ///< readers see it
  [[nodiscard]] proto::StreamPosition synced_position() const;   ///< below the mark
  [[nodiscard]] std::size_t buffered_bytes() const;
  [[nodiscard]] proto::Session session() const;
  [[nodiscard]] std::uint64_t first_number() const;  ///< of the whole log
  [[nodiscard]] std::int64_t time_ns() const;        ///< of the last message; 0: there is none
  [[nodiscard]] std::uint32_t epoch() const;         ///< of the last message
  [[nodiscard]] const LogRecovery& recovery() const;
  [[nodiscard]] const std::string& folder() const;

 private:
  class Impl;
  explicit LogWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::replay
