// SPDX-License-Identifier: Apache-2.0
//
// Tpool<T>: elements of one type, the fastest pool and the one to use unless there is a reason not
// to. Allocating pops from a stack of free ones, deleting pushes; memory taken from the base is
// never used for another type. It is given back only when the pool itself is destroyed (in a zone:
// never, the zone ends as a whole).
//
//   Tpool<Order> orders("book.FDb.order", lpool);
//   Order& order = orders.Alloc(id, price);   // out of memory ends the process
//   orders.Delete(order);
//
// Elements are aligned to 16 bytes, or to T where that is more, and never move. The base is asked
// for blocks of 4 KiB to 2 MiB, about a sixteenth of what the pool has, so at most that much is
// idle. One thread. May live in a zone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pools/tpool_core.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

template <class T>
class Tpool {
 public:
  using Element = T;
  using IsZoneSafe = void;

  static constexpr std::size_t kAlignment = std::max(alignof(T), kMinAlignment);
  /// Bytes from one element to the next; in checked mode with a fence.
  static constexpr std::size_t kStride =
      (sizeof(T) + kFenceBytes + kAlignment - 1) / kAlignment * kAlignment;

  Tpool(const char* name, PoolRef base) : core_(name, base, kStride, kAlignment) {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  /// A new element. Never fails: out of memory ends the process.
  template <class... Args>
  [[nodiscard]] T& Alloc(Args&&... args) {
    void* memory = WithFence(core_.AllocMemOrEnd(kStride));
    return *::new (memory) T(std::forward<Args>(args)...);
  }
  /// A new element, or null outside a step; inside one, out of memory ends the process.
  template <class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    void* memory = AllocMem();
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  void Delete(T& element) {
    element.~T();
    core_.FreeMem(&element, sizeof(T), kStride);
  }

  /// Memory for an element that the caller constructs; null as AllocMaybe.
  [[nodiscard]] void* AllocMem() { return WithFence(core_.AllocMem(kStride)); }
  void FreeMem(void* memory) { core_.FreeMem(memory, sizeof(T), kStride); }

  /// Sees to it that the next `elements` allocations need nothing from the base. False: out of
  /// memory, nothing changed. Inside a step out of memory ends the process.
  [[nodiscard]] bool Reserve(std::uint64_t elements) {
    const bool done = core_.TryReserve(elements);
    if (!done && StepScope::Active()) {
      EndOutOfMemory(core_.control(), elements * kStride);
    }
    return done;
  }
  /// As Reserve, for as many elements as fit into `bytes`.
  [[nodiscard]] bool ReserveMem(std::uint64_t bytes) { return Reserve(bytes / kStride); }

  /// Live elements.
  [[nodiscard]] std::uint64_t N() const { return core_.N(); }
  [[nodiscard]] Figures GetFigures() const { return core_.GetFigures(); }
  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(core_.control(), limit); }
  [[nodiscard]] const Limit& limit() const { return core_.control().limit; }
  [[nodiscard]] PoolControl& control() const { return core_.control(); }

 private:
  static void* WithFence(void* memory) {
    if (kChecked && memory != nullptr) {
      SetFence(memory, sizeof(T), kStride);
    }
    return memory;
  }

  TpoolCore core_;
};

}  // namespace tandem::pools
