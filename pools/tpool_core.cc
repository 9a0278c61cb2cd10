// SPDX-License-Identifier: Apache-2.0
#include "pools/tpool_core.h"

#include <algorithm>
#include <bit>
#include <new>
#include <vector>

#include "pools/ensure.h"

namespace tandem::pools {
namespace {

constexpr std::uint64_t kBlockBytesMin = 4096;
constexpr std::uint64_t kBlockBytesMax = 2u << 20;
constexpr std::uint64_t kGrowthDivisor = 16;  // a new block is about a sixteenth of what there is
constexpr std::uint64_t kElementsMin = 8;     // so that at most about an eighth of a block is idle

// Elements of whole cache lines begin with one, so that none has a part of another.
std::size_t NaturalAlignment(std::size_t element_bytes) {
  constexpr std::size_t kCacheLineBytes = 64;
  return std::min(kCacheLineBytes, element_bytes & -element_bytes);
}

}  // namespace

TpoolCore::TpoolCore(const char* name, PoolRef base, std::size_t element_bytes,
                     std::size_t alignment)
    : control_(MakeControl(name, PoolKind::kTpool, this, &base.control(), base.control().zone)),
      stride_(element_bytes),
      first_offset_(std::max(sizeof(Block), std::max(alignment, NaturalAlignment(element_bytes)))) {
}

TpoolCore::~TpoolCore() {
  PoolRef base(*control_->base);
  while (first_block_ != nullptr) {
    Block* block = first_block_;
    first_block_ = block->next;
    const std::uint64_t bytes = block->bytes;
    Unpoison(block, bytes);
    base.FreeMem(block, bytes);
  }
  DropControl(control_);
}

void* TpoolCore::AllocSlow() { return NullOnlyOutsideSteps(TryAllocSlow(), *control_, stride_); }

void* TpoolCore::AllocSlowOrEnd() { return NeverNull(TryAllocSlow(), *control_, stride_); }

// Null: out of memory, also in a step.
void* TpoolCore::TryAllocSlow() {
  if (free_.Refill(stride_)) {
    void* memory = free_.Pop();
    UnmarkFree(control_->name, memory, stride_);
    return memory;
  }
  if (N() >= control_->limit.elements) {
    return Refuse(*control_, stride_, RefusalReason::kElementLimit);
  }
  if (fresh_left_ == 0) {
    if (unopened_ == 0 && !TakeBlock(1)) {
      return nullptr;
    }
    OpenNextBlock();
  }
  return Carve();
}

std::byte* TpoolCore::Carve() {
  std::byte* element = fresh_;
  fresh_ += stride_;
  --fresh_left_;
  free_.Add();
  MarkFresh(element, stride_);
  return element;
}

void TpoolCore::ShuffleFree(Shuffler& shuffler) {
  const bool is_used_up = free_.free() == 0 && fresh_left_ == 0;
  if (is_used_up && N() < control_->limit.elements && (unopened_ != 0 || TakeBlock(1))) {
    OpenNextBlock();
  }
  std::vector<std::byte*> carved;
  while (fresh_left_ != 0 && free_.blocks() < control_->limit.elements) carved.push_back(Carve());
  for (std::byte* const element : carved) {
    if (!free_.Accepts(element)) free_.MakeRoom(stride_);
    MarkFree(element, stride_);
    free_.Push(element);
  }
  free_.Shuffle(stride_, shuffler);
}

void TpoolCore::MakeRoomFor(const void* memory) {
  ENSURE(!free_.Rejects(memory), "pool %s: an element is freed that is not live", control_->name);
  free_.MakeRoom(stride_);
}

bool TpoolCore::TryReserve(std::uint64_t elements) {
  if (elements > kNoLimit / 2 / stride_ || (N() + elements > control_->limit.elements)) {
    Refuse(*control_, elements * stride_, RefusalReason::kElementLimit);
    return false;
  }
  const std::uint64_t ready = free_.free() + fresh_left_ + unopened_;
  return ready >= elements || TakeBlock(elements - ready);
}

// A block for `elements` at least, of a size that suits both the pool's growth and its limit.
bool TpoolCore::TakeBlock(std::uint64_t elements) {
  const std::uint64_t needed = first_offset_ + elements * stride_;
  const std::uint64_t decent = first_offset_ + std::max(elements, kElementsMin) * stride_;
  const std::uint64_t growth =
      std::clamp(std::bit_floor(taken_bytes_ / kGrowthDivisor), kBlockBytesMin, kBlockBytesMax);
  if (decent <= kBlockBytesMax) {
    for (std::uint64_t bytes = std::max(growth, std::bit_ceil(decent)); bytes > needed;
         bytes /= 2) {
      if (AskBase(bytes)) {
        return true;
      }
    }
  }
  return AskBase(needed);
}

bool TpoolCore::AskBase(std::uint64_t bytes) {
  PoolRef base(*control_->base);
  const std::uint64_t real_size = base.RealSize(bytes);
  if (taken_bytes_ > control_->limit.bytes || real_size > control_->limit.bytes - taken_bytes_) {
    Refuse(*control_, bytes, RefusalReason::kByteLimit);
    return false;
  }
  void* memory = base.TryAllocMem(real_size);
  if (memory == nullptr) {
    return false;
  }
  auto* block = ::new (memory) Block{nullptr, real_size};
  (last_block_ == nullptr ? first_block_ : last_block_->next) = block;
  last_block_ = block;
  taken_bytes_ += real_size;
  unopened_ += ElementsIn(real_size);
  Poison(block + 1, real_size - sizeof(Block));
  return true;
}

void TpoolCore::OpenNextBlock() {
  open_block_ = open_block_ == nullptr ? first_block_ : open_block_->next;
  fresh_ = reinterpret_cast<std::byte*>(open_block_) + first_offset_;
  fresh_left_ = ElementsIn(open_block_->bytes);
  unopened_ -= fresh_left_;
}

std::uint64_t TpoolCore::ElementsIn(std::uint64_t block_bytes) const {
  return (block_bytes - first_offset_) / stride_;
}

// Checked mode: is this an element of a block that the pool has carved?
void TpoolCore::CheckOwned(const void* memory) const {
  const auto* element = static_cast<const std::byte*>(memory);
  for (const Block* block = first_block_; block != nullptr; block = block->next) {
    const std::byte* first = reinterpret_cast<const std::byte*>(block) + first_offset_;
    const std::byte* end = first + ElementsIn(block->bytes) * stride_;
    if (element >= first && element < end) {
      ENSURE(static_cast<std::uint64_t>(element - first) % stride_ == 0,
             "pool %s: %p is freed but lies inside an element", control_->name, memory);
      return;
    }
    if (block == open_block_) {
      break;
    }
  }
  ENSURE(false, "pool %s: %p is freed but comes from elsewhere", control_->name, memory);
}

Figures TpoolCore::GetFigures() const {
  return {N(), free_.blocks(), N() * stride_, taken_bytes_, taken_bytes_};
}

}  // namespace tandem::pools
