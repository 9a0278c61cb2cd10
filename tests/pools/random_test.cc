// SPDX-License-Identifier: Apache-2.0
//
// Random sequences of operations against a simple model: what is live, with what in it. Every block
// carries a pattern over its whole size, so two blocks that overlap are found by it.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

struct Block {
  unsigned char* memory;
  std::uint64_t size;
  unsigned char pattern;

  void Fill() const { std::memset(memory, pattern, size); }
  [[nodiscard]] bool Intact(std::uint64_t bytes) const {
    for (std::uint64_t i = 0; i < bytes; ++i) {
      if (memory[i] != pattern) {
        return false;
      }
    }
    return true;
  }
};

class LpoolModel {
 public:
  LpoolModel(PoolRef base, std::uint64_t seed) : pool_("lpool", base), random_(seed) {}

  void Step() {
    const std::uint64_t choice = random_() % 16;
    if (blocks_.empty() || (choice < 8 && blocks_.size() < 2000)) {
      Alloc();
    } else if (choice < 10) {
      Realloc(blocks_[random_() % blocks_.size()]);
    } else {
      Free(random_() % blocks_.size());
    }
    Check();
  }

  void Drain() {
    while (!blocks_.empty()) {
      Free(random_() % blocks_.size());
    }
    Check();
  }

  [[nodiscard]] std::uint64_t taken_bytes() const { return pool_.GetFigures().taken_bytes; }

 private:
  std::uint64_t RandomSize() {
    const std::uint64_t size = random_() & ((std::uint64_t{1} << random_() % 18) - 1);
    return random_() % 4 == 0 ? Lpool::RealSize(size) + random_() % 2 : size;
  }

  void Alloc() {
    const std::uint64_t size = RandomSize();
    Block block{static_cast<unsigned char*>(pool_.AllocMem(size)), size,
                static_cast<unsigned char>(random_())};
    ASSERT_NE(block.memory, nullptr);
    block.Fill();
    blocks_.push_back(block);
  }

  void Realloc(Block& block) {
    const std::uint64_t size = RandomSize();
    block.memory = static_cast<unsigned char*>(pool_.ReallocMem(block.memory, block.size, size));
    ASSERT_NE(block.memory, nullptr);
    ASSERT_TRUE(block.Intact(std::min(size, block.size)));
    block.size = size;
    block.Fill();
  }

  void Free(std::size_t index) {
    std::swap(blocks_[index], blocks_.back());
    ASSERT_TRUE(blocks_.back().Intact(blocks_.back().size));
    pool_.FreeMem(blocks_.back().memory, blocks_.back().size);
    blocks_.pop_back();
  }

  void Check() {
    std::uint64_t bytes = 0;
    for (const Block& block : blocks_) {
      bytes += Lpool::RealSize(block.size);
    }
    peak_ = std::max<std::uint64_t>(peak_, blocks_.size());
    const Figures figures = pool_.GetFigures();
    ASSERT_EQ(figures.live, blocks_.size());
    ASSERT_EQ(figures.live_bytes, bytes);
    // A move holds both blocks for a moment.
    ASSERT_TRUE(figures.live_peak == peak_ || figures.live_peak == peak_ + 1);
    ASSERT_GE(figures.taken_bytes, bytes);
  }

  Lpool pool_;
  std::mt19937_64 random_;
  std::vector<Block> blocks_;
  std::uint64_t peak_ = 0;
};

TEST(RandomOperations, LpoolOnAZoneAgreesWithTheModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  auto zone = MapZone();
  LpoolModel model(zone->sbrk(), seed);
  for (int i = 0; i < 20000 && !::testing::Test::HasFatalFailure(); ++i) {
    model.Step();
  }
  model.Drain();
}

TEST(RandomOperations, LpoolOnMallocAgreesWithTheModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Malloc heap;
  LpoolModel model(heap, seed);
  for (int i = 0; i < 20000 && !::testing::Test::HasFatalFailure(); ++i) {
    model.Step();
  }
  model.Drain();
}

TEST(RandomOperations, LpoolTakesNothingNewForASequenceItHasServedBefore) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  auto zone = MapZone();
  Lpool pool("lpool", zone->sbrk());
  std::uint64_t taken = 0;
  for (int round = 0; round < 3; ++round) {
    std::mt19937_64 random(seed);
    std::vector<Block> blocks;
    for (int i = 0; i < 20000; ++i) {
      if (blocks.empty() || random() % 2 == 0) {
        const std::uint64_t size = random() % 5000;
        blocks.push_back({static_cast<unsigned char*>(pool.AllocMem(size)), size, 0});
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        pool.FreeMem(blocks.back().memory, blocks.back().size);
        blocks.pop_back();
      }
    }
    for (const Block& block : blocks) {
      pool.FreeMem(block.memory, block.size);
    }
    if (round == 0) {
      taken = pool.GetFigures().taken_bytes;
    }
    EXPECT_EQ(pool.GetFigures().taken_bytes, taken);
  }
}

// A chain of three pools with elements of different sizes, under one seed.
template <class Base>
void ChurnTpools(Base& base, std::uint64_t seed, int operations) {
  std::mt19937_64 random(seed);
  Lpool lpool("lpool", base);
  Tpool<Sized<8>> small("small", lpool);
  Tpool<Sized<200, 64>> medium("medium", lpool);
  Tpool<Sized<9000>> large("large", base);
  std::vector<Block> blocks[3];
  for (int i = 0; i < operations; ++i) {
    const std::size_t which = random() % 3;
    std::vector<Block>& live = blocks[which];
    if (live.empty() || (random() % 2 == 0 && live.size() < 3000)) {
      void* memory = which == 0   ? small.AllocMem()
                     : which == 1 ? medium.AllocMem()
                                  : large.AllocMem();
      ASSERT_NE(memory, nullptr);
      const std::uint64_t size = which == 0 ? 8 : which == 1 ? 200 : 9000;
      live.push_back(
          {static_cast<unsigned char*>(memory), size, static_cast<unsigned char>(random())});
      live.back().Fill();
    } else {
      std::swap(live[random() % live.size()], live.back());
      ASSERT_TRUE(live.back().Intact(live.back().size));
      void* memory = live.back().memory;
      which == 0   ? small.FreeMem(memory)
      : which == 1 ? medium.FreeMem(memory)
                   : large.FreeMem(memory);
      live.pop_back();
    }
    ASSERT_EQ(small.N(), blocks[0].size());
    ASSERT_EQ(medium.N(), blocks[1].size());
    ASSERT_EQ(large.N(), blocks[2].size());
  }
}

TEST(RandomOperations, TpoolsOnAZoneAgreeWithTheModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  auto zone = MapZone();
  ChurnTpools(zone->sbrk(), seed, 200000);
  // An Lpool keeps its blocks; everything else came back.
  EXPECT_EQ(zone->Pools().size(), 1u);
}

TEST(RandomOperations, TpoolsOnMallocAgreeWithTheModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Malloc heap;
  ChurnTpools(heap, seed, 200000);
}

}  // namespace
}  // namespace tandem::pools
