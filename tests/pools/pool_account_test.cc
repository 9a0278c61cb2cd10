// SPDX-License-Identifier: Apache-2.0
//
// Delptr, and pools that are members of elements and share an account.
#include "pools/pool_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pools/delptr.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/sbrk.h"
#include "pools/tary.h"
#include "pools/tpool.h"
#include "tests/pools/pool_cases.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

TEST(Delptr, IsNullUntilItsFirstAccessAndDeletedWithTheParent) {
  using Value = Tracked<40>;
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Value::live = 0;
  {
    Delptr<Value> value("value", lpool);
    EXPECT_TRUE(value.EmptyQ());
    EXPECT_EQ(value.Get(), nullptr);
    EXPECT_EQ(value.N(), 0u);
    EXPECT_EQ(lpool.N(), 0u);
    Value& made = value.Access(7u);
    EXPECT_EQ(made.number(), 7u);
    EXPECT_EQ(&value.Access(8u), &made) << "the first access made it";
    EXPECT_EQ(value.AccessMaybe(9u), &made);
    EXPECT_EQ(value.Get(), &made);
    EXPECT_EQ(value.N(), 1u);
    value.Delete();
    value.Delete();
    EXPECT_TRUE(value.EmptyQ());
    EXPECT_EQ(lpool.N(), 0u);
    value.Access(1u);
    EXPECT_EQ(value.GetFigures().live_peak, 1u);
  }
  EXPECT_EQ(Value::live, 0);
  EXPECT_EQ(lpool.N(), 0u);
}

struct Symbol {
  using IsZoneSafe = void;
  Symbol(PoolAccount& level_account, PoolAccount& note_account, PoolAccount& trade_account)
      : levels(level_account), note(note_account), trades(trade_account) {}
  Tary<std::uint64_t, SharedAccount> levels;
  Delptr<Sized<100>, SharedAccount> note;
  Lary<std::uint32_t, SharedAccount> trades;
};
static_assert(sizeof(Symbol::levels) == 32 && sizeof(Symbol::note) == 24);

class Members : public ::testing::Test {
 protected:
  Symbol& Make() { return symbols_.Alloc(levels_, notes_, trades_); }

  std::unique_ptr<Zone> zone_ = MapZone();
  Lpool lpool_{"lpool", zone_->sbrk()};
  AccountOf<Tary<std::uint64_t, SharedAccount>> levels_{"db.Symbol.level", lpool_};
  AccountOf<Delptr<Sized<100>, SharedAccount>> notes_{"db.Symbol.note", lpool_};
  AccountOf<Lary<std::uint32_t, SharedAccount>> trades_{"db.Symbol.trade", lpool_};
  Tpool<Symbol> symbols_{"db.symbol", lpool_};
};

TEST_F(Members, AreCountedTogetherAndEachByItself) {
  Symbol& a = Make();
  Symbol& b = Make();
  a.levels.AllocN(5);
  b.levels.AllocN(100);
  b.note.Access();
  a.trades.Alloc(1u);
  a.trades.Alloc(2u);
  EXPECT_EQ(a.levels.N(), 5u);
  EXPECT_EQ(b.levels.N(), 100u);
  EXPECT_EQ(levels_.GetFigures().live, 105u);
  EXPECT_EQ(levels_.GetFigures().live_bytes, 840u);
  EXPECT_EQ(levels_.GetFigures().taken_bytes, 64u + 1024u);
  EXPECT_EQ(notes_.GetFigures().live, 1u);
  EXPECT_EQ(notes_.GetFigures().taken_bytes, 128u);
  EXPECT_EQ(trades_.GetFigures().live, 2u);
  symbols_.Delete(b);
  EXPECT_EQ(levels_.GetFigures().live, 5u);
  EXPECT_EQ(levels_.GetFigures().live_peak, 105u);
  EXPECT_EQ(notes_.GetFigures().taken_bytes, 0u);
  EXPECT_EQ(&a.levels.control(), &levels_.control());
  symbols_.Delete(a);
  EXPECT_EQ(trades_.GetFigures().taken_bytes, 0u);
}

TEST_F(Members, HaveOneLimitAndOneName) {
  Symbol& a = Make();
  Symbol& b = Make();
  ASSERT_TRUE(zone_->SetLimit("db.Symbol.level", {.elements = 10}).ok());
  a.levels.AllocN(6);
  b.levels.AllocN(4);
  EXPECT_EQ(a.levels.AllocMaybe(1u), nullptr);
  EXPECT_EXIT(b.levels.Alloc(1u), ExitedWithCode(3),
              HasSubstr("out of memory in pool db.Symbol.level: 8 bytes were asked for, but pool "
                        "db.Symbol.level has reached its limit of 10 elements."));
  a.levels.RemoveLast();
  EXPECT_NE(b.levels.AllocMaybe(1u), nullptr);
  ASSERT_TRUE(zone_->SetLimit("db.Symbol.note", {.bytes = 128}).ok());
  a.note.Access();
  EXPECT_EQ(b.note.AccessMaybe(), nullptr);
  EXPECT_EQ(b.note.N(), 0u);
  a.note.Delete();
  EXPECT_NE(b.note.AccessMaybe(), nullptr);
  symbols_.Delete(a);
  symbols_.Delete(b);
}

TEST_F(Members, AreRelinkedTogetherBeforeTheyHoldMemory) {
  EXPECT_TRUE(zone_->SetBase("db.Symbol.level", "sbrk").ok());
  Symbol& a = Make();
  a.levels.Alloc(1u);
  EXPECT_EQ(levels_.GetFigures().taken_bytes, 4096u);
  EXPECT_FALSE(zone_->SetBase("db.Symbol.level", "lpool").ok());
  symbols_.Delete(a);
  EXPECT_TRUE(zone_->SetBase("db.Symbol.level", "lpool").ok()) << "it holds nothing any more";
}

TEST_F(Members, AreNoBases) {
  EXPECT_EQ(zone_->SetBase("db.symbol", "db.Symbol.level").error().text,
            "Pool db.symbol cannot take its memory from db.Symbol.level: a Tary serves one size "
            "only; choose an Lpool or sbrk.");
}

using MembersDeathTest = Members;

TEST_F(MembersDeathTest, EndTheProcessWhenTheAccountIsAnothers) {
  EXPECT_DEATH((void)(Tary<std::uint64_t, SharedAccount>(notes_)),
               "is the account of another type");
  EXPECT_DEATH((void)(Tary<std::uint32_t, SharedAccount>(levels_)),
               "is the account of another type");
  EXPECT_DEATH((void)(Lary<std::uint64_t, SharedAccount>(levels_)),
               "is the account of another type");
}

TEST(PoolAccountDeathTest, EndsTheProcessWhenItEndsBeforeItsMembers) {
  using Levels = Tary<int, SharedAccount>;
  Malloc heap;
  EXPECT_DEATH(
      {
        auto account = std::make_unique<AccountOf<Levels>>("level", heap);
        Levels levels(*account);
        levels.Alloc(1);
        account.reset();
      },
      "pool level ends while members of it hold 1 elements and 64 bytes");
}

}  // namespace
}  // namespace tandem::pools
