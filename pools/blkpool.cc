// SPDX-License-Identifier: Apache-2.0
#include "pools/blkpool.h"

#include <vector>

#include "pools/ensure.h"

namespace tandem::pools {

Blkpool::Blkpool(const char* name, PoolRef base)
    : control_(MakeControl(name, PoolKind::kBlkpool, this, &base.control(), base.control().zone)) {}

Blkpool::~Blkpool() {
  while (buffers_ != nullptr) {
    GiveBack(*buffers_);
  }
  DropControl(control_);
}

// What a buffer must have, so that one element of `size` fits in wherever the buffer lies.
std::uint64_t Blkpool::BytesFor(std::uint64_t size, std::size_t alignment) {
  return sizeof(Buffer) + sizeof(Header) + BytesOf(size) + alignment - kMinAlignment;
}

// Take at a new peak of live elements, or when the current buffer has no room.
void* Blkpool::TakeSlow(std::uint64_t size, std::size_t alignment) {
  if (size > kElementBytesMax) {
    return Refuse(*control_, size, RefusalReason::kTooLarge);
  }
  if (N() >= control_->limit.elements) {  // never below the peak, so only seen at a new peak
    return Refuse(*control_, size, RefusalReason::kElementLimit);
  }
  void* memory =
      Fits(size, alignment) ? PlaceAtCursor(size, alignment) : TakeElsewhere(size, alignment);
  if (memory != nullptr) {
    if (spare_ == 0) {
      ++live_peak_;
    } else {
      --spare_;
    }
  }
  return memory;
}

void* Blkpool::TakeElsewhere(std::uint64_t size, std::size_t alignment) {
  const std::uint64_t needed = BytesFor(size, alignment);
  if (needed > buffer_bytes_) {
    Buffer* buffer = AskBase(needed);
    if (buffer == nullptr) {
      return nullptr;
    }
    buffer->for_one = 1;
    buffer->left = sizeof(Header) + BytesOf(size);
    return Place(*buffer, FirstFit(FirstIn(*buffer), alignment), size, 0);
  }
  if (!OpenBuffer(needed)) {
    return nullptr;
  }
  return PlaceAtCursor(size, alignment);
}

// Makes a buffer of that size at least the current one; if there is none, the old one stays.
bool Blkpool::OpenBuffer(std::uint64_t needed_bytes) {
  Buffer* buffer = free_;
  if (buffer != nullptr) {
    free_ = buffer->next_free;
    buffer->next_free = nullptr;
  } else {
    for (std::uint64_t bytes = buffer_bytes_;;
         bytes = std::max(needed_bytes, bytes / 2 / kMinAlignment * kMinAlignment)) {
      buffer = AskBase(bytes);
      if (buffer != nullptr) {
        break;
      }
      if (bytes == needed_bytes) {
        return false;
      }
    }
  }
  Buffer* const old = current_;
  if (old != nullptr) {
    old->left -= end_ - cursor_;
  }
  current_ = buffer;
  end_ = reinterpret_cast<std::uintptr_t>(buffer) + buffer->bytes;
  RewindCurrent();
  if (old != nullptr && old->left == 0) {  // empty, but too small for this element
    Release(*old);
  }
  return true;
}

Blkpool::Buffer* Blkpool::AskBase(std::uint64_t bytes) {
  PoolRef base(*control_->base);
  const std::uint64_t real_size = base.RealSize(bytes);
  if (taken_bytes_ > control_->limit.bytes || real_size > control_->limit.bytes - taken_bytes_) {
    Refuse(*control_, bytes, RefusalReason::kByteLimit);
    return nullptr;
  }
  void* memory = base.TryAllocMem(real_size);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* buffer = ::new (memory) Buffer{buffers_, nullptr, nullptr, real_size, 0, 0, this, 0};
  if (buffers_ != nullptr) {
    buffers_->previous = buffer;
  }
  buffers_ = buffer;
  taken_bytes_ += real_size;
  taken_peak_bytes_ = std::max(taken_peak_bytes_, taken_bytes_);
  Poison(buffer + 1, real_size - sizeof(Buffer));
  return buffer;
}

void Blkpool::RewindCurrent() {
  cursor_ = FirstIn(*current_);
  current_->left = end_ - cursor_;
}

// An empty buffer that is not the current one waits to be used again, or goes back to the base.
void Blkpool::Release(Buffer& buffer) {
  if (buffer.for_one != 0 || buffer.bytes < buffer_bytes_) {
    GiveBack(buffer);
  } else {
    buffer.next_free = free_;
    free_ = &buffer;
  }
}

void Blkpool::GiveBack(Buffer& buffer) {
  (buffer.previous == nullptr ? buffers_ : buffer.previous->next) = buffer.next;
  if (buffer.next != nullptr) {
    buffer.next->previous = buffer.previous;
  }
  const std::uint64_t bytes = buffer.bytes;
  taken_bytes_ -= bytes;
  Unpoison(&buffer, bytes);
  PoolRef(*control_->base).FreeMem(&buffer, bytes);
}

void Blkpool::SetBufferSize(std::uint64_t bytes) {
  ENSURE(bytes <= kElementBytesMax, "pool %s: buffers of %zu bytes are too large", control_->name,
         static_cast<std::size_t>(bytes));
  buffer_bytes_ = RoundUp(std::max(bytes, kBufferBytesMin));
  Buffer** link = &free_;
  while (*link != nullptr) {
    Buffer* buffer = *link;
    if (buffer->bytes < buffer_bytes_) {
      *link = buffer->next_free;
      GiveBack(*buffer);
    } else {
      link = &buffer->next_free;
    }
  }
}

bool Blkpool::ReserveBuffers(std::uint64_t count, std::uint64_t size) {
  if (size > kElementBytesMax / 2) {
    NullOnlyOutsideSteps<void>(Refuse(*control_, size, RefusalReason::kTooLarge), *control_, size);
    return false;
  }
  if (BytesFor(size, kMinAlignment) > buffer_bytes_) {
    SetBufferSize(BytesFor(size, kMinAlignment));
  }
  for (std::uint64_t ready = CountFreeBuffers(); ready < count; ++ready) {
    Buffer* buffer = AskBase(buffer_bytes_);
    if (buffer == nullptr) {
      NullOnlyOutsideSteps<void>(nullptr, *control_, buffer_bytes_);
      return false;
    }
    Release(*buffer);
  }
  return true;
}

std::uint64_t Blkpool::CountFreeBuffers() const {
  std::uint64_t count = 0;
  for (const Buffer* buffer = free_; buffer != nullptr; buffer = buffer->next_free) {
    ++count;
  }
  return count;
}

void Blkpool::ShuffleFree(Shuffler& shuffler) {
  std::vector<Buffer*> buffers;
  for (Buffer* buffer = free_; buffer != nullptr; buffer = buffer->next_free) {
    buffers.push_back(buffer);
  }
  shuffler.Shuffle<Buffer*>(buffers);
  free_ = nullptr;
  for (Buffer* const buffer : buffers) {
    buffer->next_free = free_;
    free_ = buffer;
  }
}

Figures Blkpool::GetFigures() const {
  std::uint64_t live_bytes = 0;
  for (const Buffer* buffer = buffers_; buffer != nullptr; buffer = buffer->next) {
    live_bytes += buffer->left;
  }
  return {.live = N(),
          .live_peak = live_peak_,
          .live_bytes = live_bytes - (end_ - cursor_),
          .taken_bytes = taken_bytes_,
          .taken_peak_bytes = taken_peak_bytes_};
}

}  // namespace tandem::pools
