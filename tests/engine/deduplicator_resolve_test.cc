// SPDX-License-Identifier: Apache-2.0
//
// From a divergence to a pair again: whose copy counts, the fence, and who is let in again.
#include "tests/engine/deduplicator_fixture.h"
#include "tests/support/liar.h"

namespace tandem::engine {
namespace {

using test::Lie;
using Outcomes = std::vector<Outcome>;

class Resolving : public DeduplicatorTest, public testing::WithParamInterface<DedupPolicy> {
 protected:
  /// A says `of_a` first, up to the end; B says `of_b` until it differs, at `lie_at_`.
  void Differ(const std::vector<Bytes>& of_a, const std::vector<Bytes>& of_b) {
    Restart(outputs_, 0, {.policy = GetParam(), .ring_size = 2});
    Give(kA, of_a, 1, 8);
    Give(kB, of_b, 1, lie_at_);
    ASSERT_TRUE(deduplicator_->divergence().has_value());
    ASSERT_EQ(divergence().number, lie_at_);
  }
  /// The merged log as the caller has to leave it.
  void Cut() { merged_.messages.resize(published()); }
  bool agree() const { return GetParam() == DedupPolicy::kAgree; }
  void GiveAll(std::size_t engine, const std::vector<Bytes>& outputs, std::uint64_t to) {
    Give(engine, outputs, deduplicator_->wanted(engine), to);
  }

  const std::uint64_t lie_at_ = 4;
  const std::vector<Bytes> lying_ = test::TellLie(Lie::kFieldFlipped, 4, outputs_);
};

TEST_P(Resolving, KeepsTheEngineWhoseCopiesWereFirstAndLosesNothing) {
  Differ(outputs_, lying_);
  const std::uint64_t before = published();
  EXPECT_EQ(before, agree() ? 3u : 8u);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  EXPECT_EQ(published(), before);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
  EXPECT_TRUE(deduplicator_->fenced(kB));
  EXPECT_FALSE(deduplicator_->fenced(kA));
  GiveAll(kA, outputs_, 10);
  EXPECT_EQ(merged_.messages, outputs_);
  EXPECT_EQ(agreed(), 3u);
}

TEST_P(Resolving, KeepsTheOtherEngineAndTakesBackWhatNobodyConfirmed) {
  Differ(lying_, outputs_);
  ASSERT_TRUE(deduplicator_->Resolve(kB).ok());
  EXPECT_EQ(published(), 3u);
  Cut();
  EXPECT_EQ(deduplicator_->wanted(kB), 4u);
  EXPECT_TRUE(deduplicator_->fenced(kA));
  GiveAll(kB, outputs_, 10);
  EXPECT_EQ(merged_.messages, outputs_);
}

TEST_P(Resolving, LetsNothingOutOfTheFencedEngine) {
  Differ(outputs_, lying_);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  EXPECT_EQ(deduplicator_->wanted(kB), 4u);
  if (agree()) {
    EXPECT_EQ(Give(kB, lying_[3]), Outcome::kTooEarly);
  }
  GiveAll(kA, outputs_, 8);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Give(kB, lying_[3]), Outcome::kFenced);
  EXPECT_EQ(Stand(kB, lying_, 100, 3), Outcome::kRepeated);
  EXPECT_EQ(published(), 8u);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
  EXPECT_EQ(Give(kA, outputs_[8]), Outcome::kPublish);
}

TEST_P(Resolving, LetsItInAgainOnceItHasProvenEqual) {
  Differ(outputs_, lying_);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  GiveAll(kA, outputs_, 8);
  std::uint64_t n = 4;
  // Under policy first eight were published when it was fenced; under agree three.
  for (; n < (agree() ? 4u : 8u); ++n) {
    EXPECT_EQ(Give(kB, outputs_[n - 1]), Outcome::kConfirmed);
    EXPECT_TRUE(deduplicator_->fenced(kB)) << n;
  }
  EXPECT_EQ(Give(kB, outputs_[n - 1]), Outcome::kReadmitted);
  EXPECT_FALSE(deduplicator_->fenced(kB));
  GiveAll(kB, outputs_, 8);
  EXPECT_EQ(agreed(), 8u);
  EXPECT_EQ(deduplicator_->alone(), std::nullopt);
  EXPECT_EQ(Give(kB, outputs_[8]), agree() ? Outcome::kHeld : Outcome::kPublish);
  EXPECT_EQ(Give(kA, outputs_[8]), agree() ? Outcome::kPublish : Outcome::kConfirmed);
}

TEST_P(Resolving, KeepsTheFenceUpWhenARebuiltEngineDiffersLater) {
  Differ(outputs_, lying_);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  GiveAll(kA, outputs_, 10);
  const std::vector<Bytes> rebuilt = test::TellLie(Lie::kFieldFlipped, agree() ? 4 : 7, outputs_);
  Outcome last = Outcome::kConfirmed;
  for (std::uint64_t n = 4; last == Outcome::kConfirmed; ++n) last = Give(kB, rebuilt[n - 1]);
  EXPECT_EQ(last, Outcome::kFenced);
  EXPECT_TRUE(deduplicator_->fenced(kB));
  EXPECT_FALSE(deduplicator_->divergence().has_value());
}

TEST_P(Resolving, IsWhereItWasAfterARestart) {
  const std::uint64_t merged = agree() ? 3 : 8;
  Restart(outputs_, merged, {.policy = GetParam()});
  deduplicator_->Halt({.number = 4, .engine = kB});
  EXPECT_EQ(Give(kA, outputs_[deduplicator_->wanted(kA) - 1]), Outcome::kDivergence);
  EXPECT_EQ(published(), merged);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  EXPECT_EQ(deduplicator_->wanted(kB), 4u);

  Restart(outputs_, merged, {.policy = GetParam()});
  ASSERT_TRUE(deduplicator_->Fence(kB, 4).ok());
  EXPECT_TRUE(deduplicator_->fenced(kB));
  EXPECT_EQ(deduplicator_->wanted(kB), 4u);
  GiveAll(kA, outputs_, 10);
  EXPECT_EQ(Give(kB, lying_[3]), Outcome::kFenced);
  Outcome last = Outcome::kConfirmed;
  for (std::uint64_t n = 4; last == Outcome::kConfirmed; ++n) last = Give(kB, outputs_[n - 1]);
  EXPECT_EQ(last, Outcome::kReadmitted);
  GiveAll(kB, outputs_, 10);
  EXPECT_EQ(agreed(), 10u);
}

TEST_P(Resolving, TakesBackAfterARestartToo) {
  Restart(lying_, 8, {.policy = GetParam()});
  deduplicator_->Halt({.number = 4, .engine = kB});
  ASSERT_TRUE(deduplicator_->Resolve(kB).ok());
  EXPECT_EQ(published(), 3u);
  Cut();
  GiveAll(kB, outputs_, 10);
  EXPECT_EQ(merged_.messages, outputs_);
  EXPECT_EQ(Give(kA, lying_[3]), Outcome::kFenced);
}

TEST_P(Resolving, DoesNotTakeBackFromNobodyKnowsWhere) {
  Restart(outputs_, 8, {.policy = GetParam()});
  deduplicator_->Halt({.number = 8, .engine = kB, .is_first = false});
  const Status status = deduplicator_->Resolve(kB);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ExitCode::kBadInput);
  EXPECT_NE(status.error().text.find("at output 8 or before it"), std::string::npos);
  EXPECT_TRUE(deduplicator_->divergence().has_value());
  EXPECT_TRUE(deduplicator_->Resolve(kA).ok());
}

TEST_P(Resolving, OfAnOutputThatOneEngineOmitted) {
  const std::vector<Bytes> silent(outputs_.begin(), outputs_.begin() + 3);
  Restart(outputs_, 0, {.policy = GetParam()});
  Give(kA, outputs_, 1, 5);
  Give(kB, silent, 1, 3);
  ASSERT_EQ(Stand(kB, silent, 2, 3), Outcome::kDivergence);
  ASSERT_TRUE(deduplicator_->Resolve(kA).ok());
  GiveAll(kA, outputs_, 10);
  GiveAll(kB, outputs_, 10);
  EXPECT_EQ(merged_.messages, outputs_);
  EXPECT_EQ(agreed(), 10u);
}

INSTANTIATE_TEST_SUITE_P(Deduplicator, Resolving,
                         testing::Values(DedupPolicy::kFirst, DedupPolicy::kAgree),
                         [](const auto& info) {
                           return info.param == DedupPolicy::kFirst ? "First" : "Agree";
                         });

}  // namespace
}  // namespace tandem::engine
