// SPDX-License-Identifier: Apache-2.0
//
// Random operations on a table with an index of every kind, against a model of standard containers;
// everything that can be seen of both is compared, in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/pools_table/table_rows.h"

namespace tandem::pools {
namespace {

/// What a row is in the model, and when it got its places.
struct Entry {
  Account account;
  std::uint64_t inserted;
  std::uint64_t in_branch;
  std::uint64_t in_cents;
  std::uint64_t frozen;  ///< since when
};

/// Numbers that collide often, or hardly ever.
struct Ranges {
  std::uint64_t ids;
  std::uint64_t cents;
  std::uint64_t branches;
};

class Model {
 public:
  Model(std::uint64_t seed, Ranges ranges) : random_(seed), ranges_(ranges) {}

  void Step(std::uint64_t rows_wanted) {
    const std::uint64_t choice = random_() % 100;
    if (choice < (entries_.size() < rows_wanted ? 60u : 35u)) {
      Insert();
    } else if (choice < 75) {
      Change();
    } else if (choice < 97) {
      Erase(random_() % ranges_.ids);
    } else if (choice == 97) {
      EraseBranch(static_cast<std::uint32_t>(random_() % ranges_.branches));
    } else {
      Look(random_() % ranges_.ids);
    }
    ASSERT_EQ(bank_.accounts.N(), entries_.size());
  }

  /// Compares everything.
  void Compare() {
    bank_.accounts.Check();
    const Accounts& rows = bank_.accounts;
    ExpectRows(rows.Rows(), Sorted([](const Entry& e) { return std::pair(0, e.inserted); }));
    ExpectRows(rows.By<&Account::cents>(),
               Sorted([](const Entry& e) { return std::pair(e.account.cents, e.in_cents); }));
    ExpectRows(rows.By<&Account::iban>(), Sorted([](const Entry& e) {
                 return std::pair(std::string(e.account.iban.view()), std::uint64_t{0});
               }));
    ExpectRows(rows.Rows<&Account::frozen>(),
               Sorted([](const Entry& e) { return std::pair(0, e.frozen); },
                      [](const Entry& e) { return e.account.frozen; }));
    for (std::uint32_t branch = 0; branch < std::min<std::uint64_t>(ranges_.branches, 50);
         ++branch) {
      ExpectRows(rows.FindAll<&Account::branch>(branch),
                 Sorted([](const Entry& e) { return std::pair(0, e.in_branch); },
                        [branch](const Entry& e) { return e.account.branch == branch; }));
    }
    CompareBounds();
  }

  void EraseAll() {
    bank_.accounts.Clear();
    entries_.clear();
  }

 private:
  Account RandomAccount() {
    Account account = Bank::Make(
        random_() % ranges_.ids, static_cast<std::int64_t>(random_() % ranges_.cents) - 5,
        static_cast<std::uint32_t>(random_() % ranges_.branches), random_() % 3 == 0);
    if (random_() % 2 == 0) {
      ENSURE(account.iban.Set(std::to_string(random_() % ranges_.ids)), "too long");
    }
    return account;
  }

  /// Would the model, without the row `but`, take that row?
  bool Free(const Account& account, const Entry* but) const {
    return std::none_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return &entry.second != but &&
             (entry.second.account.id == account.id || entry.second.account.iban == account.iban);
    });
  }

  void Insert() {
    const Account account = RandomAccount();
    Account* const row =
        random_() % 2 == 0 ? bank_.accounts.Insert(account) : bank_.accounts.InsertMaybe(account);
    ASSERT_EQ(row != nullptr, Free(account, nullptr));
    if (row != nullptr) {
      ++time_;
      entries_[row] = {account, time_, time_, time_, time_};
    }
  }

  void Change() {
    Account* const row = bank_.accounts.Find<&Account::id>(random_() % ranges_.ids);
    if (row == nullptr) {
      return;
    }
    Entry& entry = entries_.at(row);
    const Account other = RandomAccount();
    Account wanted = entry.account;
    bool done = false;
    switch (random_() % 5) {
      case 0:
        wanted = other;
        done = bank_.accounts.Modify(*row, [&other](Account& account) { account = other; });
        break;
      case 1:
        wanted.id = other.id;
        done = bank_.accounts.Set<&Account::id>(*row, other.id);
        break;
      case 2:
        wanted.cents = other.cents;
        done = bank_.accounts.Set<&Account::cents>(*row, other.cents);
        break;
      case 3:
        wanted.iban = other.iban;
        done = bank_.accounts.Set<&Account::iban>(*row, other.iban);
        break;
      default:
        wanted.branch = other.branch;
        wanted.frozen = other.frozen;
        done = bank_.accounts.Modify(*row, [&other](Account& account) {
          account.branch = other.branch;
          account.frozen = other.frozen;
        });
    }
    ASSERT_EQ(done, Free(wanted, &entry));
    if (done) {
      ++time_;
      entry.in_branch = wanted.branch == entry.account.branch ? entry.in_branch : time_;
      entry.in_cents = wanted.cents == entry.account.cents ? entry.in_cents : time_;
      entry.frozen = wanted.frozen == entry.account.frozen ? entry.frozen : time_;
      entry.account = wanted;
    }
    ASSERT_EQ(*row, entry.account);
  }

  void Erase(std::uint64_t id) {
    Account* const row = bank_.accounts.Find<&Account::id>(id);
    ASSERT_EQ(row != nullptr, Has(id));
    if (row != nullptr) {
      ASSERT_EQ(entries_.erase(row), 1u);
      bank_.accounts.Erase(*row);
    }
  }

  void EraseBranch(std::uint32_t branch) {
    for (Account& row : bank_.accounts.FindAll<&Account::branch>(branch)) {
      ASSERT_EQ(row.branch, branch);
      entries_.erase(&row);
      bank_.accounts.Erase(row);
    }
    ASSERT_TRUE(bank_.accounts.FindAll<&Account::branch>(branch).EmptyQ());
  }

  void Look(std::uint64_t id) {
    ASSERT_EQ(bank_.accounts.Find<&Account::id>(id) != nullptr, Has(id));
    const std::string iban = std::to_string(id);
    const Account* const row = bank_.accounts.Find<&Account::iban>(iban);
    ASSERT_EQ(row != nullptr,
              std::any_of(entries_.begin(), entries_.end(), [&iban](const auto& entry) {
                return entry.second.account.iban == iban;
              }));
  }

  bool Has(std::uint64_t id) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [id](const auto& entry) { return entry.second.account.id == id; });
  }

  void CompareBounds() {
    const auto by = bank_.accounts.By<&Account::cents>();
    std::multimap<std::int64_t, std::uint64_t> sorted;
    for (const Entry* entry :
         Sorted([](const Entry& e) { return std::pair(e.account.cents, e.in_cents); })) {
      sorted.emplace(entry->account.cents, entry->account.id);
    }
    for (int i = 0; i < 20; ++i) {
      const auto cents = static_cast<std::int64_t>(random_() % (ranges_.cents + 10)) - 10;
      const auto lower = sorted.lower_bound(cents);
      const auto upper = sorted.upper_bound(cents);
      const Account* const lower_row = by.LowerBound(cents);
      const Account* const upper_row = by.UpperBound(cents);
      ASSERT_EQ(lower_row == nullptr, lower == sorted.end());
      ASSERT_EQ(upper_row == nullptr, upper == sorted.end());
      ASSERT_TRUE(lower_row == nullptr || lower_row->id == lower->second);
      ASSERT_TRUE(upper_row == nullptr || upper_row->id == upper->second);
    }
  }

  template <class Key>
  std::vector<const Entry*> Sorted(Key key) const {
    return Sorted(key, [](const Entry&) { return true; });
  }
  template <class Key, class Wanted>
  std::vector<const Entry*> Sorted(Key key, Wanted wanted) const {
    std::vector<const Entry*> sorted;
    for (const auto& [row, entry] : entries_) {
      if (wanted(entry)) {
        sorted.push_back(&entry);
      }
    }
    std::sort(sorted.begin(), sorted.end(),
              [&key](const Entry* a, const Entry* b) { return key(*a) < key(*b); });
    return sorted;
  }

  template <class Range>
  static void ExpectRows(const Range& range, const std::vector<const Entry*>& expected) {
    std::vector<Account> rows;
    for (const Account& row : range) {
      rows.push_back(row);
    }
    ASSERT_EQ(rows.size(), expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i], expected[i]->account) << "at " << i;
    }
  }

  Bank bank_;
  std::mt19937_64 random_;
  Ranges ranges_;
  std::map<Account*, Entry> entries_;
  std::uint64_t time_ = 0;
};

void RunModel(Ranges ranges, std::uint64_t rows_wanted, int rounds, int steps) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  Model model(seed, ranges);
  for (int round = 0; round < rounds; ++round) {
    for (int step = 0; step < steps; ++step) {
      ASSERT_NO_FATAL_FAILURE(model.Step(rows_wanted)) << "round " << round << ", step " << step;
    }
    ASSERT_NO_FATAL_FAILURE(model.Compare()) << "round " << round;
    if (round % 40 == 39) {
      model.EraseAll();
      ASSERT_NO_FATAL_FAILURE(model.Compare()) << "round " << round;
    }
  }
}

TEST(TableRandom, AgreesWithTheModelWhenKeysCollideAllTheTime) {
  RunModel({.ids = 12, .cents = 3, .branches = 2}, 8, 300, 20);
}

TEST(TableRandom, AgreesWithTheModelWithGroupsOfAllSizes) {
  RunModel({.ids = 300, .cents = 40, .branches = 25}, 150, 150, 100);
}

TEST(TableRandom, AgreesWithTheModelWhileHashIndexesGrow) {
  RunModel({.ids = 100000, .cents = 500, .branches = 3000}, 5000, 4, 2500);
}

}  // namespace
}  // namespace tandem::pools
