// SPDX-License-Identifier: Apache-2.0
//
// Policy agree, and engines that say nothing.
#include "engine/held_messages.h"
#include "tests/engine/deduplicator_fixture.h"

namespace tandem::engine {
namespace {

using Outcomes = std::vector<Outcome>;

constexpr std::int64_t kSecond = 1'000'000'000;

class DeduplicatorAgrees : public DeduplicatorTest {
 protected:
  void SetUp() override { Begin({}); }
  void Begin(DeduplicatorOptions options, std::uint64_t published = 0) {
    options.policy = DedupPolicy::kAgree;
    Restart(outputs_, published, options);
  }
  std::vector<Bytes> First(std::size_t count) const {
    return {outputs_.begin(), outputs_.begin() + static_cast<std::ptrdiff_t>(count)};
  }
};

TEST_F(DeduplicatorAgrees, OnNothingThatOnlyOneEngineSays) {
  EXPECT_EQ(Give(kA, outputs_, 1, 3), (Outcomes{Outcome::kHeld, Outcome::kHeld, Outcome::kHeld}));
  EXPECT_EQ(published(), 0u);
  EXPECT_EQ(deduplicator_->held(), 3u);
  EXPECT_EQ(deduplicator_->wanted(kA), 4u);
  EXPECT_EQ(Give(kB, outputs_, 1, 2), (Outcomes{Outcome::kPublish, Outcome::kPublish}));
  EXPECT_EQ(published(), 2u);
  EXPECT_EQ(agreed(), 2u);
  EXPECT_EQ(merged_.messages, First(2));
  EXPECT_EQ(deduplicator_->wins(kA), 2u);
  EXPECT_EQ(deduplicator_->wins(kB), 0u);
}

TEST_F(DeduplicatorAgrees, OnTheSameStreamHoweverTheEnginesRace) {
  Random random(20260402);
  for (int run = 0; run < 200; ++run) {
    Begin({.ring_size = 1 + random.Below(4), .held_bytes = 300 + random.Below(300)});
    for (int steps = 0; agreed() < outputs_.size(); ++steps) {
      ASSERT_LT(steps, 1000) << "it does not get on";
      const std::size_t engine = random.Below(2);
      const std::uint64_t wanted = deduplicator_->wanted(engine);
      if (wanted > outputs_.size()) continue;
      const Outcome outcome = Give(engine, outputs_[wanted - 1]);
      if (!deduplicator_->has_room(engine)) continue;
      ASSERT_TRUE(outcome == Outcome::kPublish || outcome == Outcome::kHeld ||
                  outcome == Outcome::kFull);
    }
    ASSERT_EQ(merged_.messages, outputs_);
  }
}

TEST_F(DeduplicatorAgrees, ToHoldOnlySoMuchAndToGoOnWhenThereIsRoom) {
  constexpr std::size_t kOne = sizeof(proto::Header) + 1 + 4;
  Begin({.held_bytes = 3 * kOne});
  EXPECT_TRUE(deduplicator_->has_room(kA));
  EXPECT_EQ(Give(kA, outputs_, 1, 4),
            (Outcomes{Outcome::kHeld, Outcome::kHeld, Outcome::kHeld, Outcome::kFull}));
  EXPECT_FALSE(deduplicator_->has_room(kA));
  EXPECT_TRUE(deduplicator_->has_room(kB));
  EXPECT_EQ(deduplicator_->wanted(kA), 4u);
  EXPECT_EQ(Give(kB, outputs_, 1, 2), (Outcomes{Outcome::kPublish, Outcome::kPublish}));
  EXPECT_TRUE(deduplicator_->has_room(kA));
  EXPECT_EQ(Give(kA, outputs_, 4, 5), (Outcomes{Outcome::kHeld, Outcome::kHeld}));
  EXPECT_EQ(Give(kB, outputs_, 3, 5),
            (Outcomes{Outcome::kPublish, Outcome::kPublish, Outcome::kPublish}));
  EXPECT_EQ(merged_.messages, First(5));
}

TEST_F(DeduplicatorAgrees, ToPublishNeitherCopyWhereTheyDiffer) {
  const std::vector<Bytes> lie = Outputs({"aX"});
  Give(kA, outputs_, 1, 3);
  EXPECT_EQ(Give(kB, lie, 1, 2), (Outcomes{Outcome::kPublish, Outcome::kDivergence}));
  EXPECT_EQ(merged_.messages, First(1));
  EXPECT_EQ(divergence().number, 2u);
  EXPECT_EQ(divergence().engine, kB);
  EXPECT_EQ(divergence().message, lie[1]);
  EXPECT_EQ(divergence().held, outputs_[1]);
}

TEST_F(DeduplicatorAgrees, ToWaitForEverUnlessToldOtherwise) {
  Give(kA, outputs_, 1, 3);
  for (int hour = 0; hour < 1000; ++hour)
    EXPECT_FALSE(deduplicator_->OnTime(3600 * hour * kSecond));
  EXPECT_EQ(deduplicator_->TakeHeld(), std::nullopt);
  EXPECT_EQ(published(), 0u);
}

TEST_F(DeduplicatorAgrees, ToGoOnAloneAfterTheTimeSetAndTogetherAgainAfterThat) {
  Begin({.ring_size = 4, .alone_after_ns = 5 * kSecond});
  EXPECT_FALSE(deduplicator_->OnTime(0));
  EXPECT_FALSE(deduplicator_->OnTime(100 * kSecond)) << "nothing waits";
  Give(kA, outputs_, 1, 2);
  EXPECT_FALSE(deduplicator_->OnTime(101 * kSecond));
  EXPECT_FALSE(deduplicator_->OnTime(106 * kSecond - 1));
  EXPECT_EQ(deduplicator_->alone(), std::nullopt);
  EXPECT_TRUE(deduplicator_->OnTime(106 * kSecond));
  EXPECT_EQ(deduplicator_->alone(), kA);
  Release();
  EXPECT_EQ(merged_.messages, First(2));
  EXPECT_EQ(Give(kA, outputs_, 3, 6), Outcomes(4, Outcome::kPublish));
  EXPECT_EQ(published(), 6u);
  EXPECT_EQ(agreed(), 0u);
  // Near is half a ring.
  EXPECT_EQ(Give(kB, outputs_, 1, 3), Outcomes(3, Outcome::kConfirmed));
  EXPECT_EQ(deduplicator_->alone(), kA);
  EXPECT_EQ(Give(kB, outputs_[3]), Outcome::kConfirmed);
  EXPECT_EQ(deduplicator_->alone(), std::nullopt);
  EXPECT_EQ(Give(kA, outputs_[6]), Outcome::kHeld);
  EXPECT_EQ(Give(kB, outputs_, 5, 7),
            (Outcomes{Outcome::kConfirmed, Outcome::kConfirmed, Outcome::kPublish}));
  EXPECT_EQ(agreed(), 7u);
  EXPECT_EQ(merged_.messages, First(7));
}

TEST_F(DeduplicatorAgrees, ThatTimeBeginsAnewWithEveryMessageThatGoesOut) {
  Begin({.alone_after_ns = 5 * kSecond});
  Give(kA, outputs_, 1, 5);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    EXPECT_FALSE(deduplicator_->OnTime(static_cast<std::int64_t>(n) * 4 * kSecond)) << n;
    EXPECT_EQ(Give(kB, outputs_[n - 1]), Outcome::kPublish);
  }
}

TEST_F(DeduplicatorAgrees, ToFindADifferenceBehindWhatWentOutAlone) {
  Begin({.alone_after_ns = kSecond});
  Give(kA, outputs_, 1, 2);
  deduplicator_->OnTime(0);
  ASSERT_TRUE(deduplicator_->OnTime(kSecond));
  Release();
  EXPECT_EQ(Give(kB, Outputs({"aX"}), 1, 2), (Outcomes{Outcome::kConfirmed, Outcome::kDivergence}));
  EXPECT_EQ(divergence().number, 2u);
  EXPECT_FALSE(deduplicator_->OnTime(100 * kSecond));
}

TEST_F(DeduplicatorAgrees, AfterARestartOnWhatBothProve) {
  for (std::uint64_t n = 0; n < outputs_.size(); ++n) {
    SCOPED_TRACE(n);
    Begin({}, n);
    EXPECT_EQ(agreed(), 0u);
    const std::uint64_t from = deduplicator_->wanted(kA);
    EXPECT_EQ(from, std::max<std::uint64_t>(n, 1));
    Give(kA, outputs_, from, outputs_.size());
    EXPECT_EQ(published(), n);
    Give(kB, outputs_, from, outputs_.size());
    EXPECT_EQ(agreed(), outputs_.size());
    EXPECT_EQ(merged_.messages, outputs_);
  }
}

/// An engine that stands after an input without the outputs that the other one gave for it.
class SilentEngines : public DeduplicatorTest {};

TEST_F(SilentEngines, AreNamedByTheFirstOutputThatTheyDidNotGive) {
  for (const DedupPolicy policy : {DedupPolicy::kFirst, DedupPolicy::kAgree}) {
    for (std::uint64_t has = 0; has < outputs_.size(); ++has) {
      SCOPED_TRACE(has);
      Restart(outputs_, 0, {.policy = policy});
      Give(kA, outputs_, 1, outputs_.size());
      Give(kB, outputs_, 1, has);
      const std::uint64_t input = View(outputs_[has]).header.origin;
      // Before that input nothing follows; nor is A to blame, which has given all.
      EXPECT_EQ(Stand(kB, outputs_, input - 1, has), Outcome::kRepeated);
      EXPECT_EQ(Stand(kA, outputs_, 100, outputs_.size()), Outcome::kRepeated);
      EXPECT_EQ(Stand(kB, outputs_, input, has), Outcome::kDivergence);
      EXPECT_EQ(divergence().number, has + 1);
      EXPECT_EQ(divergence().engine, kB);
      EXPECT_TRUE(divergence().is_omitted);
      EXPECT_TRUE(divergence().is_first);
      EXPECT_EQ(divergence().stands_after, input);
      EXPECT_EQ(divergence().message, Bytes{});
      EXPECT_EQ(divergence().held, policy == DedupPolicy::kAgree ? outputs_[has] : Bytes{});
    }
  }
}

TEST_F(SilentEngines, AreNotWhatIsStillOnItsWay) {
  Give(kA, outputs_, 1, 10);
  Give(kB, outputs_, 1, 2);
  EXPECT_EQ(Stand(kB, outputs_, 5, 10), Outcome::kRepeated);
  EXPECT_EQ(Give(kB, outputs_, 3, 10), Outcomes(8, Outcome::kConfirmed));
  EXPECT_EQ(Stand(kB, outputs_, 5, 10), Outcome::kRepeated);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
}

TEST_F(SilentEngines, AreNotTheOnesThatComputeAgain) {
  Restart(outputs_, 0, {.ring_size = 2});
  Give(kA, outputs_, 1, 10);
  Give(kB, outputs_, 1, 10);
  const std::uint64_t inputs_of[] = {0, 1, 1, 2, 2, 2, 3, 4, 4, 5};
  for (std::uint64_t has = 0; has < 10; ++has) {
    for (std::uint64_t input = 0; input <= inputs_of[has]; ++input) {
      // An input whose outputs are not complete is not stepped yet.
      if (has > 0 && !View(outputs_[has - 1]).header.last()) continue;
      EXPECT_EQ(Stand(kB, outputs_, input, has), Outcome::kRepeated) << has << " " << input;
    }
  }
}

TEST_F(SilentEngines, AreFoundBehindTheRing) {
  Restart(outputs_, 0, {.ring_size = 2});
  Give(kA, outputs_, 1, 10);
  Give(kB, outputs_, 1, 3);
  // Twice the same: it does not just compute again what it lost. The log is asked only once.
  EXPECT_EQ(Stand(kB, outputs_, 1, 3), Outcome::kRepeated);
  EXPECT_EQ(Stand(kB, outputs_, 1, 3), Outcome::kRepeated);
  const std::size_t asked = merged_.asked.size();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Stand(kB, outputs_, 1, 3), Outcome::kRepeated);
  EXPECT_EQ(merged_.asked.size(), asked);
  EXPECT_EQ(Stand(kB, outputs_, 2, 3), Outcome::kDivergence);
  EXPECT_EQ(divergence().number, 4u);
}

TEST_F(SilentEngines, ProveTheirPastAfterARestartByTheirDigest) {
  Restart(outputs_, 6);
  EXPECT_EQ(Give(kA, outputs_[5]), Outcome::kConfirmed);
  EXPECT_EQ(agreed(), 0u);
  EXPECT_EQ(Stand(kB, outputs_, 2, 5), Outcome::kRepeated);
  EXPECT_EQ(agreed(), 5u);
  EXPECT_EQ(Stand(kB, outputs_, 3, 5), Outcome::kDivergence);
  EXPECT_EQ(divergence().number, 6u);
}

TEST(HeldMessages, ComeOutAsTheyWentInWhateverTheirSizes) {
  Random random(20260403);
  for (int run = 0; run < 50; ++run) {
    HeldMessages held(64 + random.Below(400));
    std::vector<Bytes> in;
    std::vector<Bytes> out;
    std::size_t bytes = 0;
    for (int step = 0; step < 2000; ++step) {
      if (random.Below(2) == 0) {
        const Bytes message(1 + random.Below(60), static_cast<std::byte>(step));
        const std::size_t before = held.free();
        if (held.Push(message)) {
          in.push_back(message);
          bytes += message.size() + 4;
        } else {
          ASSERT_EQ(held.free(), before);
          ASSERT_LT(before, 2 * (message.size() + 4) + 60) << "there was room";
        }
      } else if (!held.empty()) {
        out.emplace_back(held.front().begin(), held.front().end());
        bytes -= out.back().size() + 4;
        held.Pop();
      }
      ASSERT_LE(held.free(), held.capacity() - bytes);
      ASSERT_EQ(held.count(), in.size() - out.size());
    }
    for (; !held.empty(); held.Pop()) out.emplace_back(held.front().begin(), held.front().end());
    ASSERT_EQ(out, in);
    ASSERT_EQ(held.free(), held.capacity());
  }
}

}  // namespace
}  // namespace tandem::engine
