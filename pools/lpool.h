// SPDX-License-Identifier: Apache-2.0
//
// Lpool: blocks of any size. One list of free blocks for each power of two from 16 bytes to 2^40; a
// request takes a block of the next power of two. If there is none a larger free block is split and
// the upper halves go to the lists between; if there is none, the base is asked for at least 2 MiB
// (less only where a limit leaves less). Blocks are never merged and never go back to the base.
//
// For strings, arrays, index segments and as the base of other pools. Not for elements of one size
// (Tpool: no rounding up). Blocks are aligned to their size, up to 4096.
// Costs: a pop or a push; a split is a few dozen ns. Blocks of one size that were freed in random
// order are walked through memory in that order when they are used again. One thread. May live in a
// zone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pools/checks.h"
#include "pools/out_of_memory.h"
#include "pools/perturbation.h"
#include "pools/pool_ref.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

class Lpool {
 public:
  static constexpr std::uint64_t kMinBlockBytes = 16;
  static constexpr std::uint64_t kMaxBlockBytes = std::uint64_t{1} << 40;
  static constexpr std::size_t kLevels = 37;  ///< 16 bytes doubled 36 times is 2^40
  static constexpr std::uint64_t kBaseRequestBytes = 2u << 20;
  using IsZoneSafe = void;

  Lpool(const char* name, PoolRef base);
  ~Lpool();
  Lpool(const Lpool&) = delete;
  Lpool& operator=(const Lpool&) = delete;

  /// At least `size` bytes, or null outside a step; inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::uint64_t size) {
    return NullOnlyOutsideSteps(TryAllocMem(size), *control_, size);
  }

  /// Gives back what AllocMem(size), or ReallocMem to `size`, returned.
  void FreeMem(void* memory, std::uint64_t size) {
    const std::size_t level = LevelOfSome(size);
    if (level >= kLevels) [[unlikely]] {
      return FreeSlow(memory, size);
    }
    ENSURE(memory != free_[level] && spare_ != live_peak_,
           "pool %s: a block is freed that is not live", control_->name);
    CheckNotFree(control_->name, memory);
    CheckFence(control_->name, memory, size, BlockBytes(level));
    Push(memory, level);
    ++spare_;
    live_bytes_ -= BlockBytes(level);
  }

  /// Makes a block of `old_size` one of `new_size` with the same first bytes. Nothing happens if
  /// the block already has that size; null (as AllocMem) leaves the old block untouched.
  [[nodiscard]] void* ReallocMem(void* memory, std::uint64_t old_size, std::uint64_t new_size);

  /// Sees to it that the next `count` requests for `size` need nothing from the base. False: out of
  /// memory; what was got is kept. Inside a step out of memory ends the process.
  [[nodiscard]] bool ReserveBuffers(std::uint64_t count, std::uint64_t size);

  /// A new T. Never fails: out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T& Alloc(Args&&... args) {
    CheckType<T>();
    void* memory = NeverNull(TryAllocMem(sizeof(T)), *control_, sizeof(T));
    return *::new (memory) T(std::forward<Args>(args)...);
  }
  /// A new T, or null outside a step; inside one, out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    CheckType<T>();
    void* memory = AllocMem(sizeof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  template <class T>
  void Delete(T& element) {
    element.~T();
    FreeMem(&element, sizeof(T));
  }

  /// For pools that ask their base: as AllocMem, but null in a step too.
  [[nodiscard]] void* TryAllocMem(std::uint64_t size) {
    const std::size_t level = LevelOfSome(size);
    if (level >= kLevels || free_[level] == nullptr || spare_ == 0) [[unlikely]] {
      return AllocSlow(size);
    }
    --spare_;
    return Hand(level, size);
  }

  /// How many bytes a request for `size` takes.
  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size) {
    return size > kMaxBlockBytes ? size : BlockBytes(LevelOf(size));
  }
  /// Live blocks.
  [[nodiscard]] std::uint64_t N() const { return live_peak_ - spare_; }
  /// Free blocks that requests for `size` find without a split. O(them).
  [[nodiscard]] std::uint64_t CountFree(std::uint64_t size) const;
  /// Puts the free blocks of each size into another order: Zone::ShuffleFree. O(them).
  void ShuffleFree(Shuffler& shuffler);
  [[nodiscard]] Figures GetFigures() const;

  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  /// For any size but 0, of which it says that no level is large enough.
  static std::size_t LevelOfSome(std::uint64_t size) {
    const std::uint64_t last = (size - 1) | (kMinBlockBytes - 1);
    const std::uint32_t highest_bit = 63u ^ static_cast<std::uint32_t>(std::countl_zero(last));
    return std::size_t{highest_bit} + 1 - kMinBlockBits;
  }
  static std::size_t LevelOf(std::uint64_t size) { return size == 0 ? 0 : LevelOfSome(size); }
  static std::uint64_t BlockBytes(std::size_t level) { return kMinBlockBytes << level; }

  template <class T>
  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  /// Puts a block on top of its list.
  void Push(void* memory, std::size_t level) {
    MarkFreeWithLink(memory, BlockBytes(level), free_[level]);
    free_[level] = memory;
  }
  /// Takes the topmost block off a list that is not empty.
  void* Pop(std::size_t level) {
    void* const memory = free_[level];
    free_[level] = LinkOfFree(memory);
    UnmarkFree(control_->name, memory, BlockBytes(level));
    return memory;
  }
  void* Hand(std::size_t level, std::uint64_t size) {
    void* const memory = Pop(level);
    SetFence(memory, size, BlockBytes(level));
    live_bytes_ += BlockBytes(level);
    return memory;
  }
  /// TryAllocMem at a new peak, or when no free block is at hand.
  void* AllocSlow(std::uint64_t size);
  void FreeSlow(void* memory, std::uint64_t size);
  /// Makes free blocks of a level, if the limits and the base allow it; how many.
  std::uint64_t Grow(std::size_t level, std::uint64_t size);
  std::uint64_t AskBase(std::size_t level, std::uint64_t size);
  std::uint64_t Split(void* block, std::size_t from, std::size_t to);

  static constexpr std::size_t kMinBlockBits = 4;

  PoolControl* control_;
  std::uint64_t spare_ = 0;  ///< blocks less are live than were at the peak
  std::uint64_t live_peak_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;
  void* free_[kLevels] = {};  ///< the topmost of each list
};

inline PoolRef::PoolRef(Lpool& pool) : control_(&pool.control()) {}

}  // namespace tandem::pools
