// SPDX-License-Identifier: Apache-2.0
//
// Inlary<T, kMin, kMax>: kMin to kMax elements inside the parent, made and destroyed with it. With
// kMin == kMax they are always there and nothing can be added. Otherwise elements beyond the first
// kMin are added at the end, up to kMax, and only the last can be removed.
//
//   struct Order { Inlary<Leg, 0, 8> legs; };
//   order.legs.Alloc(price, size);                 // a ninth ends the process: out of memory
//
// Use it for a few elements whose number has a small bound: no base, no pointer, no cache miss. Not
// where the bound is large or mostly unused: every parent pays for kMax. Elements are aligned as T
// asks. Memory of absent elements is zero until it is used first. Trivially copyable if T is;
// otherwise neither copied nor moved. Its bound is its limit, and kName its name in the report when
// that is reached: "book.Order.leg". One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "pools/out_of_memory.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

/// A name as template argument.
template <std::size_t kSize>
struct PoolName {
  consteval PoolName(const char (&name)[kSize]) { std::copy_n(name, kSize, text); }
  char text[kSize];
};

namespace internal {

/// Room for kMax elements and their count, without padding between and behind.
template <class T, std::uint64_t kMin, std::uint64_t kMax>
struct InlaryMemory {
  static constexpr std::uint64_t kCountBytes = sizeof(std::uint64_t);
  static constexpr std::uint64_t kAlignment = std::max<std::uint64_t>(alignof(T), kCountBytes);
  static constexpr std::uint64_t kBytes =
      (kMax * sizeof(T) + kCountBytes + kAlignment - 1) / kAlignment * kAlignment - kCountBytes;

  alignas(T) std::byte bytes[kBytes] = {};
  std::uint64_t count = kMin;

  InlaryMemory() {
    if constexpr (kMin > 0) {
      std::uninitialized_value_construct_n(elements(), kMin);
    }
  }
  T* elements() { return std::launder(reinterpret_cast<T*>(bytes)); }
  const T* elements() const { return std::launder(reinterpret_cast<const T*>(bytes)); }
};

/// Of elements that need a destructor: not copied with the parent.
template <class T, std::uint64_t kMin, std::uint64_t kMax>
struct InlaryOwner : InlaryMemory<T, kMin, kMax> {
  InlaryOwner() = default;
  ~InlaryOwner() {
    while (this->count > 0) {
      std::destroy_at(this->elements() + --this->count);
    }
  }
  InlaryOwner(const InlaryOwner&) = delete;
  InlaryOwner& operator=(const InlaryOwner&) = delete;
};

/// Elements that are always there need no count.
template <class T, std::uint64_t kMax>
struct InlaryFixed {
  static constexpr std::uint64_t count = kMax;
  T values[kMax] = {};

  T* elements() { return values; }
  const T* elements() const { return values; }
};

}  // namespace internal

template <class T, std::uint64_t kMin, std::uint64_t kMax, PoolName kName = "(Inlary)">
class Inlary {
  static_assert(kMin <= kMax && kMax > 0, "an Inlary has at least room for one element");
  static constexpr bool kFixed = kMin == kMax;

 public:
  using Element = T;
  using IsZoneSafe = void;

  Inlary() { CheckElementType<T>(); }

  /// A new last element. Never fails: one beyond kMax ends the process.
  template <class... Args>
  T& Alloc(Args&&... args) requires(!kFixed) {
    if (N() == kMax) [[unlikely]] {
      EndInlaryFull(kName.text, kMax, sizeof(T));
    }
    return *::new (TakeNext()) T(std::forward<Args>(args)...);
  }
  /// A new last element; beyond kMax null outside a step, inside one the end of the process.
  template <class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) requires(!kFixed) {
    void* memory = AllocMem();
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  /// Memory for a new last element, which counts at once and which the caller must construct; null
  /// as AllocMaybe.
  [[nodiscard]] void* AllocMem() requires(!kFixed) {
    if (N() == kMax) {
      if (StepScope::Active()) {
        EndInlaryFull(kName.text, kMax, sizeof(T));
      }
      return nullptr;
    }
    return TakeNext();
  }
  /// Removes the last element; the first kMin stay.
  void RemoveLast() requires(!kFixed) {
    ENSURE(N() > kMin, "pool %s: the last element is removed, but %zu must stay", kName.text,
           static_cast<std::size_t>(kMin));
    std::destroy_at(elements() + --storage_.count);
  }
  /// Removes all but the first kMin, last first.
  void RemoveAll() requires(!kFixed) {
    while (N() > kMin) {
      RemoveLast();
    }
  }

  /// Element `index`, counted from 0; null if there are not that many.
  [[nodiscard]] T* Find(std::uint64_t index) { return index < N() ? elements() + index : nullptr; }
  [[nodiscard]] const T* Find(std::uint64_t index) const {
    return index < N() ? elements() + index : nullptr;
  }
  /// Element `index`, which must exist.
  [[nodiscard]] T& qFind(std::uint64_t index) { return elements()[index]; }
  [[nodiscard]] const T& qFind(std::uint64_t index) const { return elements()[index]; }
  /// The last element, or null.
  [[nodiscard]] T* Last() { return Find(N() - 1); }
  [[nodiscard]] const T* Last() const { return Find(N() - 1); }
  [[nodiscard]] std::span<T> Getary() { return {elements(), N()}; }
  [[nodiscard]] std::span<const T> Getary() const { return {elements(), N()}; }
  [[nodiscard]] std::uint64_t N() const { return storage_.count; }
  [[nodiscard]] static constexpr std::uint64_t Max() { return kMax; }
  [[nodiscard]] bool EmptyQ() const { return N() == 0; }

  T* begin() { return elements(); }
  T* end() { return elements() + N(); }
  const T* begin() const { return elements(); }
  const T* end() const { return elements() + N(); }

 private:
  T* elements() { return storage_.elements(); }
  const T* elements() const { return storage_.elements(); }
  void* TakeNext() { return storage_.bytes + storage_.count++ * sizeof(T); }

  using Growing =
      std::conditional_t<std::is_trivially_copyable_v<T>, internal::InlaryMemory<T, kMin, kMax>,
                         internal::InlaryOwner<T, kMin, kMax>>;
  std::conditional_t<kFixed, internal::InlaryFixed<T, kMax>, Growing> storage_;
};

}  // namespace tandem::pools
