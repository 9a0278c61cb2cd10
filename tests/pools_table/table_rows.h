// SPDX-License-Identifier: Apache-2.0
//
// What the tests of tables share: a row with gaps, and a table of it with an index of
// every kind, in a zone of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pools/lpool.h"
#include "pools/table.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {

struct Account {
  std::uint64_t id;
  std::int64_t cents;
  Str<34> iban;  // 2 bytes of padding follow
  std::uint32_t branch;
  bool frozen;  // 7 bytes of padding follow

  bool operator==(const Account&) const = default;
};

using Accounts =
    Table<Account, Hash<&Account::id>, Ordered<&Account::iban>, HashMulti<&Account::branch>,
          OrderedMulti<&Account::cents>, List<>, List<&Account::frozen>>;

class Bank {
 public:
  Bank() : zone_(MapZone()), lpool_("lpool", zone_->sbrk()), accounts("accounts", lpool_) {}
  Zone& zone() { return *zone_; }
  Lpool& lpool() { return lpool_; }

  /// An account whose iban is its id in decimal.
  Account* Insert(std::uint64_t id, std::int64_t cents = 0, std::uint32_t branch = 0,
                  bool frozen = false) {
    return accounts.Insert(Make(id, cents, branch, frozen));
  }
  static Account Make(std::uint64_t id, std::int64_t cents = 0, std::uint32_t branch = 0,
                      bool frozen = false) {
    Str<34> iban;
    ENSURE(iban.Set(std::to_string(id)), "an iban is too long");
    return {id, cents, iban, branch, frozen};
  }

 private:
  std::unique_ptr<Zone> zone_;
  Lpool lpool_;

 public:
  Accounts accounts;
};

/// The ids of rows, in the order of a range.
template <class Range>
std::vector<std::uint64_t> Ids(const Range& range) {
  std::vector<std::uint64_t> ids;
  for (const auto& row : range) {
    ids.push_back(row.id);
  }
  return ids;
}

}  // namespace tandem::pools
