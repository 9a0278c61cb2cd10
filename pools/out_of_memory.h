// SPDX-License-Identifier: Apache-2.0
//
// Out of memory: the end of the process, on purpose. A deterministic process may not act on low
// memory, since its copy on another host would not act alike. So the process prints which pool,
// what was asked, why it was refused, the chain down to the operating system with figures and the
// number of the message being processed, and exits with code 3. Nothing here allocates, locks or
// flushes: the report is built on the stack and goes out with write(2), then _exit(2).
#pragma once

#include <cstdint>

#include "pools/pool_ref.h"
#include "pools/step_scope.h"

namespace tandem::pools {

enum class RefusalReason : std::uint8_t {
  kNone,
  kElementLimit,   ///< the pool's limit of elements
  kByteLimit,      ///< the pool's limit of bytes
  kAddressSpace,   ///< the zone's reserve is used up
  kSystem,         ///< the operating system refused
  kLock,           ///< the operating system refused to keep it in memory (mlock)
  kTooLarge,       ///< no block of this pool is that large
  kRefusedByTest,  ///< Sbrk::RefuseAfter
};

/// Notes on this thread why `pool` refuses, for a report that may follow at once. Returns null.
std::nullptr_t Refuse(const PoolControl& pool, std::uint64_t asked_bytes, RefusalReason reason);

/// Prints the report for a request of `asked_bytes` to `pool` and exits with code 3.
[[noreturn]] void EndOutOfMemory(const PoolControl& pool, std::uint64_t asked_bytes);

/// The same for an Inlary of `elements_max` elements, which is full.
[[noreturn]] void EndInlaryFull(const char* name, std::uint64_t elements_max,
                                std::uint64_t element_bytes);

/// `memory`, unless it is null and a step is running: then the process ends.
template <class T>
inline T* NullOnlyOutsideSteps(T* memory, const PoolControl& pool, std::uint64_t asked_bytes) {
  if (memory == nullptr && StepScope::Active()) [[unlikely]] {
    EndOutOfMemory(pool, asked_bytes);
  }
  return memory;
}

/// `memory`, unless it is null: then the process ends.
template <class T>
inline T* NeverNull(T* memory, const PoolControl& pool, std::uint64_t asked_bytes) {
  if (memory == nullptr) [[unlikely]] {
    EndOutOfMemory(pool, asked_bytes);
  }
  return memory;
}

}  // namespace tandem::pools
