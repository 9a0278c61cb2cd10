// SPDX-License-Identifier: Apache-2.0
#include "pools/lary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/sbrk.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

using Numbers = Lary<std::uint64_t>;
static_assert(std::forward_iterator<Numbers::iterator>);
static_assert(std::forward_iterator<Numbers::const_iterator>);
static_assert(!std::is_copy_constructible_v<Numbers> && !std::is_move_constructible_v<Numbers>);

class LaryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Zone> zone_ = MapZone();
  Lpool lpool_{"lpool", zone_->sbrk()};
  Numbers numbers_{"numbers", lpool_};
};

TEST_F(LaryTest, IsEmptyFromTheStartAndTakesNothing) {
  EXPECT_EQ(numbers_.N(), 0u);
  EXPECT_TRUE(numbers_.EmptyQ());
  EXPECT_EQ(numbers_.Find(0), nullptr);
  EXPECT_EQ(numbers_.Last(), nullptr);
  EXPECT_TRUE(numbers_.begin() == numbers_.end());
  EXPECT_EQ(lpool_.N(), 0u);
}

TEST_F(LaryTest, TakesALevelWhenTheOneBeforeIsFull) {
  // Elements 0, 1, 3, 7, 15 ... begin levels.
  std::vector<std::uint64_t> levels;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::uint64_t before = numbers_.GetFigures().taken_bytes;
    numbers_.Alloc(i);
    if (numbers_.GetFigures().taken_bytes != before) {
      levels.push_back(i);
    }
  }
  EXPECT_THAT(levels, ElementsAre(0, 1, 3, 7, 15, 31));
  EXPECT_EQ(numbers_.GetFigures().taken_bytes, 16u + 16 + 32 + 64 + 128 + 256);
  EXPECT_EQ(lpool_.N(), 6u);
}

TEST_F(LaryTest, FindsElementsByNumberAndSaysWhichAreNotThere) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    numbers_.Alloc(i * i);
    EXPECT_EQ(numbers_.Last(), &numbers_.qFind(i));
    EXPECT_EQ(numbers_.Find(i + 1), nullptr);
  }
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(numbers_.qFind(i), i * i);
    ASSERT_EQ(numbers_.Find(i), &numbers_.qFind(i));
  }
  for (const std::uint64_t index : {std::uint64_t{1000}, std::uint64_t{1} << 32, kNoLimit}) {
    EXPECT_EQ(numbers_.Find(index), nullptr);
    EXPECT_EQ(std::as_const(numbers_).Find(index), nullptr);
  }
}

TEST_F(LaryTest, NeverMovesAnElement) {
  std::vector<std::uint64_t*> places;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    places.push_back(&numbers_.Alloc(i));
  }
  for (std::uint64_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(places[i], &numbers_.qFind(i));
    ASSERT_EQ(*places[i], i);
  }
}

TEST_F(LaryTest, RemovesTheLastOnlyAndUsesItsPlaceAgain) {
  for (std::uint64_t i = 0; i < 8; ++i) {
    numbers_.Alloc(i);
  }
  std::uint64_t* const last = numbers_.Last();
  numbers_.RemoveLast();
  EXPECT_EQ(numbers_.N(), 7u);
  EXPECT_EQ(*numbers_.Last(), 6u);
  EXPECT_EQ(numbers_.Find(7), nullptr);
  EXPECT_EQ(&numbers_.Alloc(70u), last);
}

TEST_F(LaryTest, PutsTheNextElementWhereItWasWhicheverLengthItWasCutBackTo) {
  Numbers numbers("apart", zone_->sbrk());  // each level begins a page
  std::vector<std::uint64_t*> places;
  for (std::uint64_t i = 0; i < 70; ++i) {
    places.push_back(&numbers.Alloc(i));
  }
  for (std::uint64_t length = 70; length-- > 0;) {
    while (numbers.N() > length) {
      numbers.RemoveLast();
    }
    while (numbers.N() < 70) {
      const std::uint64_t index = numbers.N();
      ASSERT_EQ(&numbers.Alloc(index), places[index]) << "cut back to " << length;
    }
  }
}

TEST_F(LaryTest, KeepsItsLevelsWhenAllAreRemoved) {
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      numbers_.Alloc(i);
    }
    EXPECT_EQ(lpool_.N(), 7u);
    numbers_.RemoveAll();
    EXPECT_TRUE(numbers_.EmptyQ());
  }
  EXPECT_EQ(lpool_.N(), 7u);
  EXPECT_EQ(numbers_.GetFigures().live_peak, 100u);
}

TEST_F(LaryTest, GivesItsLevelsBackWhenItIsDestroyed) {
  {
    Numbers numbers("others", lpool_);
    for (std::uint64_t i = 0; i < 1000; ++i) {
      numbers.Alloc(i);
    }
    EXPECT_EQ(lpool_.N(), 10u);
  }
  EXPECT_EQ(lpool_.N(), 0u);
}

TEST_F(LaryTest, IsGoneThroughInOrder) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    numbers_.Alloc(i);
  }
  std::uint64_t expected = 0;
  for (std::uint64_t& number : numbers_) {
    EXPECT_EQ(number, expected++);
    number += 1;
  }
  EXPECT_EQ(expected, 100u);
  expected = 1;
  for (const std::uint64_t number : std::as_const(numbers_)) {
    EXPECT_EQ(number, expected++);
  }
  EXPECT_EQ(std::distance(numbers_.begin(), numbers_.end()), 100);
}

TEST_F(LaryTest, GivesMemoryThatTheCallerConstructs) {
  void* memory = numbers_.AllocMem();
  EXPECT_EQ(numbers_.N(), 1u);
  EXPECT_EQ(memory, &numbers_.qFind(0));
  ::new (memory) std::uint64_t{7};
  EXPECT_EQ(numbers_.qFind(0), 7u);
}

TEST_F(LaryTest, ReservesSoThatTheBaseIsNotAskedAgain) {
  numbers_.Alloc(0u);
  EXPECT_TRUE(numbers_.Reserve(0));
  EXPECT_TRUE(numbers_.Reserve(999));
  EXPECT_EQ(lpool_.N(), 10u);
  ASSERT_TRUE(numbers_.SetLimit({.bytes = numbers_.GetFigures().taken_bytes}).ok());
  for (std::uint64_t i = 1; i < 1000; ++i) {
    ASSERT_NE(numbers_.AllocMaybe(i), nullptr);
  }
  EXPECT_FALSE(numbers_.Reserve(1000));
  EXPECT_FALSE(numbers_.Reserve(kNoLimit));
  EXPECT_FALSE(numbers_.Reserve(Numbers::kElementsMax));
}

TEST_F(LaryTest, LetsALimitOfBytesThroughWholeLevelsOnly) {
  ASSERT_TRUE(numbers_.SetLimit({.bytes = 16 + 16 + 32 + 63}).ok());
  std::uint64_t count = 0;
  while (numbers_.AllocMaybe(count) != nullptr) {
    ++count;
  }
  EXPECT_EQ(count, 7u);  // levels of 1, 2 and 4
  ASSERT_TRUE(numbers_.SetLimit({.bytes = 16 + 16 + 32 + 64}).ok());
  while (numbers_.AllocMaybe(count) != nullptr) {
    ++count;
  }
  EXPECT_EQ(count, 15u);
}

TEST(Lary, AlignsEachLevelToSixteenBytesAtLeast) {
  auto zone = MapZone();
  Lary<std::uint8_t> bytes("bytes", zone->sbrk());
  for (int i = 0; i < 300; ++i) {
    bytes.Alloc();
  }
  for (std::uint64_t first = 0; first < 300; first = 2 * first + 1) {
    EXPECT_TRUE(IsAligned(&bytes.qFind(first), 16)) << first;
  }
}

TEST(Lary, ServesLevelsOfFourGibibytesAndMore) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(64 * kGiB);
  Lary<Sized<kGiB>> large("large", zone->sbrk());
  std::vector<char*> places;
  for (int i = 0; i < 15; ++i) {  // levels of 1, 2, 4 and 8 GiB
    places.push_back(static_cast<char*>(large.AllocMem()));
    ASSERT_NE(places.back(), nullptr);
    places.back()[0] = static_cast<char>(i);
    places.back()[kGiB - 1] = static_cast<char>(i);
  }
  EXPECT_EQ(large.GetFigures().taken_bytes, 15 * kGiB);
  EXPECT_EQ(large.GetFigures().live_bytes, 15 * kGiB);
  for (std::size_t i = 0; i < 15; ++i) {
    EXPECT_EQ(places[i][0], static_cast<char>(i));
    EXPECT_EQ(places[i][kGiB - 1], static_cast<char>(i));
    EXPECT_EQ(static_cast<void*>(places[i]), &large.qFind(i));
  }
}

TEST(Lary, CountsMoreThanFourBillionElementsAndNotOneMoreThanThirtyTwoLevels) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  struct Byte {
    std::uint8_t value;
  };
  auto zone = MapZone(8 * kGiB);
  Lary<Byte> bytes("bytes", zone->sbrk());
  static_assert(Lary<Byte>::kElementsMax == 4294967295);
  ASSERT_TRUE(bytes.Reserve(Lary<Byte>::kElementsMax));
  EXPECT_EQ(zone->sbrk().N(), 32u);
  EXPECT_FALSE(bytes.Reserve(Lary<Byte>::kElementsMax + 1));
}

using LaryDeathTest = LaryTest;

TEST_F(LaryDeathTest, EndsTheProcessOnARemovalFromNothing) {
  EXPECT_DEATH(numbers_.RemoveLast(), "pool numbers: the last element is removed");
}

TEST_F(LaryDeathTest, ReportsItselfAndItsChainWhenMemoryIsOut) {
  ASSERT_TRUE(numbers_.SetLimit({.elements = 2}).ok());
  numbers_.Alloc(1u);
  numbers_.Alloc(2u);
  EXPECT_EXIT(numbers_.Alloc(3u), ExitedWithCode(3),
              HasSubstr("out of memory in pool numbers: 8 bytes were asked for, but pool numbers "
                        "has reached its limit of 2 elements.\n"
                        "  outside a step\n"
                        "  the chain, from the pool to the operating system:\n"
                        "  numbers (Lary): live 2, peak 2, 16 bytes, taken 32 bytes, limit 2 "
                        "elements\n"
                        "  lpool (Lpool): live 2, peak 2, 32 bytes, taken 2097152 bytes\n"));
}

}  // namespace
}  // namespace tandem::pools
