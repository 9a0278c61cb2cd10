// SPDX-License-Identifier: Apache-2.0
#include "replay/log_format.h"

#include <isa-l/crc.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace tandem::replay {
namespace {

constexpr std::string_view kSuffix = ".segment";

template <class T>
std::uint32_t CrcBeforeLastField(const T& value) {
  static_assert(offsetof(T, crc) == sizeof(T) - 4);
  return Crc32c(0, std::as_bytes(std::span(&value, 1)).first(sizeof(T) - 4));
}

#ifdef __x86_64__
/// Below this many bytes one instruction for each eight of them beats the library.
constexpr std::size_t kShort = 256;

const bool has_crc_instruction = __builtin_cpu_supports("sse4.2") != 0;

[[gnu::target("sse4.2")]] std::uint32_t ShortCrc32c(std::uint32_t crc,
                                                    std::span<const std::byte> data) {
  const std::byte* at = data.data();
  std::size_t left = data.size();
  std::uint64_t wide = crc;
  for (; left >= sizeof wide; at += sizeof wide, left -= sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  // A record's checksum covers four bytes more than a multiple of eight.
  if (left >= sizeof crc) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    crc = _mm_crc32_u32(crc, word);
    at += sizeof word;
    left -= sizeof word;
  }
  for (; left > 0; ++at, --left) crc = _mm_crc32_u8(crc, std::to_integer<std::uint8_t>(*at));
  return crc;
}

/// A record whose checksum is being made: four bytes of size and kind, then whole words.
struct Lane {
  std::byte* record = nullptr;
  std::size_t words = 0;
  std::uint64_t crc = 0;
};

[[gnu::target("sse4.2"), gnu::always_inline]] inline std::uint64_t NextWord(std::uint64_t crc,
                                                                            const std::byte* record,
                                                                            std::size_t word) {
  std::uint64_t value = 0;
  std::memcpy(&value, record + sizeof(RecordHeader) + 8 * word, sizeof value);
  return _mm_crc32_u64(crc, value);
}

[[gnu::target("sse4.2")]] std::uint32_t RecordCrcByWords(std::uint32_t segment_crc,
                                                         const std::byte* record,
                                                         std::size_t bytes) {
  std::uint32_t size_and_kind = 0;
  std::memcpy(&size_and_kind, record + 4, sizeof size_and_kind);
  std::uint64_t crc = _mm_crc32_u32(~segment_crc, size_and_kind);
  const std::size_t words = (bytes - sizeof(RecordHeader)) / 8;
  for (std::size_t word = 0; word < words; ++word) crc = NextWord(crc, record, word);
  return ~static_cast<std::uint32_t>(crc);
}

/// The instruction gives a result each cycle, each three cycles after it began: so four records go
/// side by side as far as the shortest of them reaches.
[[gnu::target("sse4.2")]] void SealSideBySide(std::uint32_t segment_crc,
                                              std::span<std::byte> records) {
  constexpr std::size_t kLanes = 4;
  std::byte* at = records.data();
  std::byte* const end = at + records.size();
  while (at < end) {
    std::array<Lane, kLanes> lanes;
    std::size_t count = 0;
    std::size_t common = SIZE_MAX;
    for (; count < kLanes && at < end; ++count) {
      std::uint32_t size_and_kind = 0;
      std::memcpy(&size_and_kind, at + 4, sizeof size_and_kind);
      const std::size_t bytes = RecordBytes(BodySize(size_and_kind));
      lanes[count] = {at, (bytes - sizeof(RecordHeader)) / 8,
                      _mm_crc32_u32(~segment_crc, size_and_kind)};
      common = std::min(common, lanes[count].words);
      at += bytes;
    }
    std::size_t done = 0;
    if (count == kLanes) {
      std::uint64_t a = lanes[0].crc;
      std::uint64_t b = lanes[1].crc;
      std::uint64_t c = lanes[2].crc;
      std::uint64_t d = lanes[3].crc;
      for (; done < common; ++done) {
        a = NextWord(a, lanes[0].record, done);
        b = NextWord(b, lanes[1].record, done);
        c = NextWord(c, lanes[2].record, done);
        d = NextWord(d, lanes[3].record, done);
      }
      lanes[0].crc = a;
      lanes[1].crc = b;
      lanes[2].crc = c;
      lanes[3].crc = d;
    }
    for (std::size_t i = 0; i < count; ++i) {
      Lane& lane = lanes[i];
      for (std::size_t word = done; word < lane.words; ++word) {
        lane.crc = NextWord(lane.crc, lane.record, word);
      }
      const std::uint32_t crc = ~static_cast<std::uint32_t>(lane.crc);
      std::memcpy(lane.record, &crc, sizeof crc);
    }
  }
}
#endif

}  // namespace

std::uint32_t RecordCrc(std::uint32_t segment_crc, const std::byte* record, std::size_t bytes) {
#ifdef __x86_64__
  if (bytes < kShort && has_crc_instruction) return RecordCrcByWords(segment_crc, record, bytes);
#endif
  return Crc32c(segment_crc, {record + 4, bytes - 4});
}

void SealRecords(std::uint32_t segment_crc, std::span<std::byte> records) {
#ifdef __x86_64__
  if (has_crc_instruction) return SealSideBySide(segment_crc, records);
#endif
  while (!records.empty()) {
    std::uint32_t size_and_kind = 0;
    std::memcpy(&size_and_kind, records.data() + 4, sizeof size_and_kind);
    const std::size_t bytes = RecordBytes(BodySize(size_and_kind));
    const std::uint32_t crc = RecordCrc(segment_crc, records.data(), bytes);
    std::memcpy(records.data(), &crc, sizeof crc);
    records = records.subspan(bytes);
  }
}

std::uint32_t Crc32c(std::uint32_t before, std::span<const std::byte> data) {
#ifdef __x86_64__
  // The library's set-up costs five times the checksum of a record of 100 bytes.
  if (data.size() < kShort && has_crc_instruction) return ~ShortCrc32c(~before, data);
#endif
  // The library's parameter is not const, but it only reads.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(data.data()));
  return ~crc32_iscsi(bytes, static_cast<int>(data.size()), ~before);
}

std::string SegmentFileName(std::uint64_t segment_id) {
  char text[40];
  std::snprintf(text, sizeof text, "%08llu%s", static_cast<unsigned long long>(segment_id),
                kSuffix.data());
  return text;
}

std::optional<std::uint64_t> SegmentIdOf(std::string_view file_name) {
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = file_name.substr(0, file_name.size() - kSuffix.size());
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size() || id == 0) return std::nullopt;
  if (SegmentFileName(id) != file_name) return std::nullopt;
  return id;
}

std::uint32_t CrcOf(const SegmentHeader& header) { return CrcBeforeLastField(header); }
std::uint32_t CrcOf(const MarkSlot& slot) { return CrcBeforeLastField(slot); }

}  // namespace tandem::replay
