// SPDX-License-Identifier: Apache-2.0
//
// MemoryResource: any pool as a std::pmr::memory_resource, so that standard containers count in its
// figures and keep to its limit.
//
//   Malloc scratch("scratch");
//   MemoryResource resource(scratch);
//   std::pmr::vector<int> numbers(&resource);
//
// For scratch memory and tools. Never for state: a memory_resource has a vtable, and containers
// keep its address. Out of memory ends the process; it never throws. A container and its resource
// belong to the thread of the pool. Costs a virtual call and a switch more than the pool does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>

#include "pools/ensure.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class MemoryResource final : public std::pmr::memory_resource {
 public:
  explicit MemoryResource(PoolRef pool) : pool_(pool) {}

  [[nodiscard]] PoolRef pool() const { return pool_; }

 private:
  // A pool aligns a block as its size asks for.
  static std::size_t SizeFor(std::size_t bytes, std::size_t alignment) {
    ENSURE(alignment <= kMaxAlignment, "memory is asked for with an alignment of %zu, beyond %zu",
           alignment, kMaxAlignment);
    return std::max(bytes, alignment);
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return pool_.AllocMemOrEnd(SizeFor(bytes, alignment));
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    pool_.FreeMem(memory, SizeFor(bytes, alignment));
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* resource = dynamic_cast<const MemoryResource*>(&other);
    return resource != nullptr && resource->pool_ == pool_;
  }

  PoolRef pool_;
};

}  // namespace tandem::pools
