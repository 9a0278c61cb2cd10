// SPDX-License-Identifier: Apache-2.0
#include "pools/lpool.h"

#include <algorithm>
#include <cstring>
#include <vector>

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
  if (N() >= control_->limit.elements) {  // never below the peak, so only seen at a new peak
    return Refuse(*control_, size, RefusalReason::kElementLimit);
  }
  if (free_[level] == nullptr && Grow(level, size) == 0) {
    return nullptr;
  }
  if (spare_ == 0) {
    ++live_peak_;
  } else {
    --spare_;
  }
  return Hand(level, size);
}

std::uint64_t Lpool::Grow(std::size_t level, std::uint64_t size) {
  for (std::size_t larger = level + 1; larger < kLevels; ++larger) {
    if (free_[larger] != nullptr) {
      return Split(Pop(larger), larger, level);
    }
  }
  return AskBase(level, size);
}

std::uint64_t Lpool::AskBase(std::size_t level, std::uint64_t size) {
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
      return Split(memory, LevelOf(asked), level);
    }
  }
  return 0;
}

// Makes a block of level `from` free ones: of level `to`, and the upper halves.
std::uint64_t Lpool::Split(void* block, std::size_t from, std::size_t to) {
  for (std::size_t level = from; level > to; --level) {
    Push(static_cast<char*>(block) + BlockBytes(level - 1), level - 1);
  }
  Push(block, to);
  return from == to ? 1 : 2;
}

void Lpool::FreeSlow(void* memory, std::uint64_t size) {
  ENSURE(size == 0, "pool %s: a block is freed that is not live", control_->name);
  FreeMem(memory, 1);
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
  for (std::uint64_t ready = CountFree(size); ready < count;) {
    const std::uint64_t made = Grow(level, size);
    if (made == 0) {
      NullOnlyOutsideSteps<void>(nullptr, *control_, size);
      return false;
    }
    ready += made;
  }
  return true;
}

std::uint64_t Lpool::CountFree(std::uint64_t size) const {
  const std::size_t level = LevelOf(size);
  std::uint64_t count = 0;
  for (void* block = level < kLevels ? free_[level] : nullptr; block != nullptr; ++count) {
    block = LinkOfFree(block);
  }
  return count;
}

void Lpool::ShuffleFree(Shuffler& shuffler) {
  std::vector<void*> blocks;
  for (std::size_t level = 0; level < kLevels; ++level) {
    blocks.clear();
    for (void* block = free_[level]; block != nullptr; block = LinkOfFree(block)) {
      blocks.push_back(block);
    }
    shuffler.Shuffle<void*>(blocks);
    void* top = nullptr;
    for (void* const block : blocks) {
      SetLinkOfFree(block, top);
      top = block;
    }
    free_[level] = top;
  }
}

Figures Lpool::GetFigures() const {
  return {N(), live_peak_, live_bytes_, taken_bytes_, taken_bytes_};
}

}  // namespace tandem::pools
