// SPDX-License-Identifier: Apache-2.0
#include "pools/blkpool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/sbrk.h"
#include "pools/step_scope.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

constexpr std::uint64_t kKiB = 1024;
/// Bytes that an element of 1,000 takes, with what is in front of it and a fence.
constexpr std::uint64_t kThousand = 16 + 1008 + kFenceBytes;

class BlkpoolTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::uint64_t taken() const { return pool_.GetFigures().taken_bytes; }

  std::unique_ptr<Zone> zone_ = MapZone();
  Blkpool pool_{"pool", zone_->sbrk()};
};

TEST_F(BlkpoolTest, TakesABufferAtATimeAndLaysElementsBackToBack) {
  auto* first = static_cast<char*>(pool_.AllocMem(1000));
  EXPECT_EQ(taken(), 64 * kKiB);
  EXPECT_EQ(pool_.GetFigures().live_bytes, kThousand);
  for (std::uint64_t i = 1; i < 60; ++i) {
    EXPECT_EQ(pool_.AllocMem(1000), first + i * kThousand);
  }
  EXPECT_EQ(taken(), 64 * kKiB);
}

TEST_F(BlkpoolTest, AlignsToSixteenBytesAndToTheTypeWhereThatIsMore) {
  for (std::uint64_t size = 0; size < 200; ++size) {
    EXPECT_TRUE(IsAligned(pool_.AllocMem(size), 16));
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(IsAligned(&pool_.Alloc<Sized<3>>(), 16));
    EXPECT_TRUE(IsAligned(&pool_.Alloc<Sized<64, 64>>(), 64));
    EXPECT_TRUE(IsAligned((&pool_.Alloc<Sized<4096, 4096>>()), 4096));
  }
}

TEST_F(BlkpoolTest, AlignsAsABaseForThePoolsAboveIt) {
  Tpool<Sized<256, 256>> rows("rows", pool_);
  Tpool<Sized<4096, 4096>> pages("pages", pool_);
  for (int i = 0; i < 200; ++i) {
    auto& row = rows.Alloc();
    auto& page = pages.Alloc();
    EXPECT_TRUE(IsAligned(&row, 256));
    EXPECT_TRUE(IsAligned(&page, 4096));
    std::memset(&row, i, sizeof row);
    std::memset(&page, i, sizeof page);
  }
  EXPECT_EQ(zone_->Pools().back().base, "pool");
}

TEST_F(BlkpoolTest, RewindsWhenTheLastElementIsFreed) {
  void* first = pool_.AllocMem(100);
  void* second = pool_.AllocMem(100);
  pool_.FreeMem(second, 100);
  EXPECT_EQ(pool_.AllocMem(200), second);
  pool_.FreeMem(second, 200);
  pool_.FreeMem(first, 100);
  EXPECT_EQ(pool_.AllocMem(300), first);
}

TEST_F(BlkpoolTest, IsAStackThatNeverGrowsWhateverTheAlignment) {
  void* expected = nullptr;
  (void)pool_.AllocMem(8);
  for (int i = 0; i < 10000; ++i) {
    auto& line = pool_.Alloc<Sized<64, 64>>();
    auto& page = pool_.Alloc<Sized<4096, 4096>>();
    expected = i == 0 ? &page : expected;
    ASSERT_EQ(&page, expected);
    pool_.Delete(page);
    pool_.Delete(line);
  }
  EXPECT_EQ(taken(), 64 * kKiB);
}

TEST_F(BlkpoolTest, BeginsTheCurrentBufferAnewWhenAllInItAreFreedInWhateverOrder) {
  std::vector<int> order = {0, 1, 2};
  void* expected = nullptr;
  do {
    void* const elements[] = {pool_.AllocMem(100), pool_.TryAllocMem(256), pool_.AllocMem(30)};
    expected = expected == nullptr ? elements[0] : expected;
    EXPECT_EQ(elements[0], expected);
    for (const int i : order) {
      pool_.FreeMem(elements[i], i == 0 ? 100 : i == 1 ? 256 : 30);
    }
    EXPECT_EQ(pool_.GetFigures().live_bytes, 0u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(BlkpoolTest, UsesABufferAgainWhenAllInItAreFreed) {
  std::deque<void*> queue;
  std::uint64_t most = 0;
  for (int i = 0; i < 100000; ++i) {
    queue.push_back(pool_.AllocMem(1000));
    if (queue.size() > 200) {
      pool_.FreeMem(queue.front(), 1000);
      queue.pop_front();
    }
    most = std::max(most, taken());
  }
  // 200 elements lie in 4 buffers, or 5 when they do not begin with one; one more may be empty.
  EXPECT_LE(most, 6 * 64 * kKiB);
}

TEST_F(BlkpoolTest, KeepsAnEmptyCurrentBufferWhenTheNextElementDoesNotFit) {
  pool_.SetBufferSize(4 * kKiB);
  for (int i = 0; i < 1000; ++i) {
    void* small = pool_.AllocMem(16);
    pool_.FreeMem(small, 16);  // the current buffer is empty now
    void* large = pool_.AllocMem(100 * kKiB);
    pool_.FreeMem(large, 100 * kKiB);
  }
  EXPECT_EQ(taken(), 4 * kKiB);
  EXPECT_EQ(pool_.N(), 0u);
}

TEST_F(BlkpoolTest, DoesNotLoseSmallBuffersWhenTheBufferSizeIsRaised) {
  pool_.SetBufferSize(4 * kKiB);
  void* small = pool_.AllocMem(16);
  pool_.FreeMem(small, 16);
  pool_.SetBufferSize(64 * kKiB);
  void* medium = pool_.AllocMem(10 * kKiB);  // does not fit into the empty current buffer
  EXPECT_EQ(taken(), 64 * kKiB);
  pool_.FreeMem(medium, 10 * kKiB);

  std::vector<void*> blocks;
  for (int i = 0; i < 200; ++i) {
    blocks.push_back(pool_.AllocMem(1000));
  }
  for (void* block : blocks) {
    pool_.FreeMem(block, 1000);
  }
  EXPECT_EQ(pool_.CountFreeBuffers(), 3u);
  pool_.SetBufferSize(128 * kKiB);
  EXPECT_EQ(pool_.CountFreeBuffers(), 0u);
  EXPECT_EQ(taken(), 64 * kKiB) << "only the current one is left";
}

TEST_F(BlkpoolTest, GivesABufferForOneLargeElementBackAtOnce) {
  void* small = pool_.AllocMem(16);
  void* large = pool_.AllocMem(10 * kMiB);
  EXPECT_GE(taken(), 10 * kMiB);
  EXPECT_LE(taken(), 10 * kMiB + 64 * kKiB + 4096);
  EXPECT_EQ(static_cast<char*>(pool_.AllocMem(16)), static_cast<char*>(small) + 32 + kFenceBytes);
  pool_.FreeMem(large, 10 * kMiB);
  EXPECT_EQ(taken(), 64 * kKiB);
  EXPECT_EQ(pool_.GetFigures().taken_peak_bytes, zone_->sbrk().GetFigures().taken_peak_bytes);
}

TEST_F(BlkpoolTest, ReservesBuffersSoThatTheBaseIsNotAskedAgain) {
  EXPECT_TRUE(pool_.ReserveBuffers(0, 1000));
  EXPECT_EQ(taken(), 0u);
  EXPECT_TRUE(pool_.ReserveBuffers(3, 1000));
  EXPECT_EQ(pool_.CountFreeBuffers(), 3u);
  EXPECT_EQ(taken(), 3 * 64 * kKiB);
  EXPECT_TRUE(pool_.ReserveBuffers(2, 1000));
  EXPECT_EQ(pool_.CountFreeBuffers(), 3u);
  zone_->sbrk().RefuseAfter(0);
  for (int i = 0; i < 3 * 62; ++i) {
    ASSERT_NE(pool_.AllocMem(1000), nullptr) << i;
  }
  EXPECT_FALSE(pool_.ReserveBuffers(1, 1000));
  EXPECT_FALSE(pool_.ReserveBuffers(1, kNoLimit));
}

TEST_F(BlkpoolTest, ReservesBuffersForElementsLargerThanABuffer) {
  EXPECT_TRUE(pool_.ReserveBuffers(2, kMiB));
  zone_->sbrk().RefuseAfter(0);
  void* first = pool_.AllocMem(kMiB);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(pool_.AllocMem(kMiB), nullptr);
  EXPECT_EQ(pool_.AllocMem(kMiB), nullptr);
  pool_.FreeMem(first, kMiB);
  EXPECT_EQ(pool_.AllocMem(kMiB), first) << "their buffers are kept";
}

TEST_F(BlkpoolTest, AsksForLessWhereTheLimitLeavesLess) {
  ASSERT_TRUE(pool_.SetLimit({.bytes = 100 * kKiB}).ok());
  std::uint64_t count = 0;
  while (pool_.AllocMem(1000) != nullptr) {
    ++count;
  }
  // 64 KiB, 32 KiB and 4 KiB; each with what is in front of its elements.
  EXPECT_EQ(count, (64 * kKiB - 64) / kThousand + (32 * kKiB - 64) / kThousand +
                       (4 * kKiB - 64) / kThousand);
  EXPECT_EQ(taken(), 100 * kKiB);
}

TEST_F(BlkpoolTest, RefusesWhatNoMachineHas) {
  EXPECT_EQ(pool_.AllocMem(Blkpool::kElementBytesMax), nullptr);
  EXPECT_EQ(pool_.AllocMem(Blkpool::kElementBytesMax + 1), nullptr);
  EXPECT_EQ(pool_.AllocMem(kNoLimit), nullptr);
  EXPECT_EQ(taken(), 0u);
}

TEST_F(BlkpoolTest, RunsConstructorsAndDestructors) {
  Counted& first = pool_.Alloc<Counted>(1);
  Counted* second = pool_.AllocMaybe<Counted>(2);
  EXPECT_EQ(Counted::live, 2);
  EXPECT_EQ(first.value + second->value, 3);
  pool_.Delete(first);
  pool_.Delete(*second);
  EXPECT_EQ(Counted::live, 0);
}

TEST(Blkpool, GivesEverythingBackWhenItIsDestroyedInUse) {
  Malloc base;
  {
    Blkpool pool("pool", base);
    for (int i = 0; i < 100; ++i) {
      (void)pool.AllocMem(10000);
      (void)pool.AllocMem(100000);
    }
    EXPECT_EQ(pool.GetFigures().taken_bytes, base.GetFigures().live_bytes);
  }
  EXPECT_EQ(base.N(), 0u);
}

TEST_F(BlkpoolTest, KeepsEveryByteThroughRandomSizesAndOrders) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  struct Block {
    unsigned char* memory;
    std::uint64_t size;
    unsigned char pattern;
  };
  std::vector<Block> blocks;
  std::uint64_t bytes = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t choice = random() % 100;
    if (choice == 0) {
      pool_.SetBufferSize(std::uint64_t{256} << random() % 10);
    } else if (choice < 51 && blocks.size() < 1000) {
      const std::uint64_t size = random() & ((std::uint64_t{1} << random() % 16) - 1);
      const bool as_base = random() % 4 == 0;
      void* memory = as_base ? pool_.TryAllocMem(size) : pool_.AllocMem(size);
      ASSERT_NE(memory, nullptr);
      blocks.push_back(
          {static_cast<unsigned char*>(memory), size, static_cast<unsigned char>(random())});
      std::memset(memory, blocks.back().pattern, size);
      bytes += 16 + Blkpool::RealSize(size) + kFenceBytes;
    } else if (!blocks.empty()) {
      std::swap(blocks[choice % 2 == 0 ? 0 : random() % blocks.size()], blocks.back());
      const Block& block = blocks.back();
      for (std::uint64_t k = 0; k < block.size; ++k) {
        ASSERT_EQ(block.memory[k], block.pattern);
      }
      bytes -= 16 + Blkpool::RealSize(block.size) + kFenceBytes;
      pool_.FreeMem(block.memory, block.size);
      blocks.pop_back();
    }
    ASSERT_EQ(pool_.N(), blocks.size());
    ASSERT_EQ(pool_.GetFigures().live_bytes, bytes);
    ASSERT_GE(taken(), bytes);
    ASSERT_EQ(taken(), zone_->sbrk().GetFigures().live_bytes);
  }
}

TEST(Blkpool, ServesMoreThanFourGibibytesInOneRequestAndInSum) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(64 * kGiB);
  Blkpool pool("pool", zone->sbrk());
  auto* first = static_cast<char*>(pool.AllocMem(5 * kGiB));
  auto* second = static_cast<char*>(pool.AllocMem(6 * kGiB));
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  first[5 * kGiB - 1] = 1;
  second[6 * kGiB - 1] = 2;
  EXPECT_GE(pool.GetFigures().live_bytes, 11 * kGiB);
  EXPECT_EQ(first[5 * kGiB - 1], 1);
  pool.FreeMem(first, 5 * kGiB);
  EXPECT_LT(pool.GetFigures().taken_bytes, 7 * kGiB);
  pool.FreeMem(second, 6 * kGiB);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 0u);
}

TEST(Blkpool, ServesBuffersOfFourGibibytesAndMore) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(64 * kGiB);
  Blkpool pool("pool", zone->sbrk());
  pool.SetBufferSize(10 * kGiB);
  auto* first = static_cast<char*>(pool.AllocMem(4 * kGiB));
  auto* second = static_cast<char*>(pool.AllocMem(4 * kGiB));
  EXPECT_EQ(second, first + 4 * kGiB + 16 + kFenceBytes);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 10 * kGiB);
}

using BlkpoolDeathTest = BlkpoolTest;

TEST_F(BlkpoolDeathTest, EndsTheProcessWhenAnElementIsFreedTwiceOrIsNotItsOwn) {
  void* a = pool_.AllocMem(100);
  void* b = pool_.AllocMem(100);
  void* c = pool_.AllocMem(100);
  EXPECT_DEATH(pool_.FreeMem(a, 99), "of 99 bytes is freed, but is freed already");
  pool_.FreeMem(b, 100);
  EXPECT_DEATH(pool_.FreeMem(b, 100), "pool pool: .* is freed, but is freed already");
  pool_.FreeMem(a, 100);
  EXPECT_DEATH(pool_.FreeMem(b, 100), "is freed already");
  pool_.FreeMem(c, 100);
  EXPECT_DEATH(pool_.FreeMem(a, 100), "is freed already");
  alignas(16) char foreign[64] = {};
  EXPECT_DEATH(pool_.FreeMem(foreign + 32, 16), "not its own");
}

TEST_F(BlkpoolDeathTest, EndsTheProcessWhenAnElementOfAnotherBlkpoolIsFreed) {
  Blkpool other("other", zone_->sbrk());
  void* small = other.AllocMem(100);
  void* large = other.AllocMem(100000);
  EXPECT_DEATH(pool_.FreeMem(small, 100), "pool pool: .* is freed, but is pool other's");
  (void)pool_.AllocMem(100);
  EXPECT_DEATH(pool_.FreeMem(small, 100), "pool pool: .* is freed, but is pool other's");
  EXPECT_DEATH(pool_.FreeMem(large, 100000), "pool pool: .* is freed, but is pool other's");
  other.FreeMem(small, 100);
  other.FreeMem(large, 100000);
  EXPECT_EQ(other.N(), 0u);
}

TEST_F(BlkpoolDeathTest, ReportsItselfAndItsChainWhenMemoryIsOut) {
  ASSERT_TRUE(pool_.SetLimit({.elements = 1}).ok());
  (void)pool_.AllocMem(100);
  EXPECT_EXIT(
      {
        const StepScope step(4);
        (void)pool_.AllocMem(100);
      },
      ExitedWithCode(3),
      HasSubstr("out of memory in pool pool: 100 bytes were asked for, but pool pool has reached "
                "its limit of 1 elements.\n"
                "  while processing message 4\n"
                "  the chain, from the pool to the operating system:\n"
                "  pool (Blkpool): live 1, peak 1, "));
  EXPECT_EXIT(
      {
        const StepScope step(4);
        (void)pool_.ReserveBuffers(1, kNoLimit);
      },
      ExitedWithCode(3), HasSubstr("pool pool has no blocks of 18446744073709551615 bytes"));
}

}  // namespace
}  // namespace tandem::pools
