// SPDX-License-Identifier: Apache-2.0
//
// When a state was damaged that a replay does not damage. An image of it that is good and a later
// one that is not are given; what lies between is tried: the bits that differ are flipped in a
// replay after one message or another, and where the replay then ends in exactly the damaged image,
// that explains it. docs/state.md says what this can find and what it cannot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tools/state_image.h"
#include "tools/state_replay.h"

namespace tandem::tools {

/// Where a flip of bits makes of a replay what the damaged image holds.
struct DamageExplained {
  std::uint64_t address = 0;   ///< of the byte that was changed; of several, the first
  std::uint8_t bits = 0;       ///< the one that was flipped in it; 0: several were, also elsewhere
  std::uint64_t earliest = 0;  ///< input after which they were changed, at the earliest
  std::uint64_t latest = 0;    ///< and at the latest
  std::uint64_t trials = 0;    ///< replays that were made
};

class DamageSearch {
 public:
  /// `good`: a replay that stands where the state is still sound; `bad`: an image after a later
  /// input of the same log.
  DamageSearch(StateReplay& good, const LoadedImage& bad) : good_(good), bad_(bad) {}

  /// Does the running digest of the outputs differ, which only another output can bring about, but
  /// for damage of that digest alone? After Run.
  [[nodiscard]] bool outputs_differ() const { return outputs_differ_; }

  /// Null: no such flip was found. `ask`: called before each trial; false ends the search.
  std::optional<DamageExplained> Run(const std::function<bool(std::uint64_t trials)>& ask);

 private:
  struct Flip {
    std::uint64_t address = 0;
    std::uint8_t bits = 0;
  };
  static constexpr std::size_t kFlipsMax = 64;   ///< bytes
  static constexpr std::uint64_t kSamples = 24;  ///< inputs at which one bit is tried at first
  static constexpr std::uint64_t kTrialsMax = 2000;

  [[nodiscard]] std::vector<Flip> Differing();
  [[nodiscard]] static bool IsOneBit(const Flip& flip);
  [[nodiscard]] bool IsOfOutputDigest(const Flip& flip) const;
  /// Does the replay end in the bad image if these bits are flipped after input `number`?
  bool Try(const std::vector<Flip>& flips, std::uint64_t number);
  /// The first input after which the flips explain it; `yes` is one, `no` before it is none.
  std::uint64_t Earliest(const std::vector<Flip>& flips, std::uint64_t no, std::uint64_t yes);
  std::uint64_t Latest(const std::vector<Flip>& flips, std::uint64_t yes, std::uint64_t no);
  std::optional<DamageExplained> TryAll(const std::vector<Flip>& flips);
  std::optional<DamageExplained> TryOne(const Flip& flip);
  bool MayGoOn();

  StateReplay& good_;
  const LoadedImage& bad_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t trials_ = 0;
  std::function<bool(std::uint64_t)> ask_;
  bool stopped_ = false;
  bool outputs_differ_ = false;
};

}  // namespace tandem::tools
