// SPDX-License-Identifier: Apache-2.0
#include "replay/common_subsequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>

namespace tandem::test {
namespace {

using replay::CommonSubsequence;
using replay::FindCommonSubsequence;

constexpr std::size_t kAnyEdits = 1'000'000;

struct Found {
  std::string text;  ///< what is common
  bool is_longest = true;
  std::uint64_t questions = 0;
};

Found Find(const std::string& a, const std::string& b, std::size_t edits_max = kAnyEdits) {
  Found found;
  const CommonSubsequence common = FindCommonSubsequence(
      a.size(), b.size(),
      [&](std::size_t i, std::size_t j) {
        ++found.questions;
        return a.at(i) == b.at(j);
      },
      edits_max);
  found.is_longest = common.is_longest;
  std::size_t next_a = 0;
  std::size_t next_b = 0;
  for (const auto& [i, j] : common.pairs) {
    EXPECT_TRUE(i >= next_a && j >= next_b && a.at(i) == b.at(j)) << a << " | " << b;
    next_a = i + 1;
    next_b = j + 1;
    found.text += a[i];
  }
  return found;
}

std::size_t Longest(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (const char x : a) {
    std::size_t corner = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = x == b[j] ? corner + 1 : std::max(above, row[j]);
      corner = above;
    }
  }
  return row.back();
}

std::string Any(std::mt19937_64& random, std::size_t size_max, std::uint64_t letters) {
  std::string text;
  for (std::uint64_t i = random() % (size_max + 1); i > 0; --i) {
    text += static_cast<char>('a' + random() % letters);
  }
  return text;
}

TEST(CommonSubsequence, IsEmptyWhereNothingIsCommon) {
  EXPECT_EQ(Find("", "").text, "");
  EXPECT_EQ(Find("abc", "").text, "");
  EXPECT_EQ(Find("", "abc").text, "");
  EXPECT_EQ(Find("abc", "xyz").text, "");
}

TEST(CommonSubsequence, LeavesOutWhatOnlyOneHas) {
  EXPECT_EQ(Find("abc", "abc").text, "abc");
  EXPECT_EQ(Find("abc", "xabyc").text, "abc");
  EXPECT_EQ(Find("xabyc", "abc").text, "abc");
  EXPECT_EQ(Find("abcabba", "cbabac").text.size(), 4u);  // the example of the paper
}

TEST(CommonSubsequence, IsTheLongest) {
  const std::uint64_t seed = 19'86;
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t letters = 1 + random() % 8;
    const std::string a = Any(random, 30, letters);
    const std::string b = Any(random, 30, letters);
    const Found found = Find(a, b);
    EXPECT_TRUE(found.is_longest);
    EXPECT_EQ(found.text.size(), Longest(a, b)) << "round " << round << ": " << a << " | " << b;
  }
}

TEST(CommonSubsequence, SaysWhetherItIsTheLongestIfEditsAreFew) {
  const std::uint64_t seed = 4;
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  int cut_short = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string a = Any(random, 60, 3);
    const std::string b = Any(random, 60, 3);
    const std::size_t edits_max = 1 + random() % 8;
    const Found found = Find(a, b, edits_max);
    const std::size_t longest = Longest(a, b);
    const std::size_t edits = a.size() + b.size() - 2 * longest;
    EXPECT_TRUE(found.is_longest || edits > 2 * edits_max) << a << " | " << b;
    EXPECT_TRUE(!found.is_longest || found.text.size() == longest) << a << " | " << b;
    EXPECT_LE(found.questions, 4 * (a.size() + b.size() + 1) * edits_max + a.size() + b.size());
    cut_short += found.is_longest ? 0 : 1;
  }
  EXPECT_GT(cut_short, 1'000);
}

TEST(CommonSubsequence, AsksLittleWhereLittleDiffers) {
  std::mt19937_64 random(3);
  std::string a;
  for (int i = 0; i < 50'000; ++i) a += static_cast<char>(random() % 200);
  std::string b = a;
  for (int i = 0; i < 20; ++i) b.erase(random() % b.size(), 1);
  const Found found = Find(a, b);
  EXPECT_EQ(found.text, b);
  EXPECT_LT(found.questions, 300'000u);
}

TEST(CommonSubsequence, AsksNoMoreThanItSaysOfLongRepetitions) {
  for (const std::size_t edits_max : {1u, 16u, 64u}) {
    const std::string a = std::string(4'000, 'a') + std::string(4'000, 'b');
    std::string b;
    for (int i = 0; i < 4'000; ++i) b += i % 3 == 0 ? "b" : "a";
    const Found found = Find(a, b, edits_max);
    EXPECT_LT(found.questions, 4 * (a.size() + b.size()) * edits_max + a.size() + b.size());
  }
}

}  // namespace
}  // namespace tandem::test
