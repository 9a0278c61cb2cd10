// SPDX-License-Identifier: Apache-2.0
#include "replay/log_format.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace tandem::replay {
namespace {

constexpr std::string_view kSuffix = ".segment";

template <class T>
std::uint32_t CrcBeforeLastField(const T& value) {
  static_assert(offsetof(T, crc) == sizeof(T) - 4);
  return Crc32c(0, std::as_bytes(std::span(&value, 1)).first(sizeof(T) - 4));
}

}  // namespace

std::uint32_t Crc32c(std::uint32_t before, std::span<const std::byte> data) {
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
