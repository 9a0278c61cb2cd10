// SPDX-License-Identifier: Apache-2.0
#include "pools/malloc_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "pools/lpool.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

TEST(Malloc, AlignsABlockToItsSizeUpToAPage) {
  Malloc pool;
  for (const std::uint64_t size : {0, 1, 15, 16, 17, 32, 64, 4095, 4096, 4097, 100000}) {
    void* memory = pool.AllocMem(size);
    ASSERT_NE(memory, nullptr);
    std::memset(memory, 0xA5, size);
    const std::size_t alignment =
        size >= 4096 ? 4096 : std::bit_ceil(std::max<std::size_t>(size, 16));
    EXPECT_TRUE(IsAligned(memory, std::min<std::size_t>(alignment, 4096))) << size;
    pool.FreeMem(memory, size);
  }
  EXPECT_EQ(pool.N(), 0u);
}

TEST(Malloc, RunsConstructorsAndDestructors) {
  Malloc pool;
  Counted& first = pool.Alloc<Counted>(7);
  Counted* second = pool.AllocMaybe<Counted>(8);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(first.value, 7);
  EXPECT_EQ(Counted::live, 2);
  pool.Delete(first);
  pool.Delete(*second);
  EXPECT_EQ(Counted::live, 0);
}

TEST(Malloc, AlignsOveralignedTypes) {
  Malloc pool;
  auto& element = pool.Alloc<Sized<64, 1024>>();
  EXPECT_TRUE(IsAligned(&element, 1024));
  pool.Delete(element);
}

TEST(Malloc, RefusesWhatNoMachineHas) {
  Malloc pool;
  for (const std::uint64_t size : {kNoLimit, kNoLimit - 5000, std::uint64_t{1} << 63}) {
    EXPECT_EQ(pool.AllocMem(size), nullptr) << size;
  }
}

TEST(Malloc, StopsAtItsLimitsAndNotBefore) {
  Malloc pool;
  ASSERT_TRUE(pool.SetLimit({.elements = 2, .bytes = 96}).ok());
  void* first = pool.AllocMem(64);
  EXPECT_EQ(pool.AllocMem(33), nullptr);
  void* second = pool.AllocMem(32);
  EXPECT_NE(second, nullptr);
  pool.FreeMem(first, 64);
  first = pool.AllocMem(1);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(pool.AllocMem(1), nullptr) << "two blocks are live";
  const Figures figures = pool.GetFigures();
  EXPECT_EQ(figures.live, 2u);
  EXPECT_EQ(figures.live_peak, 2u);
  EXPECT_EQ(figures.live_bytes, 48u);
}

TEST(Malloc, RemembersItsPeaksWhenBlocksAreFreed) {
  Malloc pool;
  void* first = pool.AllocMem(64);
  void* second = pool.AllocMem(32);
  pool.FreeMem(first, 64);
  pool.FreeMem(second, 32);
  void* third = pool.AllocMem(16);
  const Figures figures = pool.GetFigures();
  EXPECT_EQ(figures.live, 1u);
  EXPECT_EQ(figures.live_peak, 2u);
  EXPECT_EQ(figures.taken_bytes, 16u);
  EXPECT_EQ(figures.taken_peak_bytes, 96u);
  pool.FreeMem(third, 16);
}

TEST(Malloc, FreesWhatThePoolsAboveItKept) {  // LeakSanitizer looks at the end
  Malloc pool("scratch");
  Lpool lpool("scratch.lpool", pool);
  Tpool<Sized<100>> tpool("scratch.tpool", lpool);
  for (int i = 0; i < 1000; ++i) {
    (void)tpool.Alloc();
  }
  EXPECT_GE(pool.GetFigures().taken_bytes, Lpool::kBaseRequestBytes);
}

TEST(Malloc, ForgetsABlockWhereverItStoodAmongTheOthers) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Malloc pool;
  std::vector<void*> blocks;
  for (int i = 0; i < 5000; ++i) {
    if (blocks.empty() || random() % 2 == 0) {
      blocks.push_back(pool.AllocMem(100));
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      pool.FreeMem(blocks.back(), 100);
      blocks.pop_back();
    }
  }
  EXPECT_EQ(pool.N(), blocks.size());
  EXPECT_EQ(pool.GetFigures().live_bytes, blocks.size() * 112);
}

using MallocDeathTest = ::testing::Test;

TEST(MallocDeathTest, EndsTheProcessOnAnOverrunOrAWrongSize) {
  Malloc pool;
  auto* memory = static_cast<char*>(pool.AllocMem(64));
  EXPECT_DEATH(pool.FreeMem(memory, 32), "freed but not live, not its own, or was overrun");
  EXPECT_DEATH((std::memset(memory, 0x5A, 65), pool.FreeMem(memory, 64)),
               "overrun|heap-buffer-overflow");
  pool.FreeMem(memory, 64);
  EXPECT_DEATH(pool.FreeMem(memory, 64), "freed but not live|heap-use-after-free");
}

TEST(MallocDeathTest, EndsTheProcessOnABlockOfAnotherMalloc) {
  Malloc pool("one");
  Malloc other("other");
  (void)pool.AllocMem(64);
  void* foreign = other.AllocMem(64);
  EXPECT_DEATH(pool.FreeMem(foreign, 64), "pool one: .* of 64 bytes is freed but .* not its own");
  other.FreeMem(foreign, 64);
  EXPECT_EQ(other.N(), 0u);
}

}  // namespace
}  // namespace tandem::pools
