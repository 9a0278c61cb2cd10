// SPDX-License-Identifier: Apache-2.0
//
// The bytes of an image; docs/images.md has the tables and their history. All numbers are
// little-endian. Private to pools/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pools/pool_ref.h"
#include "pools/zone_image.h"

namespace tandem::pools {

inline constexpr std::uint64_t kImageMagic = 0x4547414D49444E54;  ///< "TNDIMAGE"
inline constexpr std::uint32_t kImageVersion = 1;
inline constexpr std::uint64_t kImageChunkBytes = 1u << 20;
inline constexpr std::uint64_t kImagePageBytes = 4096;  ///< the state begins at a multiple of it
inline constexpr std::uint32_t kImageNoSlot = 0xffffffff;

/// The first page.
struct ImageHeader {
  std::uint64_t magic = kImageMagic;
  std::uint32_t version = kImageVersion;
  std::uint32_t zone_layout_version = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t address = 0;
  std::uint64_t stored_bytes = 0;  ///< of the state, from the zone's header on
  std::uint64_t state_bytes = 0;   ///< of those, that the zone's hash covers
  std::uint64_t zone_hash = 0;
  std::uint64_t root = 0;
  std::uint64_t root_bytes = 0;
  std::uint64_t pools_offset = 0;
  std::uint64_t pool_count = 0;
  std::uint64_t chunks_offset = 0;  ///< XXH3-64 of each chunk
  std::uint64_t chunk_count = 0;
  std::uint64_t chunk_bytes = kImageChunkBytes;
  std::uint64_t state_offset = 0;
  std::uint64_t tables_hash = 0;  ///< XXH3-64 from pools_offset to the end of the description
  std::uint64_t layout = 0;
  std::int64_t written_ns = 0;
  std::uint64_t slots_used = 0;
  std::uint64_t description_offset = 0;
  std::uint64_t description_size = 0;
  std::uint32_t build_size = 0;
  std::uint32_t label_size = 0;
  char build[kImageBuildMax] = {};
  unsigned char label[kImageLabelMax] = {};
  unsigned char zero[2824] = {};
  std::uint64_t header_hash = 0;  ///< XXH3-64 of all before
};
static_assert(sizeof(ImageHeader) == kImagePageBytes);
static_assert(offsetof(ImageHeader, build) == 176 && offsetof(ImageHeader, label) == 240 &&
              offsetof(ImageHeader, header_hash) == 4088);

/// A pool: its control, and its figures for whoever looks at the file.
struct ImagePool {
  char name[PoolControl::kNameSize] = {};
  std::uint32_t kind = 0;
  std::uint32_t slot = 0;
  std::uint32_t base_slot = kImageNoSlot;
  std::uint32_t reserved = 0;
  std::uint64_t address = 0;
  std::uint64_t element_bytes = 0;
  Limit limit;
  Figures figures;
};
static_assert(sizeof(ImagePool) == 152 && sizeof(Limit) == 16 && sizeof(Figures) == 40);

}  // namespace tandem::pools
