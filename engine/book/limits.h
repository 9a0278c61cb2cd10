// SPDX-License-Identifier: Apache-2.0
//
// The business limits of `book`. They are rules, not memory: an input beyond one is rejected with a
// reason, by both engines at the same message. docs/book.md names them for users.
#pragma once

#include <cstdint>
#include <string_view>

namespace tandem::book {

constexpr std::int64_t kPriceMax = 1'000'000'000'000;  ///< in 1/10000: a hundred million
constexpr std::uint64_t kSizeMax = 1'000'000'000'000;  ///< of one order
/// Of all orders at one price of one side. A thousand of the largest orders; sums of two such
/// numbers stay far inside 64 bits.
constexpr std::uint64_t kLevelSizeMax = 1'000 * kSizeMax;
/// Resting orders that one input may trade with or cancel, so that its outputs are bounded too.
constexpr std::uint32_t kOrdersMetMax = 200'000;
constexpr std::uint32_t kSymbolsMax = 1'000'000;  ///< what Configure may raise the limit to
constexpr std::size_t kSymbolSizeMax = 8;

/// 1 to 8 printable ASCII characters, none of them a blank.
[[nodiscard]] constexpr bool IsSymbol(std::string_view text) {
  if (text.empty() || text.size() > kSymbolSizeMax) return false;
  for (const char c : text) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

}  // namespace tandem::book
