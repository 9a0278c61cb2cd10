// SPDX-License-Identifier: Apache-2.0
#include "replay/log_format.h"

#include <isa-l/crc.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include <algorithm>
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
#endif

}  // namespace

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
