// SPDX-License-Identifier: Apache-2.0
//
// How a zone begins; see zone.h for the picture. Private to pools/ and to tools that read images.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pools/pool_ref.h"
#include "pools/sbrk.h"
#include "pools/zone_settings.h"

namespace tandem::pools {

inline constexpr std::uint64_t kZoneMagic = 0x31454E4F5A444E54;  ///< "TNDZONE1", little-endian
inline constexpr std::uint32_t kZoneLayoutVersion = 1;
inline constexpr std::uint64_t kZonePreludeBytes = 2u << 20;  ///< in front of what Sbrk hands out
inline constexpr std::uint64_t kZoneReserveBytesMin = 4u << 20;
inline constexpr std::uint64_t kZoneDescriptionBytesMax = 512u << 10;  ///< see Zone::Describe

/// First control page. Differs between copies of a state, so it is not hashed.
struct ZoneControl {
  std::uint64_t magic = kZoneMagic;
  std::uint64_t address = 0;
  std::uint64_t reserve_end = 0;    ///< first address that is not the zone's
  std::uint64_t committed_end = 0;  ///< usable up to here
  std::uint64_t slots_used = 0;     ///< controls from this one on were never used
  PageSettings pages;
  std::uint64_t fill = 0;               ///< what each byte of fresh memory holds
  SettingsInForce* settings = nullptr;  ///< while pools are made; null: none
  std::uint64_t description_bytes = 0;  ///< of what Zone::Describe was given
};

/// Last page before what Sbrk hands out; the first hashed one.
struct ZoneHeader {
  ZoneHeader(ZoneControl& control, std::uintptr_t begin, const char* sbrk_name)
      : sbrk(control, begin, sbrk_name) {}

  std::uint64_t magic = kZoneMagic;
  std::uint32_t layout_version = kZoneLayoutVersion;
  std::uint32_t reserved = 0;
  void* root = nullptr;
  std::uint64_t root_bytes = 0;
  Sbrk sbrk;
};

inline constexpr std::uint64_t kZoneHeaderOffset = kZonePreludeBytes - Sbrk::kPageBytes;
inline constexpr std::uint64_t kZoneSlotsOffset = Sbrk::kPageBytes;
/// The text that Zone::Describe was given; the last control pages.
inline constexpr std::uint64_t kZoneDescriptionOffset =
    kZoneHeaderOffset - kZoneDescriptionBytesMax;
inline constexpr std::uint64_t kZoneSlots =
    (kZoneDescriptionOffset - kZoneSlotsOffset) / sizeof(PoolControl);

static_assert(sizeof(ZoneControl) <= kZoneSlotsOffset);
static_assert(sizeof(ZoneHeader) <= Sbrk::kPageBytes);
static_assert(sizeof(PoolControl) == 128);
static_assert(kZoneSlots >= 12000);

}  // namespace tandem::pools
