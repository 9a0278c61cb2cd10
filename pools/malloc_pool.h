// SPDX-License-Identifier: Apache-2.0
//
// Malloc: malloc and free as a pool, with figures and limits. For scratch memory, tools and tests;
// never for state, since the heap is not part of a zone. Each block carries a footer of 48 bytes by
// which a wrong size or pointer is caught and the pool frees what is left when it is destroyed (so
// pools built on it need not give anything back). One thread; make one per thread.
#pragma once

#include <cstdint>
#include <utility>

#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class Malloc {
 public:
  explicit Malloc(const char* name = "malloc");
  ~Malloc();
  Malloc(const Malloc&) = delete;
  Malloc& operator=(const Malloc&) = delete;

  /// `size` bytes, or null outside a step; inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::uint64_t size);
  void FreeMem(void* memory, std::uint64_t size);
  [[nodiscard]] void* TryAllocMem(std::uint64_t size);

  /// A new T. Never fails: out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T& Alloc(Args&&... args) {
    static_assert(alignof(T) <= kMaxAlignment);
    void* memory = NeverNull(TryAllocMem(sizeof(T)), *control_, sizeof(T));
    return *::new (memory) T(std::forward<Args>(args)...);
  }
  /// A new T, or null outside a step; inside one, out of memory ends the process.
  template <class T, class... Args>
  [[nodiscard]] T* AllocMaybe(Args&&... args) {
    static_assert(alignof(T) <= kMaxAlignment);
    void* memory = AllocMem(sizeof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
  }
  template <class T>
  void Delete(T& element) {
    element.~T();
    FreeMem(&element, sizeof(T));
  }

  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size);
  /// Live blocks.
  [[nodiscard]] std::uint64_t N() const { return live_; }
  [[nodiscard]] Figures GetFigures() const;

  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

  /// Seam for tests: grants `requests` more requests, then refuses as if the system had.
  void RefuseAfter(std::uint64_t requests) { control_->grants_left = requests; }
  void RefuseNoMore() { control_->grants_left = kNoLimit; }

 private:
  struct Footer;

  Footer* blocks_ = nullptr;  ///< doubly linked
  std::uint64_t live_ = 0;
  std::uint64_t live_peak_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t taken_peak_bytes_ = 0;
  PoolControl* control_;
};

inline PoolRef::PoolRef(Malloc& pool) : control_(&pool.control()) {}

}  // namespace tandem::pools
