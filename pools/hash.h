// SPDX-License-Identifier: Apache-2.0
//
// HashOf(key): the hash of keys for the indexes: integers, enums, texts. A function of the value
// alone: the same on every host of this byte order, in every build, and not meant to resist an
// attacker. A type of one's own gets a HashOf in its own namespace.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace tandem::pools {

/// A bijection in which every bit depends on every other: the hash for integer keys.
constexpr std::uint64_t MixBits(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 29)) * 0xD6E8FEB86659FD93;
  return x ^ (x >> 32);
}

template <class Key>
requires std::integral<Key> || std::is_enum_v<Key>
constexpr std::uint64_t HashOf(Key key) { return MixBits(static_cast<std::uint64_t>(key)); }

/// Eight bytes at a time, the length first.
inline std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = MixBits(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); i += sizeof hash) {
    const std::size_t left = text.size() - i;
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, left < sizeof word ? left : sizeof word);
    hash = MixBits(hash ^ word);
  }
  return hash;
}

}  // namespace tandem::pools
