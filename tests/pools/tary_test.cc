// SPDX-License-Identifier: Apache-2.0
#include "pools/tary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/sbrk.h"
#include "pools/step_scope.h"
#include "tests/pools/pool_cases.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Numbers = Tary<int>;
static_assert(!std::is_copy_constructible_v<Numbers> && !std::is_move_constructible_v<Numbers>);

class TaryTest : public ::testing::Test {
 protected:
  /// Makes the array hold just these.
  void Put(std::vector<int> numbers) { numbers_.Setary(numbers); }
  /// Fills the array until the next element makes it grow.
  void FillUp() {
    while (numbers_.N() != numbers_.Max()) {
      numbers_.Alloc(0);
    }
  }

  std::unique_ptr<Zone> zone_ = MapZone();
  Lpool lpool_{"lpool", zone_->sbrk()};
  Numbers numbers_{"numbers", lpool_};
};

TEST_F(TaryTest, IsEmptyFromTheStartAndTakesNothing) {
  EXPECT_EQ(numbers_.N(), 0u);
  EXPECT_EQ(numbers_.Max(), 0u);
  EXPECT_TRUE(numbers_.EmptyQ());
  EXPECT_EQ(numbers_.Find(0), nullptr);
  EXPECT_EQ(numbers_.Last(), nullptr);
  EXPECT_THAT(numbers_.Getary(), IsEmpty());
  numbers_.RemoveAll();
  EXPECT_THAT(numbers_.AllocN(0), IsEmpty());
  EXPECT_THAT(numbers_.Addary({}), IsEmpty());
  EXPECT_TRUE(numbers_.Reserve(0));
  EXPECT_EQ(lpool_.N(), 0u);
}

TEST_F(TaryTest, DoublesWhenItIsFullAndKeepsOnePiece) {
  std::vector<std::uint64_t> sizes;
  for (int i = 0; i < 1000; ++i) {
    numbers_.Alloc(i);
    if (sizes.empty() || sizes.back() != numbers_.Max()) {
      sizes.push_back(numbers_.Max());
    }
    ASSERT_EQ(lpool_.N(), 1u);
    ASSERT_EQ(numbers_.GetFigures().taken_bytes, numbers_.Max() * sizeof(int));
  }
  EXPECT_THAT(sizes, ElementsAre(16, 32, 64, 128, 256, 512, 1024));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(numbers_.qFind(static_cast<std::uint64_t>(i)), i);
  }
}

TEST_F(TaryTest, UsesAllOfWhatTheBaseReallyGave) {
  Tary<Sized<24, 8>> rows("rows", zone_->sbrk());
  rows.Alloc();
  EXPECT_EQ(rows.Max(), 4096u / 24);
}

TEST_F(TaryTest, PutsNewElementsWhereItIsTold) {
  Put({0, 1, 2, 3});
  numbers_.AllocAt(0) = 10;
  EXPECT_THAT(numbers_.Getary(), ElementsAre(10, 0, 1, 2, 3));
  numbers_.AllocAt(5) = 11;
  EXPECT_THAT(numbers_.Getary(), ElementsAre(10, 0, 1, 2, 3, 11));
  EXPECT_THAT(numbers_.AllocNAt(2, 3), ElementsAre(0, 0));
  EXPECT_THAT(numbers_.Getary(), ElementsAre(10, 0, 1, 0, 0, 2, 3, 11));
  EXPECT_THAT(numbers_.AllocN(2), ElementsAre(0, 0));
  EXPECT_EQ(numbers_.N(), 10u);
  EXPECT_THAT(numbers_.AllocNVal(2, 7), ElementsAre(7, 7));
  EXPECT_THAT(numbers_.Getary(), ElementsAre(10, 0, 1, 0, 0, 2, 3, 11, 0, 0, 7, 7));
}

TEST_F(TaryTest, AddsInsertsAndSetsRanges) {
  const std::vector<int> range{1, 2, 3};
  EXPECT_THAT(numbers_.Addary(range), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers_.Insary(range, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers_.Getary(), ElementsAre(1, 1, 2, 3, 2, 3));
  EXPECT_THAT(numbers_.Setary(range), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers_.Getary(), ElementsAre(1, 2, 3));
  numbers_.Setary({});
  EXPECT_TRUE(numbers_.EmptyQ());
}

TEST_F(TaryTest, RemovesAnywhereAndKeepsTheOrder) {
  Put({0, 1, 2, 3, 4});
  numbers_.Remove(2);
  EXPECT_THAT(numbers_.Getary(), ElementsAre(0, 1, 3, 4));
  numbers_.Remove(0);
  numbers_.Remove(2);
  EXPECT_THAT(numbers_.Getary(), ElementsAre(1, 3));
  numbers_.RemoveLast();
  EXPECT_THAT(numbers_.Getary(), ElementsAre(1));
  const std::uint64_t max = numbers_.Max();
  numbers_.RemoveAll();
  EXPECT_TRUE(numbers_.EmptyQ());
  EXPECT_EQ(numbers_.Max(), max) << "the memory stays";
}

TEST_F(TaryTest, FindsElementsAndTheirNumbers) {
  Put({5, 6, 7});
  EXPECT_EQ(numbers_.Find(2), &numbers_.qFind(2));
  EXPECT_EQ(numbers_.Find(3), nullptr);
  EXPECT_EQ(numbers_.Find(kNoLimit), nullptr);
  EXPECT_EQ(numbers_.Last(), &numbers_.qLast());
  EXPECT_EQ(numbers_.qLast(), 7);
  const Numbers& same = numbers_;
  EXPECT_EQ(*same.Find(0), 5);
  EXPECT_EQ(same.qFind(1), 6);
  EXPECT_EQ(*same.Last(), 7);
  EXPECT_EQ(same.qLast(), 7);
  EXPECT_THAT(same.Getary(), ElementsAre(5, 6, 7));
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(same.rowid_Get(same.qFind(i)), i);
  }
}

TEST_F(TaryTest, MakesAnElementFromOneOfItsOwnAlsoWhenThatMoves) {
  numbers_.Alloc(42);
  FillUp();
  EXPECT_EQ(numbers_.Alloc(numbers_.qFind(0)), 42);
  FillUp();
  EXPECT_THAT(numbers_.AllocNVal(2, numbers_.qFind(0)), ElementsAre(42, 42));
}

TEST_F(TaryTest, ReservesSoThatTheBaseIsNotAskedAgain) {
  Put({1, 2, 3});
  EXPECT_TRUE(numbers_.AbsReserve(2));
  EXPECT_EQ(numbers_.Max(), 16u);
  EXPECT_TRUE(numbers_.AbsReserve(1000));
  EXPECT_EQ(numbers_.Max(), 1024u);
  EXPECT_TRUE(numbers_.Reserve(1022 - 1));
  EXPECT_EQ(numbers_.Max(), 1024u);
  const int* const place = &numbers_.qFind(0);
  while (numbers_.N() < 1024) {
    numbers_.Alloc(0);
  }
  EXPECT_EQ(place, &numbers_.qFind(0));
  EXPECT_FALSE(numbers_.Reserve(kNoLimit));
  EXPECT_FALSE(numbers_.Reserve(Numbers::kElementsMax));
  EXPECT_FALSE(numbers_.AbsReserve(kNoLimit));
  EXPECT_EQ(numbers_.Max(), 1024u);
}

TEST_F(TaryTest, GrowsByLessWhereTheLimitLeavesLessAndReachesIt) {
  Tary<std::uint8_t> bytes("bytes", zone_->sbrk());
  ASSERT_TRUE(bytes.SetLimit({.bytes = 7 * 4096}).ok());
  std::uint64_t count = 0;
  while (bytes.AllocMaybe() != nullptr) {
    ++count;
  }
  EXPECT_EQ(count, 7u * 4096);
  EXPECT_EQ(bytes.GetFigures().taken_bytes, 7u * 4096);
  EXPECT_EQ(bytes.GetFigures().taken_peak_bytes, 7u * 4096) << "old and new piece count once";
}

TEST_F(TaryTest, StaysAsItWasWhenItCannotGrow) {
  Put({1, 2, 3});
  ASSERT_TRUE(lpool_.SetLimit({.elements = 1}).ok());  // the second piece is refused
  EXPECT_TRUE(numbers_.Reserve(13));
  EXPECT_FALSE(numbers_.Reserve(14));
  FillUp();
  EXPECT_EQ(numbers_.AllocMaybe(5), nullptr);
  EXPECT_EQ(numbers_.N(), 16u);
  EXPECT_EQ(numbers_.qFind(2), 3);
}

TEST_F(TaryTest, ServesZeroedElements) {
  for (const int number : numbers_.AllocN(1000)) {
    ASSERT_EQ(number, 0);
  }
  numbers_.RemoveAll();
  numbers_.AllocNVal(500, -1);
  numbers_.RemoveAll();
  for (const int number : numbers_.AllocN(1000)) {
    ASSERT_EQ(number, 0);
  }
}

// A vector is the model; elements have constructors, so every move is counted and checked.
TEST_F(TaryTest, AgreesWithAVectorThroughRandomOperations) {
  struct Element : Tracked<24> {
    Element() : Tracked(0) {}
    using Tracked::Tracked;
    Element(Element&&) noexcept = default;
    Element(const Element& other) : Tracked(other.number()) {}
  };
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  {
    Tary<Element> array("array", lpool_);
    std::vector<std::uint64_t> model;
    const auto at = [&](std::size_t beyond) { return random() % (model.size() + beyond); };
    for (int i = 0; i < 30000; ++i) {
      const std::uint64_t n = random();
      const auto place = [&](std::size_t index) {
        return model.begin() + static_cast<std::ptrdiff_t>(index);
      };
      switch (random() % 12) {
        case 0: {
          const std::size_t index = at(1);
          array.AllocAt(index);
          model.insert(place(index), 0);
          break;
        }
        case 1: {
          const std::size_t index = at(1);
          const std::vector<Element> range(n % 5);
          array.Insary(range, index);
          model.insert(place(index), range.size(), 0);
          break;
        }
        case 2: {
          const Element element(n);
          array.AllocNVal(n % 4, element);
          model.insert(model.end(), n % 4, n);
          break;
        }
        case 3:
          if (n % 64 == 0) {
            array.RemoveAll();
            model.clear();
          }
          break;
        case 4:
        case 5:
          if (!model.empty()) {
            array.RemoveLast();
            model.pop_back();
          }
          break;
        case 6:
        case 7:
          if (!model.empty()) {
            const std::size_t index = at(0);
            array.Remove(index);
            model.erase(place(index));
          }
          break;
        default:
          array.Alloc(n);
          model.push_back(n);
          break;
      }
      ASSERT_EQ(array.N(), model.size());
      ASSERT_EQ(Tracked<24>::live, static_cast<std::int64_t>(model.size()));
      if (i % 64 == 0) {
        for (std::size_t k = 0; k < model.size(); ++k) {
          ASSERT_EQ(array.qFind(k).number(), model[k]);
          ASSERT_TRUE(array.qFind(k).Intact());
        }
      }
    }
  }
  EXPECT_EQ(Tracked<24>::live, 0);
}

TEST(Tary, HoldsMoreThanFourBillionElementsInOnePiece) {
  if (tests::Instrumented()) GTEST_SKIP() << tests::kKeepsAccountOfAllMemory;
  auto zone = MapZone(64 * kGiB);
  Tary<std::uint8_t> bytes("bytes", zone->sbrk());
  ASSERT_TRUE(bytes.Reserve(5 * kGiB));
  EXPECT_EQ(bytes.Max(), 5 * kGiB);
  EXPECT_EQ(bytes.GetFigures().taken_bytes, 5 * kGiB);
  ASSERT_TRUE(bytes.AbsReserve(5 * kGiB + 1));
  EXPECT_EQ(bytes.Max(), 10 * kGiB);
}

using TaryDeathTest = TaryTest;

TEST_F(TaryDeathTest, EndsTheProcessWhenARangeOfItselfIsAdded) {
  Put({1, 2, 3, 4});
  const std::span<const int> all = numbers_.Getary();
  const char* const words = "pool numbers: a range of the array is added to itself";
  EXPECT_DEATH(numbers_.Addary(all), words);
  EXPECT_DEATH(numbers_.Addary(all.subspan(3)), words);
  EXPECT_DEATH(numbers_.Insary(all.first(1), 2), words);
  EXPECT_DEATH(numbers_.Setary(all), words);
  numbers_.Addary(all.first(0));
  EXPECT_EQ(numbers_.N(), 4u);
}

TEST_F(TaryDeathTest, EndsTheProcessOnANumberThatIsNotThere) {
  Put({1, 2});
  const int other = 0;
  EXPECT_DEATH(numbers_.Remove(2), "element 2 is removed, but there are 2");
  EXPECT_DEATH(numbers_.AllocAt(3), "elements are put at 3, but there are 2");
  EXPECT_DEATH((void)numbers_.rowid_Get(other), "is not an element of the array");
  EXPECT_DEATH((void)numbers_.rowid_Get(*(&numbers_.qFind(1) + 1)), "is not an element");
  numbers_.RemoveAll();
  EXPECT_DEATH(numbers_.RemoveLast(), "the last element is removed, but there is none");
}

TEST_F(TaryDeathTest, ReportsItselfWhenMemoryIsOut) {
  ASSERT_TRUE(numbers_.SetLimit({.elements = 3}).ok());
  Put({1, 2, 3});
  EXPECT_EXIT(numbers_.AllocN(2), ExitedWithCode(3),
              HasSubstr("out of memory in pool numbers: 8 bytes were asked for, but pool numbers "
                        "has reached its limit of 3 elements.\n"));
  EXPECT_EXIT(
      {
        const StepScope step(5);
        (void)numbers_.Reserve(1);
      },
      ExitedWithCode(3), HasSubstr("while processing message 5"));
}

}  // namespace
}  // namespace tandem::pools
