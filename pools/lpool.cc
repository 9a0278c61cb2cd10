// SPDX-License-Identifier: Apache-2.0
#include "pools/lpool.h"

#include <algorithm>
#include <cstring>

namespace tandem::pools {

Lpool::Lpool(const char* name, PoolRef base)
    : control_(MakeControl(name, PoolKind::kLpool, this, &base.control(), base.control().zone)) {}

// The base frees what it gave when its own end comes.
Lpool::~Lpool() { DropControl(control_); }

void* Lpool::AllocSlow(std::uint64_t size) {
  const std::size_t level = LevelOf(size);
  if (level >= kLevels) {
    return Refuse(*control_, size, RefusalReason::kTooLarge);
  }
  if (live_ >= control_->limit.elements) {  // never below the peak, so only seen at a new peak
    return Refuse(*control_, size, RefusalReason::kElementLimit);
  }
  void* memory = Pop(level);
  if (memory == nullptr) {
    if (!Grow(level, size)) {
      return nullptr;
    }
    memory = Pop(level);
  }
  live_peak_ = std::max(live_peak_, live_ + 1);
  return Handed(memory, level, size);
}

bool Lpool::Grow(std::size_t level, std::uint64_t size) {
  for (std::size_t larger = level + 1; larger < kLevels; ++larger) {
    void* block = Pop(larger);
    if (block != nullptr) {
      UnmarkFree(control_->name, block, BlockBytes(larger));
      free_[larger].Remove();
      Split(block, larger, level);
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
      Split(memory, LevelOf(asked), level);
      return true;
    }
  }
  return false;
}

// Makes a block of level `from` free ones: one of level `to`, and the upper halves.
void Lpool::Split(void* block, std::size_t from, std::size_t to) {
  for (std::size_t level = from; level > to; --level) {
    AddFree(level - 1, static_cast<char*>(block) + BlockBytes(level - 1));
  }
  AddFree(to, block);
}

void Lpool::AddFree(std::size_t level, void* memory) {
  free_[level].Add();
  free_[level].MakeRoom(BlockBytes(level));
  MarkFree(memory, BlockBytes(level));
  free_[level].Push(memory);
}

void Lpool::FreeSlow(void* memory, std::uint64_t size) {
  ENSURE(size == 0, "pool %s: a block is freed that is not live", control_->name);
  FreeMem(memory, 1);
}

void Lpool::MakeRoomFor(const void* memory, std::size_t level) {
  ENSURE(!free_[level].Rejects(memory), "pool %s: a block is freed that is not live",
         control_->name);
  free_[level].MakeRoom(BlockBytes(level));
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
  while (free_[level].free() < count) {
    if (!Grow(level, size)) {
      NullOnlyOutsideSteps<void>(nullptr, *control_, size);
      return false;
    }
  }
  return true;
}

std::uint64_t Lpool::CountFree(std::uint64_t size) const {
  const std::size_t level = LevelOf(size);
  return level < kLevels ? free_[level].free() : 0;
}

Figures Lpool::GetFigures() const {
  std::uint64_t live_bytes = 0;
  for (std::size_t level = 0; level < kLevels; ++level) {
    live_bytes += free_[level].live() * BlockBytes(level);
  }
  return {live_, live_peak_, live_bytes, taken_bytes_, taken_bytes_};
}

}  // namespace tandem::pools
