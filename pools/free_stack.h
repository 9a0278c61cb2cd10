// SPDX-License-Identifier: Apache-2.0
//
// FreeStack: the free blocks of one size, last in, first out, and how many there are.
//
// The topmost are kept as pointers in slots of the stack itself, so that freeing and allocating
// touches no block. When the slots run full, batches from their bottom are stored in blocks of
// their own: a *trunk* holds a pointer to another trunk and to the other blocks of its batch, its
// *leaves*. A long stack, whose blocks may lie scattered in memory, is thus read one block in
// eight; trunks are linked to the eighth below them, so that eight can be on their way from memory
// at the same time, and leaves are fetched before their turn comes. It takes no memory beside the
// blocks. (Blocks below 64 bytes have room for fewer leaves. In checked mode a trunk has none,
// since the rest of a free block is filled and looked at.)
//
// Push and pop: a few instructions on memory that is hot. One thread. May live in a zone; never
// moves. The owner calls Push and Pop as the comments say; that blocks are its own it checks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pools/checks.h"
#include "pools/perturbation.h"

namespace tandem::pools {

struct StateAccess;  ///< reads pools in an image: pools/state/

class FreeStack {
 public:
  FreeStack() = default;
  FreeStack(const FreeStack&) = delete;
  FreeStack& operator=(const FreeStack&) = delete;

  /// Blocks that there are, free and live.
  [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
  [[nodiscard]] std::uint64_t free() const { return stored_ + top_ - bottom_; }
  [[nodiscard]] std::uint64_t live() const { return blocks_ - free(); }

  /// There is one block more, which is live.
  void Add() {
    ++blocks_;
    Shift(bottom_);
  }

  /// The block that was pushed last and not popped; null: Refill must come first.
  [[nodiscard]] void* Pop() {
    const std::uint64_t top = top_;
    void* block = slots_[top];
    if (block == nullptr) [[unlikely]] {
      return nullptr;
    }
    top_ = top - 1;
    return block;
  }
  /// Lets Pop return a block. False: none is free. Blocks have `block_bytes`, at least 16.
  bool Refill(std::size_t block_bytes);

  /// May `block` be pushed at once? If not, it is not live, or MakeRoom must come first.
  [[nodiscard]] bool Accepts(const void* block) const {
    return top_ != kSlots && slots_[top_] != block;
  }
  /// Is it obvious that `block` is not live?
  [[nodiscard]] bool Rejects(const void* block) const {
    return live() == 0 || slots_[top_] == block;
  }
  void MakeRoom(std::size_t block_bytes);
  /// `block` is fetched into the cache, since it is the next one to be used.
  void Push(void* block) {
    if (block == nullptr) {
      __builtin_unreachable();  // so that a Pop right behind it need not ask
    }
    __builtin_prefetch(block, 1);
    slots_[++top_] = block;
  }

  /// Puts all free blocks into another order. O(them); takes memory for as many pointers from the
  /// heap.
  void Shuffle(std::size_t block_bytes, Shuffler& shuffler);

 private:
  friend struct StateAccess;

  static constexpr std::uint64_t kSlots = 16;
  static constexpr std::uint64_t kStoredAtOnce = 8;  ///< a cache line of pointers
  static constexpr std::uint64_t kChains = 8;
  static constexpr std::uint64_t kFetchedAhead = 4;  ///< trunks whose leaves are on their way

  void Shift(std::uint64_t below);
  template <std::uint64_t kBatch>
  void Store();
  template <std::uint64_t kBatch>
  void Load(std::uint64_t count);

  // Slots bottom_ + 1 to top_ are in use, the last one pushed last; bottom_ holds null. It lies so
  // that the slots end where all blocks that are not stored are free: top_ reaches kSlots when no
  // block is live, or no slot is left.
  std::uint64_t top_ = kSlots;
  std::uint64_t bottom_ = kSlots;
  std::uint64_t stored_ = 0;  ///< blocks in trunks, with the trunks themselves
  std::uint64_t blocks_ = 0;
  void** trunks_[kChains] = {};  ///< trunk n, counted from the bottom, is in chain n % kChains
  void* slots_[kSlots + 1] = {};
};

}  // namespace tandem::pools
