// SPDX-License-Identifier: Apache-2.0
//
// Pairs the outputs that two copies gave for one input, so that one that is left out, new or moved
// does not make all those after it look different. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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

/// Are two outputs of one input the same but for their places?
using SameOutput = std::function<bool(const proto::MessageView& a, const proto::MessageView& b)>;

/// The same bytes but for digest, session, number, index and the last flag.
[[nodiscard]] bool SameContent(const proto::MessageView& a, const proto::MessageView& b);

/// Each output of both sides once, in the order of A, those that only B has where they stand in B.
/// The largest number of outputs in the same order is taken for the same; of what is left, equal
/// ones moved, and those of one type changed, in order. Beyond half a million comparisons outputs
/// are paired by place instead.
std::vector<OutputPair> AlignOutputs(std::span<const proto::MessageView> a,
                                     std::span<const proto::MessageView> b,
                                     const SameOutput& same = SameContent);

}  // namespace tandem::replay
