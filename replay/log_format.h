// SPDX-License-Identifier: Apache-2.0
//
// The layout of a log on disk. docs/log-format.md is the specification, with tables, recovery rules
// and a history; tests/replay/log_format_test.cc has golden bytes. All integers little-endian.
//
//   folder/mark                 two mark slots: how far the log is known to be synced; also locked
//   folder/00000001.segment     segment header, records, zeros up to the preallocated end
//   folder/00000002.segment     ...
//
// A segment begins with its schema (a record of kind kSchema), so each can be read alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "proto/digest.h"
#include "proto/header.h"

namespace tandem::replay {

/// What a stream is for. Copies of one output stream (A, B, merged) differ in nothing else.
using LogRole = proto::FixedText<16>;
inline constexpr LogRole kInputRole{"input"};
inline constexpr LogRole kOutputRole{"output"};
inline constexpr LogRole kMergedRole{"merged"};
inline constexpr LogRole kRecordedRole{"recorded"};  ///< a copy by who was not told which of them
inline constexpr LogRole kStateRole{"state"};        ///< a portable snapshot
inline constexpr std::array<LogRole, 5> kLogRoles{kInputRole, kOutputRole, kMergedRole,
                                                  kRecordedRole, kStateRole};

/// CRC32C (Castagnoli), chained: Crc32c(Crc32c(0, a), b) is that of a followed by b.
[[nodiscard]] std::uint32_t Crc32c(std::uint32_t before, std::span<const std::byte> data);

constexpr std::array<char, 8> kSegmentMagic = {'T', 'A', 'N', 'D', 'E', 'M', 'L', 'G'};
constexpr std::uint32_t kLogFormatVersion = 1;

/// The first bytes of a segment.
struct SegmentHeader {
  std::array<char, 8> magic = kSegmentMagic;
  std::uint32_t version = kLogFormatVersion;
  std::uint32_t size = 128;         ///< of this header; records begin here
  std::uint64_t segment_id = 0;     ///< from 1, one more each; also the file's name
  std::uint64_t segment_bytes = 0;  ///< the file's size while it is written
  std::uint64_t first_number = 0;   ///< of the first message in this segment, or of the next one
  std::uint64_t digest_before = 0;  ///< running digest at first_number - 1
  std::int64_t time_before_ns = 0;  ///< time of message first_number - 1; 0: none
  std::uint32_t epoch = 0;          ///< of message first_number - 1; 0: none
  proto::Session session;
  std::array<char, 2> reserved1{};
  LogRole role;
  std::array<char, 36> reserved2{};
  std::uint32_t crc = 0;  ///< CRC32C of the bytes before it
};
static_assert(sizeof(SegmentHeader) == 128 && std::is_trivially_copyable_v<SegmentHeader>);
static_assert(std::has_unique_object_representations_v<SegmentHeader>);
static_assert(offsetof(SegmentHeader, segment_id) == 16);
static_assert(offsetof(SegmentHeader, first_number) == 32);
static_assert(offsetof(SegmentHeader, digest_before) == 40);
static_assert(offsetof(SegmentHeader, time_before_ns) == 48);
static_assert(offsetof(SegmentHeader, epoch) == 56 && offsetof(SegmentHeader, session) == 60);
static_assert(offsetof(SegmentHeader, role) == 72 && offsetof(SegmentHeader, crc) == 124);

/// Kinds of record. A reader passes over a kind that it does not know if it is even; else it stops.
enum class RecordKind : std::uint8_t {
  kNone = 0,        ///< zeros: nothing was written here yet
  kMessage = 1,     ///< one message: header and payload, verbatim
  kEnd = 3,         ///< last record of a segment; goes on in the next one
  kSchema = 2,      ///< FileDescriptorSet for the messages that follow
  kCheckpoint = 4,  ///< what a sequencer knows of the messages before the segment
};

/// The CRC of the record of `bytes` bytes, a multiple of 8, at `record`: what its `crc` should be.
[[nodiscard]] std::uint32_t RecordCrc(std::uint32_t segment_crc, const std::byte* record,
                                      std::size_t bytes);
/// Fills in the CRCs of `records`, whole records back to back with everything else in its place.
/// Several at a time: a third of what one after the other takes.
void SealRecords(std::uint32_t segment_crc, std::span<std::byte> records);

/// Before each record's body. A record begins at a multiple of 8; zeros fill it up to the next one.
struct RecordHeader {
  std::uint32_t crc = 0;  ///< of what follows, to the next record; seeded with the segment's
  std::uint32_t size_and_kind = 0;  ///< bits 0 to 23: bytes of body; 24 to 31: RecordKind
};
static_assert(sizeof(RecordHeader) == 8);

constexpr std::size_t kRecordAlignment = 8;
constexpr std::size_t kRecordBodySizeMax = (1u << 24) - 1;

[[nodiscard]] constexpr std::uint32_t SizeAndKind(std::size_t size, RecordKind kind) {
  return static_cast<std::uint32_t>(size) | static_cast<std::uint32_t>(kind) << 24;
}
[[nodiscard]] constexpr std::size_t BodySize(std::uint32_t size_and_kind) {
  return size_and_kind & kRecordBodySizeMax;
}
[[nodiscard]] constexpr RecordKind Kind(std::uint32_t size_and_kind) {
  return static_cast<RecordKind>(size_and_kind >> 24);
}
/// Bytes that a record with `body_size` bytes takes in the file.
[[nodiscard]] constexpr std::size_t RecordBytes(std::size_t body_size) {
  return (sizeof(RecordHeader) + body_size + kRecordAlignment - 1) & ~(kRecordAlignment - 1);
}

constexpr std::array<char, 8> kMarkMagic = {'T', 'A', 'N', 'D', 'E', 'M', 'M', 'K'};

/// One of the two marks. Everything up to here is on the disk: damage below is an error.
struct MarkSlot {
  std::array<char, 8> magic = kMarkMagic;
  std::uint32_t version = kLogFormatVersion;
  std::uint32_t boot_id = 0;     ///< of the host that wrote it; 0: not known
  std::uint64_t generation = 0;  ///< from 1; the valid slot with the higher one counts
  std::uint64_t segment_id = 0;
  std::uint64_t offset = 0;  ///< in that segment: where the record after the mark begins
  std::uint64_t number = 0;  ///< of the last message below the mark; 0: none
  std::uint64_t digest = 0;  ///< running digest there
  std::uint32_t reserved2 = 0;
  std::uint32_t crc = 0;  ///< CRC32C of the bytes before it
};
static_assert(sizeof(MarkSlot) == 64 && std::has_unique_object_representations_v<MarkSlot>);
static_assert(offsetof(MarkSlot, generation) == 16 && offsetof(MarkSlot, segment_id) == 24);
static_assert(offsetof(MarkSlot, number) == 40 && offsetof(MarkSlot, crc) == 60);

/// Slots lie apart, so that one torn write cannot harm both.
constexpr std::size_t kMarkSlotStride = 4096;
constexpr std::string_view kMarkFileName = "mark";

constexpr std::uint64_t kSegmentBytesDefault = 64u << 20;
/// No segment is made longer, so that a header that names more is wrong, whatever its CRC says.
constexpr std::uint64_t kSegmentBytesMax = 1u << 30;

/// "00000001.segment"
[[nodiscard]] std::string SegmentFileName(std::uint64_t segment_id);
/// The id of a segment's file name; null if the name is not one.
[[nodiscard]] std::optional<std::uint64_t> SegmentIdOf(std::string_view file_name);

[[nodiscard]] std::uint32_t CrcOf(const SegmentHeader& header);
[[nodiscard]] std::uint32_t CrcOf(const MarkSlot& slot);

}  // namespace tandem::replay
