// SPDX-License-Identifier: Apache-2.0
//
// Lary<T>: an array that grows without moving its elements: level k holds 2^k of them, there are up
// to 32 levels, and element i is found with one bit scan and one load. So elements may be referred
// to by pointer and by number. Only the last one can be removed.
//
//   Lary<Account> accounts("bank.FDb.account", lpool);
//   Account& account = accounts.Alloc(id);         // out of memory ends the process
//   Account* found = accounts.Find(number);        // null if there are not that many
//
// Use it for tables that only grow. Not where elements go in any order (Tpool), and not where they
// must lie side by side in one piece (Tary).
//
// Elements follow each other within a level, aligned as T asks; each level begins at a multiple of
// at least 16. Each level is one request to the base, of 2^k elements, and is kept until the pool
// is destroyed; so up to half of the memory is idle, and a limit of bytes lets through whole levels
// only (a limit of elements is exact). With an Lpool as base, elements whose size is a power of two
// waste nothing more; with Sbrk each of the small levels takes a page. One thread. May live in a
// zone. See pool_account.h for a Lary that is a member of elements.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <new>
#include <type_traits>
#include <utility>

#include "pools/checks.h"
#include "pools/pool_account.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

template <class T, class Account = OwnAccount>
class Lary {
 public:
  using Element = T;
  using IsZoneSafe = void;
  static constexpr PoolKind kKind = PoolKind::kLary;
  static constexpr std::size_t kLevels = 32;
  static constexpr std::uint64_t kElementsMax = (std::uint64_t{1} << kLevels) - 1;

  Lary(const char* name, PoolRef base) requires std::same_as<Account, OwnAccount>
      : account_(name, kKind, base, sizeof(T)) {
    CheckType();
  }
  explicit Lary(PoolAccount& account) requires std::same_as<Account, SharedAccount>
      : account_(account, kKind, sizeof(T)) {
    CheckType();
  }
  ~Lary() {
    RemoveAll();
    for (std::size_t level = 0; level < kLevels && levels_[level] != 0; ++level) {
      Unpoison(FirstOf(level), LevelBytes(level));
      account_.account().GiveBack({FirstOf(level), account_.account().RealSize(LevelBytes(level))});
    }
  }
  Lary(const Lary&) = delete;
  Lary& operator=(const Lary&) = delete;

  /// A new last element. Never fails: out of memory ends the process.
  template <class... Args>
  T& Alloc(Args&&... args) {
    void* memory = NeverNull(TryAllocMem(), control(), sizeof(T));
    return *::new (memory) T(std::forward<Args>(args)...);
  }
  /// A new last element, or null outside a step; inside one, out of memory ends the process.
  template <class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    void* memory = AllocMem();
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  /// Memory for a new last element, which counts at once and which the caller must construct; null
  /// as AllocMaybe.
  [[nodiscard]] void* AllocMem() {
    return NullOnlyOutsideSteps(TryAllocMem(), control(), sizeof(T));
  }

  void RemoveLast() {
    const std::uint64_t count = N();
    ENSURE(count != 0, "pool %s: the last element is removed, but there is none", control().name);
    Destroy(qFind(count - 1));
    open_ = levels_[LevelOf(count)];  // where the next one will be, unless it opens a level
    account_.Remove(1);
  }
  /// Removes all, last first; the memory stays with the pool.
  void RemoveAll() {
    const std::uint64_t count = N();
    if constexpr (kChecked || !std::is_trivially_destructible_v<T>) {
      for (std::uint64_t i = count; i > 0; --i) {
        Destroy(qFind(i - 1));
      }
    }
    account_.Remove(count);
  }

  /// Sees to it that the next `count` elements need nothing from the base. False: out of memory;
  /// what was got is kept. Inside a step out of memory ends the process.
  [[nodiscard]] bool Reserve(std::uint64_t count) {
    const bool done = TryReserve(count);
    if (!done && StepScope::Active()) {
      EndOutOfMemory(control(), count * sizeof(T));
    }
    return done;
  }

  /// Element `index`, counted from 0; null if there are not that many.
  [[nodiscard]] T* Find(std::uint64_t index) { return index < N() ? &qFind(index) : nullptr; }
  [[nodiscard]] const T* Find(std::uint64_t index) const {
    return index < N() ? &qFind(index) : nullptr;
  }
  /// Element `index`, which must exist.
  [[nodiscard]] T& qFind(std::uint64_t index) { return *static_cast<T*>(At(index)); }
  [[nodiscard]] const T& qFind(std::uint64_t index) const {
    return *static_cast<const T*>(At(index));
  }
  /// The last element, or null.
  [[nodiscard]] T* Last() { return Find(N() - 1); }
  [[nodiscard]] const T* Last() const { return Find(N() - 1); }
  [[nodiscard]] std::uint64_t N() const { return account_.count(); }
  [[nodiscard]] bool EmptyQ() const { return N() == 0; }

  template <bool kConst>
  class Iterator;
  using iterator = Iterator<false>;
  using const_iterator = Iterator<true>;
  iterator begin() { return iterator(this, 0); }
  iterator end() { return iterator(this, N()); }
  const_iterator begin() const { return const_iterator(this, 0); }
  const_iterator end() const { return const_iterator(this, N()); }

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

  // Levels are kept as the address that element -2^k of them would have: the number of an element,
  // counted from 1, has its level as highest bit, and is the offset as it stands.
  static std::size_t LevelOf(std::uint64_t number) {
    return static_cast<std::size_t>(std::bit_width(number)) - 1;
  }
  static std::uint64_t LevelBytes(std::size_t level) { return sizeof(T) << level; }

  [[nodiscard]] void* At(std::uint64_t index) const {
    const std::uint64_t number = index + 1;
    return reinterpret_cast<void*>(levels_[LevelOf(number)] + number * sizeof(T));
  }
  [[nodiscard]] void* FirstOf(std::size_t level) const {
    return reinterpret_cast<void*>(levels_[level] + LevelBytes(level));
  }

  void* TryAllocMem() {
    if (!account_.account().Allows(1)) [[unlikely]] {
      return nullptr;
    }
    const std::uint64_t number = N() + 1;
    if ((number & N()) == 0) [[unlikely]] {  // a power of two: the first of its level
      if (!OpenLevel(LevelOf(number))) {
        return nullptr;
      }
    }
    account_.Add(1);
    void* memory = reinterpret_cast<void*>(open_ + number * sizeof(T));
    Unpoison(memory, sizeof(T));
    return memory;
  }

  [[gnu::noinline]] bool OpenLevel(std::size_t level) {
    if (level >= kLevels || levels_[level] == 0) {
      if (!AddLevel(level)) {
        return false;
      }
    }
    open_ = levels_[level];
    return true;
  }

  bool AddLevel(std::size_t level) {
    if (level >= kLevels) {
      Refuse(control(), sizeof(T), RefusalReason::kTooLarge);
      return false;
    }
    const Piece piece = account_.account().Take(LevelBytes(level));
    if (!piece) {
      return false;
    }
    levels_[level] = reinterpret_cast<std::uintptr_t>(piece.memory) - LevelBytes(level);
    Poison(piece.memory, LevelBytes(level));
    return true;
  }

  bool TryReserve(std::uint64_t count) {
    if (!account_.account().Allows(count)) {
      return false;
    }
    if (count > kElementsMax - N()) {
      Refuse(control(), sizeof(T), RefusalReason::kTooLarge);
      return false;
    }
    for (std::size_t level = 0; level < kLevels && (N() + count) >> level != 0; ++level) {
      if (levels_[level] == 0 && !AddLevel(level)) {
        return false;
      }
    }
    return true;
  }

  static void Destroy(T& element) {
    element.~T();
    if constexpr (kChecked) {
      std::memset(static_cast<void*>(&element), kFreedByte, sizeof(T));
      Poison(&element, sizeof(T));
    }
  }

  Account account_;
  std::uintptr_t open_ = 0;  ///< the one of levels_ that the next element goes to, once it is open
  std::uintptr_t levels_[kLevels] = {};
};

/// Goes through the elements by number; those that are added meanwhile are not seen.
template <class T, class Account>
template <bool kConst>
class Lary<T, Account>::Iterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using reference = std::conditional_t<kConst, const T&, T&>;
  using pointer = std::conditional_t<kConst, const T*, T*>;

  Iterator() = default;
  reference operator*() const { return array_->qFind(index_); }
  pointer operator->() const { return &array_->qFind(index_); }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) { return Iterator(array_, index_++); }
  friend bool operator==(const Iterator&, const Iterator&) = default;

 private:
  friend Lary;
  using Array = std::conditional_t<kConst, const Lary, Lary>;
  Iterator(Array* array, std::uint64_t index) : array_(array), index_(index) {}

  Array* array_ = nullptr;
  std::uint64_t index_ = 0;
};

}  // namespace tandem::pools
