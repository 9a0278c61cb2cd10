// SPDX-License-Identifier: Apache-2.0
//
// The state of `book` is fully named: clients, symbols, levels and orders with all their fields.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/book/state.h"
#include "tests/book/book_driver.h"
#include "tests/book/random_flow.h"
#include "tests/state/state_copy.h"

namespace tandem::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BookStateWalk, NamesOrdersLevelsSymbolsAndClients) {
  tests::BookDriver driver;
  driver.Take(tests::AsInput("A", tests::Order(book::pb::BUY, book::pb::LIMIT, 1, "XYZ", 100, 5)));
  driver.Take(tests::AsInput("B", tests::Order(book::pb::BUY, book::pb::LIMIT, 9, "XYZ", 100, 7)));
  const Copy copy(book::ZoneOf(driver.book()));
  const ZoneWalk walk = copy.Walk();
  EXPECT_THAT(walk.problems(), IsEmpty());
  EXPECT_THAT(
      Lines(walk, "book.FDb.order"),
      ElementsAre("0 client:book.FDb.client#0  id:1  left:5  level:book.FDb.level#0  "
                  "next:book.FDb.order#1  previous:null  owner:0  next_of_client:null  "
                  "previous_of_client:null",
                  "1 client:book.FDb.client#1  id:9  left:7  level:book.FDb.level#0  next:null  "
                  "previous:book.FDb.order#0  owner:0  next_of_client:null  "
                  "previous_of_client:null"));
  EXPECT_THAT(Lines(walk, "book.FDb.level"),
              ElementsAre("0 hook.parent:book.FDb.symbol#0+25  hook.left:null  hook.right:null  "
                          "key:-100  size:12  first:book.FDb.order#0  last:book.FDb.order#1  "
                          "symbol:book.FDb.symbol#0"));
  EXPECT_THAT(Lines(walk, "book.FDb.client"),
              ElementsAre("0 user:A  first:book.FDb.order#0  last:book.FDb.order#0",
                          "1 user:B  first:book.FDb.order#1  last:book.FDb.order#1"));
  EXPECT_EQ(walk.FieldOf(*walk.FindPool("book.FDb.order"), 1, "client.user"), "B");
  EXPECT_EQ(walk.FieldOf(*walk.FindPool("book.FDb.order"), 1, "previous.client.user"), "A");
}

// No byte of an element of book, and none of its root, is without a name.
TEST(BookStateWalk, HasAFieldForEveryByteOfItsElements) {
  tests::BookDriver driver;
  const Copy copy(book::ZoneOf(driver.book()));
  const ZoneWalk walk = copy.Walk();
  for (const char* name : {"book.Order", "book.Level", "book.Symbol", "book.Client"}) {
    const LayoutType* const type = walk.layout().Find(name);
    ASSERT_NE(type, nullptr) << name;
    std::uint64_t named = 0;
    for (const LayoutField& field : type->fields) {
      EXPECT_NE(field.kind, pools::FieldKind::kOpaque) << name << "." << field.name;
      named += field.size;
    }
    // What poolc adds so that there is no hidden padding is no field.
    EXPECT_EQ(named, type->size - (std::string(name) == "book.Symbol" ? 7 : 0)) << name;
  }
}

TEST(BookStateWalk, NamesThePlantedFault) {
  tests::BookDriver driver;
  tests::RandomFlow flow(5);
  for (int i = 0; i < 2000; ++i) driver.Take(flow.Next());
  const Copy before(book::ZoneOf(driver.book()));
  ASSERT_NE(driver.book().PlantFault(), "");
  const Copy after(book::ZoneOf(driver.book()));
  const Comparison comparison = Compare(before.Walk(), after.Walk(), 10);
  ASSERT_EQ(comparison.count, 1u);
  EXPECT_EQ(comparison.differences[0].pool, "book.FDb.order");
  EXPECT_EQ(comparison.differences[0].field, "left");
  EXPECT_NE(comparison.differences[0].a, comparison.differences[0].b);
}

TEST(BookStateWalk, IsEqualFieldByFieldAtTwoAddresses) {
  tests::BookDriver driver;
  tests::RandomFlow flow(6);
  for (int i = 0; i < 5000; ++i) driver.Take(flow.Next());
  const Copy first(book::ZoneOf(driver.book()));
  const Copy second(book::ZoneOf(driver.second_book()));
  EXPECT_THAT(Texts(Compare(first.Walk(), second.Walk(), 10)), IsEmpty());
}

}  // namespace
}  // namespace tandem::state
