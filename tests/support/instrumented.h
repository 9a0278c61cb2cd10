// SPDX-License-Identifier: Apache-2.0
//
// Does this process run under a sanitizer or valgrind? A few tests cannot: those say so and are
// skipped.
#pragma once

#include <cstdlib>
#include <string_view>

namespace tandem::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// valgrind has the loader load a library of its own before all others.
inline bool UnderValgrind() {
  const char* const first = std::getenv("LD_PRELOAD");
  return first != nullptr && std::string_view(first).find("vgpreload") != std::string_view::npos;
}

inline bool Instrumented() { return kSanitized || UnderValgrind(); }

/// Why tests of zones of gigabytes are skipped then.
inline constexpr const char* kKeepsAccountOfAllMemory =
    "keeping account of so much memory takes a sanitizer or valgrind too long, or too much of it";

}  // namespace tandem::tests
