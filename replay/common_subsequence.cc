// SPDX-License-Identifier: Apache-2.0
#include "replay/common_subsequence.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "pools/ensure.h"

namespace tandem::replay {
namespace {

/// Place or diagonal; a diagonal k holds the points (x, y) with x - y = k.
using Number = std::ptrdiff_t;

constexpr Number kNowhere = -1;

/// A part of both sequences, ends not within.
struct Box {
  Number begin_a = 0;
  Number end_a = 0;
  Number begin_b = 0;
  Number end_b = 0;
  [[nodiscard]] Number width() const { return end_a - begin_a; }
  [[nodiscard]] Number height() const { return end_b - begin_b; }
};

/// The search from one end of a box: how far along each diagonal so many edits lead. Places count
/// from that end.
class Front {
 public:
  Front(const EqualAt& equal, bool is_forward, std::size_t size_a, std::size_t size_b)
      : equal_(equal),
        is_forward_(is_forward),
        zero_(static_cast<Number>(size_b) + 1),
        furthest_(size_a + size_b + 3) {}

  /// Stands in its corner of `box`, the elements next to which are not equal.
  void Begin(const Box& box) {
    box_ = box;
    edits_ = 0;
    At(0) = 0;
  }

  /// One edit more. True: it meets `other` on diagonal met().
  bool Advance(const Front& other) {
    ++edits_;
    At(edits_ <= box_.width() ? edits_ + 1 : box_.width() + 1) = kNowhere;
    At(edits_ <= box_.height() ? -edits_ - 1 : -box_.height() - 1) = kNowhere;
    const Number delta = box_.width() - box_.height();
    for (Number k = Lowest(); k <= std::min(edits_, box_.width()); k += 2) {
      Number x = Step(k);
      while (x != kNowhere && x < box_.width() && x - k < box_.height() && Equal(x, x - k)) ++x;
      At(k) = x;
      if (x == kNowhere) continue;
      const auto of_other = other.Reached(delta - k);
      if (of_other && x + *of_other >= box_.width()) {
        met_ = k;
        return true;
      }
    }
    return false;
  }

  /// How far along diagonal `k`; null: no path of so many edits ends on it.
  [[nodiscard]] std::optional<Number> Reached(Number k) const {
    const bool is_known =
        std::abs(k) <= edits_ && (k - edits_) % 2 == 0 && k <= box_.width() && -k <= box_.height();
    if (!is_known || furthest_[Index(k)] == kNowhere) return std::nullopt;
    return furthest_[Index(k)];
  }

  [[nodiscard]] Number met() const { return met_; }
  [[nodiscard]] Number edits() const { return edits_; }

  /// The diagonal on which it came furthest from its corner, and the sum of both places there.
  [[nodiscard]] std::pair<Number, Number> Furthest() const {
    std::pair<Number, Number> best{0, 0};
    for (Number k = Lowest(); k <= std::min(edits_, box_.width()); k += 2) {
      const auto x = Reached(k);
      if (x && 2 * *x - k > best.second) best = {k, 2 * *x - k};
    }
    return best;
  }

  /// The point reached on diagonal `k`, as places in A and B.
  [[nodiscard]] std::pair<Number, Number> Point(Number k) const {
    const Number x = furthest_[Index(k)];
    if (is_forward_) return {box_.begin_a + x, box_.begin_b + x - k};
    return {box_.end_a - x, box_.end_b - (x - k)};
  }

 private:
  [[nodiscard]] std::size_t Index(Number k) const { return static_cast<std::size_t>(zero_ + k); }
  [[nodiscard]] Number& At(Number k) { return furthest_[Index(k)]; }

  /// The lowest diagonal within the box on which a path of so many edits may end.
  [[nodiscard]] Number Lowest() const {
    if (edits_ <= box_.height()) return -edits_;
    return -box_.height() + (edits_ - box_.height()) % 2;
  }

  /// Where an edit from a diagonal beside it leads on diagonal `k`; an element of A is left out, or
  /// one of B. Not beyond the box, and not behind what fewer edits reached.
  [[nodiscard]] Number Step(Number k) const {
    const Number of_a = furthest_[Index(k - 1)];
    const Number of_b = furthest_[Index(k + 1)];
    Number x = std::abs(k) < edits_ ? furthest_[Index(k)] : kNowhere;
    if (of_a != kNowhere && of_a < box_.width()) x = std::max(x, of_a + 1);
    if (of_b != kNowhere && of_b - k <= box_.height()) x = std::max(x, of_b);
    return x;
  }

  [[nodiscard]] bool Equal(Number x, Number y) const {
    return is_forward_ ? equal_(static_cast<std::size_t>(box_.begin_a + x),
                                static_cast<std::size_t>(box_.begin_b + y))
                       : equal_(static_cast<std::size_t>(box_.end_a - 1 - x),
                                static_cast<std::size_t>(box_.end_b - 1 - y));
  }

  const EqualAt& equal_;
  bool is_forward_;
  Number zero_;                   ///< where diagonal 0 stands in
  std::vector<Number> furthest_;  ///< place in A by diagonal
  Box box_;
  Number edits_ = 0;
  Number met_ = 0;
};

}  // namespace

CommonSubsequence FindCommonSubsequence(std::size_t size_a, std::size_t size_b,
                                        const EqualAt& equal, std::size_t edits_max) {
  ENSURE(edits_max > 0, "no edits are allowed");
  CommonSubsequence found;
  const auto join = [&](Number a, Number b) {
    found.pairs.emplace_back(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
  };
  const auto is_equal = [&](Number a, Number b) {
    return equal(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
  };
  Front forward(equal, /*is_forward=*/true, size_a, size_b);
  Front backward(equal, /*is_forward=*/false, size_a, size_b);
  std::vector<Box> boxes{{0, static_cast<Number>(size_a), 0, static_cast<Number>(size_b)}};
  while (!boxes.empty()) {
    Box box = boxes.back();
    boxes.pop_back();
    while (box.width() > 0 && box.height() > 0 && is_equal(box.begin_a, box.begin_b)) {
      join(box.begin_a++, box.begin_b++);
    }
    while (box.width() > 0 && box.height() > 0 && is_equal(box.end_a - 1, box.end_b - 1)) {
      join(--box.end_a, --box.end_b);
    }
    if (box.width() == 0 || box.height() == 0) continue;
    forward.Begin(box);
    backward.Begin(box);
    std::pair<Number, Number> split;
    for (;;) {
      if (forward.Advance(backward)) {
        split = forward.Point(forward.met());
        break;
      }
      if (backward.Advance(forward)) {
        split = backward.Point(backward.met());
        break;
      }
      if (static_cast<std::size_t>(forward.edits()) < edits_max) continue;
      found.is_longest = false;
      const auto [of_forward, far_forward] = forward.Furthest();
      const auto [of_backward, far_backward] = backward.Furthest();
      split = far_forward >= far_backward ? forward.Point(of_forward) : backward.Point(of_backward);
      break;
    }
    boxes.push_back({split.first, box.end_a, split.second, box.end_b});
    boxes.push_back({box.begin_a, split.first, box.begin_b, split.second});
  }
  std::ranges::sort(found.pairs);
  return found;
}

}  // namespace tandem::replay
