// SPDX-License-Identifier: Apache-2.0
//
// Str<N>: a text of at most N bytes inside its parent, N bytes large, zeros behind the text. What
// is longer, or holds a zero byte, is refused, never cut.
//
//   struct Account { Str<34> iban; };
//   if (!account.iban.Set(message.iban())) { ...reject... }
//
// Trivially copyable, no padding, no alignment; equal texts have equal bytes. Compared and ordered
// by bytes, as unsigned numbers. Not for texts whose length has no small bound (Text). Costs of
// view(): a search for the first zero byte.
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "pools/hash.h"
#include "pools/result.h"

namespace tandem::pools {

template <std::size_t kSize>
class Str {
  static_assert(kSize > 0);
  template <class Other>
  static constexpr bool kOtherText =
      !std::same_as<Other, Str> && std::convertible_to<const Other&, std::string_view>;

 public:
  static constexpr std::size_t kSizeMax = kSize;

  constexpr Str() = default;
  /// From a literal, which must fit; does not compile otherwise.
  template <std::size_t kLiteral>
  consteval Str(const char (&literal)[kLiteral]) {  // NOLINT(google-explicit-constructor)
    static_assert(kLiteral - 1 <= kSize, "the text is too long for this Str");
    for (std::size_t i = 0; i + 1 < kLiteral; ++i) {
      if (literal[i] == '\0') {
        throw "a Str holds no zero bytes";
      }
      text_[i] = literal[i];
    }
  }
  /// An error if the text does not fit; `what` names it in the sentence.
  static Result<Str> From(std::string_view text, std::string_view what = "The text") {
    Str str;
    if (!str.Set(text)) {
      return Error::BadInput(std::string(what) + " of " + std::to_string(text.size()) +
                             " bytes is longer than " + std::to_string(kSize) +
                             " or holds a zero byte; shorten or correct it.");
    }
    return str;
  }

  /// False if the text is too long or holds a zero byte; then nothing changes. It may be part of
  /// this one.
  [[nodiscard]] bool Set(std::string_view text) {
    if (text.size() > kSize || text.find('\0') != text.npos) {
      return false;
    }
    if (!text.empty()) {
      std::memmove(text_, text.data(), text.size());
    }
    std::memset(text_ + text.size(), 0, kSize - text.size());
    return true;
  }
  void Clear() { *this = Str(); }

  [[nodiscard]] std::string_view view() const { return {text_, strnlen(text_, kSize)}; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::size_t size() const { return view().size(); }
  [[nodiscard]] bool empty() const { return text_[0] == '\0'; }

  friend bool operator==(const Str& a, const Str& b) {
    return std::memcmp(a.text_, b.text_, kSize) == 0;
  }
  template <class Other>
  requires kOtherText<Other>
  friend bool operator==(const Str& a, const Other& b) { return a.view() == std::string_view(b); }
  friend std::strong_ordering operator<=>(const Str& a, const Str& b) {
    return std::memcmp(a.text_, b.text_, kSize) <=> 0;
  }
  template <class Other>
  requires kOtherText<Other>
  friend std::strong_ordering operator<=>(const Str& a, const Other& b) {
    return a.view() <=> std::string_view(b);
  }
  friend std::uint64_t HashOf(const Str& str) { return pools::HashOf(str.view()); }

 private:
  char text_[kSize] = {};
};

}  // namespace tandem::pools
