// SPDX-License-Identifier: Apache-2.0
//
// One segment as bytes: its header, its records, what follows them; and the segments of a folder.
// Used by the reader and by the recovery of the writer, which judge differently what they find.
// Pure but for the functions that take a Storage or a File. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::replay {

/// The largest number of a message: the one after it means "the end" to a reader.
constexpr std::uint64_t kMessageNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

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
inline RecordState ReadRecord(std::span<const std::byte> segment, std::uint64_t offset,
                              std::uint32_t segment_crc, Record* record, const char** why) {
  if (offset + sizeof(RecordHeader) > segment.size()) return RecordState::kNothing;
  const std::byte* at = segment.data() + offset;
  // Another process may be writing here, so the word is read once, before what it describes.
  const auto* words = reinterpret_cast<const std::uint32_t*>(at);
  const std::uint32_t size_and_kind = __atomic_load_n(words + 1, __ATOMIC_ACQUIRE);
  if (size_and_kind == 0 && words[0] == 0) return RecordState::kNothing;
  const std::size_t size = BodySize(size_and_kind);
  const std::size_t bytes = RecordBytes(size);
  if (bytes > segment.size() - offset) {
    *why = "a record reaches beyond the end of the segment";
    return RecordState::kBroken;
  }
  if (RecordCrc(segment_crc, at, bytes) != words[0]) {
    *why = "the CRC does not match";
    return RecordState::kBroken;
  }
  record->kind = Kind(size_and_kind);
  record->body = {at + sizeof(RecordHeader), size};
  record->end = offset + bytes;
  if ((static_cast<unsigned>(record->kind) & 1) != 0 && record->kind != RecordKind::kMessage &&
      record->kind != RecordKind::kEnd) {
    *why = "a record of a kind that this build does not know";
    return RecordState::kForeign;
  }
  return RecordState::kWhole;
}

/// Where the first whole message or end record that begins in [`offset`, `end`) does so, aligned or
/// not, of any number; the segment's size if there is none. For what may follow a broken record.
std::uint64_t FindRecord(std::span<const std::byte> segment, std::uint64_t offset,
                         std::uint64_t end, const SegmentHeader& header);

/// Whole messages that begin in [`offset`, `end`), wherever and of whatever number they are.
std::uint64_t CountMessages(std::span<const std::byte> segment, std::uint64_t offset,
                            std::uint64_t end, const SegmentHeader& header);

/// At the speed of memory.
[[nodiscard]] inline bool AllZero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// Checks that `record` holds the message `number` of `session`; says what is wrong, or null.
inline const char* CheckMessage(const Record& record, std::uint64_t number,
                                const proto::Session& session, proto::MessageView* message) {
  if (record.body.size() < sizeof(proto::Header)) return "a message shorter than its header";
  message->bytes = record.body;
  std::memcpy(&message->header, record.body.data(), sizeof(proto::Header));
  const proto::Header& header = message->header;
  if (header.version != proto::kHeaderVersion) return "a message with an unknown header version";
  if (record.body.size() != sizeof(proto::Header) + header.payload_size) {
    return "a message whose size is not what its header says";
  }
  if (record.body.size() > proto::kMessageSizeMax) {
    return "a message of more than 65000 bytes, the most that one may have";
  }
  if (header.number != number) return "a message with another number";
  if (number > kMessageNumberMax) return "a message with number 2^64 - 1, which no message has";
  if (header.session != session) return "a message of another session";
  return nullptr;
}

/// Checks that the segment of `next` goes on where that of `before` ended, at `position`; says what
/// is wrong, or null.
const char* CheckFollows(const SegmentHeader& next, const SegmentHeader& before,
                         proto::StreamPosition position);

enum class HeaderState : std::uint8_t { kWhole, kZero, kBroken };

/// The header in the file of segment `segment_id`. `why` says what is wrong with a zero or broken
/// one.
HeaderState ParseSegmentHeader(std::span<const std::byte> bytes, std::uint64_t segment_id,
                               SegmentHeader* header, std::string* why);

/// ParseSegmentHeader on a file that is opened for it; what is wrong as HeaderDamage.
Result<SegmentHeader> ReadSegmentHeader(Storage& storage, const std::string& folder,
                                        std::uint64_t segment_id);

/// True if the file has no header yet, as when the host crashed while the log was made.
Result<bool> SegmentIsBlank(Storage& storage, const std::string& path);

enum class OverDamage : std::uint8_t { kStop, kGoOn };

struct SegmentList {
  std::vector<std::uint64_t> ids;        ///< in order, without a gap; at least one
  std::vector<std::uint64_t> after_gap;  ///< those after the first missing one
};

/// The segments of a log; an error if `folder` is none.
Result<SegmentList> ListSegments(Storage& storage, const std::string& folder);

/// The place in `ids` of the last segment for which `is_before` holds, by halving: it holds up to
/// some segment, for the first one always. A segment without a header yet is the end of the search,
/// and so is a damaged one that it meets, or that is passed over for the ones after it: whoever
/// reads on from the place gets to what it is.
std::size_t FindSegment(Storage& storage, const std::string& folder,
                        const std::vector<std::uint64_t>& ids, OverDamage over_damage,
                        const std::function<bool(const SegmentHeader&)>& is_before);

/// Bytes from `offset` to the last one in the file that is not zero. Reads to the end of the file.
Result<std::uint64_t> BytesUsedAfter(File& file, std::uint64_t offset);

[[nodiscard]] std::string SegmentPath(const std::string& folder, std::uint64_t segment_id);

/// "FOLDER is damaged in segment 3 at offset 512, where message 17 should be: WHY; ..."
[[nodiscard]] Error Damage(const std::string& folder, std::uint64_t segment_id,
                           std::uint64_t offset, std::uint64_t number, std::string_view why);

/// Damage at the beginning of a segment, for who has not read what comes before: the number is that
/// after the segment before, which is read for it; where that cannot be told, what the segment
/// after it says.
[[nodiscard]] Error HeaderDamage(Storage& storage, const std::string& folder,
                                 std::uint64_t segment_id, std::string_view why);
[[nodiscard]] Error MissingSegment(Storage& storage, const std::string& folder,
                                   std::uint64_t segment_id);

}  // namespace tandem::replay
