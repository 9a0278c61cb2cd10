// SPDX-License-Identifier: Apache-2.0
#include "replay/align.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <string_view>
#include <unordered_map>

#include "replay/common_subsequence.h"

namespace tandem::replay {
namespace {

using proto::MessageView;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// How far the search for the common subsequence goes: edits times outputs, and edits in any case.
constexpr std::size_t kStepsMax = 50'000'000;
constexpr std::size_t kEditsMin = 256;
/// And where each step may ask a SameOutput, which decodes messages.
constexpr std::size_t kAskingStepsMax = 4'000'000;
constexpr std::size_t kAskingEditsMin = 32;
/// Questions about what may have moved.
constexpr std::size_t kAsksMax = 1'000'000;

/// The header without what says where in the stream an output stands.
proto::Header WithoutPlace(proto::Header header) {
  header.digest = 0;
  header.session = proto::Session();
  header.number = 0;
  header.index = 0;
  header.flags &= static_cast<std::uint8_t>(~proto::kLast);
  return header;
}

struct HashContent {
  std::size_t operator()(const MessageView* message) const {
    const proto::Header header = WithoutPlace(message->header);
    const auto hash = [](const void* bytes, std::size_t size) {
      return std::hash<std::string_view>()({static_cast<const char*>(bytes), size});
    };
    return hash(&header, sizeof header) * 31 +
           hash(message->payload().data(), message->payload().size());
  }
};

struct EqualContent {
  bool operator()(const MessageView* a, const MessageView* b) const { return SameContent(*a, *b); }
};

/// What is left of the outputs of both sides when equal ones are cut off at both ends.
class Middle {
 public:
  /// For each output a number; those with equal content have one number.
  Middle(std::span<const MessageView> a, std::span<const MessageView> b, const SameOutput& same)
      : a_(a), b_(b), same_(same), of_a_(a.size(), kNone), of_b_(b.size(), kNone) {
    std::unordered_map<const MessageView*, std::size_t, HashContent, EqualContent> numbers;
    for (const MessageView& output : a) {
      contents_a_.push_back(numbers.emplace(&output, numbers.size()).first->second);
    }
    for (const MessageView& output : b) {
      contents_b_.push_back(numbers.emplace(&output, numbers.size()).first->second);
    }
    contents_ = numbers.size();
  }

  /// Joins what is common in order.
  void JoinCommon() {
    // Without `same` only what both sides have can be common.
    const std::vector<std::size_t> left_a =
        same_ ? All(a_.size()) : Shared(contents_a_, contents_b_);
    const std::vector<std::size_t> left_b =
        same_ ? All(b_.size()) : Shared(contents_b_, contents_a_);
    if (left_a.empty() || left_b.empty()) return;
    const std::size_t outputs = left_a.size() + left_b.size();
    const CommonSubsequence common = FindCommonSubsequence(
        left_a.size(), left_b.size(),
        [&](std::size_t i, std::size_t j) { return Same(left_a[i], left_b[j]); },
        same_ ? std::max(kAskingStepsMax / outputs, kAskingEditsMin)
              : std::max(kStepsMax / outputs, kEditsMin));
    for (const auto& [i, j] : common.pairs) Join(left_a[i], left_b[j]);
    is_best_ = common.is_longest;
  }

  /// Joins what is left and equal, each output of A with the first one of B.
  void JoinMoved() {
    std::vector<std::list<std::size_t>> left(contents_);
    for (std::size_t j = 0; j < b_.size(); ++j) {
      if (of_b_[j] == kNone) left[contents_b_[j]].push_back(j);
    }
    for (std::size_t i = 0; i < a_.size(); ++i) {
      std::list<std::size_t>& equal = left[contents_a_[i]];
      if (of_a_[i] != kNone || equal.empty()) continue;
      Join(i, equal.front());
      equal.pop_front();
    }
    if (same_) JoinSameOfOneType();
  }

  /// Joins what is left and of one type, in order. Gives those of A that turn out to be the same,
  /// where not everything was asked about before.
  std::vector<std::size_t> JoinChanged() {
    std::vector<std::size_t> same;
    auto left = LeftByType();
    for (std::size_t i = 0; i < a_.size(); ++i) {
      if (of_a_[i] != kNone) continue;
      std::list<std::size_t>& of_type = left[a_[i].header.type];
      if (of_type.empty()) continue;
      if (!asked_all_ && Same(i, of_type.front())) same.push_back(i);
      Join(i, of_type.front());
      of_type.pop_front();
    }
    return same;
  }

  /// Which of B's outputs belongs to each of A's, or kNone; and the other way round.
  [[nodiscard]] const std::vector<std::size_t>& of_a() const { return of_a_; }
  [[nodiscard]] const std::vector<std::size_t>& of_b() const { return of_b_; }
  [[nodiscard]] bool is_best() const { return is_best_; }

 private:
  [[nodiscard]] bool Same(std::size_t i, std::size_t j) const {
    return contents_a_[i] == contents_b_[j] || (same_ && same_(a_[i], b_[j]));
  }

  void Join(std::size_t i, std::size_t j) {
    of_a_[i] = j;
    of_b_[j] = i;
  }

  [[nodiscard]] static std::vector<std::size_t> All(std::size_t size) {
    std::vector<std::size_t> all(size);
    for (std::size_t i = 0; i < size; ++i) all[i] = i;
    return all;
  }

  /// Where those of `contents` stand that `others` have too.
  [[nodiscard]] std::vector<std::size_t> Shared(const std::vector<std::size_t>& contents,
                                                const std::vector<std::size_t>& others) const {
    std::vector<bool> is_there(contents_);
    for (const std::size_t content : others) is_there[content] = true;
    std::vector<std::size_t> shared;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      if (is_there[contents[i]]) shared.push_back(i);
    }
    return shared;
  }

  [[nodiscard]] std::unordered_map<std::uint16_t, std::list<std::size_t>> LeftByType() const {
    std::unordered_map<std::uint16_t, std::list<std::size_t>> left;
    for (std::size_t j = 0; j < b_.size(); ++j) {
      if (of_b_[j] == kNone) left[b_[j].header.type].push_back(j);
    }
    return left;
  }

  void JoinSameOfOneType() {
    std::size_t asks = 0;
    auto left = LeftByType();
    for (std::size_t i = 0; i < a_.size(); ++i) {
      if (of_a_[i] != kNone) continue;
      std::list<std::size_t>& of_type = left[a_[i].header.type];
      const auto found = std::ranges::find_if(
          of_type, [&](std::size_t j) { return ++asks <= kAsksMax && Same(i, j); });
      if (found == of_type.end()) continue;
      Join(i, *found);
      of_type.erase(found);
    }
    asked_all_ = asks <= kAsksMax;
    is_best_ = is_best_ && asked_all_;
  }

  std::span<const MessageView> a_;
  std::span<const MessageView> b_;
  const SameOutput& same_;
  std::vector<std::size_t> contents_a_;
  std::vector<std::size_t> contents_b_;
  std::size_t contents_ = 0;  ///< different ones
  std::vector<std::size_t> of_a_;
  std::vector<std::size_t> of_b_;
  bool is_best_ = true;
  bool asked_all_ = true;  ///< what is left is not the same
};

/// Where one that moved stands at the same place in both, and passed a single one that did not
/// move, it is that one that moved: as many are in the same order, and places tell what happened.
/// `of_a`: which of B's outputs belongs to each of A's.
void KeepPlaces(const std::vector<std::size_t>& of_a, std::vector<PairKind>& kinds) {
  std::vector<std::size_t> same;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == PairKind::kSame) same.push_back(i);
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] != PairKind::kMoved || of_a[i] != i) continue;
    const auto before_in_a = std::ranges::lower_bound(same, i);
    const auto before_in_b =
        std::ranges::lower_bound(same, i, {}, [&](std::size_t k) { return of_a[k]; });
    if (std::abs(before_in_a - before_in_b) != 1) continue;
    std::size_t& passed = *std::min(before_in_a, before_in_b);
    kinds[passed] = PairKind::kMoved;
    kinds[i] = PairKind::kSame;
    passed = i;
  }
}

}  // namespace

bool SameContent(const MessageView& a, const MessageView& b) {
  const proto::Header of_a = WithoutPlace(a.header);
  const proto::Header of_b = WithoutPlace(b.header);
  return std::memcmp(&of_a, &of_b, sizeof of_a) == 0 && proto::SameBytes(a.payload(), b.payload());
}

Alignment AlignOutputs(std::span<const MessageView> a, std::span<const MessageView> b,
                       const SameOutput& same) {
  const auto is_same = [&](const MessageView& x, const MessageView& y) {
    return SameContent(x, y) || (same && same(x, y));
  };
  std::size_t begin = 0;
  std::size_t end_a = a.size();
  std::size_t end_b = b.size();
  while (begin < end_a && begin < end_b && is_same(a[begin], b[begin])) ++begin;
  while (end_a > begin && end_b > begin && is_same(a[end_a - 1], b[end_b - 1])) --end_a, --end_b;

  Alignment alignment;
  for (std::size_t i = 0; i < begin; ++i) alignment.pairs.push_back({PairKind::kSame, i, i});

  Middle middle(a.subspan(begin, end_a - begin), b.subspan(begin, end_b - begin), same);
  middle.JoinCommon();
  std::vector<PairKind> kinds(middle.of_a().size(), PairKind::kChanged);
  const auto mark = [&](PairKind kind) {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] == PairKind::kChanged && middle.of_a()[i] != kNone) kinds[i] = kind;
    }
  };
  mark(PairKind::kSame);
  middle.JoinMoved();
  mark(PairKind::kMoved);
  for (const std::size_t i : middle.JoinChanged()) kinds[i] = PairKind::kMoved;
  KeepPlaces(middle.of_a(), kinds);
  alignment.is_best = middle.is_best();

  std::size_t next_b = 0;
  const auto add_only_b = [&](std::size_t i, std::size_t end) {
    for (; next_b < end; ++next_b) {
      if (middle.of_b()[next_b] != kNone) continue;
      alignment.pairs.push_back({PairKind::kOnlyB, begin + i, begin + next_b});
    }
  };
  for (std::size_t i = 0; i < middle.of_a().size(); ++i) {
    const std::size_t j = middle.of_a()[i];
    if (j == kNone) {
      alignment.pairs.push_back({PairKind::kOnlyA, begin + i, begin + next_b});
      continue;
    }
    add_only_b(i, j);
    alignment.pairs.push_back({kinds[i], begin + i, begin + j});
  }
  add_only_b(middle.of_a().size(), middle.of_b().size());
  for (; end_a < a.size(); ++end_a, ++end_b) {
    alignment.pairs.push_back({PairKind::kSame, end_a, end_b});
  }
  return alignment;
}

}  // namespace tandem::replay
