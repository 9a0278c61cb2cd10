// SPDX-License-Identifier: Apache-2.0
//
// Lpool: blocks of any size. One stack of free blocks for each power of two from 16 bytes to 2^40;
// a request takes a block of the next power of two. If there is none a larger free block is split
// and the upper halves go to the stacks between; if there is none, the base is asked for at least 2
// MiB (less only where a limit leaves less). Blocks are never merged and never go back to the base.
//
// For strings, arrays, index segments and as the base of other pools. Not for elements of one size
// (Tpool: no rounding up). Blocks are aligned to their size, up to 4096.
// Costs: a pop or a push; a split is a few dozen ns. One thread. May live in a zone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pools/checks.h"
#include "pools/free_stack.h"
#include "pools/out_of_memory.h"
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
    FreeStack& free = free_[level];
    if (!free.Accepts(memory)) [[unlikely]] {
      MakeRoomFor(memory, level);
    }
    CheckNotFree(control_->name, memory);
    CheckFence(control_->name, memory, size, BlockBytes(level));
    MarkFree(memory, BlockBytes(level));
    free.Push(memory);
    --live_;
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
    if (level >= kLevels || live_ == live_peak_) [[unlikely]] {
      return AllocSlow(size);
    }
    void* memory = free_[level].Pop();
    if (memory == nullptr) [[unlikely]] {
      return AllocSlow(size);
    }
    return Handed(memory, level, size);
  }

  /// How many bytes a request for `size` takes.
  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size) {
    return size > kMaxBlockBytes ? size : BlockBytes(LevelOf(size));
  }
  /// Live blocks.
  [[nodiscard]] std::uint64_t N() const { return live_; }
  /// Free blocks that requests for `size` find without a split.
  [[nodiscard]] std::uint64_t CountFree(std::uint64_t size) const;
  [[nodiscard]] Figures GetFigures() const;

  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  /// For any size but 0, of which it says that no level is large enough.
  static std::size_t LevelOfSome(std::uint64_t size) {
    constexpr std::size_t kWordBits = 63;  // the number of the highest bit, and a mask
    const std::uint64_t last = (size - 1) | (kMinBlockBytes - 1);
    return (kWordBits ^ static_cast<std::size_t>(std::countl_zero(last))) + 1 - kMinBlockBits;
  }
  static std::size_t LevelOf(std::uint64_t size) { return size == 0 ? 0 : LevelOfSome(size); }
  static std::uint64_t BlockBytes(std::size_t level) { return kMinBlockBytes << level; }

  template <class T>
  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  void MakeRoomFor(const void* memory, std::size_t level);
  void* Handed(void* memory, std::size_t level, std::uint64_t size) {
    UnmarkFree(control_->name, memory, BlockBytes(level));
    SetFence(memory, size, BlockBytes(level));
    ++live_;
    return memory;
  }
  /// The same at a new peak, or when no free block is at hand. Null: out of memory.
  void* AllocSlow(std::uint64_t size);
  void FreeSlow(void* memory, std::uint64_t size);
  /// A free block of that level, taken out; null: there is none.
  void* Pop(std::size_t level) {
    void* memory = free_[level].Pop();
    return memory == nullptr && free_[level].Refill(BlockBytes(level)) ? free_[level].Pop()
                                                                       : memory;
  }
  /// Adds a block to free_[level], if the limits and the base allow it.
  bool Grow(std::size_t level, std::uint64_t size);
  bool AskBase(std::size_t level, std::uint64_t size);
  void Split(void* block, std::size_t from, std::size_t to);
  void AddFree(std::size_t level, void* memory);

  static constexpr std::size_t kMinBlockBits = 4;

  PoolControl* control_;
  std::uint64_t live_ = 0;
  std::uint64_t live_peak_ = 0;
  std::uint64_t taken_bytes_ = 0;
  FreeStack free_[kLevels];
};

inline PoolRef::PoolRef(Lpool& pool) : control_(&pool.control()) {}

}  // namespace tandem::pools
