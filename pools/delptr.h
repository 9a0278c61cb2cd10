// SPDX-License-Identifier: Apache-2.0
//
// Delptr<T>: one value behind a pointer: null until it is first used, deleted with the parent.
//
//   struct Client { explicit Client(PoolAccount& a) : audit(a) {}  Delptr<Audit, SharedAccount>
//   audit; }; client.audit.Access().count += 1;              // makes it the first time
//
// Use it for a large part of an element that few elements have. Not for what most have (Val: the
// member itself). The value is aligned as T asks, to 16 bytes at least. Each is one request to the
// base, given back when it is deleted; Lpool and Blkpool suit. Costs of Access: a test. One thread.
// May live in a zone. See pool_account.h for who owns the account.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "pools/pool_account.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

template <class T, class Account = OwnAccount>
class Delptr {
 public:
  using Element = T;
  using IsZoneSafe = void;
  static constexpr PoolKind kKind = PoolKind::kDelptr;

  Delptr(const char* name, PoolRef base) requires std::same_as<Account, OwnAccount>
      : account_(name, kKind, base, sizeof(T)) {
    CheckType();
  }
  explicit Delptr(PoolAccount& account) requires std::same_as<Account, SharedAccount>
      : account_(account, kKind, sizeof(T)) {
    CheckType();
  }
  ~Delptr() { Delete(); }
  Delptr(const Delptr&) = delete;
  Delptr& operator=(const Delptr&) = delete;

  /// The value, made from the arguments if there is none. Out of memory ends the process.
  template <class... Args>
  T& Access(Args&&... args) {
    if (value_ == nullptr) {
      (void)NeverNull(TryMake(std::forward<Args>(args)...), control(), sizeof(T));
    }
    return *value_;
  }
  /// As Access, but out of memory gives null outside a step.
  template <class... Args>
  [[nodiscard]] T* AccessMaybe(Args&&... args) {
    if (value_ == nullptr) {
      (void)NullOnlyOutsideSteps(TryMake(std::forward<Args>(args)...), control(), sizeof(T));
    }
    return value_;
  }
  /// Deletes the value, if there is one.
  void Delete() {
    if (value_ != nullptr) {
      std::destroy_at(value_);
      PoolAccount& account = account_.account();
      account.GiveBack({value_, account.RealSize(sizeof(T))});
      account_.Remove(1);
      value_ = nullptr;
    }
  }

  /// The value, or null.
  [[nodiscard]] T* Get() { return value_; }
  [[nodiscard]] const T* Get() const { return value_; }
  [[nodiscard]] std::uint64_t N() const { return value_ != nullptr ? 1 : 0; }
  [[nodiscard]] bool EmptyQ() const { return value_ == nullptr; }

  /// Of the account, so of all members that share it.
  [[nodiscard]] Figures GetFigures() const { return account_.account().GetFigures(); }
  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return account_.account().SetLimit(limit); }
  [[nodiscard]] const Limit& limit() const { return control().limit; }
  [[nodiscard]] PoolControl& control() const { return account_.account().control(); }

 private:
  friend struct StateAccess;

  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  template <class... Args>
  T* TryMake(Args&&... args) {
    if (!account_.account().Allows(1)) {
      return nullptr;
    }
    const Piece piece = account_.account().Take(sizeof(T));
    if (!piece) {
      return nullptr;
    }
    account_.Add(1);
    value_ = ::new (piece.memory) T(std::forward<Args>(args)...);
    return value_;
  }

  Account account_;
  T* value_ = nullptr;
};

}  // namespace tandem::pools
