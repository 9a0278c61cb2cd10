// SPDX-License-Identifier: Apache-2.0
#include "pools/memory_resource.h"

#include <gmock/gmock.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "pools/arena_blocks.h"
#include "pools/blkpool.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

TEST(MemoryResource, ServesContainersFromAPool) {
  Malloc heap;
  Lpool pool("scratch", heap);
  MemoryResource resource(pool);
  {
    std::pmr::map<int, std::pmr::string> texts(&resource);
    std::pmr::vector<int> numbers(&resource);
    for (int i = 0; i < 1000; ++i) {
      texts[i] = std::string(static_cast<std::size_t>(i), 'x');
      numbers.push_back(i);
    }
    for (int i = 0; i < 1000; i += 2) {
      texts.erase(i);
    }
    EXPECT_EQ(texts.at(999).size(), 999u);
    EXPECT_EQ(numbers[999], 999);
    EXPECT_GE(pool.N(), 500u);
  }
  EXPECT_EQ(pool.N(), 0u);
}

TEST(MemoryResource, AlignsAsAskedFromEveryKindOfPool) {
  auto zone = MapZone();
  Malloc heap;
  Lpool lpool("lpool", heap);
  Blkpool blkpool("blkpool", heap);
  for (const PoolRef pool :
       {PoolRef(heap), PoolRef(lpool), PoolRef(blkpool), PoolRef(zone->sbrk())}) {
    MemoryResource resource(pool);
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
      for (const std::size_t bytes : {0, 1, 24, 100, 5000}) {
        void* memory = resource.allocate(bytes, alignment);
        EXPECT_TRUE(IsAligned(memory, alignment)) << pool.name();
        std::fill_n(static_cast<char*>(memory), bytes, 'x');
        resource.deallocate(memory, bytes, alignment);
      }
    }
  }
  EXPECT_EQ(lpool.N(), 0u);
  EXPECT_EQ(blkpool.N(), 0u);
  EXPECT_EQ(zone->sbrk().N(), 0u);
}

TEST(MemoryResource, EqualsWhatHasTheSamePool) {
  Malloc a;
  Malloc b;
  EXPECT_EQ(MemoryResource(a), MemoryResource(a));
  EXPECT_NE(MemoryResource(a), MemoryResource(b));
  EXPECT_NE(MemoryResource(a), *std::pmr::new_delete_resource());
}

using MemoryResourceDeathTest = ::testing::Test;

TEST(MemoryResourceDeathTest, EndsTheProcessWhenThePoolHasNoMore) {
  Malloc scratch("scratch");
  ASSERT_TRUE(scratch.SetLimit({.bytes = 1 << 16}).ok());
  MemoryResource resource(scratch);
  EXPECT_EXIT(std::pmr::vector<char>(1 << 17, &resource), ExitedWithCode(3),
              HasSubstr("out of memory in pool scratch: 131072 bytes were asked for"));
  EXPECT_DEATH((void)resource.allocate(1, 8192), "an alignment of 8192, beyond 4096");
}

TEST(ArenaBlocks, GiveAProtobufArenaItsBlocksFromAPool) {
  Malloc heap;
  Lpool pool("scratch", heap);
  {
    const ArenaBlocks blocks(pool);
    google::protobuf::ArenaOptions options;
    options.block_alloc = ArenaBlocks::Alloc;
    options.block_dealloc = ArenaBlocks::Free;
    google::protobuf::Arena arena(options);
    for (int i = 0; i < 1000; ++i) {
      auto* message = google::protobuf::Arena::CreateMessage<google::protobuf::Int64Value>(&arena);
      message->set_value(i);
    }
    EXPECT_GT(pool.N(), 0u);
    EXPECT_GE(pool.GetFigures().live_bytes, arena.SpaceAllocated());
    arena.Reset();
    EXPECT_LE(pool.N(), 1u);
  }
  EXPECT_EQ(pool.N(), 0u);
}

TEST(ArenaBlocks, NestAndBelongToTheThread) {
  Malloc outer;
  Malloc inner;
  const ArenaBlocks outer_blocks(outer);
  {
    const ArenaBlocks inner_blocks(inner);
    void* memory = ArenaBlocks::Alloc(100);
    EXPECT_EQ(inner.N(), 1u);
    ArenaBlocks::Free(memory, 100);
  }
  void* memory = ArenaBlocks::Alloc(100);
  EXPECT_EQ(outer.N(), 1u);
  ArenaBlocks::Free(memory, 100);
}

using ArenaBlocksDeathTest = ::testing::Test;

TEST(ArenaBlocksDeathTest, EndTheProcessWhenThereAreNone) {
  EXPECT_DEATH((void)ArenaBlocks::Alloc(1), "no ArenaBlocks lives on its thread");
}

}  // namespace
}  // namespace tandem::pools
