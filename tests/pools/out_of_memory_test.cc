// SPDX-License-Identifier: Apache-2.0
#include "pools/out_of_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/step_scope.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

using Row = Sized<64 - kFenceBytes>;  // a stride of 64 bytes, with a fence or without

struct Chain {
  Chain() : lpool("book.FDb.lpool", zone->sbrk()), orders("book.FDb.order", lpool) {}
  std::unique_ptr<Zone> zone = MapZone(64 * kMiB);
  Lpool lpool;
  Tpool<Row> orders;
};

TEST(StepScope, KnowsWhetherAStepRunsAndForWhichMessage) {
  EXPECT_FALSE(StepScope::Active());
  EXPECT_EQ(StepScope::MessageNumber(), 0u);
  {
    const StepScope outer(7);
    EXPECT_TRUE(StepScope::Active());
    EXPECT_EQ(StepScope::MessageNumber(), 7u);
    {
      const StepScope inner(8);
      EXPECT_EQ(StepScope::MessageNumber(), 8u);
    }
    EXPECT_EQ(StepScope::MessageNumber(), 7u);
  }
  EXPECT_FALSE(StepScope::Active());
}

using OutOfMemoryDeathTest = ::testing::Test;

TEST(OutOfMemoryDeathTest, PrintsWhichPoolWhatWasAskedTheChainAndTheMessage) {
  Chain chain;
  ASSERT_TRUE(chain.orders.SetLimit({.elements = 3}).ok());
  for (int i = 0; i < 3; ++i) {
    (void)chain.orders.Alloc();
  }
  EXPECT_EXIT(
      {
        const StepScope step(123456789);
        (void)chain.orders.Alloc();
      },
      ExitedWithCode(3),
      Eq("tandem: out of memory in pool book.FDb.order: 64 bytes were asked for, but pool "
         "book.FDb.order has reached its limit of 3 elements.\n"
         "  while processing message 123456789\n"
         "  the chain, from the pool to the operating system:\n"
         "  book.FDb.order (Tpool): live 3, peak 3, 192 bytes, taken 4096 bytes, limit 3 elements\n"
         "  book.FDb.lpool (Lpool): live 1, peak 1, 4096 bytes, taken 2097152 bytes\n"
         "  sbrk (Sbrk): live 1, peak 1, 2097152 bytes, taken 2097152 bytes\n"
         "  zone at 0x7e8000000000: address range of 67108864 bytes, 18874368 usable\n"
         "  Raise the limit or give the host more memory, then start again.\n"));
}

TEST(OutOfMemoryDeathTest, NamesThePoolOfTheChainThatRefused) {
  Chain chain;
  ASSERT_TRUE(chain.lpool.SetLimit({.bytes = 2 * kMiB}).ok());
  EXPECT_EXIT(
      {
        while (true) {
          (void)chain.orders.Alloc();
        }
      },
      ExitedWithCode(3),
      HasSubstr("out of memory in pool book.FDb.order: 64 bytes were asked for, but pool "
                "book.FDb.lpool may not take 128 bytes more: its limit is 2097152 bytes.\n"
                "  outside a step\n"));
}

TEST(OutOfMemoryDeathTest, SaysWhenTheAddressRangeIsUsedUp) {
  Chain chain;
  EXPECT_EXIT((void)chain.lpool.Alloc<Sized<128 * kMiB>>(), ExitedWithCode(3),
              HasSubstr("but pool sbrk has no room for 134217728 bytes more in the address range "
                        "of its zone."));
}

TEST(OutOfMemoryDeathTest, SaysWhenTheBaseWasRefused) {
  Chain chain;
  chain.zone->sbrk().RefuseAfter(0);
  EXPECT_EXIT((void)chain.orders.Alloc(), ExitedWithCode(3),
              HasSubstr("out of memory in pool book.FDb.order: 64 bytes were asked for, but pool "
                        "sbrk was refused 128 bytes by a test."));
}

TEST(OutOfMemoryDeathTest, SaysWhenTheOperatingSystemReallyRefuses) {
  if (tests::Instrumented()) {
    GTEST_SKIP() << "a sanitizer or valgrind takes memory of its own and is refused it first";
  }
  Chain chain;
  EXPECT_EXIT(
      {
        rlimit limit;
        limit.rlim_cur = limit.rlim_max = 24 * kMiB;
        setrlimit(RLIMIT_DATA, &limit);
        const StepScope step(9);
        while (true) {
          (void)chain.orders.AllocMaybe();
        }
      },
      ExitedWithCode(3),
      AllOf(HasSubstr("but pool sbrk was refused 128 bytes by the operating system.\n"
                      "  while processing message 9\n"),
            HasSubstr("  sbrk (Sbrk): live ")));
}

TEST(OutOfMemoryDeathTest, EndsTheProcessInAStepWhereItGivesNullOutside) {
  Chain chain;
  ASSERT_TRUE(chain.orders.SetLimit({.elements = 0}).ok());
  ASSERT_TRUE(chain.lpool.SetLimit({.elements = 0}).ok());
  Sbrk& sbrk = chain.zone->sbrk();
  sbrk.RefuseAfter(0);
  Malloc heap;
  heap.RefuseAfter(0);
  PoolRef base(chain.lpool);

  EXPECT_EQ(chain.orders.AllocMaybe(), nullptr);
  EXPECT_EQ(chain.orders.AllocMem(), nullptr);
  EXPECT_FALSE(chain.orders.Reserve(1));
  EXPECT_EQ(chain.lpool.AllocMaybe<Row>(), nullptr);
  EXPECT_EQ(chain.lpool.AllocMem(1), nullptr);
  EXPECT_FALSE(chain.lpool.ReserveBuffers(1, 1));
  EXPECT_EQ(base.AllocMem(1), nullptr);
  EXPECT_EQ(sbrk.AllocMem(1), nullptr);
  EXPECT_EQ(heap.AllocMem(1), nullptr);
  EXPECT_EQ(heap.AllocMaybe<Row>(), nullptr);

  const StepScope step(5);
  const auto report = HasSubstr("while processing message 5\n");
  EXPECT_EXIT((void)chain.orders.AllocMaybe(), ExitedWithCode(3), report);
  EXPECT_EXIT((void)chain.orders.AllocMem(), ExitedWithCode(3), report);
  EXPECT_EXIT((void)chain.orders.Reserve(1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)chain.lpool.AllocMaybe<Row>(), ExitedWithCode(3), report);
  EXPECT_EXIT((void)chain.lpool.AllocMem(1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)chain.lpool.ReserveBuffers(1, 1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)base.AllocMem(1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)sbrk.AllocMem(1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)heap.AllocMem(1), ExitedWithCode(3), report);
  EXPECT_EXIT((void)heap.AllocMaybe<Row>(), ExitedWithCode(3), report);
}

TEST(OutOfMemoryDeathTest, EndsTheProcessOutsideAStepToo) {
  Chain chain;
  ASSERT_TRUE(chain.orders.SetLimit({.elements = 0}).ok());
  ASSERT_TRUE(chain.lpool.SetLimit({.elements = 0}).ok());
  Malloc heap("scratch");
  ASSERT_TRUE(heap.SetLimit({.bytes = 16}).ok());
  EXPECT_EXIT((void)chain.orders.Alloc(), ExitedWithCode(3), HasSubstr("outside a step\n"));
  EXPECT_EXIT((void)chain.lpool.Alloc<Row>(), ExitedWithCode(3), HasSubstr("outside a step\n"));
  EXPECT_EXIT((void)heap.Alloc<Sized<64>>(), ExitedWithCode(3),
              HasSubstr("out of memory in pool scratch: 64 bytes were asked for, but pool scratch "
                        "may not take 64 bytes more: its limit is 16 bytes."));
}

TEST(OutOfMemoryDeathTest, GoesOnInAStepThatFindsLessThanItAskedForButEnough) {
  auto zone = MapZone(4 * kMiB);
  Lpool lpool("lpool", zone->sbrk());
  Tpool<Row> rows("rows", lpool);
  ASSERT_TRUE(lpool.SetLimit({.bytes = kMiB}).ok());
  const StepScope step(1);
  EXPECT_NE(rows.AllocMaybe(), nullptr) << "2 MiB were refused, 1 MiB was not";
}

}  // namespace
}  // namespace tandem::pools
