// SPDX-License-Identifier: Apache-2.0
//
// Pairs the outputs that two copies gave for one input, so that one that is left out, new or moved
// does not make all those after it look different. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proto/message.h"

namespace tandem::replay {

enum class PairKind : std::uint8_t {
  kSame,
  kMoved,    ///< the same at another place among the outputs
  kChanged,  ///< of one type
  kOnlyA,
  kOnlyB,
};

struct OutputPair {
  PairKind kind = PairKind::kSame;
  std::size_t a = 0;  ///< which of A's outputs; of kOnlyB: before which it would stand
  std::size_t b = 0;
  bool operator==(const OutputPair&) const = default;
};

struct Alignment {
  /// Each output of both sides once, in the order of A, those that only B has where they stand in
  /// B.
  std::vector<OutputPair> pairs;
  /// False: there were so many differences that the search was cut short. Then outputs may be said
  /// to have moved that did not, and with a SameOutput to have changed that moved.
  bool is_best = true;
};

/// Are two outputs of one input the same but for their places, though their contents are not?
using SameOutput = std::function<bool(const proto::MessageView& a, const proto::MessageView& b)>;

/// The same bytes but for digest, session, number, index and the last flag.
[[nodiscard]] bool SameContent(const proto::MessageView& a, const proto::MessageView& b);

/// The largest number of outputs in the same order is taken for the same (FindCommonSubsequence);
/// of what is left, equal ones moved, and those of one type changed, in order. Where one of two
/// must have moved, it is not the one that stands at the same place in both.
/// Without `same`, what has no equal on the other side costs nothing in that search, and it is
/// never cut short with up to 10,000 outputs on both sides together; with 200,000, where leaving
/// out more than 512 does not make the rest the same. `same`, which must hold of equal contents and
/// is not asked about them, is asked about four million times at most: for up to 2,800 outputs
/// enough for whatever differs, for 10,000 for 800 differences.
[[nodiscard]] Alignment AlignOutputs(std::span<const proto::MessageView> a,
                                     std::span<const proto::MessageView> b,
                                     const SameOutput& same = {});

}  // namespace tandem::replay
