// SPDX-License-Identifier: Apache-2.0
#include "pools/sbrk.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "pools/checks.h"
#include "pools/ensure.h"
#include "pools/out_of_memory.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

// Pages are made usable this many bytes at a time, to make few system calls.
constexpr std::uint64_t kCommitBytes = 16u << 20;

}  // namespace

Sbrk::Sbrk(ZoneControl& zone, std::uintptr_t begin, const char* name)
    : begin_(begin),
      break_(begin),
      zone_(&zone),
      control_(MakeControl(name, PoolKind::kSbrk, this, nullptr, &zone)) {}

std::uint64_t Sbrk::RealSize(std::uint64_t size) {
  if (size > kNoLimit - kPageBytes) {
    return size;  // no zone has that
  }
  return size == 0 ? kPageBytes : (size + kPageBytes - 1) / kPageBytes * kPageBytes;
}

void* Sbrk::AllocMem(std::uint64_t size) {
  return NullOnlyOutsideSteps(TryAllocMem(size), *control_, size);
}

void* Sbrk::TryAllocMem(std::uint64_t size) {
  const std::uint64_t real_size = RealSize(size);
  if (live_ >= control_->limit.elements) {
    return Refuse(*control_, size, RefusalReason::kElementLimit);
  }
  if (control_->grants_left != kNoLimit) {
    if (control_->grants_left == 0) {
      return Refuse(*control_, size, RefusalReason::kRefusedByTest);
    }
    --control_->grants_left;
  }
  bool fresh = false;
  void* memory = TakeFreeBlock(real_size);
  if (memory == nullptr) {
    const std::uint64_t used = break_ - begin_;
    if (real_size > zone_->reserve_end - break_) {
      return Refuse(*control_, size, RefusalReason::kAddressSpace);
    }
    if (used > control_->limit.bytes || real_size > control_->limit.bytes - used) {
      return Refuse(*control_, size, RefusalReason::kByteLimit);
    }
    const RefusalReason refusal = Commit(break_ + real_size);
    if (refusal != RefusalReason::kNone) {
      return Refuse(*control_, size, refusal);
    }
    memory = reinterpret_cast<void*>(break_);
    fresh = break_ >= fresh_from_;
    break_ += real_size;
    fresh_from_ = std::max(fresh_from_, break_);
    taken_peak_bytes_ = std::max(taken_peak_bytes_, break_ - begin_);
  }
  live_bytes_ += real_size;
  live_peak_ = std::max(live_peak_, ++live_);
  Unpoison(memory, real_size);
  if (fresh ? zone_->fill != 0 : zone_->pages.zero) {
    std::memset(memory, fresh ? static_cast<int>(zone_->fill) : 0, real_size);
  }
  return memory;
}

// First fit; what is left of the block stays free.
void* Sbrk::TakeFreeBlock(std::uint64_t size) {
  for (FreeBlock** link = &free_; *link != nullptr; link = &(*link)->next) {
    FreeBlock* block = *link;
    if (block->size == size) {
      *link = block->next;
      return block;
    }
    if (block->size > size) {
      block->size -= size;
      return reinterpret_cast<char*>(block) + block->size;
    }
  }
  return nullptr;
}

void Sbrk::FreeMem(void* memory, std::uint64_t size) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  size = RealSize(size);
  ENSURE(address >= begin_ && address % kPageBytes == 0 && address <= break_ &&
             size <= break_ - address && live_ != 0 && size <= live_bytes_,
         "pool %s: %p of %zu bytes is freed but not its own", control_->name, memory,
         static_cast<std::size_t>(size));
  FreeBlock* before = nullptr;
  FreeBlock* after = free_;
  while (after != nullptr && reinterpret_cast<std::uintptr_t>(after) < address) {
    before = after;
    after = after->next;
  }
  const auto end_of = [](FreeBlock* block) {
    return reinterpret_cast<std::uintptr_t>(block) + block->size;
  };
  ENSURE((before == nullptr || end_of(before) <= address) &&
             (after == nullptr || address + size <= reinterpret_cast<std::uintptr_t>(after)),
         "pool %s: %p is freed twice", control_->name, memory);
  --live_;
  live_bytes_ -= size;

  auto* block = ::new (memory) FreeBlock{after, size};
  if (after != nullptr && end_of(block) == reinterpret_cast<std::uintptr_t>(after)) {
    block->size += after->size;
    block->next = after->next;
  }
  (before == nullptr ? free_ : before->next) = block;
  if (before != nullptr && end_of(before) == address) {
    before->size += block->size;
    before->next = block->next;
    block = before;
  }
  if (end_of(block) == break_) {  // then it is the last of the list
    FreeBlock** link = &free_;
    while (*link != block) {
      link = &(*link)->next;
    }
    *link = nullptr;
    break_ = reinterpret_cast<std::uintptr_t>(block);
  }
}

bool Sbrk::TryReserve(std::uint64_t bytes) {
  const std::uint64_t real_size = RealSize(bytes);
  RefusalReason refusal = RefusalReason::kNone;
  if (real_size > zone_->reserve_end - break_) {
    refusal = RefusalReason::kAddressSpace;
  } else if (real_size > control_->limit.bytes - std::min(control_->limit.bytes, break_ - begin_)) {
    refusal = RefusalReason::kByteLimit;
  } else {
    refusal = Commit(break_ + real_size);
  }
  if (refusal != RefusalReason::kNone) {
    Refuse(*control_, bytes, refusal);
  }
  return refusal == RefusalReason::kNone;
}

RefusalReason Sbrk::Commit(std::uintptr_t end) {
  if (end <= zone_->committed_end) {
    return RefusalReason::kNone;
  }
  const std::uintptr_t begin = zone_->committed_end;
  const std::uintptr_t generous = std::min(
      zone_->reserve_end, begin + (end - begin + kCommitBytes - 1) / kCommitBytes * kCommitBytes);
  for (const std::uintptr_t target : {generous, end}) {
    if (mprotect(reinterpret_cast<void*>(begin), target - begin, PROT_READ | PROT_WRITE) != 0) {
      continue;
    }
    const RefusalReason refusal = Populate(begin, target);
    if (refusal == RefusalReason::kNone) {
      zone_->committed_end = target;
    }
    if (refusal == RefusalReason::kNone || target == end) {
      return refusal;
    }
  }
  return RefusalReason::kSystem;
}

RefusalReason Sbrk::Populate(std::uintptr_t begin, std::uintptr_t end) const {
  void* const memory = reinterpret_cast<void*>(begin);
  const std::size_t bytes = end - begin;
  if (zone_->pages.prefault && madvise(memory, bytes, MADV_POPULATE_WRITE) != 0) {
    if (errno != EINVAL) {
      return RefusalReason::kSystem;
    }
    for (std::size_t at = 0; at < bytes; at += kPageBytes) {  // a kernel before 5.14
      static_cast<volatile std::byte*>(memory)[at] = std::byte{0};
    }
  }
  if (zone_->pages.lock && mlock(memory, bytes) != 0) {
    return RefusalReason::kLock;
  }
  return RefusalReason::kNone;
}

Figures Sbrk::GetFigures() const {
  return {live_, live_peak_, live_bytes_, break_ - begin_, taken_peak_bytes_};
}

}  // namespace tandem::pools
