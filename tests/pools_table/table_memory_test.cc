// SPDX-License-Identifier: Apache-2.0
//
// Where a table has its memory from, and what happens when there is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "pools/malloc_pool.h"
#include "pools/step_scope.h"
#include "tests/pools_table/table_rows.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

/// A row that may not be copied by its bytes.
struct Client {
  using IsZoneSafe = void;
  Client(std::uint64_t the_id, std::uint64_t the_group)
      : id(the_id), group(the_group), counted(0) {}
  std::uint64_t id;
  std::uint64_t group;
  Counted counted;
};
using Clients = Table<Client, Hash<&Client::id>, HashMulti<&Client::group>, Ordered<&Client::id>>;

TEST(TableMemory, CountsItsRowsUnderItsName) {
  Bank bank;
  for (std::uint64_t id = 0; id < 10; ++id) {
    (void)bank.Insert(id);
  }
  (void)bank.accounts.EraseKey<&Account::id>(3);
  EXPECT_EQ(bank.accounts.GetFigures().live, 9u);
  EXPECT_EQ(bank.accounts.GetFigures().live_peak, 10u);
  std::vector<std::string> pools;
  for (const PoolInfo& pool : bank.zone().Pools()) {
    pools.push_back(pool.name + " on " + pool.base + " has " + std::to_string(pool.figures.live));
  }
  EXPECT_THAT(pools, ElementsAre(HasSubstr("sbrk on  has"), HasSubstr("lpool on sbrk has"),
                                 "accounts on lpool has 9"));
}

TEST(TableMemory, EndsAtItsLimitButStillRefusesTakenKeys) {
  Bank bank;
  ASSERT_TRUE(bank.zone().SetLimit("accounts", {.elements = 2}).ok());
  ASSERT_NE(bank.Insert(1), nullptr);
  ASSERT_NE(bank.Insert(2), nullptr);
  EXPECT_EQ(bank.accounts.Insert(Bank::Make(1)), nullptr) << "refused for its key, before memory";
  EXPECT_EQ(bank.accounts.InsertMaybe(Bank::Make(3)), nullptr);
  bank.accounts.Check();
  EXPECT_EQ(bank.accounts.N(), 2u);
}

TEST(TableMemory, RunsConstructorsAndDestructorsOnceEach) {
  Bank bank;
  Counted::live = 0;
  {
    Clients clients("clients", bank.lpool());
    for (std::uint64_t id = 0; id < 100; ++id) {
      ASSERT_NE(clients.Emplace(id, id % 7), nullptr);
      ASSERT_EQ(clients.Emplace(id, id % 3), nullptr);
      ASSERT_EQ(clients.EmplaceMaybe(id, id % 3), nullptr);
    }
    EXPECT_EQ(Counted::live, 100);
    ASSERT_TRUE(clients.EraseKey<&Client::id>(50));
    EXPECT_EQ(Counted::live, 99);
    EXPECT_TRUE(clients.Set<&Client::group>(*clients.Find<&Client::id>(1), 2u));
    EXPECT_FALSE(clients.Set<&Client::id>(*clients.Find<&Client::id>(1), 2u));
    EXPECT_EQ(Counted::live, 99);
    clients.Check();
  }
  EXPECT_EQ(Counted::live, 0);
}

TEST(TableMemory, GivesEverythingBackWhenItIsDestroyed) {
  Malloc heap;
  Lpool lpool("lpool", heap);
  {
    Clients clients("clients", lpool);
    for (std::uint64_t id = 0; id < 5000; ++id) {
      ASSERT_NE(clients.Emplace(id, id % 7), nullptr);
    }
    EXPECT_GT(lpool.N(), 0u);
  }
  EXPECT_EQ(lpool.N(), 0u);
}

// Refuses the n-th request to the operating system, for every n until all rows fit.
TEST(TableMemory, LeavesNothingHalfDoneWhicheverRequestToItsBaseFails) {
  constexpr std::uint64_t kRows = 3000;
  std::uint64_t refused_at = 0;
  for (std::uint64_t granted = 0;; ++granted) {
    SCOPED_TRACE(granted);
    auto zone = MapZone();
    Clients clients("clients", zone->sbrk());
    zone->sbrk().RefuseAfter(granted);
    std::uint64_t id = 0;
    while (id < kRows && clients.EmplaceMaybe(id, id / 3) != nullptr) {
      ++id;
    }
    clients.Check();
    ASSERT_EQ(clients.N(), id);
    ASSERT_EQ(clients.Find<&Client::id>(id), nullptr);
    if (id == kRows) {
      refused_at = granted;
      break;
    }
    // The same again fails again; with memory it goes on where it stood.
    ASSERT_EQ(clients.EmplaceMaybe(id, 0u), nullptr);
    clients.Check();
    zone->sbrk().RefuseAfter(kNoLimit);
    for (; id < kRows; ++id) {
      ASSERT_NE(clients.EmplaceMaybe(id, id / 3), nullptr);
    }
    clients.Check();
    ASSERT_EQ(clients.FindAll<&Client::group>(kRows / 3 - 1).First()->id, kRows - 3);
  }
  EXPECT_GT(refused_at, 10u) << "rows, and the bucket arrays of two indexes";
}

TEST(TableMemory, NeedsNothingMoreForWhatIsReserved) {
  Bank bank;
  ASSERT_TRUE(bank.accounts.Reserve(0));
  EXPECT_EQ(bank.lpool().N(), 0u);
  ASSERT_TRUE(bank.accounts.Reserve(10000));
  const std::uint64_t blocks = bank.lpool().N();
  ASSERT_TRUE(bank.lpool().SetLimit({.elements = blocks}).ok());
  for (std::uint64_t id = 0; id < 10000; ++id) {
    ASSERT_NE(bank.Insert(id, 0, static_cast<std::uint32_t>(id)), nullptr);
  }
  EXPECT_EQ(bank.lpool().N(), blocks);
  bank.accounts.Check();
  EXPECT_TRUE(bank.accounts.Reserve(10000)) << "they are there";
  EXPECT_FALSE(bank.accounts.Reserve(100000));
}

TEST(TableMemory, ReservesOneByOneUntilMemoryEnds) {
  constexpr std::uint64_t kRows = 3000;
  for (std::uint64_t granted = 0;; ++granted) {
    auto zone = MapZone();
    Clients clients("clients", zone->sbrk());
    zone->sbrk().RefuseAfter(granted);
    const bool done = clients.Reserve(kRows);
    zone->sbrk().RefuseAfter(done ? 0 : kNoLimit);
    for (std::uint64_t id = 0; id < kRows; ++id) {
      ASSERT_NE(clients.EmplaceMaybe(id, id), nullptr) << granted;
    }
    clients.Check();
    if (done) {
      break;
    }
  }
}

template <std::size_t kAlign>
void ExpectAlignedRows() {
  struct alignas(kAlign) Row {
    std::uint8_t id;
    std::uint8_t fill[kAlign / 2];
  };
  Bank bank;
  Table<Row, Hash<&Row::id>, OrderedMulti<&Row::id>, List<>> rows("rows", bank.lpool());
  for (int id = 0; id < 200; ++id) {
    Row row;
    row.id = static_cast<std::uint8_t>(id);
    std::memset(row.fill, id, sizeof row.fill);
    const Row* const inserted = rows.Insert(row);
    ASSERT_NE(inserted, nullptr);
    EXPECT_TRUE(IsAligned(inserted, std::max<std::size_t>(kAlign, 16)));
  }
  std::uint8_t id = 0;
  for (const Row& row : rows.Rows()) {
    EXPECT_EQ(row.id, id);
    EXPECT_EQ(row.fill[sizeof row.fill - 1], id);
    ++id;
  }
  EXPECT_EQ(rows.template By<&Row::id>().Last()->id, 199);
  rows.Check();
}

TEST(TableMemory, AlignsRowsAsTheirTypeAsks) {
  ExpectAlignedRows<2>();
  ExpectAlignedRows<8>();
  ExpectAlignedRows<16>();
  ExpectAlignedRows<64>();
  ExpectAlignedRows<256>();
  ExpectAlignedRows<4096>();
}

TEST(TableMemory, PutsARowFirstSoThatToolsFindIt) {
  static_assert(std::is_standard_layout_v<Accounts>, "tools find a table by its offset");
  struct Row {
    std::uint32_t id;
    std::uint8_t byte;
  };
  // 8 bytes of row; a gap of none; links of 8, 24 and 16 bytes.
  using Node = internal::TableNode<Row, Hash<&Row::id>, OrderedMulti<&Row::byte>, List<>>;
  EXPECT_EQ(sizeof(Node), 8u + 8 + 24 + 16);
  Bank bank;
  Table<Row, Hash<&Row::id>, OrderedMulti<&Row::byte>, List<>> rows("rows", bank.lpool());
  auto* const first = reinterpret_cast<char*>(rows.Insert({1, 2}));
  auto* const second = reinterpret_cast<char*>(rows.Insert({2, 2}));
  EXPECT_EQ(static_cast<std::size_t>(second - first), Tpool<Node>::kStride);
}

using TableMemoryDeathTest = ::testing::Test;

TEST(TableMemoryDeathTest, EndsTheProcessWhenThereIsNoMemoryForARow) {
  Bank bank;
  ASSERT_TRUE(bank.accounts.SetLimit({.elements = 1}).ok());
  (void)bank.Insert(1);
  EXPECT_EXIT((void)bank.Insert(2), ExitedWithCode(3),
              HasSubstr("pool accounts has reached its limit of 1 elements"));
  EXPECT_EXIT(
      {
        const StepScope step(77);
        (void)bank.accounts.InsertMaybe(Bank::Make(2));
      },
      ExitedWithCode(3), HasSubstr("while processing message 77"));
}

TEST(TableMemoryDeathTest, EndsTheProcessWhenThereIsNoMemoryForBuckets) {
  Bank bank;
  ASSERT_TRUE(bank.accounts.Reserve(0));
  ASSERT_TRUE(bank.lpool().SetLimit({.elements = 1}).ok());  // the block of rows
  EXPECT_EXIT((void)bank.Insert(1), ExitedWithCode(3),
              HasSubstr("out of memory in pool lpool: 512 bytes were asked for"));
  EXPECT_EXIT(
      {
        const StepScope step(78);
        (void)bank.accounts.InsertMaybe(Bank::Make(1));
      },
      ExitedWithCode(3), HasSubstr("while processing message 78"));
  EXPECT_EXIT(
      {
        const StepScope step(79);
        (void)bank.accounts.Reserve(100);
      },
      ExitedWithCode(3), HasSubstr("while processing message 79"));
  EXPECT_EQ(bank.accounts.InsertMaybe(Bank::Make(1)), nullptr);
  bank.accounts.Check();
}

TEST(TableMemoryDeathTest, EndsTheProcessWhenAKeyWasChangedBehindItsBack) {
  Bank bank;
  Account* const row = bank.Insert(1, 10, 7, true);
  (void)bank.Insert(2, 20, 7, true);
  EXPECT_DEATH(
      {
        row->id = 5;
        bank.accounts.Erase(*row);
      },
      "an index that it is not in");
  EXPECT_DEATH(
      {
        row->branch = 5;
        bank.accounts.Erase(*row);
      },
      "or changed its key while it was in");
  EXPECT_DEATH(
      {
        row->frozen = false;
        bank.accounts.Erase(*row);
      },
      "the predicate of a List changed");
  EXPECT_DEATH(
      {
        row->cents = 50;
        bank.accounts.Check();
      },
      "in the wrong order");
  bank.accounts.Check();
}

TEST(TableMemoryDeathTest, EndsTheProcessWhenARowIsErasedTwice) {
#if defined(__SANITIZE_ADDRESS__)
  const char* const message = "use-after-poison";
#else
  const char* const message = "not in";
#endif
  Bank bank;
  Account* const row = bank.Insert(1);
  (void)bank.Insert(2);
  EXPECT_DEATH(
      {
        bank.accounts.Erase(*row);
        bank.accounts.Erase(*row);
      },
      message);
}

}  // namespace
}  // namespace tandem::pools
