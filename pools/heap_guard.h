// SPDX-License-Identifier: Apache-2.0
//
// HeapGuard: shows that a step allocates nothing from the heap, or where it does. A program that
// links tandem_heap_guard has malloc and its relatives (and with them operator new) replaced by
// ones that count the calls made while a StepScope is active on the calling thread, or end the
// process at the first one. Off under sanitizers, which have replacements of their own. Costs one
// thread-local read a call.
#pragma once

#include <cstdint>

namespace tandem::pools {

class HeapGuard {
 public:
  /// Are calls counted in this build?
  [[nodiscard]] static bool Available();
  /// Heap allocations made inside steps, by all threads, since the start or the last Reset.
  [[nodiscard]] static std::uint64_t Count();
  static void Reset();
  /// Ends the process (SIGABRT) at the next such allocation, and prints the calls that led there.
  static void SetFatal(bool fatal);
};

}  // namespace tandem::pools
