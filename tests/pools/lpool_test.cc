// SPDX-License-Identifier: Apache-2.0
#include "pools/lpool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "pools/malloc_pool.h"
#include "pools/step_scope.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

TEST(Lpool, RoundsUpToAPowerOfTwoFromSixteenToATebibyte) {
  EXPECT_EQ(Lpool::RealSize(0), 16u);
  EXPECT_EQ(Lpool::RealSize(1), 16u);
  for (std::uint64_t size = 16; size <= kTiB; size *= 2) {
    EXPECT_EQ(Lpool::RealSize(size - 1), size);
    EXPECT_EQ(Lpool::RealSize(size), size);
    EXPECT_EQ(Lpool::RealSize(size + 1), size == kTiB ? kTiB + 1 : 2 * size);
  }
}

TEST(Lpool, AlignsABlockToItsSizeUpToAPage) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  for (std::uint64_t size = 1; size <= 8 * kMiB; size = size * 2 + (size % 3)) {
    void* memory = pool.AllocMem(size);
    ASSERT_NE(memory, nullptr) << size;
    EXPECT_TRUE(IsAligned(memory, std::min<std::uint64_t>(Lpool::RealSize(size), 4096))) << size;
  }
}

TEST(Lpool, TakesTwoMebibytesFromItsBaseAndSplitsThem) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  void* first = pool.AllocMem(16);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 2 * kMiB);
  EXPECT_EQ(pool.CountFree(16), 1u);
  for (std::uint64_t size = 32; size <= kMiB; size *= 2) {
    EXPECT_EQ(pool.CountFree(size), 1u) << size;
  }
  EXPECT_EQ(pool.CountFree(2 * kMiB), 0u);
  // All of it can be handed out: the halves from 32 bytes to 1 MiB and one more of 16.
  EXPECT_EQ(pool.AllocMem(16), static_cast<char*>(first) + 16);
  for (std::uint64_t size = 32; size <= kMiB; size *= 2) {
    EXPECT_EQ(pool.AllocMem(size), static_cast<char*>(first) + size);
  }
  EXPECT_EQ(pool.GetFigures().taken_bytes, 2 * kMiB);
  EXPECT_EQ(pool.GetFigures().live_bytes, 2 * kMiB);
}

TEST(Lpool, ServesMoreThanFourGibibytesInOneRequestAndInSum) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(64 * kGiB);
  Lpool pool("lpool", zone->sbrk());
  auto* large = static_cast<char*>(pool.AllocMem(5 * kGiB));
  ASSERT_NE(large, nullptr);
  large[5 * kGiB - 1] = 1;
  EXPECT_EQ(pool.GetFigures().live_bytes, 8 * kGiB);
  EXPECT_NE(pool.AllocMem(5 * kGiB), nullptr);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 16 * kGiB);
}

TEST(Lpool, ServesATebibyteAndNotAByteMore) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(kTiB + 4 * kMiB, 0x100000000000);
  Lpool pool("lpool", zone->sbrk());
  EXPECT_EQ(pool.AllocMem(kTiB + 1), nullptr);
  EXPECT_EQ(pool.AllocMem(kNoLimit), nullptr);
  void* all = pool.AllocMem(kTiB);
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(pool.AllocMem(kTiB), nullptr);
  pool.FreeMem(all, kTiB);
  EXPECT_EQ(pool.AllocMem(kTiB), all);
}

TEST(Lpool, GivesItsCapacityBackInWhateverOrderItIsDrained) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  std::uint64_t taken = 0;
  std::set<void*> known;
  for (int order = 0; order < 6; ++order) {
    std::vector<void*> blocks(5000);
    for (void*& block : blocks) {
      block = pool.AllocMem(1000);
      std::memset(block, order, 1000);
    }
    const std::set<void*> distinct(blocks.begin(), blocks.end());
    EXPECT_EQ(distinct.size(), blocks.size());
    if (order == 0) {
      taken = pool.GetFigures().taken_bytes;
      known = distinct;
    }
    EXPECT_EQ(distinct, known) << "the same blocks are used again";
    EXPECT_EQ(pool.GetFigures().taken_bytes, taken);
    if (order % 3 == 1) {
      std::reverse(blocks.begin(), blocks.end());
    } else if (order % 3 == 2) {
      std::shuffle(blocks.begin(), blocks.end(), random);
    }
    for (void* block : blocks) {
      pool.FreeMem(block, 1000);
    }
    EXPECT_EQ(pool.N(), 0u);
    EXPECT_EQ(pool.GetFigures().live_bytes, 0u);
  }
}

TEST(Lpool, ReallocMemDoesNothingWhileTheBlockHasTheSize) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  void* memory = pool.AllocMem(17);
  EXPECT_EQ(pool.ReallocMem(memory, 17, 32), memory);
  EXPECT_EQ(pool.ReallocMem(memory, 32, 18), memory);
  EXPECT_EQ(pool.N(), 1u);
}

TEST(Lpool, ReallocMemKeepsTheBytesThatBothSizesHave) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  auto* memory = static_cast<char*>(pool.AllocMem(32));
  std::memcpy(memory, "0123456789abcdef0123456789ABCDEF", 32);
  auto* larger = static_cast<char*>(pool.ReallocMem(memory, 32, 33));
  ASSERT_NE(larger, memory);
  EXPECT_EQ(std::string(larger, 32), "0123456789abcdef0123456789ABCDEF");
  auto* smaller = static_cast<char*>(pool.ReallocMem(larger, 33, 5));
  EXPECT_EQ(std::string(smaller, 5), "01234");
  EXPECT_EQ(pool.N(), 1u);
  EXPECT_EQ(pool.GetFigures().live_bytes, 16u);
}

TEST(Lpool, ReallocMemLeavesTheOldBlockUntouchedWhenItFails) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  auto* memory = static_cast<char*>(pool.AllocMem(2 * kMiB));
  memory[0] = 'x';
  ASSERT_TRUE(pool.SetLimit({.bytes = 2 * kMiB}).ok());
  EXPECT_EQ(pool.ReallocMem(memory, 2 * kMiB, 4 * kMiB), nullptr);
  EXPECT_EQ(pool.ReallocMem(memory, 2 * kMiB, kTiB + 1), nullptr);
  EXPECT_EQ(memory[0], 'x');
  EXPECT_EQ(pool.N(), 1u);
  pool.FreeMem(memory, 2 * kMiB);
}

TEST(Lpool, ReserveBuffersLeavesNothingToAskTheBaseFor) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  EXPECT_TRUE(pool.ReserveBuffers(0, 1000));
  EXPECT_EQ(pool.GetFigures().taken_bytes, 0u);
  EXPECT_TRUE(pool.ReserveBuffers(5000, 1000));
  EXPECT_EQ(pool.CountFree(1000), 5000u);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 6 * kMiB);
  EXPECT_EQ(pool.N(), 0u);
  EXPECT_EQ(pool.GetFigures().live_peak, 0u);
  zone->sbrk().RefuseAfter(0);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_NE(pool.AllocMem(1000), nullptr) << i;
  }
}

TEST(Lpool, ReserveBuffersSaysWhenTheBaseHasTooLittle) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  ASSERT_TRUE(pool.SetLimit({.bytes = 4 * kMiB}).ok());
  EXPECT_FALSE(pool.ReserveBuffers(5000, 1000));
  EXPECT_FALSE(pool.ReserveBuffers(1, kTiB + 1));
  EXPECT_EQ(pool.CountFree(1000), 4096u);
  for (int i = 0; i < 4096; ++i) {
    ASSERT_NE(pool.AllocMem(1000), nullptr) << i;
  }
  EXPECT_EQ(pool.AllocMem(1000), nullptr);
}

TEST(Lpool, ReachesALimitThatIsNotAMultipleOfWhatItAsksFor) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  ASSERT_TRUE(pool.SetLimit({.bytes = 3 * kMiB + 8192}).ok());
  std::uint64_t bytes = 0;
  while (pool.AllocMem(4096) != nullptr) {
    bytes += 4096;
  }
  EXPECT_EQ(bytes, 3 * kMiB + 8192);
}

TEST(Lpool, UsesUpABaseThatHasLessThanItAsksFor) {
  auto zone = MapZone(4 * kMiB + 12288);  // 2 MiB of them are the zone's own
  Lpool pool("lpool", zone->sbrk());
  std::uint64_t bytes = 0;
  while (pool.AllocMem(4096) != nullptr) {
    bytes += 4096;
  }
  EXPECT_EQ(bytes, 2 * kMiB + 12288);
}

TEST(Lpool, StopsAtItsLimitOfBlocksAndCountsThePeak) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  ASSERT_TRUE(pool.SetLimit({.elements = 2}).ok());
  void* first = pool.AllocMem(16);
  void* second = pool.AllocMem(1000);
  EXPECT_EQ(pool.AllocMem(16), nullptr);
  pool.FreeMem(second, 1000);
  second = pool.AllocMem(16);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(pool.AllocMem(16), nullptr);
  EXPECT_FALSE(pool.SetLimit({.elements = 1}).ok());
  EXPECT_EQ(pool.GetFigures().live_peak, 2u);
  pool.FreeMem(first, 16);
}

TEST(Lpool, RunsConstructorsAndDestructorsAndAlignsTypes) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  Counted& first = pool.Alloc<Counted>(1);
  Counted* second = pool.AllocMaybe<Counted>(2);
  EXPECT_EQ(Counted::live, 2);
  pool.Delete(first);
  pool.Delete(*second);
  EXPECT_EQ(Counted::live, 0);
  for (int i = 0; i < 10; ++i) {
    auto& element = pool.Alloc<Sized<1, 4096>>();
    EXPECT_TRUE(IsAligned(&element, 4096));
  }
}

TEST(Lpool, WorksOnWhenTheBaseFailedAtTheNthRequestForEveryN) {
  constexpr std::uint64_t kBlocks = 60;  // of 256 KiB: eight requests to the base
  for (std::uint64_t n = 0;; ++n) {
    Malloc base;
    Lpool pool("lpool", base);
    base.RefuseAfter(n);
    std::vector<void*> blocks;
    while (blocks.size() < kBlocks) {
      void* block = pool.AllocMem(256 * 1024);
      if (block == nullptr) {
        break;
      }
      blocks.push_back(block);
    }
    EXPECT_EQ(pool.N(), blocks.size());
    const bool complete = blocks.size() == kBlocks;
    base.RefuseNoMore();
    while (blocks.size() < kBlocks) {
      blocks.push_back(pool.AllocMem(256 * 1024));
      ASSERT_NE(blocks.back(), nullptr);
    }
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), kBlocks);
    for (void* block : blocks) {
      std::memset(block, 0x5A, 256 * 1024);
      pool.FreeMem(block, 256 * 1024);
    }
    EXPECT_EQ(pool.N(), 0u);
    EXPECT_EQ(pool.GetFigures().taken_bytes, base.GetFigures().live_bytes);
    if (complete) {
      EXPECT_EQ(n, 8u);
      break;
    }
    ASSERT_LT(n, 100u);
  }
}

using LpoolDeathTest = ::testing::Test;

TEST(LpoolDeathTest, EndsTheProcessOnAFreeThatCannotBe) {
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  void* memory = pool.AllocMem(16);
  void* other = pool.AllocMem(16);
  EXPECT_DEATH(pool.FreeMem(memory, kTiB + 1), "not live");
  pool.FreeMem(memory, 16);
  EXPECT_DEATH(pool.FreeMem(memory, 16), "pool lpool: a block is freed that is not live");
  pool.FreeMem(other, 16);
  EXPECT_DEATH(pool.FreeMem(memory, 16), "not live");
}

}  // namespace
}  // namespace tandem::pools
