// SPDX-License-Identifier: Apache-2.0
//
// Tary<T>: a flat array that grows: the elements lie side by side, so it can be read as a span.
// Growing moves them, so no pointer to an element may be kept; refer to elements by number.
//
//   Tary<Leg> legs("book.FDb.leg", lpool);
//   legs.Alloc(price, size);                       // out of memory ends the process
//   for (const Leg& leg : legs.Getary()) { ... }
//
// Use it for lists and texts that are read as a whole. Not for elements that others point to
// (Tpool, Lary). Inserting and removing in the middle cost a move of what is behind.
//
// Elements are aligned as T asks, the array to 16 bytes at least. The array is one piece of memory
// from the base, doubled when it is full (less where a limit or the base leaves less); the old
// piece is given back at once, the last one when the array is destroyed. While it grows both exist;
// the array's own limit of bytes counts the new one only. One thread. May live in a zone. See
// pool_account.h for a Tary that is a member of elements.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "pools/checks.h"
#include "pools/pool_account.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

template <class T, class Account = OwnAccount>
class Tary {
 public:
  using Element = T;
  using IsZoneSafe = void;
  static constexpr PoolKind kKind = PoolKind::kTary;
  static constexpr std::uint64_t kElementsMax = (std::uint64_t{1} << 62) / sizeof(T);

  Tary(const char* name, PoolRef base) requires std::same_as<Account, OwnAccount>
      : account_(name, kKind, base, sizeof(T)) {
    CheckType();
  }
  explicit Tary(PoolAccount& account) requires std::same_as<Account, SharedAccount>
      : account_(account, kKind, sizeof(T)) {
    CheckType();
  }
  ~Tary() {
    RemoveAll();
    GiveBack();
  }
  Tary(const Tary&) = delete;
  Tary& operator=(const Tary&) = delete;

  /// A new last element. Never fails: out of memory ends the process. The arguments may refer to
  /// elements of this array.
  template <class... Args>
  T& Alloc(Args&&... args) {
    return *NeverNull(TryAlloc(std::forward<Args>(args)...), control(), sizeof(T));
  }
  /// A new last element, or null outside a step; inside one, out of memory ends the process.
  template <class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    return NullOnlyOutsideSteps(TryAlloc(std::forward<Args>(args)...), control(), sizeof(T));
  }
  /// A new element with number `at`, from 0 to N(); those behind move up.
  T& AllocAt(std::uint64_t at) { return AllocNAt(1, at).front(); }
  /// `count` new last elements, value-initialised.
  std::span<T> AllocN(std::uint64_t count) { return AllocNAt(count, N()); }
  /// `count` new elements from number `at` on, value-initialised; those behind move up.
  std::span<T> AllocNAt(std::uint64_t count, std::uint64_t at) {
    T* gap = OpenGap(count, at);
    for (std::uint64_t i = 0; i < count; ++i) {
      ::new (static_cast<void*>(gap + i)) T();
    }
    return {gap, count};
  }
  /// `count` new last elements, each a copy of `value`, which may be an element of this array.
  std::span<T> AllocNVal(std::uint64_t count, const T& value) requires std::copy_constructible<T> {
    const T copy(value);
    T* gap = OpenGap(count, N());
    std::uninitialized_fill_n(gap, count, copy);
    return {gap, count};
  }
  /// New last elements, copies of `range`, which must not be part of this array.
  std::span<T> Addary(std::span<const T> range) requires std::copy_constructible<T> {
    return Insary(range, N());
  }
  /// New elements from number `at` on, copies of `range`, which must not be part of this array.
  std::span<T> Insary(std::span<const T> range,
                      std::uint64_t at) requires std::copy_constructible<T> {
    CheckForeign(range);
    T* gap = OpenGap(range.size(), at);
    std::uninitialized_copy_n(range.data(), range.size(), gap);
    return {gap, range.size()};
  }
  /// Copies of `range`, which must not be part of this array, instead of all there was.
  std::span<T> Setary(std::span<const T> range) requires std::copy_constructible<T> {
    CheckForeign(range);
    RemoveAll();
    return Addary(range);
  }

  /// Sees to it that the next `count` elements need nothing from the base. False: out of memory,
  /// nothing changed. Inside a step out of memory ends the process.
  [[nodiscard]] bool Reserve(std::uint64_t count) {
    const bool done = TryReserve(count);
    if (!done && StepScope::Active()) {
      EndOutOfMemory(control(), std::min(count, kElementsMax) * sizeof(T));
    }
    return done;
  }
  /// As Reserve, for `count` elements in all.
  [[nodiscard]] bool AbsReserve(std::uint64_t count) {
    return count <= N() || Reserve(count - N());
  }

  void Remove(std::uint64_t at) {
    ENSURE(at < N(), "pool %s: element %zu is removed, but there are %zu", control().name,
           static_cast<std::size_t>(at), static_cast<std::size_t>(N()));
    std::destroy_at(elements_ + at);
    Relocate(elements_ + at + 1, elements_ + at, N() - at - 1);
    account_.Remove(1);
    PoisonUnused(1);
  }
  void RemoveLast() {
    ENSURE(!EmptyQ(), "pool %s: the last element is removed, but there is none", control().name);
    std::destroy_at(elements_ + N() - 1);
    account_.Remove(1);
    PoisonUnused(1);
  }
  /// Removes all; the memory stays with the array.
  void RemoveAll() {
    const std::uint64_t count = N();
    std::destroy_n(elements_, count);
    account_.Remove(count);
    PoisonUnused(count);
  }

  /// Element `index`, counted from 0; null if there are not that many.
  [[nodiscard]] T* Find(std::uint64_t index) { return index < N() ? elements_ + index : nullptr; }
  [[nodiscard]] const T* Find(std::uint64_t index) const {
    return index < N() ? elements_ + index : nullptr;
  }
  /// Element `index`, which must exist.
  [[nodiscard]] T& qFind(std::uint64_t index) { return elements_[index]; }
  [[nodiscard]] const T& qFind(std::uint64_t index) const { return elements_[index]; }
  /// The last element, or null.
  [[nodiscard]] T* Last() { return Find(N() - 1); }
  [[nodiscard]] const T* Last() const { return Find(N() - 1); }
  /// The last element, which must exist.
  [[nodiscard]] T& qLast() { return elements_[N() - 1]; }
  [[nodiscard]] const T& qLast() const { return elements_[N() - 1]; }
  /// All elements. Valid until the array grows.
  [[nodiscard]] std::span<T> Getary() { return {elements_, N()}; }
  [[nodiscard]] std::span<const T> Getary() const { return {elements_, N()}; }
  /// The number of an element of this array.
  [[nodiscard]] std::uint64_t rowid_Get(const T& element) const {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(&element) - reinterpret_cast<std::uintptr_t>(elements_);
    ENSURE(offset % sizeof(T) == 0 && offset / sizeof(T) < N(),
           "pool %s: %p is not an element of the array", control().name,
           static_cast<const void*>(&element));
    return offset / sizeof(T);
  }
  [[nodiscard]] std::uint64_t N() const { return account_.count(); }
  /// How many elements there is memory for.
  [[nodiscard]] std::uint64_t Max() const { return max_; }
  [[nodiscard]] bool EmptyQ() const { return N() == 0; }

  T* begin() { return elements_; }
  T* end() { return elements_ + N(); }
  const T* begin() const { return elements_; }
  const T* end() const { return elements_ + N(); }

  /// Of the account, so of all members that share it.
  [[nodiscard]] Figures GetFigures() const { return account_.account().GetFigures(); }
  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return account_.account().SetLimit(limit); }
  [[nodiscard]] const Limit& limit() const { return control().limit; }
  [[nodiscard]] PoolControl& control() const { return account_.account().control(); }

 private:
  friend struct StateAccess;

  static constexpr std::uint64_t kFirstBytes = 64;

  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "growing moves the elements of a Tary: they must be movable without throwing");
    CheckElementType<T>();
  }

  template <class... Args>
  T* TryAlloc(Args&&... args) {
    if (!account_.account().Allows(1)) [[unlikely]] {
      return nullptr;
    }
    T* element = elements_ + N();
    if (N() != max_) [[likely]] {
      Unpoison(element, sizeof(T));
      ::new (static_cast<void*>(element)) T(std::forward<Args>(args)...);
    } else {
      T made(std::forward<Args>(args)...);  // before what the arguments refer to moves
      if (!TryReserve(1)) {
        return nullptr;
      }
      element = elements_ + N();
      Unpoison(element, sizeof(T));
      ::new (static_cast<void*>(element)) T(std::move(made));
    }
    account_.Add(1);
    return element;
  }

  /// Memory for `count` new elements from number `at` on, which count at once.
  T* OpenGap(std::uint64_t count, std::uint64_t at) {
    ENSURE(at <= N(), "pool %s: elements are put at %zu, but there are %zu", control().name,
           static_cast<std::size_t>(at), static_cast<std::size_t>(N()));
    if (!TryReserve(count)) {
      EndOutOfMemory(control(), std::min(count, kElementsMax) * sizeof(T));
    }
    if (count != 0) {
      Unpoison(elements_ + N(), count * sizeof(T));
      Relocate(elements_ + at, elements_ + at + count, N() - at);
      account_.Add(count);
    }
    return elements_ + at;
  }

  bool TryReserve(std::uint64_t count) {
    if (count <= max_ - N()) {
      return account_.account().Allows(count);
    }
    return account_.account().Allows(count) && TryGrow(count);
  }

  /// Room for `count` more: twice the room if there is, else as much more as there is.
  [[gnu::noinline]] bool TryGrow(std::uint64_t count) {
    if (count > kElementsMax - N()) {
      Refuse(control(), std::min(count, kElementsMax) * sizeof(T), RefusalReason::kTooLarge);
      return false;
    }
    const std::uint64_t needed = N() + count;
    std::uint64_t wanted = std::clamp(std::max(2 * max_, kFirstBytes / sizeof(T)), needed,
                                      std::max(needed, kElementsMax));
    while (!TryMoveTo(wanted)) {
      if (wanted == needed) {
        return false;
      }
      wanted = std::max(needed, max_ + (wanted - max_) / 2);
    }
    return true;
  }

  bool TryMoveTo(std::uint64_t max) {
    const Piece piece = account_.account().Take(max * sizeof(T), piece_bytes());
    if (!piece) {
      return false;
    }
    T* const moved = static_cast<T*>(piece.memory);
    Relocate(elements_, moved, N());
    GiveBack();
    elements_ = moved;
    max_ = piece.bytes / sizeof(T);
    Poison(elements_ + N(), piece.bytes - N() * sizeof(T));
    return true;
  }

  /// What the array holds of its base.
  [[nodiscard]] std::uint64_t piece_bytes() const {
    return max_ == 0 ? 0 : account_.account().RealSize(max_ * sizeof(T));
  }

  void GiveBack() {
    if (elements_ != nullptr) {
      Unpoison(elements_, piece_bytes());
      account_.account().GiveBack({elements_, piece_bytes()});
    }
  }

  /// Moves `count` elements to where they may overlap themselves.
  static void Relocate(T* from, T* to, std::uint64_t count) {
    if (count == 0 || from == to) {
      return;
    }
    if constexpr (std::is_trivially_copyable_v<T>) {
      std::memmove(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof(T));
    } else {
      const bool up = std::less<>()(from, to);
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t k = up ? count - 1 - i : i;
        ::new (static_cast<void*>(to + k)) T(std::move(from[k]));
        std::destroy_at(from + k);
      }
    }
  }

  void CheckForeign(std::span<const T> range) const {
    ENSURE(range.empty() || elements_ == nullptr ||
               !std::less<>()(range.data(), static_cast<const T*>(elements_ + max_)) ||
               !std::less<>()(static_cast<const T*>(elements_), range.data() + range.size()),
           "pool %s: a range of the array is added to itself", control().name);
  }

  /// After `removed` elements went from the end.
  void PoisonUnused([[maybe_unused]] std::uint64_t removed) {
    if constexpr (kChecked) {
      if (removed != 0) {
        std::memset(static_cast<void*>(elements_ + N()), kFreedByte, removed * sizeof(T));
        Poison(elements_ + N(), removed * sizeof(T));
      }
    }
  }

  Account account_;
  T* elements_ = nullptr;
  std::uint64_t max_ = 0;
};

}  // namespace tandem::pools
