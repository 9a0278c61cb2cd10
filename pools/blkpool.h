// SPDX-License-Identifier: Apache-2.0
//
// Blkpool: blocks of any size for what is freed mostly in the order in which it was made: messages,
// queues, log lines. Elements are laid back to back in large buffers. Each element knows its
// buffer, the buffer counts what of it is live, and is used again as a whole when that is nothing.
// Freeing the last element of the current buffer rewinds it, so a stack is free too.
//
// Not for what is freed in any order: one element that lives long keeps its whole buffer (Lpool).
//
//   Blkpool messages("feed.FDb.message", sbrk);
//   void* text = messages.AllocMem(size);  ...  messages.FreeMem(text, size);
//
// Elements are aligned to 16 bytes, or as the type asks; for pools that have it as base, as each
// base aligns. An element costs 16 bytes in front of it, by which freeing twice, a foreign pointer,
// also one of another Blkpool, and a wrong size are fatal, in all builds. Buffers, of 64 KiB unless
// set, are taken from the base and kept; one taken for a larger element, or smaller where a limit
// or the base left less, goes back when it is empty. AllocMem: a bump of a pointer; FreeMem: a
// count. One thread. May live in a zone.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "pools/checks.h"
#include "pools/out_of_memory.h"
#include "pools/perturbation.h"
#include "pools/pool_ref.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

class Blkpool {
 public:
  static constexpr std::uint64_t kBufferBytesDefault = 64u << 10;
  static constexpr std::uint64_t kBufferBytesMin = 256;
  /// Beside the bytes of each element, rounded up: what is in front of it, and a fence.
  static constexpr std::uint64_t kOverheadBytes = kMinAlignment + kFenceBytes;
  static constexpr std::uint64_t kElementBytesMax = std::uint64_t{1} << 62;
  using IsZoneSafe = void;

  Blkpool(const char* name, PoolRef base);
  ~Blkpool();
  Blkpool(const Blkpool&) = delete;
  Blkpool& operator=(const Blkpool&) = delete;

  /// `size` bytes, or null outside a step; inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::uint64_t size) {
    return NullOnlyOutsideSteps(Take(size, kMinAlignment), *control_, size);
  }
  /// Gives back what an AllocMem for the same size returned.
  void FreeMem(void* memory, std::uint64_t size);

  /// Sees to it that `count` empty buffers are there, each with room for an element of `size`.
  /// False: out of memory; what was got is kept. Inside a step out of memory ends the process.
  [[nodiscard]] bool ReserveBuffers(std::uint64_t count, std::uint64_t size);
  /// The size of buffers taken from now on; smaller ones go back to the base when they are empty.
  void SetBufferSize(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t buffer_bytes() const { return buffer_bytes_; }

  /// A new T. Never fails: out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T& Alloc(Args&&... args) {
    CheckType<T>();
    void* memory = NeverNull(Take(sizeof(T), AlignmentFor<T>()), *control_, sizeof(T));
    return *::new (memory) T(std::forward<Args>(args)...);
  }
  /// A new T, or null outside a step; inside one, out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    CheckType<T>();
    void* memory = NullOnlyOutsideSteps(Take(sizeof(T), AlignmentFor<T>()), *control_, sizeof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  template <class T>
  void Delete(T& element) {
    element.~T();
    FreeMem(&element, sizeof(T));
  }

  /// For pools that ask their base: aligned as a base aligns, and null in a step too.
  [[nodiscard]] void* TryAllocMem(std::uint64_t size) {
    return Take(
        size, size >= kMaxAlignment ? kMaxAlignment : std::max(kMinAlignment, std::bit_ceil(size)));
  }
  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size) {
    return size > kElementBytesMax ? size : BytesOf(size) - kFenceBytes;
  }

  /// Live elements.
  [[nodiscard]] std::uint64_t N() const { return live_peak_ - spare_; }
  /// Empty buffers beside the current one. O(them).
  [[nodiscard]] std::uint64_t CountFreeBuffers() const;
  /// Puts the empty buffers into another order: Zone::ShuffleFree. O(them).
  void ShuffleFree(Shuffler& shuffler);
  [[nodiscard]] Figures GetFigures() const;
  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

 private:
  friend struct StateAccess;

  /// In front of the elements of each buffer.
  struct Buffer {
    Buffer* next;       ///< of all buffers
    Buffer* previous;   ///< of all buffers
    Buffer* next_free;  ///< of the empty ones that wait
    std::uint64_t bytes;
    /// Live bytes, with the headers; in the current buffer, those behind the cursor count as live.
    std::uint64_t left;
    std::uint64_t for_one;
    Blkpool* owner;
    std::uint64_t reserved;
  };
  /// In front of each element.
  struct Header {
    std::uint64_t place;  ///< address of the buffer, and what alignment skipped before the header
    std::uint64_t mark;   ///< MarkOf(its size); kFreed once freed

    [[nodiscard]] Buffer& buffer() const {
      return *reinterpret_cast<Buffer*>(place & kAddressMask);
    }
    [[nodiscard]] std::uint64_t skipped_bytes() const {
      return (place >> kAddressBits) * kMinAlignment;
    }
  };
  static constexpr int kAddressBits = 48;
  static constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;
  static_assert(sizeof(Buffer) == 64 && sizeof(Header) == kMinAlignment);

  static constexpr std::uint64_t kFreed = 0;

  static std::uint64_t MarkOf(std::uint64_t size) {
    constexpr std::uint64_t kLive = 0x9D3C4B1E7F52A86B;
    return size ^ kLive;
  }
  static std::uint64_t RoundUp(std::uint64_t size) {
    return (size + kMinAlignment - 1) / kMinAlignment * kMinAlignment;
  }
  template <class T>
  static constexpr std::size_t AlignmentFor() {
    return std::max(alignof(T), kMinAlignment);
  }
  template <class T>
  static constexpr void CheckType() {
    static_assert(alignof(T) <= kMaxAlignment, "an element may be aligned to 4096 bytes at most");
    CheckElementType<T>();
  }

  /// Memory for an element, or null: also in a step.
  void* Take(std::uint64_t size, std::size_t alignment) {
    if (size > kElementBytesMax || spare_ == 0 || !Fits(size, alignment)) [[unlikely]] {
      return TakeSlow(size, alignment);
    }
    --spare_;
    return PlaceAtCursor(size, alignment);
  }
  bool Fits(std::uint64_t size, std::size_t alignment) const {
    return FirstFit(cursor_, alignment) + BytesOf(size) <= end_;
  }
  static std::uintptr_t FirstFit(std::uintptr_t cursor, std::size_t alignment) {
    const std::uintptr_t element = cursor + sizeof(Header);  // a multiple of kMinAlignment
    return alignment <= kMinAlignment
               ? element
               : (element + alignment - 1) & ~(std::uintptr_t{alignment} - 1);
  }
  /// What an element of that size takes, but for what is in front of it.
  static std::uint64_t BytesOf(std::uint64_t size) { return RoundUp(size) + kFenceBytes; }
  void* PlaceAtCursor(std::uint64_t size, std::size_t alignment);
  static void* Place(Buffer& buffer, std::uintptr_t element, std::uint64_t size,
                     std::uint64_t skipped_bytes);
  void* TakeSlow(std::uint64_t size, std::size_t alignment);
  void* TakeElsewhere(std::uint64_t size, std::size_t alignment);
  void RewindCurrent();
  bool OpenBuffer(std::uint64_t needed_bytes);
  Buffer* AskBase(std::uint64_t bytes);
  void Release(Buffer& buffer);
  void GiveBack(Buffer& buffer);
  [[nodiscard]] static std::uintptr_t FirstIn(const Buffer& buffer) {
    return reinterpret_cast<std::uintptr_t>(&buffer) + sizeof(Buffer);
  }
  [[nodiscard]] static std::uint64_t BytesFor(std::uint64_t size, std::size_t alignment);

  // cursor_ and end_ are 0 while there is no current buffer, so that nothing fits.
  std::uintptr_t cursor_ = 0;  ///< end of the last element in the current buffer
  std::uintptr_t end_ = 0;     ///< of the current buffer
  Buffer* current_ = nullptr;
  std::uint64_t spare_ = 0;  ///< elements less are live than were at the peak
  std::uint64_t live_peak_ = 0;
  PoolControl* control_;
  Buffer* free_ = nullptr;     ///< empty buffers of buffer_bytes_ at least
  Buffer* buffers_ = nullptr;  ///< all
  std::uint64_t buffer_bytes_ = kBufferBytesDefault;
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t taken_peak_bytes_ = 0;
};

inline PoolRef::PoolRef(Blkpool& pool) : control_(&pool.control()) {}

// For a size that fits.
inline void* Blkpool::PlaceAtCursor(std::uint64_t size, std::size_t alignment) {
  const std::uintptr_t element = FirstFit(cursor_, alignment);
  const std::uint64_t skipped_bytes = element - sizeof(Header) - cursor_;
  if (alignment > kMinAlignment) {
    current_->left -= skipped_bytes;
  }
  cursor_ = element + BytesOf(size);
  return Place(*current_, element, size, skipped_bytes);
}

inline void* Blkpool::Place(Buffer& buffer, std::uintptr_t element, std::uint64_t size,
                            std::uint64_t skipped_bytes) {
  auto* header = reinterpret_cast<Header*>(element - sizeof(Header));
  Unpoison(header, sizeof(Header) + BytesOf(size));
  ::new (header) Header{
      reinterpret_cast<std::uintptr_t>(&buffer) | skipped_bytes / kMinAlignment << kAddressBits,
      MarkOf(size)};
  void* const memory = header + 1;
  SetFence(memory, size, BytesOf(size));
  return memory;
}

inline void Blkpool::FreeMem(void* memory, std::uint64_t size) {
  auto* header = static_cast<Header*>(memory) - 1;
  ENSURE(header->mark == MarkOf(size),
         "pool %s: %p of %zu bytes is freed, but is freed already, not its own, or of another size",
         control_->name, memory, static_cast<std::size_t>(size));
  const std::uint64_t bytes = BytesOf(size);
  CheckFence(control_->name, memory, size, bytes);
  header->mark = kFreed;
  FillFreed(memory, bytes);
  ++spare_;
  Buffer& buffer = header->buffer();
  if (&buffer != current_) {
    ENSURE(buffer.owner == this, "pool %s: %p of %zu bytes is freed, but is pool %s's",
           control_->name, memory, static_cast<std::size_t>(size), buffer.owner->control_->name);
    buffer.left -= sizeof(Header) + bytes;
    if (buffer.left == 0) [[unlikely]] {
      Release(buffer);
    }
    return;
  }
  if (reinterpret_cast<std::uintptr_t>(memory) + bytes == cursor_) {
    cursor_ = reinterpret_cast<std::uintptr_t>(header) - header->skipped_bytes();
    buffer.left += header->skipped_bytes();
  } else {
    buffer.left -= sizeof(Header) + bytes;
  }
  if (buffer.left == end_ - cursor_) {  // all in front of the cursor is free
    RewindCurrent();
  }
}

}  // namespace tandem::pools
