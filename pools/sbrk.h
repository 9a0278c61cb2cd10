// SPDX-License-Identifier: Apache-2.0
//
// Sbrk: the pool at the end of every chain of state. It hands out the address range of its zone
// from the bottom up, in whole pages, and asks the operating system to make them usable. What is
// given back joins an address-ordered list of free blocks (first fit, neighbours are merged) and
// is handed out again; if it lies on top, the break comes down. Fresh pages are zero, reused ones
// hold what they held unless PageSettings (zone_settings.h) say otherwise.
//
// Use it as the base of pools; small blocks waste most of a page. Lives in its zone's header; one
// thread. AllocMem: O(free blocks), which are few, since pools keep what they take.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class Sbrk {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;

  /// Made by Zone::Map, in the zone's header: hands out [begin, end of the reserve).
  Sbrk(ZoneControl& zone, std::uintptr_t begin, const char* name);
  Sbrk(const Sbrk&) = delete;
  Sbrk& operator=(const Sbrk&) = delete;

  /// Whole pages, or null outside a step; inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::uint64_t size);
  void FreeMem(void* memory, std::uint64_t size);
  [[nodiscard]] void* TryAllocMem(std::uint64_t size);

  /// Makes the next `bytes` that are handed out usable now, as PageSettings say. False: the system
  /// refuses, or there is no address space or limit left for them.
  [[nodiscard]] bool TryReserve(std::uint64_t bytes);

  [[nodiscard]] static std::uint64_t RealSize(std::uint64_t size);
  /// Live blocks.
  [[nodiscard]] std::uint64_t N() const { return live_; }
  [[nodiscard]] Figures GetFigures() const;
  /// Where the next fresh block begins: everything below is or was handed out.
  [[nodiscard]] std::uintptr_t break_address() const { return break_; }
  /// Nothing from here on was ever handed out; the break or more.
  [[nodiscard]] std::uintptr_t fresh_from() const { return std::max(fresh_from_, break_); }

  /// An error if the pool has held more.
  Status SetLimit(const Limit& limit) { return ApplyLimit(*control_, limit); }
  [[nodiscard]] const Limit& limit() const { return control_->limit; }
  [[nodiscard]] PoolControl& control() const { return *control_; }

  /// Seam for tests: grants `requests` more requests, then refuses as if the system had.
  void RefuseAfter(std::uint64_t requests) { control_->grants_left = requests; }
  void RefuseNoMore() { control_->grants_left = kNoLimit; }

 private:
  struct FreeBlock {
    FreeBlock* next;
    std::uint64_t size;
  };

  void* TakeFreeBlock(std::uint64_t size);
  /// kNone: done.
  RefusalReason Commit(std::uintptr_t end);
  RefusalReason Populate(std::uintptr_t begin, std::uintptr_t end) const;

  std::uintptr_t begin_;
  std::uintptr_t break_;
  FreeBlock* free_ = nullptr;  ///< by rising address
  std::uint64_t live_ = 0;
  std::uint64_t live_peak_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t taken_peak_bytes_ = 0;  ///< of break_ - begin_
  std::uintptr_t fresh_from_ = 0;       ///< pages from here on were never handed out
  ZoneControl* zone_;
  PoolControl* control_;
};

inline PoolRef::PoolRef(Sbrk& pool) : control_(&pool.control()) {}

}  // namespace tandem::pools
