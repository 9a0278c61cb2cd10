// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/deduplicator_fixture.h"

namespace tandem::engine {
namespace {

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
    Restart(outputs_, 0, {.ring_size = 1 + random.Below(4)});
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
  Restart(outputs_, 0, {.ring_size = 4});
  Give(kA, outputs_, 1, 10);  // the ring holds 7 to 10
  for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_EQ(Give(kB, outputs_[n - 1]), Outcome::kConfirmed);
  using Asked = std::vector<std::pair<std::size_t, std::uint64_t>>;
  EXPECT_EQ(merged_.asked, (Asked{{kB, 1}, {kB, 2}, {kB, 3}, {kB, 4}, {kB, 5}, {kB, 6}}));
  EXPECT_EQ(agreed(), 10u);
}

TEST_F(DeduplicatorTest, FindsALieBehindTheRing) {
  Restart(outputs_, 0, {.ring_size = 1});
  Give(kA, outputs_, 1, 10);
  const std::vector<Bytes> lie = Outputs({"ab", "Xde", "f", "gh", "ij"});
  EXPECT_EQ(Give(kB, lie, 1, 3),
            (std::vector<Outcome>{Outcome::kConfirmed, Outcome::kConfirmed, Outcome::kDivergence}));
  EXPECT_EQ(deduplicator_->divergence()->number, 3u);
}

TEST_F(DeduplicatorTest, SaysWhenTheMergedLogCannotBeReadAndKeepsItsPlace) {
  Restart(outputs_, 0, {.ring_size = 1});
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

using DeduplicatorDeathTest = DeduplicatorTest;

TEST_F(DeduplicatorDeathTest, TakesNoPositionsThatDoNotFollowEachOther) {
  EXPECT_DEATH(Deduplicator(proto::Session("TEST"), PositionAt(outputs_, 2),
                            PositionAt(outputs_, 4), merged_),
               "message 2 is not the one before 4");
  EXPECT_DEATH(Deduplicator(proto::Session("TEST"), {}, {}, merged_, {.ring_size = 0}),
               "a ring of no marks");
}

}  // namespace
}  // namespace tandem::engine
