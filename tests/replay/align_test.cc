// SPDX-License-Identifier: Apache-2.0
//
// Outputs of one input side by side: "a1 b2" is a message of type a with content 1, then ...
#include "replay/align.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <sstream>
#include <string>

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
  for (const OutputPair& pair : AlignOutputs(a.views(), b.views())) {
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
    for (const OutputPair& pair : AlignOutputs(a.views(), b.views())) {
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

TEST(Align, PairsByPlaceWhatIsTooLongToCompareAllWithAll) {
  std::string text_a;
  std::string text_b = "x1 ";
  for (int i = 0; i < 1'000; ++i) {
    const std::string digits = std::to_string(i);
    text_a.append("a").append(digits).append(" ");
    text_b.append(i == 500 ? "b" : "a").append(digits).append(" ");
  }
  text_a += "y1";
  text_b += "z1";
  const Outputs a(text_a);
  const Outputs b(text_b);
  std::uint64_t comparisons = 0;
  const auto pairs = AlignOutputs(a.views(), b.views(), [&](const auto& x, const auto& y) {
    ++comparisons;
    return replay::SameContent(x, y);
  });
  EXPECT_LT(comparisons, 1'000'000u);
  EXPECT_GE(pairs.size(), 1'001u);
}

}  // namespace
}  // namespace tandem::test
