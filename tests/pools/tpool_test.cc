// SPDX-License-Identifier: Apache-2.0
#include "pools/tpool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using Row = Sized<64 - kFenceBytes>;  // a stride of 64 bytes, with a fence or without

TEST(Tpool, TakesNothingBeforeTheFirstElement) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  EXPECT_EQ(pool.N(), 0u);
  EXPECT_EQ(zone->sbrk().N(), 0u);
  (void)pool.Alloc();
  EXPECT_EQ(pool.N(), 1u);
  EXPECT_EQ(pool.GetFigures().taken_bytes, 4096u);
}

TEST(Tpool, RoundsTheStrideUpToSixteenOrToTheAlignmentOfTheType) {
  constexpr std::size_t kFence = kChecked ? 16 : 0;
  EXPECT_EQ(Tpool<Sized<1>>::kStride, 16u + kFence);
  EXPECT_EQ(Tpool<Sized<16>>::kStride, 16u + kFence);
  EXPECT_EQ(Tpool<Sized<17>>::kStride, 32u + kFence);
  EXPECT_EQ((Tpool<Sized<65, 64>>::kStride), kChecked ? 192u : 128u);
  EXPECT_EQ((Tpool<Sized<1, 4096>>::kStride), kChecked ? 8192u : 4096u);
}

TEST(Tpool, CarvesFreshElementsInAddressOrder) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  auto* before = reinterpret_cast<char*>(&pool.Alloc());
  for (int i = 1; i < 50; ++i) {  // a block of 4096 bytes has 63, with fences 50
    auto* next = reinterpret_cast<char*>(&pool.Alloc());
    EXPECT_EQ(next, before + Tpool<Row>::kStride);
    before = next;
  }
}

TEST(Tpool, UsesTheElementDeletedLastFirst) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  Row& first = pool.Alloc();
  Row& second = pool.Alloc();
  pool.Delete(first);
  pool.Delete(second);
  EXPECT_EQ(&pool.Alloc(), &second);
  EXPECT_EQ(&pool.Alloc(), &first);
}

template <class T>
void ExpectAligned() {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Tpool<T> pool("pool", lpool);
  for (int i = 0; i < 300; ++i) {
    T& element = pool.Alloc();
    EXPECT_TRUE(IsAligned(&element, std::max<std::size_t>(alignof(T), 16)));
    std::memset(static_cast<void*>(&element), i, sizeof element);
  }
}

TEST(Tpool, AlignsToSixteenBytesAndToTheTypeWhereThatIsMore) {
  ExpectAligned<Sized<1>>();
  ExpectAligned<Sized<24, 8>>();
  ExpectAligned<Sized<32, 32>>();
  ExpectAligned<Sized<64, 64>>();
  ExpectAligned<Sized<100, 256>>();
  ExpectAligned<Sized<4096, 4096>>();
}

TEST(Tpool, BeginsElementsOfWholeCacheLinesWithALine) {
  auto zone = MapZone();
  Tpool<Row> one("one", zone->sbrk());
  Tpool<Sized<192 - kFenceBytes>> three("three", zone->sbrk());
  Tpool<Sized<32 - kFenceBytes>> half("half", zone->sbrk());
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(IsAligned(&one.Alloc(), 64));
    EXPECT_TRUE(IsAligned(&three.Alloc(), 64));
    EXPECT_TRUE(IsAligned(&half.Alloc(), 32));
  }
}

TEST(Tpool, RunsConstructorsAndDestructorsOnceEach) {
  auto zone = MapZone();
  Tpool<Counted> pool("counted", zone->sbrk());
  std::vector<Counted*> elements;
  for (int i = 0; i < 1000; ++i) {
    elements.push_back(i % 2 == 0 ? &pool.Alloc(i) : pool.AllocMaybe(i));
    EXPECT_EQ(elements.back()->value, i);
  }
  EXPECT_EQ(Counted::live, 1000);
  for (Counted* element : elements) {
    pool.Delete(*element);
  }
  EXPECT_EQ(Counted::live, 0);
  pool.FreeMem(pool.AllocMem());
  EXPECT_EQ(Counted::live, 0) << "memory alone is not an element";
}

TEST(Tpool, GivesItsCapacityBackInWhateverOrderItIsDrained) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  std::set<Row*> known;
  std::uint64_t taken = 0;
  for (int order = 0; order < 6; ++order) {
    std::vector<Row*> rows(20000);
    for (Row*& row : rows) {
      row = &pool.Alloc();
      std::memset(row, order, sizeof *row);
    }
    const std::set<Row*> distinct(rows.begin(), rows.end());
    EXPECT_EQ(distinct.size(), rows.size());
    if (order == 0) {
      known = distinct;
      taken = pool.GetFigures().taken_bytes;
    }
    EXPECT_EQ(distinct, known) << "the same elements are used again";
    EXPECT_EQ(pool.GetFigures().taken_bytes, taken);
    EXPECT_EQ(pool.GetFigures().live_peak, 20000u);
    if (order % 3 == 1) {
      std::reverse(rows.begin(), rows.end());
    } else if (order % 3 == 2) {
      std::shuffle(rows.begin(), rows.end(), random);
    }
    for (Row* row : rows) {
      pool.Delete(*row);
    }
    EXPECT_EQ(pool.N(), 0u);
  }
}

TEST(Tpool, GrowsModeratelySoThatLittleIsIdle) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  for (std::uint64_t n = 1; n <= 1000000; ++n) {
    (void)pool.Alloc();
    const std::uint64_t taken = pool.GetFigures().taken_bytes;
    ASSERT_LE(taken, n * 64 * 11 / 10 + 8192) << n;
  }
  EXPECT_LT(zone->sbrk().N(), 200u) << "but not in tiny steps";
}

TEST(Tpool, TakesLargeElementsWithLittleWaste) {
  auto zone = MapZone();
  Tpool<Sized<5000>> medium("medium", zone->sbrk());
  Tpool<Sized<kMiB + 1>> large("large", zone->sbrk());
  for (int i = 0; i < 100; ++i) {
    (void)medium.AllocMem();
    (void)large.AllocMem();
  }
  EXPECT_LE(medium.GetFigures().taken_bytes, medium.GetFigures().live_bytes * 115 / 100);
  EXPECT_LE(large.GetFigures().taken_bytes, large.GetFigures().live_bytes * 101 / 100);
}

TEST(Tpool, ReserveLeavesNothingToAskTheBaseFor) {
  for (const std::uint64_t n : {0, 1, 62, 63, 64, 1000, 100000}) {
    auto zone = MapZone();
    Tpool<Row> pool("rows", zone->sbrk());
    for (int i = 0; i < 10; ++i) {
      pool.Delete(pool.Alloc());
    }
    ASSERT_TRUE(pool.Reserve(n));
    EXPECT_EQ(pool.GetFigures().live_peak, 1u);
    zone->sbrk().RefuseAfter(0);
    for (std::uint64_t i = 0; i < n; ++i) {
      ASSERT_NE(pool.AllocMaybe(), nullptr) << i << " of " << n;
    }
    EXPECT_EQ(pool.N(), n);
  }
}

TEST(Tpool, ReserveAsksForNothingItHasAlready) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  ASSERT_TRUE(pool.ReserveMem(64 * 1000));
  const std::uint64_t taken = pool.GetFigures().taken_bytes;
  ASSERT_TRUE(pool.Reserve(1000));
  (void)pool.Alloc();
  ASSERT_TRUE(pool.Reserve(999));
  EXPECT_EQ(pool.GetFigures().taken_bytes, taken);
  ASSERT_TRUE(pool.Reserve(5000));
  EXPECT_GE(pool.GetFigures().taken_bytes, 5001u * 64);
}

TEST(Tpool, ReserveChangesNothingWhenItFails) {
  auto zone = MapZone(8 * kMiB);
  Tpool<Row> pool("rows", zone->sbrk());
  EXPECT_FALSE(pool.Reserve(kNoLimit));
  EXPECT_FALSE(pool.Reserve(kNoLimit / 64));
  EXPECT_FALSE(pool.Reserve(1000000));
  EXPECT_EQ(pool.GetFigures().taken_bytes, 0u);
  ASSERT_TRUE(pool.SetLimit({.elements = 10}).ok());
  EXPECT_FALSE(pool.Reserve(11));
  EXPECT_TRUE(pool.Reserve(10));
}

TEST(Tpool, StopsAtItsLimitOfElementsAndGoesOnAfterADelete) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  ASSERT_TRUE(pool.SetLimit({.elements = 0}).ok());
  EXPECT_EQ(pool.AllocMaybe(), nullptr);
  ASSERT_TRUE(pool.SetLimit({.elements = 100}).ok());
  std::vector<Row*> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(pool.AllocMaybe());
    ASSERT_NE(rows.back(), nullptr);
  }
  EXPECT_EQ(pool.AllocMaybe(), nullptr);
  EXPECT_EQ(pool.AllocMem(), nullptr);
  pool.Delete(*rows[50]);
  EXPECT_EQ(pool.AllocMaybe(), rows[50]);
  EXPECT_EQ(pool.AllocMaybe(), nullptr);
  EXPECT_FALSE(pool.SetLimit({.elements = 99}).ok());
  ASSERT_TRUE(pool.SetLimit({.elements = 101}).ok());
  EXPECT_NE(pool.AllocMaybe(), nullptr);
  EXPECT_EQ(pool.AllocMaybe(), nullptr);
}

TEST(Tpool, ReachesALimitOfBytesThatIsNoMultipleOfABlock) {
  for (const std::uint64_t limit : {4096ull, 12288ull, 45056ull, 1000ull * 4096}) {
    auto zone = MapZone();
    Tpool<Row> pool("rows", zone->sbrk());
    ASSERT_TRUE(pool.SetLimit({.bytes = limit}).ok());
    std::uint64_t n = 0;
    while (pool.AllocMaybe() != nullptr) {
      ++n;
    }
    EXPECT_LE(pool.GetFigures().taken_bytes, limit);
    EXPECT_GT(pool.GetFigures().taken_bytes + 4096, limit) << "no whole page is left over";
    EXPECT_GE(n * 64 + n * 64 / 32, pool.GetFigures().taken_bytes) << "and elements fill them";
  }
}

TEST(Tpool, WorksOnWhenTheBaseFailedAtTheNthRequestForEveryN) {
  constexpr std::uint64_t kRows = 10000;
  for (std::uint64_t n = 0;; ++n) {
    auto zone = MapZone();
    Tpool<Row> pool("rows", zone->sbrk());
    zone->sbrk().RefuseAfter(n);
    std::vector<Row*> rows;
    while (rows.size() < kRows) {
      Row* row = pool.AllocMaybe();
      if (row == nullptr) {
        break;
      }
      rows.push_back(row);
    }
    EXPECT_EQ(pool.N(), rows.size());
    EXPECT_LE(zone->sbrk().N(), n);
    const bool complete = rows.size() == kRows;
    zone->sbrk().RefuseNoMore();
    while (rows.size() < kRows) {
      rows.push_back(&pool.Alloc());
    }
    EXPECT_EQ(std::set<Row*>(rows.begin(), rows.end()).size(), kRows);
    for (Row* row : rows) {
      std::memset(row, 0x5A, sizeof *row);
      pool.Delete(*row);
    }
    EXPECT_EQ(pool.N(), 0u);
    if (complete) {
      EXPECT_GT(n, 10u);
      break;
    }
    ASSERT_LT(n, 1000u);
  }
}

TEST(Tpool, GivesItsBlocksBackWhenItIsDestroyed) {
  auto zone = MapZone();
  Malloc heap;
  Lpool lpool("lpool", heap);
  {
    Tpool<Row> first("first", zone->sbrk());
    Tpool<Row> second("second", lpool);
    ASSERT_TRUE(first.Reserve(5000));
    for (int i = 0; i < 10000; ++i) {
      (void)first.Alloc();
      (void)second.Alloc();
    }
    EXPECT_NE(zone->used_bytes(), 0u);
    EXPECT_NE(lpool.N(), 0u);
  }
  EXPECT_EQ(zone->used_bytes(), 0u);
  EXPECT_EQ(lpool.N(), 0u);
}

TEST(Tpool, NeverHandsMemoryOfOneTypeToAnother) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Tpool<Sized<48>> small("small", lpool);
  Tpool<Sized<80>> large("large", lpool);
  std::set<std::uintptr_t> small_bytes;
  std::set<std::uintptr_t> large_bytes;
  std::vector<Sized<48>*> smalls;
  std::vector<Sized<80>*> larges;
  const auto note = [](std::set<std::uintptr_t>& known, const void* memory, std::size_t size) {
    for (std::size_t i = 0; i < size; i += 16) {
      known.insert(reinterpret_cast<std::uintptr_t>(memory) + i);
    }
  };
  for (int i = 0; i < 50000; ++i) {
    switch (random() % 4) {
      case 0:
        smalls.push_back(&small.Alloc());
        note(small_bytes, smalls.back(), 48);
        break;
      case 1:
        larges.push_back(&large.Alloc());
        note(large_bytes, larges.back(), 80);
        break;
      case 2:
        if (!smalls.empty()) {
          std::swap(smalls[random() % smalls.size()], smalls.back());
          small.Delete(*smalls.back());
          smalls.pop_back();
        }
        break;
      default:
        if (!larges.empty()) {
          std::swap(larges[random() % larges.size()], larges.back());
          large.Delete(*larges.back());
          larges.pop_back();
        }
    }
  }
  std::vector<std::uintptr_t> both;
  std::set_intersection(small_bytes.begin(), small_bytes.end(), large_bytes.begin(),
                        large_bytes.end(), std::back_inserter(both));
  EXPECT_TRUE(both.empty());
  EXPECT_FALSE(small_bytes.empty() || large_bytes.empty());
}

using TpoolDeathTest = ::testing::Test;

TEST(TpoolDeathTest, EndsTheProcessOnADeleteThatCannotBe) {
  auto zone = MapZone();
  Tpool<Row> pool("rows", zone->sbrk());
  Row& first = pool.Alloc();
  Row& second = pool.Alloc();
  pool.Delete(first);
  EXPECT_DEATH(pool.Delete(first), "pool rows: an element is freed that is not live");
  pool.Delete(second);
  EXPECT_DEATH(pool.Delete(first), "not live");
}

}  // namespace
}  // namespace tandem::pools
