// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/backoff.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace tandem::engine {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsLimitAndStaysThere) {
  std::vector<std::int64_t> waits;
  milliseconds backoff{20};
  for (int attempt = 0; attempt < 10; ++attempt) {
    waits.push_back(backoff.count());
    backoff = NextBackoff(backoff, milliseconds(2000));
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{20, 40, 80, 160, 320, 640, 1280, 2000, 2000, 2000}));
}

TEST(Backoff, WaitsFromHalfOfItToAllOfItAndEverythingBetween) {
  std::mt19937_64 random(7);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(Jittered(milliseconds(20), random()).count());
  EXPECT_EQ(seen, (std::set<std::int64_t>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}));
}

TEST(Backoff, OfNothingIsNothing) { EXPECT_EQ(Jittered(milliseconds(0), 5).count(), 0); }

}  // namespace
}  // namespace tandem::engine
