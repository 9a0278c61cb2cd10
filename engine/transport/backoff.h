// SPDX-License-Identifier: Apache-2.0
//
// How long a client waits before it connects again: twice as long after each attempt that fails, up
// to a limit, and never exactly that, so that clients which lost one server at one time do not come
// back at one time. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tandem::engine {

/// From half of `backoff` to all of it, as `random` says.
[[nodiscard]] constexpr std::chrono::milliseconds Jittered(std::chrono::milliseconds backoff,
                                                           std::uint64_t random) {
  const auto half = backoff / 2;
  const auto rest = static_cast<std::uint64_t>((backoff - half).count());
  return half + std::chrono::milliseconds(random % (rest + 1));
}

[[nodiscard]] constexpr std::chrono::milliseconds NextBackoff(std::chrono::milliseconds backoff,
                                                              std::chrono::milliseconds max) {
  return std::min(backoff * 2, max);
}

}  // namespace tandem::engine
