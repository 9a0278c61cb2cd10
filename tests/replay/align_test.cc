// SPDX-License-Identifier: Apache-2.0
//
// Outputs of one input side by side: "a1 b2" is a message of type a with content 1, then ...
#include "replay/align.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace tandem::test {
namespace {

using replay::AlignOutputs;
using replay::OutputPair;
using replay::PairKind;

class Outputs {
 public:
  explicit Outputs(const std::string& text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) words_.push_back(word);
    for (std::size_t i = 0; i < words_.size(); ++i) {
      proto::Header header;
      header.type = static_cast<std::uint16_t>(words_[i][0]);
      header.payload_size = static_cast<std::uint16_t>(words_[i].size() - 1);
      header.number = 10 + i;
      header.index = static_cast<std::uint32_t>(i);
      header.flags = i + 1 == words_.size() ? proto::kLast : 0;
      header.digest = 1000 * words_.size() + i;
      std::vector<std::byte>& bytes = bytes_.emplace_back(sizeof header + header.payload_size);
      std::memcpy(bytes.data(), &header, sizeof header);
      std::memcpy(bytes.data() + sizeof header, words_[i].data() + 1, header.payload_size);
    }
    for (const auto& bytes : bytes_) views_.push_back(*proto::ParseMessage(bytes));
  }
  [[nodiscard]] const std::vector<proto::MessageView>& views() const { return views_; }
  [[nodiscard]] const std::string& word(std::size_t i) const { return words_[i]; }

 private:
  std::vector<std::string> words_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<proto::MessageView> views_;
};

std::string Align(const std::string& text_a, const std::string& text_b) {
  const Outputs a(text_a);
  const Outputs b(text_b);
  std::string text;
  for (const OutputPair& pair : AlignOutputs(a.views(), b.views()).pairs) {
    if (!text.empty()) text += ' ';
    switch (pair.kind) {
      case PairKind::kSame:
        text += a.word(pair.a);
        break;
      case PairKind::kMoved:
        text += "~" + a.word(pair.a);
        break;
      case PairKind::kChanged:
        text += a.word(pair.a) + ">" + b.word(pair.b);
        break;
      case PairKind::kOnlyA:
        text += "-" + a.word(pair.a);
        break;
      case PairKind::kOnlyB:
        text += "+" + b.word(pair.b);
        break;
    }
  }
  return text;
}

TEST(Align, TakesEqualOutputsForEqualWhereverTheyStandInTheStream) {
  EXPECT_EQ(Align("", ""), "");
  EXPECT_EQ(Align("a1", "a1"), "a1");
  EXPECT_EQ(Align("a1 b2 c3", "a1 b2 c3"), "a1 b2 c3");
}

TEST(Align, AnOutputMoreOrLessDoesNotTouchTheOthers) {
  EXPECT_EQ(Align("a1 b2 c3", "a1 x9 b2 c3"), "a1 +x9 b2 c3");
  EXPECT_EQ(Align("a1 b2 c3", "x9 a1 b2 c3"), "+x9 a1 b2 c3");
  EXPECT_EQ(Align("a1 b2 c3", "a1 b2 c3 x9"), "a1 b2 c3 +x9");
  EXPECT_EQ(Align("a1 x9 b2 c3", "a1 b2 c3"), "a1 -x9 b2 c3");
  EXPECT_EQ(Align("a1 b2", ""), "-a1 -b2");
  EXPECT_EQ(Align("", "a1 b2"), "+a1 +b2");
  EXPECT_EQ(Align("a1 x1 b2 y1", "a1 b2 z1"), "a1 -x1 b2 -y1 +z1");
}

TEST(Align, PairsWhatIsLeftByType) {
  EXPECT_EQ(Align("a1 b2 c3", "a1 b5 c3"), "a1 b2>b5 c3");
  EXPECT_EQ(Align("a1 a2 a3", "a4 a5 a6"), "a1>a4 a2>a5 a3>a6");
  EXPECT_EQ(Align("a1 b2", "b3 a4"), "a1>a4 b2>b3");
  EXPECT_EQ(Align("a1", "b1"), "-a1 +b1");
  EXPECT_EQ(Align("a1 b2 c3", "a1 b5 x1 c3"), "a1 b2>b5 +x1 c3");
}

TEST(Align, SaysWhatMoved) {
  EXPECT_EQ(Align("a1 b2 c3", "b2 c3 a1"), "~a1 b2 c3");
  EXPECT_EQ(Align("a1 b2", "b2 a1"), "~a1 b2");
  // Not what stands at its place in both.
  EXPECT_EQ(Align("a1 b2 c3", "c3 b2 a1"), "~a1 b2 ~c3");
  EXPECT_EQ(Align("x0 a1 b2 c3 x4", "x0 c3 b2 a1 x4"), "x0 ~a1 b2 ~c3 x4");
  EXPECT_EQ(Align("a1 b2 c3 d4 e5 f6 g7", "c3 b2 a1 d4 g7 f6 e5"), "~a1 b2 ~c3 d4 ~e5 f6 ~g7");
}

TEST(Align, NamesEveryOutputOfBothSidesOnce) {
  std::mt19937_64 random(20'26);
  for (int round = 0; round < 2'000; ++round) {
    const auto any = [&] {
      std::string text;
      for (std::uint64_t i = random() % 7; i > 0; --i) {
        text += static_cast<char>('a' + random() % 3);
        text += std::to_string(random() % 3);
        text += ' ';
      }
      return text;
    };
    const std::string text_a = any();
    const std::string text_b = any();
    const Outputs a(text_a);
    const Outputs b(text_b);
    std::vector<int> seen_a(a.views().size());
    std::vector<int> seen_b(b.views().size());
    for (const OutputPair& pair : AlignOutputs(a.views(), b.views()).pairs) {
      if (pair.kind != PairKind::kOnlyB) ++seen_a.at(pair.a);
      if (pair.kind != PairKind::kOnlyA) ++seen_b.at(pair.b);
      if (pair.kind == PairKind::kSame || pair.kind == PairKind::kMoved) {
        EXPECT_EQ(a.word(pair.a), b.word(pair.b)) << text_a << "| " << text_b;
      }
      if (pair.kind == PairKind::kChanged) {
        EXPECT_EQ(a.word(pair.a)[0], b.word(pair.b)[0]) << text_a << "| " << text_b;
        EXPECT_NE(a.word(pair.a), b.word(pair.b)) << text_a << "| " << text_b;
      }
    }
    EXPECT_EQ(seen_a, std::vector<int>(seen_a.size(), 1)) << text_a << "| " << text_b;
    EXPECT_EQ(seen_b, std::vector<int>(seen_b.size(), 1)) << text_a << "| " << text_b;
  }
}

/// Outputs of a few types, most with contents of their own.
std::vector<std::string> ManyOutputs(std::size_t size) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < size; ++i) {
    std::string word(1, static_cast<char>('a' + i % 3));
    words.push_back(word + (i % 5 == 0 ? "0" : std::to_string(i)));
  }
  return words;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

TEST(Align, FindsAFewDifferencesAmongThousands) {
  const std::vector<std::string> words_a = ManyOutputs(5'000);
  std::vector<std::string> words_b = words_a;
  std::vector<std::string> expected = words_a;
  words_b[4'003] = "x9";
  expected[4'003] = "-" + words_a[4'003];
  expected.insert(expected.begin() + 4'004, "+x9");
  words_b[3'001] = words_a[3'001] + "9";
  expected[3'001] = words_a[3'001] + ">" + words_b[3'001];
  words_b.erase(words_b.begin() + 1'001);
  expected[1'001] = "-" + words_a[1'001];
  words_b.insert(words_b.begin() + 7, {"y1", "y2"});
  expected.insert(expected.begin() + 7, {"+y1", "+y2"});
  EXPECT_TRUE(Align(Joined(words_a), Joined(words_b)) == Joined(expected));
}

TEST(Align, KnowsWhatMovedAmongThousandsThatAllChanged) {
  std::string text_a;
  std::string text_b;
  std::string expected;
  for (int i = 0; i < 4'000; ++i) {
    const std::string digits = std::to_string(i);
    text_a.append(i % 2 == 0 ? "a" : "b").append(digits).append(" ");
    text_b.append(i % 2 == 0 ? "a" : "b").append(i == 17 ? "x" : digits).append("'").append(" ");
    expected.append(i % 2 == 0 ? "a" : "b").append(digits).append(i % 2 == 0 ? ">a" : ">b");
    expected.append(i == 17 ? "x" : digits).append("' ");
  }
  EXPECT_TRUE(Align("m1 " + text_a + "k1 k2", text_b + "k1 k2 m1") == "~m1 " + expected + "k1 k2");
}

/// How many outputs are in the same order at most, by the table of all prefixes.
std::size_t LongestCommon(const Outputs& a, const Outputs& b, const replay::SameOutput& same) {
  std::vector<std::size_t> row(b.views().size() + 1);
  for (const proto::MessageView& x : a.views()) {
    std::size_t corner = 0;
    for (std::size_t j = 0; j < b.views().size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = same(x, b.views()[j]) ? corner + 1 : std::max(above, row[j]);
      corner = above;
    }
  }
  return row.back();
}

TEST(Align, TakesAsManyForTheSameAsAre) {
  const std::uint64_t seed = 20'26;
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  // Of one type, the first digits count.
  const replay::SameOutput same_digit = [](const auto& x, const auto& y) {
    return x.header.type == y.header.type && x.payload()[0] == y.payload()[0];
  };
  for (int round = 0; round < 3'000; ++round) {
    const auto any = [&, kinds = 1 + random() % 6] {
      std::string text;
      for (std::uint64_t i = random() % 40; i > 0; --i) {
        text += static_cast<char>('a' + random() % 2);
        text += std::to_string(10 + random() % (10 * kinds));
        text += ' ';
      }
      return text;
    };
    const std::string text_a = any();
    const std::string text_b = any();
    const Outputs a(text_a);
    const Outputs b(text_b);
    for (const bool by_digit : {false, true}) {
      const auto alignment =
          AlignOutputs(a.views(), b.views(), by_digit ? same_digit : replay::SameOutput());
      EXPECT_TRUE(alignment.is_best);
      std::size_t same = 0;
      std::size_t next_b = 0;
      for (const OutputPair& pair : alignment.pairs) {
        if (pair.kind != PairKind::kSame) continue;
        ++same;
        EXPECT_GE(pair.b, next_b) << text_a << "| " << text_b;
        next_b = pair.b + 1;
      }
      EXPECT_EQ(same, LongestCommon(a, b, by_digit ? same_digit : replay::SameContent))
          << "round " << round << ": " << text_a << "| " << text_b;
    }
  }
}

TEST(Align, AsksSoOftenAtMostAndSaysThatItStopped) {
  // Everything is asked about, and nothing is the same.
  std::string text_a;
  std::string text_b;
  for (int i = 0; i < 6'000; ++i) {
    text_a.append("a").append(std::to_string(i)).append(" ");
    text_b.append("a").append(std::to_string(i)).append("' ");
  }
  const Outputs a(text_a);
  const Outputs b(text_b);
  std::uint64_t asked = 0;
  const auto alignment = AlignOutputs(a.views(), b.views(), [&](const auto&, const auto&) {
    ++asked;
    return false;
  });
  EXPECT_FALSE(alignment.is_best);
  EXPECT_LT(asked, 8'000'000u);
  ASSERT_EQ(alignment.pairs.size(), 6'000u);
  for (std::size_t i = 0; i < 6'000; ++i) {
    ASSERT_EQ(alignment.pairs[i], (OutputPair{PairKind::kChanged, i, i}));
  }
}

TEST(Align, CallsNothingDifferentThatIsSomewhereElseThoughItStopped) {
  std::vector<std::string> words;
  for (int i = 0; i < 12'000; ++i) words.push_back("a" + std::to_string(i));
  const Outputs a(Joined(words));
  std::ranges::shuffle(words, std::mt19937_64(7));
  const Outputs b(Joined(words));
  const auto alignment = AlignOutputs(a.views(), b.views());
  EXPECT_FALSE(alignment.is_best);
  std::size_t same = 0;
  for (const OutputPair& pair : alignment.pairs) {
    ASSERT_TRUE(pair.kind == PairKind::kSame || pair.kind == PairKind::kMoved);
    ASSERT_EQ(a.word(pair.a), b.word(pair.b));
    same += pair.kind == PairKind::kSame ? 1 : 0;
  }
  EXPECT_EQ(alignment.pairs.size(), 12'000u);
  // The longest that is in order in a shuffled list is about 2 * sqrt(12,000).
  EXPECT_GT(same, 150u);
}

}  // namespace
}  // namespace tandem::test
