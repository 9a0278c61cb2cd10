// SPDX-License-Identifier: Apache-2.0
#include "engine/deduplicator.h"

#include <gtest/gtest.h>

#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using test::Bytes;
using test::View;
using Outcome = Deduplicator::Outcome;

constexpr std::size_t kA = 0;
constexpr std::size_t kB = 1;

/// What an engine says: each word is the outputs of one input, each character one output.
std::vector<Bytes> Outputs(const std::vector<std::string>& words) {
  std::vector<Bytes> outputs;
  std::uint64_t digest = proto::kDigestStart;
  for (std::size_t input = 1; input <= words.size(); ++input) {
    const std::string& word = words[input - 1];
    for (std::size_t index = 0; index < word.size(); ++index) {
      proto::Header header;
      header.session = proto::Session("TEST");
      header.type = 200;
      header.flags = index + 1 == word.size() ? proto::kLast : 0;
      header.number = outputs.size() + 1;
      header.time_ns = static_cast<std::int64_t>(1000 + input);
      header.origin = input;
      header.index = static_cast<std::uint32_t>(index);
      header.epoch = 1;
      outputs.push_back(test::Seal(header, word.substr(index, 1), digest));
      digest = View(outputs.back()).header.digest;
    }
  }
  return outputs;
}

proto::StreamPosition PositionAt(const std::vector<Bytes>& outputs, std::uint64_t number) {
  if (number == 0) return {};
  return {.number = number, .digest = View(outputs.at(number - 1)).header.digest};
}

/// The merged log, and a record of what was asked of it.
class MergedLog : public DigestHistory {
 public:
  Result<std::uint64_t> DigestAt(std::size_t engine, std::uint64_t number) override {
    asked.emplace_back(engine, number);
    if (broken) return Error::Failure("the merged log cannot be read");
    return View(messages.at(number - 1)).header.digest;
  }

  std::vector<Bytes> messages;
  std::vector<std::pair<std::size_t, std::uint64_t>> asked;
  bool broken = false;
};

class DeduplicatorTest : public testing::Test {
 protected:
  Outcome Give(std::size_t engine, const Bytes& message) {
    const Outcome outcome = deduplicator_->OnMessage(engine, View(message));
    if (outcome == Outcome::kPublish) merged_.messages.push_back(message);
    return outcome;
  }
  /// Messages `from` to `to` of `outputs`, by number, and what came of each.
  std::vector<Outcome> Give(std::size_t engine, const std::vector<Bytes>& outputs,
                            std::uint64_t from, std::uint64_t to) {
    std::vector<Outcome> outcomes;
    for (std::uint64_t n = from; n <= to; ++n) outcomes.push_back(Give(engine, outputs.at(n - 1)));
    return outcomes;
  }
  /// As after a restart with the first `published` messages of `outputs` in the merged log.
  void Restart(const std::vector<Bytes>& outputs, std::uint64_t published,
               std::size_t ring_size = Deduplicator::kRingSizeDefault) {
    merged_.messages.assign(outputs.begin(),
                            outputs.begin() + static_cast<std::ptrdiff_t>(published));
    deduplicator_.emplace(proto::Session("TEST"),
                          PositionAt(outputs, published == 0 ? 0 : published - 1),
                          PositionAt(outputs, published), merged_, ring_size);
  }
  std::uint64_t published() const { return deduplicator_->published().number; }
  std::uint64_t agreed() const { return deduplicator_->agreed(); }

  const std::vector<Bytes> outputs_ = Outputs({"ab", "cde", "f", "gh", "ij"});
  MergedLog merged_;
  std::optional<Deduplicator> deduplicator_{std::in_place, proto::Session("TEST"),
                                            proto::StreamPosition{}, proto::StreamPosition{},
                                            merged_};
};

TEST_F(DeduplicatorTest, BeginsWithNothingAndWantsTheFirstMessageOfBoth) {
  EXPECT_EQ(deduplicator_->wanted(kA), 1u);
  EXPECT_EQ(deduplicator_->wanted(kB), 1u);
  EXPECT_EQ(published(), 0u);
  EXPECT_EQ(agreed(), 0u);
}

TEST_F(DeduplicatorTest, PublishesTheFirstCopyAndConfirmsItByTheSecond) {
  EXPECT_EQ(Give(kA, outputs_[0]), Outcome::kPublish);
  EXPECT_EQ(published(), 1u);
  EXPECT_EQ(agreed(), 0u);
  EXPECT_EQ(Give(kB, outputs_[0]), Outcome::kConfirmed);
  EXPECT_EQ(agreed(), 1u);
  EXPECT_EQ(Give(kB, outputs_[1]), Outcome::kPublish);
  EXPECT_EQ(Give(kB, outputs_[2]), Outcome::kPublish);
  EXPECT_EQ(published(), 3u);
  EXPECT_EQ(agreed(), 1u);
  EXPECT_EQ(Give(kA, outputs_[1]), Outcome::kConfirmed);
  EXPECT_EQ(agreed(), 2u);
  EXPECT_EQ(deduplicator_->wins(kA), 1u);
  EXPECT_EQ(deduplicator_->wins(kB), 2u);
  EXPECT_EQ(deduplicator_->wanted(kA), 3u);
  EXPECT_EQ(deduplicator_->wanted(kB), 4u);
  EXPECT_EQ(merged_.messages, (std::vector<Bytes>{outputs_.begin(), outputs_.begin() + 3}));
}

TEST_F(DeduplicatorTest, GivesTheSameMergedStreamHoweverTheEnginesRace) {
  Random random(20260401);
  for (int run = 0; run < 200; ++run) {
    Restart(outputs_, 0, 1 + random.Below(4));
    while (agreed() < outputs_.size()) {
      const std::size_t engine = random.Below(2);
      const std::uint64_t wanted = deduplicator_->wanted(engine);
      if (wanted > outputs_.size()) continue;
      const Outcome expected = wanted > published() ? Outcome::kPublish : Outcome::kConfirmed;
      ASSERT_EQ(Give(engine, outputs_[wanted - 1]), expected);
    }
    ASSERT_EQ(merged_.messages, outputs_);
  }
}

TEST_F(DeduplicatorTest, PassesOverWhatAnEngineSaysAgain) {
  Give(kA, outputs_, 1, 3);
  EXPECT_EQ(Give(kA, outputs_, 1, 3),
            (std::vector<Outcome>{Outcome::kRepeated, Outcome::kRepeated, Outcome::kRepeated}));
  EXPECT_EQ(published(), 3u);
  EXPECT_EQ(deduplicator_->wanted(kA), 4u);
}

TEST_F(DeduplicatorTest, SaysThatThereIsAGapAndKeepsItsPlace) {
  Give(kA, outputs_, 1, 2);
  EXPECT_EQ(Give(kA, outputs_[3]), Outcome::kGap);
  EXPECT_EQ(Give(kB, outputs_[1]), Outcome::kGap);
  EXPECT_EQ(published(), 2u);
  EXPECT_EQ(deduplicator_->wanted(kA), 3u);
  EXPECT_EQ(deduplicator_->wanted(kB), 1u);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
  EXPECT_EQ(Give(kA, outputs_[2]), Outcome::kPublish);
}

TEST_F(DeduplicatorTest, TakesNothingOfAnotherSession) {
  proto::Header header = View(outputs_[0]).header;
  header.session = proto::Session("OTHER");
  EXPECT_EQ(Give(kA, test::Seal(header, "a", proto::kDigestStart)), Outcome::kWrongSession);
  EXPECT_EQ(published(), 0u);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
}

struct Lie {
  const char* name;
  std::vector<Bytes> outputs;
  std::uint64_t number;  ///< of the first message that differs
  bool broken_chain;
};

std::vector<Lie> Lies(const std::vector<Bytes>& honest) {
  std::vector<Lie> lies = {
      {"a payload byte", Outputs({"ab", "cXe", "f", "gh", "ij"}), 4, false},
      {"the first message", Outputs({"Xb", "cde", "f", "gh", "ij"}), 1, false},
      {"the last message", Outputs({"ab", "cde", "f", "gh", "iX"}), 10, false},
      {"an output omitted", Outputs({"ab", "ce", "f", "gh", "ij"}), 4, false},
      {"the last output of an input omitted", Outputs({"ab", "cd", "f", "gh", "ij"}), 4, false},
      {"the only output of an input omitted", Outputs({"ab", "cde", "", "gh", "ij"}), 6, false},
      {"an output added", Outputs({"ab", "cdee", "f", "gh", "ij"}), 5, false},
      {"two outputs of one input swapped", Outputs({"ab", "ced", "f", "gh", "ij"}), 4, false},
      {"outputs given to another input", Outputs({"ab", "cd", "ef", "gh", "ij"}), 4, false},
  };
  std::vector<Bytes> forged = honest;
  forged[4].back() ^= std::byte{1};
  lies.push_back({"a new payload under the old digest", forged, 5, true});
  forged = honest;
  forged[4][offsetof(proto::Header, time_ns)] ^= std::byte{1};
  lies.push_back({"a new time under the old digest", forged, 5, true});
  forged = honest;
  forged[4][offsetof(proto::Header, digest)] ^= std::byte{1};
  lies.push_back({"a wrong digest over the right message", forged, 5, true});
  return lies;
}

TEST_F(DeduplicatorTest, NamesTheExactNumberOfEveryLieThatComesSecond) {
  for (const Lie& lie : Lies(outputs_)) {
    SCOPED_TRACE(lie.name);
    Restart(outputs_, 0);
    Give(kA, outputs_, 1, outputs_.size());
    for (std::uint64_t n = 1; n < lie.number; ++n) {
      ASSERT_EQ(Give(kB, lie.outputs[n - 1]), Outcome::kConfirmed);
    }
    EXPECT_EQ(Give(kB, lie.outputs[lie.number - 1]), Outcome::kDivergence);
    ASSERT_TRUE(deduplicator_->divergence().has_value());
    EXPECT_EQ(deduplicator_->divergence()->number, lie.number);
    EXPECT_EQ(deduplicator_->divergence()->engine, kB);
    EXPECT_EQ(deduplicator_->divergence()->broken_chain, lie.broken_chain);
    EXPECT_EQ(deduplicator_->divergence()->message, lie.outputs[lie.number - 1]);
    EXPECT_EQ(published(), outputs_.size());
    EXPECT_EQ(agreed(), lie.number - 1);
  }
}

TEST_F(DeduplicatorTest, NamesTheExactNumberOfEveryLieThatComesFirst) {
  for (const Lie& lie : Lies(outputs_)) {
    SCOPED_TRACE(lie.name);
    Restart(outputs_, 0);
    const std::vector<Outcome> outcomes = Give(kB, lie.outputs, 1, lie.number);
    // A broken chain is found without the other copy; a consistent lie is published first.
    EXPECT_EQ(outcomes.back(), lie.broken_chain ? Outcome::kDivergence : Outcome::kPublish);
    Outcome outcome = outcomes.back();
    for (std::uint64_t n = 1; n <= lie.number && outcome != Outcome::kDivergence; ++n) {
      outcome = Give(kA, outputs_[n - 1]);
    }
    ASSERT_TRUE(deduplicator_->divergence().has_value());
    EXPECT_EQ(deduplicator_->divergence()->number, lie.number);
    EXPECT_EQ(deduplicator_->divergence()->engine, lie.broken_chain ? kB : kA);
    EXPECT_LT(agreed(), lie.number);
  }
}

TEST_F(DeduplicatorTest, PublishesNothingAfterADivergence) {
  Give(kA, outputs_, 1, 2);
  Give(kB, Outputs({"X"}), 1, 1);
  ASSERT_TRUE(deduplicator_->divergence().has_value());
  EXPECT_EQ(Give(kA, outputs_[2]), Outcome::kDivergence);
  EXPECT_EQ(Give(kB, outputs_[0]), Outcome::kDivergence);
  EXPECT_EQ(published(), 2u);
  EXPECT_EQ(deduplicator_->divergence()->number, 1u);
}

TEST_F(DeduplicatorTest, AsksTheMergedLogOnlyForWhatTheRingHasForgotten) {
  Restart(outputs_, 0, 4);
  Give(kA, outputs_, 1, 10);  // the ring holds 7 to 10
  for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_EQ(Give(kB, outputs_[n - 1]), Outcome::kConfirmed);
  using Asked = std::vector<std::pair<std::size_t, std::uint64_t>>;
  EXPECT_EQ(merged_.asked, (Asked{{kB, 1}, {kB, 2}, {kB, 3}, {kB, 4}, {kB, 5}, {kB, 6}}));
  EXPECT_EQ(agreed(), 10u);
}

TEST_F(DeduplicatorTest, FindsALieBehindTheRing) {
  Restart(outputs_, 0, 1);
  Give(kA, outputs_, 1, 10);
  const std::vector<Bytes> lie = Outputs({"ab", "Xde", "f", "gh", "ij"});
  EXPECT_EQ(Give(kB, lie, 1, 3),
            (std::vector<Outcome>{Outcome::kConfirmed, Outcome::kConfirmed, Outcome::kDivergence}));
  EXPECT_EQ(deduplicator_->divergence()->number, 3u);
}

TEST_F(DeduplicatorTest, SaysWhenTheMergedLogCannotBeReadAndKeepsItsPlace) {
  Restart(outputs_, 0, 1);
  Give(kA, outputs_, 1, 10);
  merged_.broken = true;
  EXPECT_EQ(Give(kB, outputs_[0]), Outcome::kFailure);
  EXPECT_EQ(deduplicator_->error(), "the merged log cannot be read");
  EXPECT_EQ(deduplicator_->wanted(kB), 1u);
  merged_.broken = false;
  EXPECT_EQ(Give(kB, outputs_[0]), Outcome::kConfirmed);
}

TEST_F(DeduplicatorTest, AfterARestartAgreesOnNothingUntilBothHaveProvenTheirPast) {
  for (std::uint64_t n = 1; n <= outputs_.size(); ++n) {
    SCOPED_TRACE(n);
    Restart(outputs_, n);
    EXPECT_EQ(deduplicator_->wanted(kA), n);
    EXPECT_EQ(deduplicator_->wanted(kB), n);
    EXPECT_EQ(agreed(), 0u);
    EXPECT_EQ(Give(kA, outputs_[n - 1]), Outcome::kConfirmed);
    EXPECT_EQ(agreed(), 0u) << "B has proven nothing yet";
    EXPECT_EQ(Give(kB, outputs_[n - 1]), Outcome::kConfirmed);
    EXPECT_EQ(agreed(), n);
    EXPECT_EQ(published(), n);
  }
}

TEST_F(DeduplicatorTest, AfterARestartGoesOnWithTheNextMessageOfWhoeverIsFirst) {
  Restart(outputs_, 4);
  EXPECT_EQ(Give(kB, outputs_, 4, 6),
            (std::vector<Outcome>{Outcome::kConfirmed, Outcome::kPublish, Outcome::kPublish}));
  EXPECT_EQ(Give(kA, outputs_, 4, 7),
            (std::vector<Outcome>{Outcome::kConfirmed, Outcome::kConfirmed, Outcome::kConfirmed,
                                  Outcome::kPublish}));
  EXPECT_EQ(agreed(), 6u);
  EXPECT_EQ(merged_.messages, (std::vector<Bytes>{outputs_.begin(), outputs_.begin() + 7}));
}

TEST_F(DeduplicatorTest, AfterARestartFindsAnEngineWhosePastDiffers) {
  const std::vector<Bytes> lie = Outputs({"Xb", "cde", "f", "gh", "ij"});
  Restart(outputs_, 4);
  EXPECT_EQ(Give(kB, lie[3]), Outcome::kDivergence);
  EXPECT_EQ(deduplicator_->divergence()->number, 4u);
  EXPECT_EQ(deduplicator_->divergence()->engine, kB);
  EXPECT_TRUE(deduplicator_->divergence()->broken_chain);
  EXPECT_EQ(agreed(), 0u);
}

using DeduplicatorDeathTest = DeduplicatorTest;

TEST_F(DeduplicatorDeathTest, TakesNoPositionsThatDoNotFollowEachOther) {
  EXPECT_DEATH(Deduplicator(proto::Session("TEST"), PositionAt(outputs_, 2),
                            PositionAt(outputs_, 4), merged_),
               "message 2 is not the one before 4");
  EXPECT_DEATH(Deduplicator(proto::Session("TEST"), {}, {}, merged_, 0), "a ring of no digests");
}

}  // namespace
}  // namespace tandem::engine
