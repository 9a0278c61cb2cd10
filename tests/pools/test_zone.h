// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the pools share: a small zone, and element types that count or are aligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "pools/zone.h"

namespace tandem::pools {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// A second place for a zone, below where libraries are loaded.
inline constexpr std::uintptr_t kOtherAddress = kZoneAddressDefault + 64 * kGiB;

inline std::unique_ptr<Zone> MapZone(std::uint64_t reserve_bytes = kGiB,
                                     std::uintptr_t address = kZoneAddressDefault) {
  Result<std::unique_ptr<Zone>> zone =
      Zone::Map({.address = address, .reserve_bytes = reserve_bytes});
  ENSURE(zone.ok(), "%s", zone.error().text.c_str());
  return std::move(zone).value();
}

/// Counts its instances; holds a value.
struct Counted {
  using IsZoneSafe = void;
  explicit Counted(int v) : value(v) { ++live; }
  ~Counted() { --live; }
  int value;
  static inline int live = 0;
};

template <std::size_t kBytes, std::size_t kAlign = 1>
struct alignas(kAlign) Sized {
  std::byte bytes[kBytes];
};

inline bool IsAligned(const void* memory, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(memory) % alignment == 0;
}

}  // namespace tandem::pools
