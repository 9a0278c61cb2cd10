// SPDX-License-Identifier: Apache-2.0
//
// What `tandem check` changes of a zone to see whether an answer depends on it: Perturbation, given
// when the zone is mapped, and Shuffler, for the order of free memory while it is used
// (Zone::ShuffleFree). No pool looks at either on its fast path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tandem::pools {

struct Perturbation {
  /// Not 0: each pool takes its memory from a base that is drawn by this seed, among those that
  /// were made before it and could be its base, whatever PoolSetting names.
  std::uint64_t chain_seed = 0;
  /// What each byte holds that Sbrk hands out for the first time.
  std::uint8_t fill = 0;
};

/// Puts pointers into an order that a seed says (Fisher and Yates); numbers by SplitMix64 (Steele,
/// Lea, Flood 2014).
class Shuffler {
  __extension__ using Wide = unsigned __int128;

 public:
  explicit Shuffler(std::uint64_t seed) : state_(seed) {}

  /// 0 to `bound` - 1; `bound` is at least 1.
  [[nodiscard]] std::uint64_t Below(std::uint64_t bound) {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    return static_cast<std::uint64_t>((static_cast<Wide>(mixed) * bound) >> 64);
  }
  template <class T>
  void Shuffle(std::span<T> items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[Below(left)]);
    }
    shuffled_ += items.size();
  }
  /// Items that were put into another order so far.
  [[nodiscard]] std::uint64_t shuffled() const { return shuffled_; }

 private:
  std::uint64_t state_;
  std::uint64_t shuffled_ = 0;
};

}  // namespace tandem::pools
