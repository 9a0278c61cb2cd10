// SPDX-License-Identifier: Apache-2.0
#include "pools/malloc_pool.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "pools/ensure.h"

namespace tandem::pools {

// Behind the bytes of each block.
struct Malloc::Footer {
  static constexpr std::uint64_t kLive = 0x4D616C6C6F63ED01;

  std::uint64_t mark;  // kLive ^ address of this footer, 0 once freed
  std::uint64_t size;
  void* memory;
  Footer* next;
  Footer* previous;
  Malloc* owner;
};

Malloc::Malloc(const char* name)
    : control_(MakeControl(name, PoolKind::kMalloc, this, nullptr, nullptr)) {
  static_assert(sizeof(Footer) == 48);
}

Malloc::~Malloc() {
  while (blocks_ != nullptr) {
    Footer* next = blocks_->next;
    std::free(blocks_->memory);
    blocks_ = next;
  }
  DropControl(control_);
}

std::uint64_t Malloc::RealSize(std::uint64_t size) {
  if (size > kNoLimit - 2 * kMaxAlignment) {
    return size;  // no machine has that
  }
  return (std::max<std::uint64_t>(size, 1) + kMinAlignment - 1) / kMinAlignment * kMinAlignment;
}

void* Malloc::AllocMem(std::uint64_t size) {
  return NullOnlyOutsideSteps(TryAllocMem(size), *control_, size);
}

void* Malloc::TryAllocMem(std::uint64_t size) {
  const std::uint64_t real_size = RealSize(size);
  if (live_ >= control_->limit.elements) {
    return Refuse(*control_, size, RefusalReason::kElementLimit);
  }
  if (live_bytes_ > control_->limit.bytes || real_size > control_->limit.bytes - live_bytes_) {
    return Refuse(*control_, size, RefusalReason::kByteLimit);
  }
  if (control_->grants_left != kNoLimit) {
    if (control_->grants_left == 0) {
      return Refuse(*control_, size, RefusalReason::kRefusedByTest);
    }
    --control_->grants_left;
  }
  if (real_size > (std::uint64_t{1} << 62)) {
    return Refuse(*control_, size, RefusalReason::kTooLarge);
  }
  const std::size_t alignment = real_size >= kMaxAlignment
                                    ? kMaxAlignment
                                    : std::bit_ceil(static_cast<std::size_t>(real_size));
  const std::size_t whole = (real_size + sizeof(Footer) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory == nullptr) {
    return Refuse(*control_, size, RefusalReason::kSystem);
  }
  auto* footer = ::new (static_cast<char*>(memory) + real_size) Footer{};
  footer->mark = Footer::kLive ^ reinterpret_cast<std::uintptr_t>(footer);
  footer->size = real_size;
  footer->memory = memory;
  footer->owner = this;
  footer->next = blocks_;
  if (blocks_ != nullptr) {
    blocks_->previous = footer;
  }
  blocks_ = footer;
  live_bytes_ += real_size;
  taken_peak_bytes_ = std::max(taken_peak_bytes_, live_bytes_);
  live_peak_ = std::max(live_peak_, ++live_);
  return memory;
}

void Malloc::FreeMem(void* memory, std::uint64_t size) {
  const std::uint64_t real_size = RealSize(size);
  auto* footer = reinterpret_cast<Footer*>(static_cast<char*>(memory) + real_size);
  ENSURE(footer->mark == (Footer::kLive ^ reinterpret_cast<std::uintptr_t>(footer)) &&
             footer->size == real_size && footer->memory == memory && footer->owner == this,
         "pool %s: %p of %zu bytes is freed but not live, not its own, or was overrun",
         control_->name, memory, static_cast<std::size_t>(size));
  footer->mark = 0;
  (footer->previous == nullptr ? blocks_ : footer->previous->next) = footer->next;
  if (footer->next != nullptr) {
    footer->next->previous = footer->previous;
  }
  --live_;
  live_bytes_ -= real_size;
  std::free(memory);
}

Figures Malloc::GetFigures() const {
  return {live_, live_peak_, live_bytes_, live_bytes_, taken_peak_bytes_};
}

}  // namespace tandem::pools
