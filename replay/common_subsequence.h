// SPDX-License-Identifier: Apache-2.0
//
// The longest common subsequence of two sequences, which are known only by asking whether an
// element of the one equals one of the other.
//
// By Eugene W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986),
// 251-266: the shortest path of edits is searched from both ends at once, and what lies before and
// after the place where the two meet is searched in turn (section 4b, linear space). Where they
// have not met after `edits_max` edits each, the sequences are cut where one of them came furthest,
// so that time stays bounded too: what is found then is common, but perhaps not the longest.
// Costs: memory for 2 (A + B) numbers; less than 4 (A + B) * edits_max questions, and about
// A + B + D^2 if the D edits between the two are few. Pure; any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace tandem::replay {

struct CommonSubsequence {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  ///< of A and of B, in order
  bool is_longest = true;  ///< known to be; always so up to 2 * edits_max edits
};

/// Does element `a` of A equal element `b` of B?
using EqualAt = std::function<bool(std::size_t a, std::size_t b)>;

/// `edits_max`: at least 1.
[[nodiscard]] CommonSubsequence FindCommonSubsequence(std::size_t size_a, std::size_t size_b,
                                                      const EqualAt& equal, std::size_t edits_max);

}  // namespace tandem::replay
