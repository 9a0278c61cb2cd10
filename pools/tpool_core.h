// SPDX-License-Identifier: Apache-2.0
//
// TpoolCore: what every Tpool does, whatever its element type: a stack of free elements, and fresh
// ones carved in address order from blocks that the base gives. Use Tpool<T> (tpool.h).
//
// A fresh element is only carved when no free one is left. So the elements carved so far are the
// peak of the live ones, and neither keeping the peak nor the limit (never below the peak) costs
// anything while elements are only used again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pools/checks.h"
#include "pools/free_stack.h"
#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class TpoolCore {
 public:
  TpoolCore(const char* name, PoolRef base, std::size_t element_bytes, std::size_t alignment);
  ~TpoolCore();
  TpoolCore(const TpoolCore&) = delete;
  TpoolCore& operator=(const TpoolCore&) = delete;

  /// Memory for one element; out of memory ends the process.
  [[nodiscard]] void* AllocMemOrEnd(std::size_t stride) {
    void* memory = free_.Pop();
    if (memory == nullptr) [[unlikely]] {
      return AllocSlowOrEnd();
    }
    UnmarkFree(control_->name, memory, stride);
    return memory;
  }
  /// The same; null outside a step, inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::size_t stride) {
    void* memory = free_.Pop();
    if (memory == nullptr) [[unlikely]] {
      return AllocSlow();
    }
    UnmarkFree(control_->name, memory, stride);
    return memory;
  }

  /// `element_bytes` are those in front of the fence.
  void FreeMem(void* memory, std::size_t element_bytes, std::size_t stride) {
    if (!free_.Accepts(memory)) [[unlikely]] {
      MakeRoomFor(memory);
    }
    if constexpr (kChecked) {
      CheckOwned(memory);
      CheckNotFree(control_->name, memory);
      CheckFence(control_->name, memory, element_bytes, stride);
    }
    MarkFree(memory, stride);
    free_.Push(memory);
  }

  /// Sees to it that `elements` more can be allocated with nothing from the base.
  [[nodiscard]] bool TryReserve(std::uint64_t elements);

  /// Carves what is left of the open block, or of the next one, as far as the limit lets it, and
  /// puts all free elements into another order: Zone::ShuffleFree. They then count for the peak.
  void ShuffleFree(Shuffler& shuffler);

  [[nodiscard]] std::uint64_t N() const { return free_.live(); }
  [[nodiscard]] std::uint64_t stride() const { return stride_; }
  [[nodiscard]] Figures GetFigures() const;
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  friend struct StateAccess;

  /// In front of the elements of each block taken from the base.
  struct Block {
    Block* next;
    std::uint64_t bytes;
  };

  void* AllocSlow();
  void* AllocSlowOrEnd();
  void* TryAllocSlow();
  void MakeRoomFor(const void* memory);
  bool TakeBlock(std::uint64_t elements);
  bool AskBase(std::uint64_t bytes);
  void OpenNextBlock();
  std::byte* Carve();
  std::uint64_t ElementsIn(std::uint64_t block_bytes) const;
  void CheckOwned(const void* memory) const;

  FreeStack free_;  ///< its blocks are the elements carved so far
  PoolControl* control_;
  std::byte* fresh_ = nullptr;    ///< the next element to be carved
  std::uint64_t fresh_left_ = 0;  ///< elements in the open block from fresh_ on
  std::uint64_t unopened_ = 0;    ///< elements in blocks after the open one
  std::uint64_t stride_;
  std::uint64_t first_offset_;  ///< of the first element in a block
  std::uint64_t taken_bytes_ = 0;
  Block* first_block_ = nullptr;
  Block* last_block_ = nullptr;
  Block* open_block_ = nullptr;  ///< the one being carved
};

}  // namespace tandem::pools
