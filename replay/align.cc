// SPDX-License-Identifier: Apache-2.0
#include "replay/align.h"

#include <algorithm>
#include <cstring>

namespace tandem::replay {
namespace {

using proto::MessageView;

constexpr std::size_t kComparisonsMax = 500'000;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// For each output of a side its partner on the other one, or kNone.
struct Partners {
  Partners(std::size_t size_a, std::size_t size_b) : of_a(size_a, kNone), of_b(size_b, kNone) {}
  void Join(std::size_t a, std::size_t b) {
    of_a[a] = b;
    of_b[b] = a;
  }
  std::vector<std::size_t> of_a;
  std::vector<std::size_t> of_b;
};

/// Joins the longest common subsequence of [begin, end_a) and [begin, end_b).
void JoinCommon(std::span<const MessageView> a, std::span<const MessageView> b, std::size_t begin,
                std::size_t end_a, std::size_t end_b, const SameOutput& same, Partners& partners) {
  const std::size_t rows = end_a - begin;
  const std::size_t columns = end_b - begin;
  if (rows * columns > kComparisonsMax) {
    for (std::size_t i = begin; i < std::min(end_a, end_b); ++i) {
      if (same(a[i], b[i])) partners.Join(i, i);
    }
    return;
  }
  const std::size_t width = columns + 1;
  std::vector<std::uint8_t> equal(rows * columns);
  std::vector<std::uint32_t> length((rows + 1) * width);
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      const bool is_same = same(a[begin + i], b[begin + j]);
      equal[i * columns + j] = is_same ? 1 : 0;
      length[i * width + j] =
          is_same ? length[(i + 1) * width + j + 1] + 1
                  : std::max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
    if (equal[i * columns + j] != 0) {
      partners.Join(begin + i++, begin + j++);
    } else {
      ++(length[(i + 1) * width + j] >= length[i * width + j + 1] ? i : j);
    }
  }
}

/// Joins what has no partner yet and fits, each output of A with the first one of B.
void JoinRest(std::span<const MessageView> a, std::span<const MessageView> b,
              const SameOutput& fits, Partners& partners) {
  std::vector<std::size_t> left;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (partners.of_b[j] == kNone) left.push_back(j);
  }
  std::size_t comparisons = 0;
  for (std::size_t i = 0; i < a.size() && !left.empty(); ++i) {
    if (partners.of_a[i] != kNone) continue;
    const auto found = std::find_if(left.begin(), left.end(), [&](std::size_t j) {
      return ++comparisons <= kComparisonsMax && fits(a[i], b[j]);
    });
    if (found == left.end()) continue;
    partners.Join(i, *found);
    left.erase(found);
  }
}

}  // namespace

bool SameContent(const MessageView& a, const MessageView& b) {
  const auto without_place = [](proto::Header header) {
    header.digest = 0;
    header.session = proto::Session();
    header.number = 0;
    header.index = 0;
    header.flags &= static_cast<std::uint8_t>(~proto::kLast);
    return header;
  };
  const proto::Header of_a = without_place(a.header);
  const proto::Header of_b = without_place(b.header);
  return std::memcmp(&of_a, &of_b, sizeof of_a) == 0 &&
         std::ranges::equal(a.payload(), b.payload());
}

std::vector<OutputPair> AlignOutputs(std::span<const MessageView> a, std::span<const MessageView> b,
                                     const SameOutput& same) {
  Partners partners(a.size(), b.size());
  std::size_t begin = 0;
  std::size_t end_a = a.size();
  std::size_t end_b = b.size();
  for (; begin < end_a && begin < end_b && same(a[begin], b[begin]); ++begin) {
    partners.Join(begin, begin);
  }
  for (; end_a > begin && end_b > begin && same(a[end_a - 1], b[end_b - 1]); --end_a, --end_b) {
    partners.Join(end_a - 1, end_b - 1);
  }
  JoinCommon(a, b, begin, end_a, end_b, same, partners);
  const std::vector<std::size_t> same_of_a = partners.of_a;
  JoinRest(a, b, same, partners);
  const std::vector<std::size_t> moved_of_a = partners.of_a;
  JoinRest(
      a, b,
      [](const MessageView& x, const MessageView& y) { return x.header.type == y.header.type; },
      partners);

  std::vector<OutputPair> pairs;
  std::size_t next_b = 0;
  const auto add_only_b = [&](std::size_t a_index, std::size_t end) {
    for (; next_b < end; ++next_b) {
      if (partners.of_b[next_b] == kNone) pairs.push_back({PairKind::kOnlyB, a_index, next_b});
    }
  };
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t j = partners.of_a[i];
    if (j == kNone) {
      pairs.push_back({PairKind::kOnlyA, i, next_b});
      continue;
    }
    add_only_b(i, j);
    pairs.push_back({same_of_a[i] != kNone    ? PairKind::kSame
                     : moved_of_a[i] != kNone ? PairKind::kMoved
                                              : PairKind::kChanged,
                     i, j});
  }
  add_only_b(a.size(), b.size());
  return pairs;
}

}  // namespace tandem::replay
