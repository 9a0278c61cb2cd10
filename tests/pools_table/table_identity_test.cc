// SPDX-License-Identifier: Apache-2.0
//
// Two zones with the same calls have the same bytes, whatever was on the stack; and what comes out
// of a table is the same in a zone elsewhere, on another chain.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

#include "pools/malloc_pool.h"
#include "tests/pools_table/table_rows.h"

namespace tandem::pools {
namespace {

struct State {
  explicit State(PoolRef base) : lpool("db.lpool", base), accounts("db.account", lpool) {}
  Lpool lpool;
  Accounts accounts;
};

constexpr std::size_t kIbanEnd = offsetof(Account, iban) + sizeof(Account::iban);
constexpr std::size_t kFrozenEnd = offsetof(Account, frozen) + sizeof(Account::frozen);
static_assert(kIbanEnd < offsetof(Account, branch) && kFrozenEnd < sizeof(Account),
              "there are gaps");

/// Calls `function` with a copy of the row that has `residue` in its gaps.
template <class Function>
void WithResidue(const Account& account, int residue, Function&& function) {
  alignas(Account) std::byte bytes[sizeof(Account)];
  std::memcpy(bytes, &account, sizeof bytes);
  std::memset(bytes + kIbanEnd, residue, offsetof(Account, branch) - kIbanEnd);
  std::memset(bytes + kFrozenEnd, residue, sizeof bytes - kFrozenEnd);
  function(*reinterpret_cast<const Account*>(bytes));
}

/// A function of the seed; returns what the table gave out.
std::vector<std::uint64_t> Churn(Accounts& accounts, std::uint64_t seed, int residue) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 20000; ++i) {
    const Account account =
        Bank::Make(random() % 3000, static_cast<std::int64_t>(random() % 100),
                   static_cast<std::uint32_t>(random() % 20), random() % 4 == 0);
    Account* const row = accounts.Find<&Account::id>(account.id);
    const std::uint64_t choice = random() % 4;
    if (row == nullptr) {
      WithResidue(account, residue,
                  [&](const Account& dirty) { seen.push_back(accounts.Insert(dirty) != nullptr); });
    } else if (choice == 0) {
      accounts.Erase(*row);
    } else if (choice == 1) {
      WithResidue(account, residue, [&](const Account& dirty) {
        seen.push_back(accounts.Modify(*row, [&dirty](Account& changed) {
          std::memcpy(static_cast<void*>(&changed), &dirty, sizeof changed);
        }));
      });
    } else {
      seen.push_back(accounts.Set<&Account::cents>(*row, account.cents));
      const Account* const next = accounts.By<&Account::cents>().Next(*row);
      seen.push_back(next == nullptr ? 0 : next->id);
    }
    if (i % 500 == 0) {
      for (const auto& ids :
           {Ids(accounts.By<&Account::cents>()), Ids(accounts.Rows()),
            Ids(accounts.FindAll<&Account::branch>(3)), Ids(accounts.Rows<&Account::frozen>())}) {
        seen.insert(seen.end(), ids.begin(), ids.end());
      }
    }
  }
  return seen;
}

std::uint64_t HashAfter(std::uint64_t seed, int residue) {
  auto zone = MapZone();
  (void)Churn(zone->MakeRoot<State>(zone->sbrk()).accounts, seed, residue);
  return zone->Hash();
}

TEST(TableIdentity, EqualCallsMakeEqualBytesWhateverThePaddingOfRowsWas) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  const std::uint64_t hash = HashAfter(seed, 0x00);
  EXPECT_EQ(HashAfter(seed, 0x00), hash);
  EXPECT_EQ(HashAfter(seed, 0xA5), hash);
  EXPECT_EQ(HashAfter(seed, 0xFF), hash);
  EXPECT_NE(HashAfter(seed + 1, 0x00), hash);
}

TEST(TableIdentity, ClearsThePaddingOfRowsThatAreEmplaced) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Table<Account, List<>> rows("rows", lpool);
  for (int i = 0; i < 100; ++i) {
    Account* const row = rows.Emplace(std::uint64_t{1}, -1, Str<34>("x"), 2u, true);
    unsigned char bytes[sizeof(Account)];
    std::memcpy(bytes, row, sizeof bytes);
    std::vector<int> gaps(bytes + kIbanEnd, bytes + offsetof(Account, branch));
    gaps.insert(gaps.end(), bytes + kFrozenEnd, bytes + sizeof bytes);
    EXPECT_EQ(gaps, std::vector<int>(gaps.size(), 0));
    std::memset(static_cast<void*>(row), 0xEE, sizeof bytes);
    rows.Erase(*row);
  }
}

TEST(TableIdentity, GivesOutTheSameOnAnotherChainAtAnotherAddress) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  auto zone = MapZone();
  const auto seen = Churn(zone->MakeRoot<State>(zone->sbrk()).accounts, seed, 0);
  auto other = MapZone(kGiB, kOtherAddress);
  Accounts on_sbrk("accounts", other->sbrk());
  EXPECT_EQ(Churn(on_sbrk, seed, 1), seen);
  Malloc heap;
  Accounts on_heap("accounts", heap);
  EXPECT_EQ(Churn(on_heap, seed, 2), seen);
  EXPECT_GT(seen.size(), 10000u);
}

}  // namespace
}  // namespace tandem::pools
