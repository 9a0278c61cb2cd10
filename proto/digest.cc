// SPDX-License-Identifier: Apache-2.0
#include "proto/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tandem::proto {

std::uint64_t Digest(std::uint64_t before, std::span<const std::byte> message) {
  return XXH3_64bits_withSeed(message.data() + kDigestedFrom, message.size() - kDigestedFrom,
                              before);
}

}  // namespace tandem::proto
