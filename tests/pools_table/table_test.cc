// SPDX-License-Identifier: Apache-2.0
#include "pools/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/pools_table/table_rows.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Table, IsEmptyAtFirstAndTakesNoMemory) {
  Bank bank;
  EXPECT_EQ(bank.accounts.N(), 0u);
  EXPECT_TRUE(bank.accounts.EmptyQ());
  EXPECT_EQ(bank.accounts.Find<&Account::id>(0), nullptr);
  EXPECT_EQ(bank.accounts.Find<&Account::iban>(""), nullptr);
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(0)), IsEmpty());
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::cents>(0)), IsEmpty());
  EXPECT_THAT(Ids(bank.accounts.Rows()), IsEmpty());
  EXPECT_EQ(bank.accounts.By<&Account::cents>().First(), nullptr);
  EXPECT_EQ(bank.accounts.By<&Account::cents>().Last(), nullptr);
  EXPECT_EQ(bank.accounts.By<&Account::cents>().LowerBound(0), nullptr);
  EXPECT_FALSE(bank.accounts.EraseKey<&Account::id>(0));
  bank.accounts.Clear();
  bank.accounts.Check();
  EXPECT_EQ(bank.lpool().N(), 0u);
}

TEST(Table, HasARowInEveryIndexOnceItIsInserted) {
  Bank bank;
  const Account written = Bank::Make(7, -5, 3, true);
  Account* const row = bank.accounts.Insert(written);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(*row, written);
  EXPECT_EQ(bank.accounts.N(), 1u);
  EXPECT_EQ(bank.accounts.Find<&Account::id>(7), row);
  EXPECT_EQ(bank.accounts.Find<&Account::iban>("7"), row);
  EXPECT_EQ(bank.accounts.FindAll<&Account::branch>(3).First(), row);
  EXPECT_EQ(bank.accounts.FindAll<&Account::cents>(-5).First(), row);
  EXPECT_EQ(bank.accounts.By<&Account::cents>().First(), row);
  EXPECT_EQ(bank.accounts.By<&Account::cents>().Last(), row);
  EXPECT_EQ(bank.accounts.Rows().First(), row);
  EXPECT_EQ(bank.accounts.Rows<&Account::frozen>().First(), row);
  bank.accounts.Check();
}

TEST(Table, TakesARowWhoseKeysAreKnownToBeNew) {
  Bank bank;
  const Account written = Bank::Make(7, -5, 3, true);
  Account& row = bank.accounts.InsertNew(written);
  EXPECT_EQ(row, written);
  EXPECT_EQ(bank.accounts.Find<&Account::id>(7), &row);
  EXPECT_EQ(bank.accounts.Rows().First(), &row);
  bank.accounts.Check();
}

TEST(Table, RefusesARowWithATakenKeyInAnyUniqueIndexAndChangesNothing) {
  Bank bank;
  Account* const first = bank.Insert(1, 10);
  Account* const second = bank.Insert(2, 20);
  const Figures before = bank.accounts.GetFigures();
  Account same_id = Bank::Make(1, 30);
  same_id.iban = "X";
  Account same_iban = Bank::Make(3, 30);
  same_iban.iban = "2";
  EXPECT_EQ(bank.accounts.Insert(same_id), nullptr);
  EXPECT_EQ(bank.accounts.Insert(same_iban), nullptr);
  EXPECT_EQ(bank.accounts.InsertMaybe(same_id), nullptr);
  EXPECT_EQ(bank.accounts.Emplace(3u, 30, Str<34>("2"), 0u, false), nullptr);
  EXPECT_EQ(bank.accounts.FindTaken(same_id), first);
  EXPECT_EQ(bank.accounts.FindTaken(same_iban), second);
  EXPECT_EQ(bank.accounts.FindTaken(Bank::Make(4)), nullptr);
  EXPECT_THAT(Ids(bank.accounts.Rows()), ElementsAre(1, 2));
  EXPECT_THAT(Ids(bank.accounts.By<&Account::cents>()), ElementsAre(1, 2));
  EXPECT_EQ(bank.accounts.GetFigures().live_peak, before.live_peak) << "a refused row took memory";
  bank.accounts.Check();
}

TEST(Table, EmplacesARowFromItsMembers) {
  Bank bank;
  Account* const row = bank.accounts.Emplace(5u, 50, Str<34>("DE"), 1u, true);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(*row, (Account{5, 50, "DE", 1, true}));
  EXPECT_EQ(bank.accounts.Find<&Account::iban>(std::string("DE")), row);
}

TEST(Table, InsertsACopyOfOneOfItsOwnRows) {
  Bank bank;
  Table<Account, List<>> rows("rows", bank.lpool());
  Account* row = rows.Insert(Bank::Make(1, 10));
  for (int i = 0; i < 100; ++i) {
    row = rows.Insert(*row);
  }
  EXPECT_EQ(rows.N(), 101u);
  EXPECT_EQ(*rows.Rows().Last(), Bank::Make(1, 10));
}

TEST(Table, ErasesARowFromEveryIndex) {
  Bank bank;
  Account* const row = bank.Insert(1, 10, 3, true);
  (void)bank.Insert(2, 20, 3, true);
  bank.accounts.Erase(*row);
  EXPECT_EQ(bank.accounts.N(), 1u);
  EXPECT_EQ(bank.accounts.Find<&Account::id>(1), nullptr);
  EXPECT_EQ(bank.accounts.Find<&Account::iban>("1"), nullptr);
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(3)), ElementsAre(2));
  EXPECT_THAT(Ids(bank.accounts.By<&Account::cents>()), ElementsAre(2));
  EXPECT_THAT(Ids(bank.accounts.Rows()), ElementsAre(2));
  EXPECT_THAT(Ids(bank.accounts.Rows<&Account::frozen>()), ElementsAre(2));
  EXPECT_TRUE(bank.accounts.EraseKey<&Account::iban>("2"));
  EXPECT_FALSE(bank.accounts.EraseKey<&Account::iban>("2"));
  EXPECT_TRUE(bank.accounts.EmptyQ());
  bank.accounts.Check();
}

TEST(Table, GivesTheMemoryOfErasedRowsToNewOnes) {
  Bank bank;
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t id = 0; id < 1000; ++id) {
      ASSERT_NE(bank.Insert(id), nullptr);
    }
    bank.accounts.Clear();
    bank.accounts.Check();
    EXPECT_EQ(bank.accounts.N(), 0u);
    EXPECT_EQ(bank.accounts.GetFigures().live_peak, 1000u);
  }
}

TEST(Table, ListsRowsAsTheyWereInserted) {
  Bank bank;
  for (const std::uint64_t id : {5, 3, 9, 1}) {
    (void)bank.Insert(id);
  }
  (void)bank.accounts.EraseKey<&Account::id>(3);
  (void)bank.Insert(4);
  EXPECT_THAT(Ids(bank.accounts.Rows()), ElementsAre(5, 9, 1, 4));
  EXPECT_THAT(Ids(bank.accounts.Rows().Backwards()), ElementsAre(4, 1, 9, 5));
  EXPECT_EQ(bank.accounts.Rows().N(), 4u);
}

TEST(Table, ListsTheRowsForWhichAPredicateHoldsInTheOrderInWhichItCameToHold) {
  Bank bank;
  Account* const one = bank.Insert(1);
  Account* const two = bank.Insert(2, 0, 0, true);
  Account* const three = bank.Insert(3);
  EXPECT_TRUE(bank.accounts.Set<&Account::frozen>(*three, true));
  EXPECT_TRUE(bank.accounts.Set<&Account::frozen>(*one, true));
  EXPECT_THAT(Ids(bank.accounts.Rows<&Account::frozen>()), ElementsAre(2, 3, 1));
  EXPECT_TRUE(bank.accounts.Set<&Account::frozen>(*two, false));
  EXPECT_TRUE(bank.accounts.Set<&Account::frozen>(*three, true));  // it is already
  EXPECT_THAT(Ids(bank.accounts.Rows<&Account::frozen>()), ElementsAre(3, 1));
  EXPECT_EQ(bank.accounts.Rows<&Account::frozen>().N(), 2u);
  EXPECT_EQ(bank.accounts.Rows<&Account::frozen>().Next(*three), one);
  EXPECT_EQ(bank.accounts.Rows<&Account::frozen>().Previous(*three), nullptr);
  bank.accounts.Check();
}

TEST(Table, KeepsEqualKeysInTheOrderInWhichRowsGotThem) {
  Bank bank;
  for (const std::uint64_t id : {4, 2, 8, 6}) {
    (void)bank.Insert(id, 100, 7);
  }
  (void)bank.Insert(1, 50, 8);
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(7)), ElementsAre(4, 2, 8, 6));
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::cents>(100)), ElementsAre(4, 2, 8, 6));
  EXPECT_THAT(Ids(bank.accounts.By<&Account::cents>()), ElementsAre(1, 4, 2, 8, 6));
  EXPECT_THAT(Ids(bank.accounts.By<&Account::cents>().Backwards()), ElementsAre(6, 8, 2, 4, 1));
}

TEST(Table, TakesTheFirstTheLastAndOneInTheMiddleOutOfAGroup) {
  for (const std::uint64_t erased : {1, 2, 3, 4}) {
    Bank bank;
    for (const std::uint64_t id : {1, 2, 3, 4}) {
      (void)bank.Insert(id, 0, 7);
    }
    ASSERT_TRUE(bank.accounts.EraseKey<&Account::id>(erased));
    bank.accounts.Check();
    (void)bank.Insert(5, 0, 7);
    std::vector<std::uint64_t> expected = {1, 2, 3, 4, 5};
    std::erase(expected, erased);
    EXPECT_EQ(Ids(bank.accounts.FindAll<&Account::branch>(7)), expected);
    bank.accounts.Check();
  }
}

TEST(Table, FindsBoundsAndNeighboursInAnOrder) {
  Bank bank;
  for (const std::int64_t cents : {10, 20, 20, 40}) {
    (void)bank.Insert(bank.accounts.N() + 1, cents);
  }
  const auto by_cents = bank.accounts.By<&Account::cents>();
  const auto id_or_0 = [](const Account* row) { return row == nullptr ? 0 : row->id; };
  std::vector<std::vector<std::uint64_t>> bounds;
  for (const std::int64_t cents : {9, 10, 11, 20, 39, 40, 41}) {
    bounds.push_back({id_or_0(by_cents.LowerBound(cents)), id_or_0(by_cents.UpperBound(cents))});
  }
  EXPECT_EQ(bounds, (std::vector<std::vector<std::uint64_t>>{
                        {1, 1}, {1, 2}, {2, 2}, {2, 4}, {4, 4}, {4, 0}, {0, 0}}));
  Account* const first = by_cents.First();
  Account* const last = by_cents.Last();
  EXPECT_EQ(id_or_0(first), 1u);
  EXPECT_EQ(id_or_0(last), 4u);
  EXPECT_EQ(id_or_0(by_cents.Next(*first)), 2u);
  EXPECT_EQ(by_cents.Next(*last), nullptr);
  EXPECT_EQ(id_or_0(by_cents.Previous(*last)), 3u);
  EXPECT_EQ(by_cents.Previous(*first), nullptr);
  EXPECT_THAT(Ids(by_cents.From(20)), ElementsAre(2, 3, 4));
  EXPECT_THAT(Ids(by_cents.From(41)), IsEmpty());
}

TEST(Table, LetsALoopEraseTheRowThatItStandsOn) {
  Bank bank;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    (void)bank.Insert(id, 100 - static_cast<std::int64_t>(id), id % 2, id % 3 == 0);
  }
  for (Account& row : bank.accounts.FindAll<&Account::branch>(1)) {
    bank.accounts.Erase(row);
  }
  EXPECT_EQ(bank.accounts.N(), 50u);
  for (Account& row : bank.accounts.Rows<&Account::frozen>()) {
    bank.accounts.Erase(row);
  }
  EXPECT_EQ(bank.accounts.N(), 34u);
  for (Account& row : bank.accounts.By<&Account::cents>().From(50)) {
    bank.accounts.Erase(row);
  }
  EXPECT_THAT(Ids(bank.accounts.Rows()),
              ElementsAre(52, 56, 58, 62, 64, 68, 70, 74, 76, 80, 82, 86, 88, 92, 94, 98, 100));
  for (Account& row : bank.accounts.Rows().Backwards()) {
    bank.accounts.Erase(row);
  }
  EXPECT_TRUE(bank.accounts.EmptyQ());
  bank.accounts.Check();
}

TEST(Table, MovesARowInTheIndexesWhoseKeyChangesAndInNoOther) {
  Bank bank;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    (void)bank.Insert(id, static_cast<std::int64_t>(id) * 10, 7);
  }
  Account* const one = bank.accounts.Find<&Account::id>(1);
  EXPECT_TRUE(bank.accounts.Set<&Account::cents>(*one, 25));
  EXPECT_THAT(Ids(bank.accounts.By<&Account::cents>()), ElementsAre(2, 1, 3));
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(7)), ElementsAre(1, 2, 3));
  EXPECT_THAT(Ids(bank.accounts.Rows()), ElementsAre(1, 2, 3));
  EXPECT_TRUE(bank.accounts.Modify(*one, [](Account& row) {
    row.id = 9;
    row.branch = 8;
  }));
  EXPECT_EQ(bank.accounts.Find<&Account::id>(1), nullptr);
  EXPECT_EQ(bank.accounts.Find<&Account::id>(9), one);
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(7)), ElementsAre(2, 3));
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(8)), ElementsAre(9));
  EXPECT_TRUE(bank.accounts.Set<&Account::branch>(*one, 7));
  EXPECT_THAT(Ids(bank.accounts.FindAll<&Account::branch>(7)), ElementsAre(2, 3, 9));
  bank.accounts.Check();
}

TEST(Table, RefusesAChangeToATakenKeyAndLeavesEveryByteAsItWas) {
  Bank bank;
  Account* const one = bank.Insert(1, 10, 7, true);
  (void)bank.Insert(2, 20, 7, true);
  const std::uint64_t before = bank.zone().Hash();
  EXPECT_FALSE(bank.accounts.Set<&Account::id>(*one, 2));
  EXPECT_FALSE(bank.accounts.Modify(*one, [](Account& row) {
    row.cents = 99;
    row.branch = 8;
    row.frozen = false;
    row.iban = "2";
  }));
  EXPECT_EQ(bank.zone().Hash(), before);
  EXPECT_EQ(*one, Bank::Make(1, 10, 7, true));
  bank.accounts.Check();
}

TEST(Table, ModifiesOtherMembersWithoutTouchingAnIndex) {
  struct Note {
    std::uint64_t id;
    std::uint64_t text;
  };
  Bank bank;
  Table<Note, Hash<&Note::id>, OrderedMulti<&Note::id>> notes("notes", bank.lpool());
  Note* const note = notes.Insert({1, 1});
  EXPECT_TRUE(notes.Set<&Note::text>(*note, 5u));
  note->text += 1;
  EXPECT_TRUE(notes.Set<&Note::id>(*note, 1u)) << "its own key is not taken";
  EXPECT_EQ(note->text, 6u);
  notes.Check();
}

TEST(Table, LooksTheTableUpInsideOfAChange) {
  Bank bank;
  Account* const one = bank.Insert(1, 10);
  (void)bank.Insert(2, 20);
  EXPECT_TRUE(bank.accounts.Modify(*one, [&bank](Account& row) {
    row.id = 3;
    row.cents =
        bank.accounts.Find<&Account::id>(2)->cents + bank.accounts.Find<&Account::id>(1)->cents;
  }));
  EXPECT_EQ(one->cents, 30);
  EXPECT_EQ(bank.accounts.Find<&Account::id>(3), one);
}

TEST(Table, GivesConstRowsToWhoHasItConst) {
  Bank bank;
  Account* const row = bank.Insert(1, 10, 7, true);
  const Accounts& accounts = bank.accounts;
  static_assert(std::is_same_v<decltype(accounts.Find<&Account::id>(1)), const Account*>);
  static_assert(std::is_same_v<decltype(*accounts.Rows().begin()), const Account&>);
  static_assert(
      std::is_same_v<decltype(*accounts.FindAll<&Account::branch>(7).begin()), const Account&>);
  EXPECT_EQ(accounts.Find<&Account::id>(1), row);
  EXPECT_EQ(accounts.By<&Account::cents>().LowerBound(10), row);
  EXPECT_EQ(accounts.By<&Account::cents>().Next(*row), nullptr);
  EXPECT_THAT(Ids(accounts.FindAll<&Account::branch>(7)), ElementsAre(1));
  EXPECT_THAT(Ids(accounts.Rows<&Account::frozen>()), ElementsAre(1));
}

TEST(Table, NeverMovesARow) {
  Bank bank;
  std::vector<Account*> rows;
  for (std::uint64_t id = 0; id < 20000; ++id) {
    rows.push_back(bank.Insert(id, static_cast<std::int64_t>(id % 100)));
  }
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    ASSERT_EQ(bank.accounts.Find<&Account::id>(id), rows[id]);
  }
  bank.accounts.Check();
}

}  // namespace
}  // namespace tandem::pools
