// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_answer_limit.h"

#include <gtest/gtest.h>

namespace tandem::engine {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(MoldAnswerLimit, BoundsEachSourceAndAllTogether) {
  MoldAnswerLimit limit;
  std::int64_t allowed = 0;
  for (std::int64_t ns = 0; ns < 1'000 * kMs; ns += 10'000) allowed += limit.AllowAnswer(1, ns);
  EXPECT_GE(allowed, MoldAnswerLimit::kPerSource);
  EXPECT_LE(allowed, MoldAnswerLimit::kPerSource * 11 / 10 + 1);
  allowed = 0;
  const std::int64_t later = 10'000 * kMs;
  for (std::int64_t ns = later; ns < later + 1'000 * kMs; ns += 10'000) {
    allowed += limit.AllowAnswer(static_cast<std::uint32_t>(ns / 10'000 % 50), ns);
  }
  EXPECT_GE(allowed, MoldAnswerLimit::kInAll);
  EXPECT_LE(allowed, MoldAnswerLimit::kInAll * 11 / 10 + 1);
}

TEST(MoldAnswerLimit, KnowsABoundedNumberOfSources) {
  MoldAnswerLimit limit;
  for (std::uint32_t source = 0; source < 100'000; ++source) {
    (void)limit.AllowAnswer(source, 1'000 * kMs);
  }
  EXPECT_EQ(limit.sources(), MoldAnswerLimit::kSourcesMax);
  EXPECT_FALSE(limit.AllowAnswer(200'000, 1'000 * kMs));
  EXPECT_TRUE(limit.AllowAnswer(200'000, 2'000 * kMs));
  EXPECT_EQ(limit.sources(), 1u);
}

}  // namespace
}  // namespace tandem::engine
