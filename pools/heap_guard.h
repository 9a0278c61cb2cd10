// SPDX-License-Identifier: Apache-2.0
//
// HeapGuard: proves that a step allocates nothing from the heap. A program that links
// tandem_heap_guard has malloc and its relatives (and with them operator new) replaced by ones that
// count the calls made while a StepScope is active on the calling thread. Off under sanitizers,
// which have replacements of their own. For tests; costs one thread-local read a call.
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
  /// Ends the process (SIGABRT) at the next such allocation, so that a debugger shows who made it.
  static void SetFatal(bool fatal);
};

}  // namespace tandem::pools
