// SPDX-License-Identifier: Apache-2.0
//
// One segment as bytes: its header, its records, what follows them; and the segments of a folder.
// Used by the reader and by the recovery of the writer, which judge differently what they find.
// Pure but for the functions that take a Storage or a File. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::replay {

enum class RecordState : std::uint8_t {
  kWhole,    ///< record is valid and its CRC is right
  kNothing,  ///< zeros, or no room for a record
  kBroken,   ///< something that is not a whole record; may be one that is being written
  kForeign,  ///< whole, but of a kind that this build neither knows nor may pass over
};

struct Record {
  RecordKind kind = RecordKind::kNone;
  std::span<const std::byte> body;
  std::uint64_t end = 0;  ///< where the next record begins
};

/// Looks at the record at `offset`. `why` says what is wrong with a broken or foreign one.
RecordState ReadRecord(std::span<const std::byte> segment, std::uint64_t offset,
                       std::uint32_t segment_crc, Record* record, const char** why);

/// Where the first whole message or end record at `offset` or later begins, aligned or not, of any
/// number; the segment's size if there is none. For what may follow a broken record.
std::uint64_t FindRecord(std::span<const std::byte> segment, std::uint64_t offset,
                         const SegmentHeader& header);

/// a == b, without the call that comparing ten bytes is otherwise.
[[nodiscard]] inline bool SameSession(const proto::Session& a, const proto::Session& b) {
  std::uint64_t head[2];
  std::uint16_t rest[2];
  std::memcpy(&head[0], a.bytes.data(), sizeof head[0]);
  std::memcpy(&head[1], b.bytes.data(), sizeof head[1]);
  std::memcpy(&rest[0], a.bytes.data() + sizeof head[0], sizeof rest[0]);
  std::memcpy(&rest[1], b.bytes.data() + sizeof head[0], sizeof rest[1]);
  return head[0] == head[1] && rest[0] == rest[1];
}

/// Checks that `record` holds the message `number` of `session`; says what is wrong, or null.
const char* CheckMessage(const Record& record, std::uint64_t number, proto::Session session,
                         proto::MessageView* message);

/// Checks that the segment of `next` goes on where that of `before` ended, at `position`; says what
/// is wrong, or null.
const char* CheckFollows(const SegmentHeader& next, const SegmentHeader& before,
                         proto::StreamPosition position);

enum class HeaderState : std::uint8_t { kWhole, kZero, kBroken };

/// The header of the segment in `path`. `error` says what is wrong with a zero or broken one.
HeaderState ParseSegmentHeader(std::span<const std::byte> bytes, const std::string& path,
                               SegmentHeader* header, Error* error);

/// ParseSegmentHeader on a file that is opened for it.
Result<SegmentHeader> ReadSegmentHeader(Storage& storage, const std::string& path);

/// True if the file has no header yet, as when the host crashed while the log was made.
Result<bool> SegmentIsBlank(Storage& storage, const std::string& path);

struct SegmentList {
  std::vector<std::uint64_t> ids;        ///< in order, without a gap; at least one
  std::vector<std::uint64_t> after_gap;  ///< those after the first missing one
};

/// The segments of a log; an error if `folder` is none.
Result<SegmentList> ListSegments(Storage& storage, const std::string& folder);

/// "the log FOLDER is damaged: 00000002.segment is missing; restore the file"
[[nodiscard]] Error MissingSegment(const std::string& folder, std::uint64_t segment_id);

/// Bytes from `offset` to the last one in the file that is not zero. Reads to the end of the file.
Result<std::uint64_t> BytesUsedAfter(File& file, std::uint64_t offset);

[[nodiscard]] std::string SegmentPath(const std::string& folder, std::uint64_t segment_id);

/// "FOLDER is damaged in segment 3 at offset 512, where message 17 should be: WHY; ..."
[[nodiscard]] Error Damage(const std::string& folder, std::uint64_t segment_id,
                           std::uint64_t offset, std::uint64_t number, std::string_view why);

}  // namespace tandem::replay
