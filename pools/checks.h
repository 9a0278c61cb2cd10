// SPDX-License-Identifier: Apache-2.0
//
// What checked mode (TANDEM_CHECKED, or AddressSanitizer) does with freed memory: it is filled with
// a known byte and tagged, the fill is looked at when the memory is handed out again (somebody
// wrote to it meanwhile), the tag when it is freed (freed twice), and under AddressSanitizer it is
// poisoned, so that reading it is caught too. Behind what was asked for, up to the end of the
// block, lies a fence: known bytes, poisoned too, looked at when the memory is freed. Otherwise all
// of this is empty and costs nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "pools/ensure.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tandem::pools {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kPoisoned = true;
#else
inline constexpr bool kPoisoned = false;
#endif

#if defined(TANDEM_CHECKED) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kChecked = true;
#else
inline constexpr bool kChecked = false;
#endif

inline constexpr int kFreedByte = 0xDD;             ///< what freed memory is filled with
inline constexpr int kFreshByte = 0xCD;             ///< where the tag was, when handed out again
inline constexpr int kFenceByte = 0xFB;             ///< behind live memory
inline constexpr std::size_t kFillBytesMax = 4096;  ///< of one block, from its start
inline constexpr std::size_t kFenceBytes = kChecked ? 16 : 0;  ///< behind an element, at least
inline constexpr std::uint64_t kFreedTag = 0xF4EED0DEADB10C00;

inline void Poison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(memory, size);
#endif
}

inline void Unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory, size);
#endif
}

/// Makes the compiler keep what was stored there, and load what is. It may drop stores in front of
/// a constructor otherwise, for what an object does not initialise has no value in C++.
inline void KeepStores([[maybe_unused]] const void* memory) {
  if constexpr (kChecked) {
    asm volatile("" : : "r"(memory) : "memory");
  }
}

/// What a free block begins with; but for the link, in checked mode only, where the rest is filled.
struct FreedHead {
  void* link;         ///< to another free block, where the pool keeps one
  std::uint64_t tag;  ///< FreedTagOf the block
};

inline std::uint64_t FreedTagOf(const void* memory) {
  return kFreedTag ^ reinterpret_cast<std::uintptr_t>(memory);
}

/// Ends the process if `memory`, about to be freed, is free already.
inline void CheckNotFree(const char* pool, const void* memory) {
  if constexpr (kChecked) {
#if defined(__SANITIZE_ADDRESS__)
    ENSURE(__asan_address_is_poisoned(memory) == 0, "pool %s: %p is freed twice, or not its own",
           pool, memory);
#endif
    const char* const place = static_cast<const char*>(memory) + offsetof(FreedHead, tag);
    Unpoison(place, sizeof(FreedHead::tag));  // part of the fence, if the element is small
    std::uint64_t tag = 0;
    KeepStores(memory);
    std::memcpy(&tag, place, sizeof tag);
    ENSURE(tag != FreedTagOf(memory), "pool %s: %p is freed twice", pool, memory);
  }
}

/// Marks a block of `size` (at least 16) bytes as free.
inline void MarkFree([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
  if constexpr (kChecked) {
    auto* head = ::new (memory) FreedHead{nullptr, FreedTagOf(memory)};
    std::memset(head + 1, kFreedByte, std::min(size, kFillBytesMax) - sizeof(FreedHead));
    Poison(memory, size);
  }
}

/// The same, with a link to another free block.
inline void SetLinkOfFree(void* memory, void* link) {
  Unpoison(memory, sizeof link);
  *static_cast<void**>(memory) = link;
  Poison(memory, sizeof link);
}
inline void MarkFreeWithLink(void* memory, std::size_t size, void* link) {
  MarkFree(memory, size);
  SetLinkOfFree(memory, link);
}
inline void* LinkOfFree(void* memory) {
  Unpoison(memory, sizeof(void*));
  void* const link = *static_cast<void**>(memory);
  Poison(memory, sizeof(void*));
  return link;
}

/// Makes a free block usable, and ends the process if somebody wrote to it since it was freed.
inline void UnmarkFree([[maybe_unused]] const char* pool, [[maybe_unused]] void* memory,
                       [[maybe_unused]] std::size_t size) {
  if constexpr (kChecked) {
    Unpoison(memory, size);
    ENSURE(static_cast<FreedHead*>(memory)->tag == FreedTagOf(memory),
           "pool %s: %p was written to after it was freed", pool, memory);
    const auto* bytes = static_cast<const unsigned char*>(memory);
    const std::size_t filled = std::min(size, kFillBytesMax);
    for (std::size_t i = sizeof(FreedHead); i < filled; ++i) {
      ENSURE(bytes[i] == kFreedByte, "pool %s: byte %zu of %p was written to after it was freed",
             pool, i, memory);
    }
    std::memset(memory, kFreshByte, sizeof(FreedHead));
    KeepStores(memory);
  }
}

/// Makes memory of a base usable: whatever it held before, its tag says no more that it is free.
inline void MarkFresh([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
  if constexpr (kChecked) {
    Unpoison(memory, size);
    std::memset(memory, kFreshByte, sizeof(FreedHead));
    KeepStores(memory);
  }
}

/// Makes the first `size`, but at least one, of `block_bytes` usable and the rest a fence.
inline void SetFence([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size,
                     [[maybe_unused]] std::size_t block_bytes) {
  if constexpr (kChecked) {
    Unpoison(memory, block_bytes);
    size = std::max<std::size_t>(size, 1);
    char* const fence = static_cast<char*>(memory) + size;
    std::memset(fence, kFenceByte, std::min(block_bytes - size, kFillBytesMax));
    Poison(fence, block_bytes - size);
  }
}

/// Ends the process if somebody wrote behind the first `size` bytes. Makes all bytes usable.
inline void CheckFence([[maybe_unused]] const char* pool, [[maybe_unused]] void* memory,
                       [[maybe_unused]] std::size_t size,
                       [[maybe_unused]] std::size_t block_bytes) {
  if constexpr (kChecked) {
    Unpoison(memory, block_bytes);
    size = std::max<std::size_t>(size, 1);
    const auto* const fence = static_cast<const unsigned char*>(memory) + size;
    const std::size_t fence_bytes = std::min(block_bytes - size, kFillBytesMax);
    for (std::size_t i = 0; i < fence_bytes; ++i) {
      ENSURE(fence[i] == kFenceByte,
             "pool %s: byte %zu of %p, which has %zu, was written, or it is freed with a size that "
             "it does not have",
             pool, size + i, memory, size);
    }
  }
}

/// Marks memory that is in no free list as freed.
inline void FillFreed([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
  if constexpr (kChecked) {
    std::memset(memory, kFreedByte, std::min(size, kFillBytesMax));
    Poison(memory, size);
  }
}

}  // namespace tandem::pools
