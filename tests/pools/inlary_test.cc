// SPDX-License-Identifier: Apache-2.0
#include "pools/inlary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "pools/step_scope.h"
#include "pools/val.h"
#include "tests/pools/pool_cases.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::IsEmpty;

template <class Array>
concept CanAlloc = requires(Array array) {
  array.Alloc();
};
template <class Array>
concept CanRemove = requires(Array array) {
  array.RemoveLast();
};

using Fixed = Inlary<int, 3, 3>;
using Bounded = Inlary<int, 1, 4, "db.Order.leg">;
static_assert(!CanAlloc<Fixed> && !CanRemove<Fixed>);
static_assert(CanAlloc<Bounded> && CanRemove<Bounded>);
static_assert(sizeof(Fixed) == 3 * sizeof(int));
static_assert(std::is_trivially_copyable_v<Fixed> && std::is_trivially_copyable_v<Bounded>);
// No padding, whatever the size of the elements.
static_assert(std::has_unique_object_representations_v<Inlary<std::uint8_t, 0, 1>>);
static_assert(std::has_unique_object_representations_v<Inlary<std::uint8_t, 2, 9>>);
static_assert(std::has_unique_object_representations_v<Inlary<Sized<64, 64>, 0, 2>>);
static_assert(!std::is_copy_constructible_v<Inlary<Tracked<16>, 0, 2>>);
static_assert(std::is_same_v<Val<int>, int>);

TEST(Inlary, HasItsElementsFromTheStartWhenTheirNumberIsFixed) {
  Fixed array;
  EXPECT_EQ(array.N(), 3u);
  EXPECT_THAT(array.Getary(), ElementsAre(0, 0, 0));
  array.qFind(1) = 5;
  EXPECT_EQ(*array.Find(1), 5);
  EXPECT_EQ(array.Find(3), nullptr);
  EXPECT_EQ(*array.Last(), 0);
}

TEST(Inlary, GrowsFromItsLeastToItsLargestNumber) {
  Bounded array;
  EXPECT_EQ(Bounded::Max(), 4u);
  EXPECT_THAT(array.Getary(), ElementsAre(0));
  for (int i = 1; i < 4; ++i) {
    EXPECT_EQ(array.Alloc(i), i);
  }
  EXPECT_THAT(array.Getary(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(array.AllocMaybe(4), nullptr);
  EXPECT_EQ(array.AllocMem(), nullptr);
  EXPECT_EQ(array.N(), 4u);
  EXPECT_EQ(*std::as_const(array).Last(), 3);
}

TEST(Inlary, RemovesTheLastDownToItsLeastNumber) {
  Bounded array;
  array.Alloc(1);
  array.Alloc(2);
  array.RemoveLast();
  EXPECT_THAT(array.Getary(), ElementsAre(0, 1));
  EXPECT_EQ(array.Find(2), nullptr);
  array.RemoveAll();
  EXPECT_THAT(array.Getary(), ElementsAre(0));
  Inlary<int, 0, 2> empty;
  empty.RemoveAll();
  EXPECT_THAT(empty.Getary(), IsEmpty());
  EXPECT_EQ(empty.Last(), nullptr);
}

TEST(Inlary, MakesAndDestroysItsElementsWithTheParent) {
  Tracked<16>::live = 0;
  {
    Inlary<Tracked<16>, 0, 5> array;
    EXPECT_EQ(Tracked<16>::live, 0);
    array.Alloc(1u);
    array.Alloc(2u);
    array.RemoveLast();
    array.Alloc(3u);
    EXPECT_EQ(Tracked<16>::live, 2);
    EXPECT_EQ(array.qFind(1).number(), 3u);
  }
  EXPECT_EQ(Tracked<16>::live, 0);
  struct Numbered : Tracked<16> {
    Numbered() : Tracked(7) {}
  };
  {
    const Inlary<Numbered, 2, 5> array;
    EXPECT_EQ(Tracked<16>::live, 2);
  }
  EXPECT_EQ(Tracked<16>::live, 0);
}

TEST(Inlary, IsZeroWhereItHasNoElements) {
  alignas(Bounded) unsigned char memory[sizeof(Bounded)];
  std::memset(memory, 0xAA, sizeof memory);
  auto* array = ::new (memory) Bounded;
  array->Alloc(-1);
  unsigned char expected[sizeof(Bounded)] = {};
  std::memset(expected + sizeof(int), 0xFF, sizeof(int));
  expected[sizeof(Bounded) - 8] = 2;  // the count, little-endian
  EXPECT_EQ(std::memcmp(memory, expected, sizeof memory), 0);
}

TEST(Inlary, IsCopiedWithItsParentWhenItsElementsAre) {
  struct Parent {
    Bounded legs;
  };
  static_assert(std::is_trivially_copyable_v<Parent>);
  Parent parent;
  parent.legs.Alloc(5);
  const Parent copy = parent;
  parent.legs.RemoveLast();
  EXPECT_THAT(copy.legs.Getary(), ElementsAre(0, 5));
}

TEST(Inlary, AlignsItsElements) {
  Inlary<Sized<1, 256>, 0, 3> array;
  EXPECT_TRUE(IsAligned(&array.Alloc(), 256));
  EXPECT_TRUE(IsAligned(&array.Alloc(), 256));
}

using InlaryDeathTest = ::testing::Test;

TEST(InlaryDeathTest, EndsTheProcessWithItsNameWhenItIsFull) {
  Bounded array;
  while (array.AllocMaybe() != nullptr) {
  }
  EXPECT_EXIT(array.Alloc(), ExitedWithCode(3),
              ::testing::StrEq(
                  "tandem: out of memory in pool db.Order.leg: 4 bytes were asked for, but it has "
                  "room for 4 elements inside its parent and is full.\n"
                  "  outside a step\n"
                  "  Declare it with a larger max, then build and start again.\n"));
  EXPECT_EXIT(
      {
        const StepScope step(9);
        (void)array.AllocMaybe();
      },
      ExitedWithCode(3), ::testing::HasSubstr("while processing message 9\n"));
}

TEST(InlaryDeathTest, EndsTheProcessWhenWhatMustStayIsRemoved) {
  Bounded array;
  EXPECT_DEATH(array.RemoveLast(), "pool db.Order.leg: the last element is removed, but 1 must");
}

}  // namespace
}  // namespace tandem::pools
