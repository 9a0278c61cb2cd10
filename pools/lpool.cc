// SPDX-License-Identifier: Apache-2.0
#include "pools/lpool.h"

#include <algorithm>
#include <cstring>

namespace tandem::pools {

Lpool::Lpool(const char* name, PoolRef base)
    : control_(MakeControl(name, PoolKind::kLpool, this, &base.control(), base.control().zone)) {}

// The base frees what it gave when its own end comes.
Lpool::~Lpool() { DropControl(control_); }

bool Lpool::AllowOneMore(std::size_t level, std::uint64_t size) {
  if (level >= kLevels) {
    Refuse(*control_, size, RefusalReason::kTooLarge);
    return false;
  }
  if (live_ >= control_->limit.elements) {  // never below the peak, so only seen at a new peak
    Refuse(*control_, size, RefusalReason::kElementLimit);
    return false;
  }
  if (free_[level] == nullptr && !Refill(level, size)) {
    return false;
  }
  live_peak_ = std::max(live_peak_, live_ + 1);
  return true;
}

bool Lpool::Refill(std::size_t level, std::uint64_t size) {
  for (std::size_t larger = level; larger < kLevels; ++larger) {
    if (free_[larger] != nullptr) {
      Split(larger, level);
      return true;
    }
  }
  return AskBase(level, size);
}

// At least 2 MiB; less, down to the block itself, only if a limit or the base leaves less.
bool Lpool::AskBase(std::size_t level, std::uint64_t size) {
  PoolRef base(*control_->base);
  const std::uint64_t needed = BlockBytes(level);
  for (std::uint64_t asked = std::max(needed, kBaseRequestBytes); asked >= needed; asked /= 2) {
    const std::uint64_t real_size = base.RealSize(asked);
    if (taken_bytes_ > control_->limit.bytes || real_size > control_->limit.bytes - taken_bytes_) {
      Refuse(*control_, size, RefusalReason::kByteLimit);
      continue;
    }
    void* memory = base.TryAllocMem(asked);
    if (memory != nullptr) {
      taken_bytes_ += real_size;
      const std::size_t taken_level = LevelOf(asked);
      free_[taken_level] = MarkFree(memory, asked, free_[taken_level]);
      Split(taken_level, level);
      return true;
    }
  }
  return false;
}

// Makes the first free block of level `from` one of level `to`; upper halves become free blocks.
void Lpool::Split(std::size_t from, std::size_t to) {
  if (from == to) {
    return;
  }
  FreeNode* block = free_[from];
  free_[from] = UnmarkFree(control_->name, block, BlockBytes(from));
  for (std::size_t level = from; level > to; --level) {
    const std::uint64_t half = BlockBytes(level - 1);
    free_[level - 1] = MarkFree(reinterpret_cast<char*>(block) + half, half, free_[level - 1]);
  }
  free_[to] = MarkFree(block, BlockBytes(to), free_[to]);
}

void* Lpool::ReallocMem(void* memory, std::uint64_t old_size, std::uint64_t new_size) {
  const std::size_t level = LevelOf(old_size);
  if (new_size <= kMaxBlockBytes && level == LevelOf(new_size)) {
    CheckFence(control_->name, memory, old_size, BlockBytes(level));
    SetFence(memory, new_size, BlockBytes(level));
    return memory;
  }
  void* moved = AllocMem(new_size);
  if (moved != nullptr) {
    std::memcpy(moved, memory, std::min(old_size, new_size));
    FreeMem(memory, old_size);
  }
  return moved;
}

bool Lpool::ReserveBuffers(std::uint64_t count, std::uint64_t size) {
  const std::size_t level = LevelOf(size);
  if (level >= kLevels) {
    NullOnlyOutsideSteps<void>(Refuse(*control_, size, RefusalReason::kTooLarge), *control_, size);
    return false;
  }
  // Blocks are taken off the list and put back in the order in which they came.
  FreeNode* first = nullptr;
  FreeNode** last = &first;
  std::uint64_t got = 0;
  for (; got < count; ++got) {
    if (free_[level] == nullptr && !Refill(level, size)) {
      break;
    }
    FreeNode* node = free_[level];
    free_[level] = UnmarkFree(control_->name, node, BlockBytes(level));
    node->next = nullptr;
    *last = node;
    last = &node->next;
  }
  // In checked mode marking hides a node's link, so the list is turned over, then marked.
  FreeNode* reversed = nullptr;
  while (first != nullptr) {
    FreeNode* next = first->next;
    first->next = reversed;
    reversed = first;
    first = next;
  }
  while (reversed != nullptr) {
    FreeNode* next = reversed->next;
    free_[level] = MarkFree(reversed, BlockBytes(level), free_[level]);
    reversed = next;
  }
  if (got < count) {
    NullOnlyOutsideSteps<void>(nullptr, *control_, size);
  }
  return got == count;
}

std::uint64_t Lpool::CountFree(std::uint64_t size) const {
  const std::size_t level = LevelOf(size);
  std::uint64_t count = 0;
  for (FreeNode* node = level < kLevels ? free_[level] : nullptr; node != nullptr; ++count) {
    Unpoison(node, sizeof *node);
    FreeNode* next = node->next;
    Poison(node, sizeof *node);
    node = next;
  }
  return count;
}

Figures Lpool::GetFigures() const {
  return {live_, live_peak_, live_bytes_, taken_bytes_, taken_bytes_};
}

}  // namespace tandem::pools
