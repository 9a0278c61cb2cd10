// SPDX-License-Identifier: Apache-2.0
#include "pools/heap_guard.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pools/hash_index.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/step_scope.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

TEST(HeapGuard, IsOffUnderSanitizers) { EXPECT_FALSE(HeapGuard::Available()); }

#else

// Keeps the compiler from leaving out an allocation that nobody looks at.
template <class T>
T* Used(T* memory) {
  asm volatile("" : : "r"(memory) : "memory");
  return memory;
}

template <class Function>
std::uint64_t CountInStep(Function&& function) {
  HeapGuard::Reset();
  {
    const StepScope step(1);
    function();
  }
  return HeapGuard::Count();
}

TEST(HeapGuard, CountsEveryWayToAllocate) {
  ASSERT_TRUE(HeapGuard::Available());
  EXPECT_EQ(CountInStep([] {}), 0u);
  EXPECT_EQ(CountInStep([] { std::free(Used(std::malloc(1))); }), 1u);
  EXPECT_EQ(CountInStep([] { std::free(Used(std::calloc(1, 1))); }), 1u);
  void* grown = Used(std::malloc(1));  // the compiler makes a malloc of realloc(nullptr, 1)
  EXPECT_EQ(CountInStep([&] { grown = Used(std::realloc(grown, 1000)); }), 1u);
  std::free(grown);
  EXPECT_EQ(CountInStep([] { std::free(Used(std::aligned_alloc(64, 64))); }), 1u);
  EXPECT_EQ(CountInStep([] {
              void* memory = nullptr;
              ASSERT_EQ(posix_memalign(&memory, 64, 64), 0);
              std::free(Used(memory));
            }),
            1u);
  EXPECT_EQ(CountInStep([] { delete Used(new int(1)); }), 1u);
  EXPECT_EQ(CountInStep([] { delete[] Used(new int[100]); }), 1u);
  EXPECT_EQ(CountInStep([] { delete Used(new Sized<64, 64>); }), 1u);
  EXPECT_EQ(CountInStep([] { Used(std::make_shared<int>(1).get()); }), 1u);
  EXPECT_EQ(CountInStep([] { Used(std::string(100, 'x').data()); }), 1u);
  EXPECT_EQ(CountInStep([] { Used(std::vector<int>(10).data()); }), 1u);
}

TEST(HeapGuard, GivesMemoryThatWorks) {
  auto* memory = static_cast<char*>(std::malloc(100));
  memory[99] = 'x';
  memory = static_cast<char*>(std::realloc(memory, 100000));
  EXPECT_EQ(memory[99], 'x');
  std::free(memory);
  auto* zeros = static_cast<char*>(std::calloc(10, 10));
  EXPECT_EQ(zeros[99], 0);
  std::free(zeros);
  void* aligned = std::aligned_alloc(4096, 4096);
  EXPECT_TRUE(IsAligned(aligned, 4096));
  std::free(aligned);
}

TEST(HeapGuard, CountsNothingOutsideStepsOrOnOtherThreads) {
  HeapGuard::Reset();
  std::free(Used(std::malloc(1)));
  std::thread other;
  {
    other = std::thread([] {
      while (HeapGuard::Count() == 0) {  // until the step below has allocated
        std::free(Used(std::malloc(1)));
      }
    });
    const StepScope step(1);
    std::free(Used(std::malloc(1)));
    other.join();
  }
  EXPECT_EQ(HeapGuard::Count(), 1u);
}

struct Row {
  std::uint64_t id;
  Row* next_by_id;
};

TEST(HeapGuard, ProvesThatPoolsInAZoneTakeNothingFromTheHeap) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Tpool<Row> rows("rows", lpool);
  HashIndex<Row, MemberKey<&Row::id, &Row::next_by_id> > by_id(lpool);
  EXPECT_EQ(CountInStep([&] {
              for (std::uint64_t id = 0; id < 100000; ++id) {
                by_id.InsertNew(rows.Alloc(id, nullptr));
                lpool.FreeMem(lpool.AllocMem(id % 10000), id % 10000);
              }
              by_id.ForEach([&](Row& row) {
                by_id.Remove(row);
                rows.Delete(row);
              });
            }),
            0u);
}

TEST(HeapGuard, SeesAPoolThatEndsInMalloc) {
  Malloc heap;
  EXPECT_EQ(CountInStep([&] { heap.FreeMem(heap.AllocMem(64), 64); }), 1u);
}

[[gnu::noinline]] void ForgetsThatItIsInAStep() {
  const StepScope step(4711);
  std::free(Used(std::malloc(33)));
}

using HeapGuardDeathTest = ::testing::Test;

TEST(HeapGuardDeathTest, EndsTheProcessAtTheAllocationAndNamesThePlaceWhenToldTo) {
  EXPECT_EXIT(
      {
        HeapGuard::SetFatal(true);
        std::free(Used(std::malloc(1)));
        ForgetsThatItIsInAStep();
      },
      ::testing::KilledBySignal(SIGABRT),
      "a heap allocation of 33 bytes inside the step of message 4711(.|\n)*"
      "ForgetsThatItIsInAStep");
}

#endif

}  // namespace
}  // namespace tandem::pools
