// SPDX-License-Identifier: Apache-2.0
#include "engine/sequenced_clock.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/transport/token_bucket.h"

namespace tandem::engine {
namespace {

using Event = SequencedClock::Event;
constexpr std::int64_t kS = 1'000'000'000;

TEST(SequencedClock, FollowsTheWallClock) {
  SequencedClock clock(10 * kS);
  EXPECT_EQ(clock.Now(1000 * kS, 5 * kS), 1000 * kS);
  EXPECT_EQ(clock.Now(1001 * kS, 6 * kS), 1001 * kS);
  EXPECT_EQ(clock.Now(1011 * kS, 6 * kS), 1011 * kS) << "ten seconds ahead, and no more";
  EXPECT_EQ(clock.Now(1001 * kS, 6 * kS), 1001 * kS) << "and ten seconds back";
  EXPECT_EQ(clock.event(), Event::kNone);
}

TEST(SequencedClock, RefusesAJumpAheadAndGoesOnWithTheOtherClock) {
  SequencedClock clock(10 * kS);
  (void)clock.Now(1000 * kS, 5 * kS);
  EXPECT_EQ(clock.Now(1010 * kS + 1, 5 * kS), 1000 * kS);
  EXPECT_EQ(clock.event(), Event::kJumpRefused);
  EXPECT_EQ(clock.offset_ns(), 10 * kS + 1);
  EXPECT_EQ(clock.Now(5000 * kS, 7 * kS), 1002 * kS);
  EXPECT_EQ(clock.event(), Event::kNone) << "it is told once";
  EXPECT_EQ(clock.offset_ns(), 3998 * kS);
  EXPECT_EQ(clock.Now(1003 * kS, 8 * kS), 1003 * kS);
  EXPECT_EQ(clock.event(), Event::kJumpEnded);
  EXPECT_EQ(clock.offset_ns(), 0);
  EXPECT_EQ(clock.Now(9000 * kS, 8 * kS), 1003 * kS);
  EXPECT_EQ(clock.event(), Event::kJumpRefused) << "the next one is told again";
}

TEST(SequencedClock, RefusesAJumpBackAndGoesOnWithTheOtherClock) {
  SequencedClock clock(10 * kS);
  (void)clock.Now(1000 * kS, 5 * kS);
  EXPECT_EQ(clock.Now(900 * kS, 6 * kS), 1001 * kS);
  EXPECT_EQ(clock.event(), Event::kJumpRefused);
  EXPECT_EQ(clock.offset_ns(), -101 * kS);
  // Corrected: without the refusal this would have been a jump ahead.
  EXPECT_EQ(clock.Now(1002 * kS, 7 * kS), 1002 * kS);
  EXPECT_EQ(clock.event(), Event::kJumpEnded);
}

TEST(SequencedClock, TakesASleepForWhatItIs) {
  SequencedClock clock(10 * kS);
  (void)clock.Now(1000 * kS, 5 * kS);
  EXPECT_EQ(clock.Now(9000 * kS, 8005 * kS), 9000 * kS);
  EXPECT_EQ(clock.event(), Event::kNone);
}

TEST(SequencedClock, WithoutALimitFollowsAnything) {
  SequencedClock clock(0);
  (void)clock.Now(1000 * kS, 5 * kS);
  EXPECT_EQ(clock.Now(900'000 * kS, 5 * kS), 900'000 * kS);
  EXPECT_EQ(clock.Now(1 * kS, 5 * kS), 1 * kS);
  EXPECT_EQ(clock.event(), Event::kNone);
}

TEST(SequencedClock, IsNotMisledByASteadyClockThatSeemsToGoBack) {
  SequencedClock clock(10 * kS);
  (void)clock.Now(1000 * kS, 5 * kS);
  EXPECT_EQ(clock.Now(1000 * kS, 4 * kS), 1000 * kS);
  EXPECT_EQ(clock.Now(1001 * kS, 6 * kS), 1001 * kS);
  EXPECT_EQ(clock.event(), Event::kNone);
}

class TokenBucketTest : public testing::Test {
 protected:
  TokenBucket::Clock::time_point At(int ms) const { return start_ + std::chrono::milliseconds(ms); }
  int TakeAll(TokenBucket& bucket, int ms) const {
    int taken = 0;
    while (bucket.Take(At(ms))) ++taken;
    return taken;
  }
  TokenBucket::Clock::time_point start_{std::chrono::seconds(1000)};
};

TEST_F(TokenBucketTest, GivesABurstThenItsRateAndNeverMore) {
  TokenBucket bucket(10, 10, At(0));
  EXPECT_EQ(TakeAll(bucket, 0), 10);
  EXPECT_EQ(TakeAll(bucket, 99), 0);
  EXPECT_EQ(TakeAll(bucket, 100), 1);
  EXPECT_EQ(TakeAll(bucket, 450), 3);
  EXPECT_EQ(TakeAll(bucket, 400), 0) << "time that goes back gives nothing";
  EXPECT_EQ(TakeAll(bucket, 100'000), 10) << "what is not taken is lost beyond the burst";
}

TEST_F(TokenBucketTest, SaysHowLongToWait) {
  TokenBucket bucket(10, 1, At(0));
  EXPECT_TRUE(bucket.full(At(0)));
  EXPECT_TRUE(bucket.Take(At(0)));
  EXPECT_FALSE(bucket.HasOne(At(0)));
  const auto wait = bucket.WaitFrom(At(0));
  EXPECT_TRUE(bucket.HasOne(At(0) + wait));
  EXPECT_LE(wait, std::chrono::milliseconds(101));
}

TEST_F(TokenBucketTest, OfASmallRateStillGivesOneAtATime) {
  TokenBucket bucket(0.5, 0.5, At(0));
  EXPECT_EQ(TakeAll(bucket, 0), 1);
  EXPECT_EQ(TakeAll(bucket, 1900), 0);
  EXPECT_EQ(TakeAll(bucket, 2001), 1);
}

}  // namespace
}  // namespace tandem::engine
