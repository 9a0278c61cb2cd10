// SPDX-License-Identifier: Apache-2.0
//
// The header that poolc makes of house.pools: two namespaces within a third, a base of another
// database, elements within elements, hand-written types.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "house.pools.h"
#include "pools/declarations/describe.h"
#include "tests/pools/test_zone.h"

namespace acme::house {
namespace {

struct Root {
  explicit Root(pools::Sbrk& sbrk) : memory(sbrk), house(memory.lpool) {}
  mem::FDb memory;
  FDb house;
};

class House : public ::testing::Test {
 protected:
  std::unique_ptr<pools::Zone> zone_ = pools::MapZone();
  Root& root_ = zone_->MakeRoot<Root>(zone_->sbrk());
  FDb& db_ = root_.house;
};

TEST_F(House, AnIndexOfHandWrittenCodeJoinsGeneratedElements) {
  Guest& guest = guest_Alloc(db_, {.number = 12, .hair = {.red = 200}});
  db_.by_number.InsertNew(guest);
  EXPECT_EQ(db_.by_number.Find(12), &guest);
  EXPECT_EQ(guest.hair.alpha, 255);
}

TEST_F(House, ElementsWithinElementsShareOneAccount) {
  Room& room = room_Alloc(db_);
  book_Alloc(room.shelf, "Ulysses");
  book_Alloc(db_.hall, "Emma");
  Room& inner = inner_Access(room, db_.Shelf_book, db_.Room_box, db_.Room_inner);
  Shelf& box = box_Access(inner, db_.Shelf_book);
  book_Alloc(box, "Dubliners");
  EXPECT_EQ(db_.Shelf_book.GetFigures().live, 3u);
  EXPECT_EQ(book_Last(box)->view(), "Dubliners");
  room_RemoveAll(db_);
  EXPECT_EQ(db_.Shelf_book.GetFigures().live, 1u);
  EXPECT_EQ(db_.Room_inner.GetFigures().live, 0u);
}

TEST_F(House, AllMemoryComesFromTheOtherDatabase) {
  for (const pools::PoolInfo& pool : zone_->Pools()) {
    if (pool.name.starts_with("house.")) {
      EXPECT_EQ(pool.base, "mem.FDb.lpool") << pool.name;
    }
  }
  const std::uint64_t before = lpool_N(root_.memory);
  db_.name.Set("The house");
  EXPECT_EQ(lpool_N(root_.memory), before + 1);
}

TEST_F(House, WhatCannotBeCopiedIsMadeInItsPlace) {
  EXPECT_EQ(draft_Alloc(db_).seal.wax, 7u);
  Letter* const letter = letter_Emplace(db_, 12u);
  ASSERT_NE(letter, nullptr);
  EXPECT_EQ(letter->seal.wax, 7u);
  EXPECT_EQ(letter_Find_number(db_, 12), letter);
  EXPECT_EQ(letter_Emplace(db_, 12u), nullptr);
  EXPECT_EQ(letter_N(db_), 1u);
}

TEST_F(House, TheSameCallsLeaveTheSameBytes) {
  const auto run = [](FDb& db) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      Guest& guest = guest_Alloc(db, {.number = i, .stay = {.from = 1}});
      db.by_number.InsertNew(guest);
      Room& room = room_Alloc(db);
      book_Alloc(room.shelf, "Emma");
      if (i % 3 == 0) {
        db.by_number.Remove(guest);
        guest_Delete(db, guest);
      }
      if (i % 7 == 0) room_RemoveAll(db);
    }
    db.name.Set("The house");
  };
  run(db_);
  const std::uint64_t hash = zone_->Hash();
  zone_.reset();
  zone_ = pools::MapZone();
  run(zone_->MakeRoot<Root>(zone_->sbrk()).house);
  EXPECT_EQ(zone_->Hash(), hash);
}

TEST_F(House, HandWrittenAndGeneratedTypesPrintAlike) {
  Guest& guest = guest_Alloc(db_, {.number = 12, .hair = {.red = 200}, .stay = {.from = 1}});
  EXPECT_EQ(tandem::declarations::RecordOf(guest),
            "house.Guest  number:12  next:0x0  hair.red:200  hair.green:0  hair.blue:0  "
            "hair.alpha:255  stay.from:1  stay.to:0");
}

}  // namespace
}  // namespace acme::house
