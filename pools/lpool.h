// SPDX-License-Identifier: Apache-2.0
//
// Lpool: blocks of any size. One free list for each power of two from 16 bytes to 2^40; a request
// takes a block of the next power of two. If its list is empty a larger free block is split and the
// upper halves go to the lists between; if there is none, the base is asked for at least 2 MiB
// (less only where a limit leaves less). Blocks are never merged and never go back to the base.
//
// For strings, arrays, index segments and as the base of other pools. Not for elements of one size
// (Tpool: no rounding up). Blocks are aligned to their size, up to 4096.
// Costs: a free list pop or push; a split is a few dozen ns. One thread. May live in a zone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pools/checks.h"
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
    const std::size_t level = LevelOf(size);
    CheckFree(memory, level);
    CheckFence(control_->name, memory, size, BlockBytes(level));
    --live_;
    live_bytes_ -= BlockBytes(level);
    free_[level] = MarkFree(memory, BlockBytes(level), free_[level]);
  }

  /// Makes a block of `old_size` one of `new_size` with the same first bytes. Nothing happens if
  /// the block already has that size; null (as AllocMem) leaves the old block untouched.
  [[nodiscard]] void* ReallocMem(void* memory, std::uint64_t old_size, std::uint64_t new_size);

  /// Sees to it that the next `count` requests for `size` need nothing from the base. False: out of
  /// memory; what was got stays on the free lists. Inside a step out of memory ends the process.
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
    const std::size_t level = LevelOf(size);
    if (level >= kLevels || free_[level] == nullptr || live_ == live_peak_) [[unlikely]] {
      if (!AllowOneMore(level, size)) {
        return nullptr;
      }
    }
    FreeNode* node = free_[level];
    free_[level] = UnmarkFree(control_->name, node, BlockBytes(level));
    SetFence(node, size, BlockBytes(level));
    live_bytes_ += BlockBytes(level);
    ++live_;
    return node;
  }

  /// How many bytes a request for `size` takes.
  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size) {
    return size > kMaxBlockBytes ? size : BlockBytes(LevelOf(size));
  }
  /// Live blocks.
  [[nodiscard]] std::uint64_t N() const { return live_; }
  /// Free blocks that requests for `size` find without a split. O(them).
  [[nodiscard]] std::uint64_t CountFree(std::uint64_t size) const;
  [[nodiscard]] Figures GetFigures() const;

  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  static std::size_t LevelOf(std::uint64_t size) {
    return size <= kMinBlockBytes
               ? 0
               : static_cast<std::size_t>(std::bit_width(size - 1)) - kMinBlockBits;
  }
  static std::uint64_t BlockBytes(std::size_t level) { return kMinBlockBytes << level; }

  template <class T>
  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  void CheckFree(const void* memory, std::size_t level) const {
    ENSURE(level < kLevels && live_ != 0 && memory != free_[level],
           "pool %s: a block is freed that is not live", control_->name);
    CheckNotFree(control_->name, memory);
  }

  /// Sees to it that free_[level] is not empty and the peak admits one more block.
  bool AllowOneMore(std::size_t level, std::uint64_t size);
  /// Makes free_[level] non-empty, if the limits and the base allow it.
  bool Refill(std::size_t level, std::uint64_t size);
  bool AskBase(std::size_t level, std::uint64_t size);
  void Split(std::size_t from, std::size_t to);

  static constexpr std::size_t kMinBlockBits = 4;

  PoolControl* control_;
  std::uint64_t live_ = 0;
  std::uint64_t live_peak_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;
  FreeNode* free_[kLevels] = {};
};

inline PoolRef::PoolRef(Lpool& pool) : control_(&pool.control()) {}

}  // namespace tandem::pools
