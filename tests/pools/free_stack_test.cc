// SPDX-License-Identifier: Apache-2.0
#include "pools/free_stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tandem::pools {
namespace {

// Blocks of one size, used as the pools use them, beside a plain list of the free ones.
class Stack {
 public:
  explicit Stack(std::size_t block_bytes, std::size_t blocks_max = 5000)
      : block_bytes_(block_bytes), memory_(block_bytes * blocks_max / sizeof(std::uint64_t)) {}
  ~Stack() { Unpoison(memory_.data(), memory_.size() * sizeof(std::uint64_t)); }

  // A block that never was before; live.
  void* Make() {
    void* block = reinterpret_cast<char*>(memory_.data()) + stack_.blocks() * block_bytes_;
    stack_.Add();
    return block;
  }
  void Free(void* block) {
    if (!stack_.Accepts(block)) {
      ASSERT_FALSE(stack_.Rejects(block));
      stack_.MakeRoom(block_bytes_);
      ASSERT_TRUE(stack_.Accepts(block));
    }
    MarkFree(block, block_bytes_);
    stack_.Push(block);
    free_.push_back(block);
  }
  void* Alloc() {
    void* block = stack_.Pop();
    if (block == nullptr && stack_.Refill(block_bytes_)) {
      block = stack_.Pop();
    }
    EXPECT_EQ(block, free_.empty() ? nullptr : free_.back());
    if (block != nullptr) {
      free_.pop_back();
      UnmarkFree("stack", block, block_bytes_);
    }
    return block;
  }
  void Check(std::uint64_t blocks) {
    ASSERT_EQ(stack_.blocks(), blocks);
    ASSERT_EQ(stack_.free(), free_.size());
    ASSERT_EQ(stack_.live(), blocks - free_.size());
  }

  FreeStack& stack() { return stack_; }
  [[nodiscard]] std::size_t free() const { return free_.size(); }

 private:
  std::size_t block_bytes_;
  std::vector<std::uint64_t> memory_;
  std::vector<void*> free_;
  FreeStack stack_;
};

constexpr std::size_t kBlockSizes[] = {16, 32, 48, 64, 80, 4096};

TEST(FreeStack, IsEmptyAtFirst) {
  Stack stack(64);
  EXPECT_EQ(stack.Alloc(), nullptr);
  stack.Check(0);
  EXPECT_TRUE(stack.stack().Rejects(&stack));
}

TEST(FreeStack, GivesBackWhatWasFreedLastFirstAtEveryLength) {
  for (const std::size_t block_bytes : kBlockSizes) {
    for (const std::size_t count : {1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 33, 64, 100, 1000}) {
      SCOPED_TRACE(testing::Message() << count << " blocks of " << block_bytes);
      Stack stack(block_bytes);
      std::vector<void*> live;
      for (std::size_t i = 0; i < count; ++i) {
        live.push_back(stack.Make());
      }
      for (int round = 0; round < 3; ++round) {
        for (void* block : live) {
          stack.Free(block);
        }
        stack.Check(count);
        for (void*& block : live) {
          block = stack.Alloc();
        }
        EXPECT_EQ(stack.Alloc(), nullptr);
        stack.Check(count);
      }
    }
  }
}

TEST(FreeStack, AgreesWithAListUnderRandomFreesAndAllocations) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const std::size_t block_bytes : kBlockSizes) {
    Stack stack(block_bytes);
    std::vector<void*> live;
    std::uint64_t blocks = 0;
    bool grow = true;
    for (int i = 0; i < 60000; ++i) {
      if (random() % 200 == 0) {
        grow = !grow;  // long ways up and down, so that much is stored and loaded again
      }
      const bool allocate = random() % 4 == 0 ? !grow : grow;
      if (allocate && (stack.free() != 0 || blocks < 4000)) {
        // As in a pool: a new block only if none is free.
        live.push_back(stack.free() != 0 ? stack.Alloc() : stack.Make());
        blocks = stack.stack().blocks();
      } else if (!live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        stack.Free(live.back());
        live.pop_back();
      }
      ASSERT_NO_FATAL_FAILURE(stack.Check(blocks));
    }
  }
}

TEST(FreeStack, TakesNewBlocksWhileOthersAreFree) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Stack stack(64);
  std::vector<void*> live;
  std::uint64_t blocks = 0;
  for (int i = 0; i < 3000; ++i) {
    live.push_back(stack.Make());
    ++blocks;
    while (!live.empty() && random() % 3 != 0) {
      stack.Free(live.back());
      live.pop_back();
    }
    while (stack.free() != 0 && random() % 3 == 0) {
      live.push_back(stack.Alloc());
    }
    ASSERT_NO_FATAL_FAILURE(stack.Check(blocks));
  }
}

TEST(FreeStack, RejectsTheBlockOnTopAndAnyBlockWhenNoneIsLive) {
  for (const int count : {1, 2, 15, 16, 17, 24, 40}) {
    SCOPED_TRACE(count);
    Stack stack(64);
    std::vector<void*> live;
    for (int i = 0; i < count; ++i) {
      live.push_back(stack.Make());
    }
    for (void* block : live) {
      stack.Free(block);
      EXPECT_FALSE(stack.stack().Accepts(block));
      EXPECT_TRUE(stack.stack().Rejects(block));
    }
    for (void* block : live) {
      EXPECT_FALSE(stack.stack().Accepts(block));
      EXPECT_TRUE(stack.stack().Rejects(block));
    }
  }
}

}  // namespace
}  // namespace tandem::pools
