// SPDX-License-Identifier: Apache-2.0
//
// LogReader: reads the messages of a log from a number on, while it is written or later. Checks
// each record's CRC, number, session and, if asked, the digest chain; never skips anything.
//
//   auto reader = LogReader::Open(storage, folder, {.from_number = 17});
//   for (;;) switch (reader->Next()) {
//     case ReadOutcome::kMessage: Use(reader->message()); break;
//     case ReadOutcome::kEnd: ... no more for now; call Next again whenever you like
//     case ReadOutcome::kDamaged: ... reader->error() names segment, offset and number
//   }
//
// Costs: a message its two checksums; Next at the end one load (in a log that was closed: one look
// for the next segment); opening at a number a walk over the record lengths of one segment. Holds
// one file open and its mapping, no buffers. A disk that fails below the mapping ends the process
// with SIGBUS; writers never shrink a file below what a reader looks at.
// One thread at a time; any number of readers beside one writer. `Storage` outlives it.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"
#include "replay/log_format.h"
#include "replay/log_mark.h"
#include "replay/storage.h"

namespace tandem::replay {

enum class ReadOutcome : std::uint8_t {
  kMessage,  ///< message() is the next one
  kEnd,      ///< nothing more yet
  kDamaged,  ///< error() says what and where; every later Next gives the same
};

struct ReadOptions {
  static constexpr std::uint64_t kFirst = 0;  ///< whatever it is
  static constexpr std::uint64_t kEnd =
      std::numeric_limits<std::uint64_t>::max();  ///< after the last

  std::uint64_t from_number = kFirst;
  bool check_digest = true;
};

/// What follows the last whole record.
struct LogTail {
  std::uint64_t bytes = 0;  ///< from there to the last byte that is not zero; 0: a clean end
  std::uint64_t segment_id = 0;
  std::uint64_t offset = 0;
  bool cut = false;  ///< no end record, and the file is shorter than it was made
  /// A whole message, an end record or a segment lies behind what is none, so it is not a record
  /// that is just being written, and no writer will complete it.
  bool whole_follows = false;
};

/// Where a reader that goes through a log would come to.
struct LogEnd {
  proto::StreamPosition last;   ///< of the last whole message
  std::optional<Error> damage;  ///< what stops it there; null: the end
};

class LogReader {
 public:
  /// An error if there is no log, its first segment cannot be read or, if the reading begins in it,
  /// is of another log (log_chain.h), or the log has no message `from_number` and does not end just
  /// before it. A segment that is missing or damaged further on
  /// is for Next to find; one further back is not looked at.
  static Result<LogReader> Open(Storage& storage, const std::string& folder,
                                const ReadOptions& options);
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  /// The next message, if its number is at most `up_to`.
  ReadOutcome Next(std::uint64_t up_to = std::numeric_limits<std::uint64_t>::max());
  /// Valid until the next call of Next that does not return kEnd.
  [[nodiscard]] const proto::MessageView& message() const;
  [[nodiscard]] const Error& error() const;
  /// After kDamaged: a segment could not be opened or mapped, so nobody knows whether it is whole.
  [[nodiscard]] bool unreadable() const;

  [[nodiscard]] proto::StreamPosition position() const;  ///< of the last message read
  [[nodiscard]] proto::Session session() const;
  [[nodiscard]] LogRole role() const;
  [[nodiscard]] std::uint64_t first_number() const;  ///< of the whole log
  /// FileDescriptorSet for the message last read, or for the next one before the first. Its
  /// generation grows by one with each change.
  [[nodiscard]] const std::string& schema() const;
  [[nodiscard]] std::uint32_t schema_generation() const;
  [[nodiscard]] std::uint64_t segment_id() const;  ///< where the reader stands
  [[nodiscard]] std::uint64_t offset() const;      ///< of the next record in that segment

  /// The mark as it is now. Reads the disk.
  [[nodiscard]] Result<MarkState> ReadMark() const;
  /// At the end (Next gave kEnd): what follows. Reads the rest of the segment.
  [[nodiscard]] Result<LogTail> ReadTail() const;

  /// Number and digest of the last whole message now; an error where FindEnd finds damage.
  static Result<proto::StreamPosition> LastPosition(Storage& storage, const std::string& folder);
  /// Looks at some segment headers and the records of one segment, so damage that lies before the
  /// last segment is found only if it is in a header that it looks at, or a segment is missing.
  static Result<LogEnd> FindEnd(Storage& storage, const std::string& folder);

 private:
  class Impl;
  explicit LogReader(std::unique_ptr<Impl> impl);
  /// `damaged_too`: gives the reader that stands where damage keeps it from `from_number`, too.
  static Result<LogReader> OpenFor(Storage& storage, const std::string& folder,
                                   const ReadOptions& options, bool damaged_too);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::replay
