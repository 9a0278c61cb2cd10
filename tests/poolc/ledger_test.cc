// SPDX-License-Identifier: Apache-2.0
//
// The header that poolc makes of ledger.pools, at work in a zone: every kind of pool, its
// functions, its chain, its bytes and its description.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "ledger.pools.h"
#include "pools/declarations/describe.h"
#include "pools/declarations/load.h"
#include "pools/declarations/resolve.h"
#include "tests/pools/test_zone.h"

namespace ledger {
namespace {

using ::testing::ElementsAre;

class Ledger : public ::testing::Test {
 protected:
  std::unique_ptr<pools::Zone> zone_ = pools::MapZone();
  FDb& db_ = zone_->MakeRoot<FDb>(zone_->sbrk());
};

TEST_F(Ledger, BeginsWithDefaults) {
  Account& account = account_Alloc(db_);
  EXPECT_EQ(account.id, 0u);
  EXPECT_TRUE(account.open);
  EXPECT_EQ(account.kind, 'c');
  EXPECT_EQ(account.held.cents, 0);
  EXPECT_EQ(account.held.currency, "EUR");
  EXPECT_EQ(limits_N(account), 0u);
  EXPECT_EQ(digest_N(account), 3u);
  EXPECT_TRUE(account.note.empty());
  EXPECT_EQ(db_.count, 0u);
}

TEST_F(Ledger, TakesMemoryAsDeclared) {
  (void)account_Alloc(db_);
  std::vector<std::string> chains;
  for (const pools::PoolInfo& pool : zone_->Pools()) {
    chains.push_back(pool.name + " <- " + pool.base);
  }
  EXPECT_THAT(
      chains,
      ElementsAre("sbrk <- ", "ledger.FDb.lpool <- sbrk", "ledger.FDb.blk <- sbrk",
                  "ledger.Account.booked <- ledger.FDb.lpool",
                  "ledger.Account.audit <- ledger.FDb.lpool",
                  "ledger.FDb.account <- ledger.FDb.lpool", "ledger.FDb.entry <- ledger.FDb.lpool",
                  "ledger.FDb.recent <- ledger.FDb.lpool", "ledger.FDb.last <- ledger.FDb.blk"));
}

TEST_F(Ledger, ATpoolGivesAndTakesBack) {
  Account& first = account_Alloc(db_);
  Account* second = account_AllocMaybe(db_);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(account_N(db_), 2u);
  account_Delete(db_, first);
  EXPECT_EQ(account_N(db_), 1u);
  EXPECT_EQ(&account_Alloc(db_), &first);
  EXPECT_TRUE(account_Reserve(db_, 10));
  EXPECT_TRUE(account_ReserveMem(db_, 4096));
  account_FreeMem(db_, account_AllocMem(db_));
  EXPECT_EQ(account_N(db_), 2u);
}

TEST_F(Ledger, ALaryKeepsItsElementsInPlace) {
  Entry& first = entry_Alloc(db_, {.time_ns = 1});
  for (std::uint64_t i = 2; i <= 100; ++i) entry_Alloc(db_, {.time_ns = i});
  EXPECT_EQ(entry_N(db_), 100u);
  EXPECT_EQ(entry_Find(db_, 0), &first);
  EXPECT_EQ(entry_qFind(db_, 99).time_ns, 100u);
  EXPECT_EQ(entry_Last(db_)->time_ns, 100u);
  EXPECT_EQ(entry_Find(db_, 100), nullptr);
  entry_RemoveLast(db_);
  EXPECT_EQ(entry_Last(db_)->time_ns, 99u);
  entry_RemoveAll(db_);
  EXPECT_TRUE(entry_EmptyQ(db_));
}

TEST_F(Ledger, ATaryIsASpan) {
  for (std::uint64_t i = 0; i < 5; ++i) recent_Alloc(db_, i);
  recent_AllocAt(db_, 0) = 9;
  recent_Remove(db_, 1);
  recent_AllocNVal(db_, 2, 7);
  EXPECT_THAT(recent_Getary(db_), ElementsAre(9, 1, 2, 3, 4, 7, 7));
  EXPECT_EQ(recent_rowid_Get(db_, recent_qFind(db_, 3)), 3u);
  EXPECT_GE(recent_Max(db_), recent_N(db_));
}

TEST_F(Ledger, ATaryOfElementsHasRangeFunctions) {
  Account& a = account_Alloc(db_);
  Account& b = account_Alloc(db_);
  booked_Alloc(a, {.time_ns = 1});
  booked_Addary(b, booked_Getary(a));
  booked_Insary(b, booked_Getary(a), 0);
  booked_Setary(a, b);
  EXPECT_EQ(booked_N(a), 2u);
  EXPECT_EQ(db_.Account_booked.GetFigures().live, 4u);
  account_Delete(db_, b);
  EXPECT_EQ(db_.Account_booked.GetFigures().live, 2u);
}

TEST_F(Ledger, AnInlaryHasItsBounds) {
  Account& account = account_Alloc(db_);
  for (std::uint32_t i = 0; i < limits_Max(account); ++i) limits_Alloc(account, i);
  EXPECT_EQ(limits_AllocMaybe(account, 4), nullptr);
  EXPECT_EQ(*limits_Last(account), 3u);
  limits_RemoveAll(account);
  EXPECT_TRUE(limits_EmptyQ(account));
  digest_qFind(account, 2) = 5;
  EXPECT_EQ(*digest_Find(account, 2), 5);
  EXPECT_EQ(digest_Find(account, 3), nullptr);
}

TEST_F(Ledger, ADelptrIsMadeWhenItIsUsed) {
  Account& account = account_Alloc(db_);
  EXPECT_EQ(db_.Account_audit.GetFigures().live, 0u);
  audit_Access(account).time_ns = 3;
  EXPECT_EQ(audit_Access(account).time_ns, 3u);
  EXPECT_EQ(db_.Account_audit.GetFigures().live, 1u);
  audit_Delete(account);
  EXPECT_EQ(db_.Account_audit.GetFigures().live, 0u);
  EXPECT_EQ(last_Access(db_, {.time_ns = 8}).time_ns, 8u);
  last_Delete(db_);
}

TEST_F(Ledger, PoolsOfAnySizeServeMemoryAndElements) {
  void* memory = lpool_AllocMem(db_, 100);
  std::memset(memory, 1, 100);
  memory = lpool_ReallocMem(db_, memory, 100, 1000);
  lpool_FreeMem(db_, memory, 1000);
  EXPECT_TRUE(lpool_ReserveBuffers(db_, 2, 4096));
  blk_SetBufferSize(db_, 1 << 20);
  EXPECT_TRUE(blk_ReserveBuffers(db_, 1, 1 << 10));
  blk_FreeMem(db_, blk_AllocMem(db_, 10), 10);
  EXPECT_EQ(blk_N(db_), 0u);
  sbrk_FreeMem(db_, sbrk_AllocMem(db_, 4096), 4096);
}

TEST(Desk, MemoryThatIsNoStateIsAnotherChain) {
  desk::FDb desk;
  Entry& entry = malloc_Alloc(desk, {.time_ns = 4});
  EXPECT_EQ(entry.time_ns, 4u);
  Entry* draft = draft_AllocMaybe(desk, entry);
  ASSERT_NE(draft, nullptr);
  EXPECT_EQ(draft->time_ns, 4u);
  EXPECT_EQ(malloc_N(desk), 2u);
  draft_Delete(desk, *draft);
  malloc_Delete(desk, entry);
  EXPECT_EQ(draft_N(desk), 0u);
}

TEST_F(Ledger, ATextTakesItsMemoryFromTheDefaultPool) {
  Account& account = account_Alloc(db_);
  const std::uint64_t before = lpool_N(db_);
  account.note.Set("a long note about this account");
  EXPECT_EQ(lpool_N(db_), before + 1);
  account_Delete(db_, account);
  EXPECT_EQ(lpool_N(db_), before);
}

TEST_F(Ledger, EveryByteOfAnElementIsDefined) {
  Account& account = account_Alloc(db_);
  account_Delete(db_, account);
  std::byte bytes[sizeof(Entry)];
  for (const int fill : {0x00, 0xff}) {
    std::memset(bytes, fill, sizeof bytes);
    auto* entry = ::new (bytes) Entry{.time_ns = 7};
    EXPECT_EQ(entry->time_ns, 7u);
    std::byte expected[sizeof(Entry)] = {};
    expected[0] = std::byte{7};
    std::memcpy(expected + 16, "EUR", 3);
    EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
  }
}

TEST_F(Ledger, ItsDeclarationsAreInTheProgram) {
  const auto loaded = tandem::declarations::LoadText(kDeclarations, "ledger");
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  const auto resolution = tandem::declarations::Resolve(*loaded);
  EXPECT_TRUE(resolution.status().ok());
  EXPECT_EQ(loaded->FindTuning("ledger.FDb.account")->limit_elems, 1000u);
}

TEST(LedgerFields, DescribeTheTypes) {
  const pools::TypeInfo& account = pools::InfoOf<Account>();
  EXPECT_EQ(account.name, "ledger.Account");
  EXPECT_EQ(account.size, sizeof(Account));
  std::vector<std::string> fields;
  for (const pools::FieldInfo& field : account.fields) {
    fields.push_back(std::string(field.name) + " " + std::string(field.type) + " " +
                     std::string(field.reftype) + " " + std::to_string(field.offset) + " " +
                     std::to_string(field.size));
  }
  EXPECT_THAT(fields, ElementsAre("id u64 Val 0 8", "open bool Val 8 1", "kind char Val 9 1",
                                  "held ledger.Money Val 16 16", "limits u32 Inlary 32 24",
                                  "digest u8 Inlary 56 3", "booked ledger.Entry Tary 64 32",
                                  "note Text Val 96 32", "audit ledger.Entry Delptr 128 24"));
  EXPECT_EQ(account.fields[3].element(), &pools::InfoOf<Money>());
  EXPECT_EQ(account.fields[6].element(), &pools::InfoOf<Entry>());
  EXPECT_EQ(account.fields[0].element(), nullptr);
}

TEST_F(Ledger, ValuesArePrintedAndComparedByName) {
  Account& a = account_Alloc(db_);
  Account& b = account_Alloc(db_);
  a.id = 7;
  limits_Alloc(a, 5);
  b.held.cents = -3;
  EXPECT_EQ(tandem::declarations::RecordOf(a),
            "ledger.Account  id:7  open:Y  kind:c  held.cents:0  held.currency:EUR  limits.0:5  "
            "digest.0:0  digest.1:0  digest.2:0");
  EXPECT_THAT(tandem::declarations::Differences(a, b),
              ElementsAre(tandem::declarations::FieldDifference{"id", "7", "0"},
                          tandem::declarations::FieldDifference{"held.cents", "0", "-3"},
                          tandem::declarations::FieldDifference{"limits.0", "5", ""}));
}

}  // namespace
}  // namespace ledger
