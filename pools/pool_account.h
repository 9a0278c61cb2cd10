// SPDX-License-Identifier: Apache-2.0
//
// PoolAccount: the name, limit, figures and base of a pool of elements of one type, apart from how
// it lays them out. Lary, Tary and Delptr keep one.
//
// Such a pool is either alone, and owns its account (OwnAccount), or a member of many elements, and
// all members that are one field share one (SharedAccount): they have one name and one limit, and
// are counted together, at two words for each member.
//
//   struct Symbol { explicit Symbol(PoolAccount& a) : levels(a) {}  Tary<Level, SharedAccount>
//   levels; }; struct State {
//     explicit State(PoolRef base)
//         : lpool("db.lpool", base), levels("db.Symbol.level", lpool), symbols("db.symbol", lpool)
//         {}
//     Lpool lpool;
//     AccountOf<Tary<Level, SharedAccount>> levels;
//     Tpool<Symbol> symbols;                          // symbols.Alloc(state.levels)
//   };
//
// Never moved. One thread. May live in a zone. Counting an element costs a load of the limit and an
// addition.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

/// Memory from a base: what it really has, all of which may be used.
struct Piece {
  void* memory = nullptr;
  std::uint64_t bytes = 0;

  explicit operator bool() const { return memory != nullptr; }
};

class PoolAccount {
 public:
  using IsZoneSafe = void;

  PoolAccount(const char* name, PoolKind kind, PoolRef base, std::uint64_t element_bytes);
  /// All that was taken must have been given back.
  ~PoolAccount();
  PoolAccount(const PoolAccount&) = delete;
  PoolAccount& operator=(const PoolAccount&) = delete;

  /// Does the limit leave room for `count` elements more? Notes why not.
  [[nodiscard]] bool Allows(std::uint64_t count) const {
    if (count > control_->limit.elements - live_) [[unlikely]] {  // the limit is never below live_
      Refuse(*control_, count * element_bytes_, RefusalReason::kElementLimit);
      return false;
    }
    return true;
  }
  void Add(std::uint64_t count) { live_ += count; }
  void Remove(std::uint64_t count) {
    live_peak_ = std::max(live_peak_, live_);
    live_ -= count;
  }

  /// At least `bytes` from the base, or nothing: also in a step. If `returned` bytes will be given
  /// back in exchange, the limit does not count them.
  [[nodiscard]] Piece Take(std::uint64_t bytes, std::uint64_t returned = 0);
  void GiveBack(Piece piece);
  /// How many bytes a request for `bytes` takes.
  [[nodiscard]] std::uint64_t RealSize(std::uint64_t bytes) const {
    return PoolRef(*control_->base).RealSize(bytes);
  }

  [[nodiscard]] std::uint64_t live() const { return live_; }
  [[nodiscard]] std::uint64_t element_bytes() const { return element_bytes_; }
  [[nodiscard]] Figures GetFigures() const;
  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  PoolControl* control_;
  std::uint64_t live_ = 0;
  std::uint64_t live_peak_ = 0;  ///< brought up to date when elements are removed
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t taken_peak_bytes_ = 0;
  std::uint64_t element_bytes_;
};

/// The account of a pool that is alone. Its elements are the account's.
class OwnAccount {
 public:
  OwnAccount(const char* name, PoolKind kind, PoolRef base, std::uint64_t element_bytes)
      : account_(name, kind, base, element_bytes) {}

  [[nodiscard]] std::uint64_t count() const { return account_.live(); }
  void Add(std::uint64_t count) { account_.Add(count); }
  void Remove(std::uint64_t count) { account_.Remove(count); }
  [[nodiscard]] PoolAccount& account() { return account_; }
  [[nodiscard]] const PoolAccount& account() const { return account_; }

 private:
  PoolAccount account_;
};

/// The account that a member of an element shares with the same member of other elements.
class SharedAccount {
 public:
  SharedAccount(PoolAccount& account, [[maybe_unused]] PoolKind kind, std::uint64_t element_bytes)
      : account_(&account) {
    ENSURE(account.control().kind == kind && account.element_bytes() == element_bytes,
           "pool %s is the account of another type of pool or element", account.control().name);
  }
  SharedAccount(const SharedAccount&) = delete;
  SharedAccount& operator=(const SharedAccount&) = delete;

  [[nodiscard]] std::uint64_t count() const { return count_; }
  void Add(std::uint64_t count) {
    account_->Add(count);
    count_ += count;
  }
  void Remove(std::uint64_t count) {
    account_->Remove(count);
    count_ -= count;
  }
  [[nodiscard]] PoolAccount& account() const { return *account_; }

 private:
  friend struct StateAccess;

  PoolAccount* account_;
  std::uint64_t count_ = 0;
};

/// The account for members of type Pool, which is a Lary, Tary or Delptr with SharedAccount.
template <class Pool>
class AccountOf : public PoolAccount {
 public:
  AccountOf(const char* name, PoolRef base)
      : PoolAccount(name, Pool::kKind, base, sizeof(typename Pool::Element)) {}
};

}  // namespace tandem::pools
