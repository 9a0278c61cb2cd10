// SPDX-License-Identifier: Apache-2.0
#include "pools/sbrk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "pools/step_scope.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

TEST(Sbrk, RoundsEveryRequestUpToWholePages) {
  EXPECT_EQ(Sbrk::RealSize(0), 4096u);
  EXPECT_EQ(Sbrk::RealSize(1), 4096u);
  EXPECT_EQ(Sbrk::RealSize(4096), 4096u);
  EXPECT_EQ(Sbrk::RealSize(4097), 8192u);
  EXPECT_EQ(Sbrk::RealSize(5 * kGiB + 1), 5 * kGiB + 4096);
}

TEST(Sbrk, HandsOutZeroedPagesFromTheBottomUp) {
  auto zone = MapZone();
  auto* first = static_cast<char*>(zone->sbrk().AllocMem(1));
  auto* second = static_cast<char*>(zone->sbrk().AllocMem(8192));
  auto* third = static_cast<char*>(zone->sbrk().AllocMem(100));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first), zone->address() + 2 * kMiB);
  EXPECT_EQ(second, first + 4096);
  EXPECT_EQ(third, second + 8192);
  EXPECT_TRUE(std::all_of(first, first + 4 * 4096, [](char byte) { return byte == 0; }));
  EXPECT_EQ(zone->sbrk().N(), 3u);
  EXPECT_EQ(zone->used_bytes(), 4u * 4096);
}

TEST(Sbrk, ServesExactlyTheReserveAndNotOnePageMore) {
  auto zone = MapZone(4 * kMiB);
  EXPECT_EQ(zone->sbrk().AllocMem(2 * kMiB + 1), nullptr);
  void* all = zone->sbrk().AllocMem(2 * kMiB);
  ASSERT_NE(all, nullptr);
  std::memset(all, 1, 2 * kMiB);
  EXPECT_EQ(zone->sbrk().AllocMem(1), nullptr);
  zone->sbrk().FreeMem(all, 2 * kMiB);
  EXPECT_EQ(zone->sbrk().AllocMem(2 * kMiB), all);
}

TEST(Sbrk, RefusesSizesThatOverflow) {
  auto zone = MapZone();
  for (const std::uint64_t size : {kNoLimit, kNoLimit - 1, kNoLimit - 4096, kNoLimit / 2}) {
    EXPECT_EQ(zone->sbrk().AllocMem(size), nullptr) << size;
  }
  EXPECT_EQ(zone->sbrk().N(), 0u);
}

TEST(Sbrk, ServesMoreThanFourGibibytesInOneRequestAndInSum) {
  if (tests::UnderValgrind()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(32 * kGiB);
  auto* large = static_cast<char*>(zone->sbrk().AllocMem(5 * kGiB));
  ASSERT_NE(large, nullptr);
  large[5 * kGiB - 1] = 1;
  auto* next = static_cast<char*>(zone->sbrk().AllocMem(5 * kGiB));
  EXPECT_EQ(next, large + 5 * kGiB);
  EXPECT_EQ(zone->used_bytes(), 10 * kGiB);
}

TEST(Sbrk, MergesFreeBlocksAndComesDownInWhateverOrderTheyAreFreed) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  for (int order = 0; order < 10; ++order) {
    std::vector<std::pair<void*, std::uint64_t>> blocks;
    for (std::uint64_t i = 1; i <= 20; ++i) {
      blocks.emplace_back(sbrk.AllocMem(i * 4096), i * 4096);
    }
    if (order == 1) {
      std::reverse(blocks.begin(), blocks.end());
    } else if (order > 1) {
      std::shuffle(blocks.begin(), blocks.end(), random);
    }
    for (const auto& [memory, size] : blocks) {
      sbrk.FreeMem(memory, size);
    }
    EXPECT_EQ(sbrk.N(), 0u);
    EXPECT_EQ(zone->used_bytes(), 0u);
  }
}

TEST(Sbrk, FillsAHoleBeforeItGrows) {
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  void* hole = sbrk.AllocMem(3 * 4096);
  (void)sbrk.AllocMem(4096);
  sbrk.FreeMem(hole, 3 * 4096);
  const std::uint64_t used = zone->used_bytes();
  auto* first = static_cast<char*>(sbrk.AllocMem(4096));
  auto* second = static_cast<char*>(sbrk.AllocMem(8192));
  EXPECT_EQ(std::min(first, second), static_cast<char*>(hole));
  EXPECT_EQ(zone->used_bytes(), used);
}

TEST(Sbrk, CountsBlocksPeakAndBytes) {
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  void* first = sbrk.AllocMem(1);
  void* second = sbrk.AllocMem(5000);
  sbrk.FreeMem(first, 1);
  const Figures figures = sbrk.GetFigures();
  EXPECT_EQ(figures.live, 1u);
  EXPECT_EQ(figures.live_peak, 2u);
  EXPECT_EQ(figures.live_bytes, 8192u);
  EXPECT_EQ(figures.taken_bytes, 3u * 4096);
  sbrk.FreeMem(second, 5000);
}

TEST(Sbrk, StopsAtItsLimitsAndNotBefore) {
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  ASSERT_TRUE(sbrk.SetLimit({.elements = 3, .bytes = 4 * 4096}).ok());
  void* first = sbrk.AllocMem(3 * 4096);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(sbrk.AllocMem(4097), nullptr);
  EXPECT_NE(sbrk.AllocMem(4096), nullptr);
  EXPECT_EQ(sbrk.AllocMem(1), nullptr);
  sbrk.FreeMem(first, 3 * 4096);
  EXPECT_NE(sbrk.AllocMem(1), nullptr);
  EXPECT_NE(sbrk.AllocMem(1), nullptr);
  EXPECT_EQ(sbrk.AllocMem(1), nullptr) << "three blocks are live";
}

TEST(Sbrk, RefusesALimitBelowWhatItHasHeld) {
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  void* first = sbrk.AllocMem(1);
  (void)sbrk.AllocMem(1);
  sbrk.FreeMem(first, 1);
  EXPECT_EQ(sbrk.SetLimit({.elements = 1}).error().text,
            "Pool sbrk cannot be limited to 1 elements: it has held 2; choose that or more.");
  EXPECT_EQ(sbrk.SetLimit({.bytes = 8191}).error().text,
            "Pool sbrk cannot be limited to 8191 bytes: it has held 8192; choose that or more.");
  EXPECT_EQ(sbrk.limit().elements, kNoLimit);
  EXPECT_TRUE(sbrk.SetLimit({.elements = 2, .bytes = 8192}).ok());
}

TEST(Sbrk, ReservesWhatItsRangeHasAndNotOnePageMore) {
  auto zone = MapZone(4 * kMiB);  // of which 2 MiB are the zone's own
  Sbrk& sbrk = zone->sbrk();
  for (const std::uint64_t bytes : {2 * kMiB + 1, 5 * kMiB, kNoLimit - 4096, kNoLimit}) {
    EXPECT_FALSE(sbrk.TryReserve(bytes)) << bytes;
  }
  EXPECT_TRUE(sbrk.TryReserve(2 * kMiB));
  EXPECT_NE(sbrk.AllocMem(4096), nullptr);
  EXPECT_FALSE(sbrk.TryReserve(2 * kMiB));
  EXPECT_TRUE(sbrk.TryReserve(2 * kMiB - 4096));
  EXPECT_EQ(sbrk.N(), 1u);
}

TEST(Sbrk, TakesItsLimitFromTheOptionsOfTheZone) {
  auto zone = Zone::Map({.reserve_bytes = 8 * kMiB, .limit_bytes = 8192});
  ASSERT_TRUE(zone.ok());
  EXPECT_NE((*zone)->sbrk().AllocMem(8192), nullptr);
  EXPECT_EQ((*zone)->sbrk().AllocMem(1), nullptr);
}

using SbrkDeathTest = ::testing::Test;

TEST(SbrkDeathTest, EndsTheProcessOnWhatWasFreedTwiceOrIsNotItsOwn) {
  auto zone = MapZone();
  Sbrk& sbrk = zone->sbrk();
  auto* first = static_cast<char*>(sbrk.AllocMem(8192));
  auto* second = static_cast<char*>(sbrk.AllocMem(4096));
  int local = 0;
  EXPECT_DEATH(sbrk.FreeMem(&local, 4096), "freed but not its own");
  EXPECT_DEATH(sbrk.FreeMem(first + 1, 4096), "freed but not its own");
  EXPECT_DEATH(sbrk.FreeMem(second, 8192), "freed but not its own");
  sbrk.FreeMem(first, 8192);
  EXPECT_DEATH(sbrk.FreeMem(first, 8192), "freed");
  EXPECT_DEATH(sbrk.FreeMem(first + 4096, 4096), "freed twice");
}

}  // namespace
}  // namespace tandem::pools
