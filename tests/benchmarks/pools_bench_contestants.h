// SPDX-License-Identifier: Apache-2.0
//
// What pools_bench lets run beside each other: hand-written floors, the pools, and what others
// offer. Each has a pool() with Alloc(bytes), which never fails, and Free(memory, bytes); those of
// one size ignore the bytes. Each is made and used by one thread and owns all its memory.
#pragma once

#include <sys/mman.h>

#include <array>
#include <boost/pool/pool.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <utility>

#include "pools/blkpool.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "pools/zone.h"

namespace tandem::pools_bench {

inline constexpr std::uint64_t kElementBytes = 64;

/// An element of which nothing is written when it is made.
struct Element {
  Element() {}  // NOLINT(modernize-use-equals-default): defaulted, Alloc() would fill with zeros
  std::uint64_t words[kElementBytes / sizeof(std::uint64_t)];
};

/// Address space from the system; pages are there once they are written to.
class Region {
 public:
  Region() {
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ENSURE(memory != MAP_FAILED, "no address space");
    begin_ = static_cast<std::byte*>(memory);
    fresh_ = begin_;
  }
  ~Region() { munmap(begin_, kBytes); }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void* Carve(std::uint64_t bytes) {
    void* memory = fresh_;
    fresh_ += bytes;
    return memory;
  }

 private:
  static constexpr std::uint64_t kBytes = std::uint64_t{4} << 30;
  std::byte* begin_;
  std::byte* fresh_;
};

struct FloorNode {
  FloorNode* next;
};

/// The floor for one size: a free list, and nothing else.
class FloorList {
 public:
  void* Alloc(std::uint64_t /*bytes*/) {
    FloorNode* node = free_;
    if (node == nullptr) [[unlikely]] {
      return region_.Carve(kElementBytes);
    }
    free_ = node->next;
    return node;
  }
  void Free(void* memory, std::uint64_t /*bytes*/) {
    auto* node = static_cast<FloorNode*>(memory);
    node->next = free_;
    free_ = node;
  }

 private:
  FloorNode* free_ = nullptr;
  Region region_;
};

/// The floor for many sizes: a free list for each multiple of 16 bytes, and nothing else.
class FloorClasses {
 public:
  static constexpr std::uint64_t kBytesMax = 4096;

  void* Alloc(std::uint64_t bytes) {
    const std::uint64_t size_class = (bytes + 15) / 16;
    FloorNode* node = free_[size_class];
    if (node == nullptr) [[unlikely]] {
      return region_.Carve(size_class * 16);
    }
    free_[size_class] = node->next;
    return node;
  }
  void Free(void* memory, std::uint64_t bytes) {
    const std::uint64_t size_class = (bytes + 15) / 16;
    auto* node = static_cast<FloorNode*>(memory);
    node->next = free_[size_class];
    free_[size_class] = node;
  }

 private:
  std::array<FloorNode*, kBytesMax / 16 + 1> free_ = {};
  Region region_;
};

/// A zone of its own, at an address that no other zone of the benchmark has.
inline std::unique_ptr<pools::Zone> MapZone() {
  constexpr std::uint64_t kReserveBytes = std::uint64_t{4} << 30;
  static std::uintptr_t next_address = pools::kZoneAddressDefault;
  const std::uintptr_t address = std::exchange(next_address, next_address + kReserveBytes);
  Result<std::unique_ptr<pools::Zone>> zone =
      pools::Zone::Map({.address = address, .reserve_bytes = kReserveBytes});
  ENSURE(zone.ok(), "%s", zone.error().text.c_str());
  return std::move(zone).value();
}

/// A pool in a state in a zone of its own.
template <class State>
class InZone {
 public:
  auto& pool() { return state_.pool; }

 private:
  std::unique_ptr<pools::Zone> zone_ = MapZone();
  State& state_ = zone_->MakeRoot<State>(zone_->sbrk());
};

/// A Tpool at the end of the chain that state has: Lpool, Sbrk.
struct TpoolState {
  struct Elements : pools::Tpool<Element> {
    using pools::Tpool<Element>::Tpool;
    void* Alloc(std::uint64_t /*bytes*/) { return &pools::Tpool<Element>::Alloc(); }
    void Free(void* memory, std::uint64_t /*bytes*/) { Delete(*static_cast<Element*>(memory)); }
  };
  explicit TpoolState(pools::PoolRef base)
      : lpool("bench.lpool", base), pool("bench.element", lpool) {}
  pools::Lpool lpool;
  Elements pool;
};

/// An Lpool or a Blkpool on Sbrk.
template <class Pool>
struct VariableState {
  struct Blocks : Pool {
    using Pool::Pool;
    void* Alloc(std::uint64_t bytes) { return Pool::AllocMem(bytes); }
    void Free(void* memory, std::uint64_t bytes) { Pool::FreeMem(memory, bytes); }
  };
  explicit VariableState(pools::PoolRef base) : pool("bench.pool", base) {}
  Blocks pool;
};

/// Others, which are used where they stand.
template <class Pool>
class Plain : private Pool {
 public:
  using Pool::Pool;
  Pool& pool() { return *this; }
};

class BoostPool {
 public:
  void* Alloc(std::uint64_t /*bytes*/) { return pool_.malloc(); }
  void Free(void* memory, std::uint64_t /*bytes*/) { pool_.free(memory); }

 private:
  boost::pool<> pool_{kElementBytes};
};

class Pmr {
 public:
  void* Alloc(std::uint64_t bytes) { return pool_.allocate(bytes, pools::kMinAlignment); }
  void Free(void* memory, std::uint64_t bytes) {
    pool_.deallocate(memory, bytes, pools::kMinAlignment);
  }

 private:
  std::pmr::unsynchronized_pool_resource pool_;
};

/// malloc and free of some library.
struct MallocFunctions {
  void* (*malloc)(std::size_t bytes) = nullptr;
  void (*free)(void* memory) = nullptr;
};

class LibraryMalloc {
 public:
  explicit LibraryMalloc(MallocFunctions functions) : functions_(functions) {}
  void* Alloc(std::uint64_t bytes) { return functions_.malloc(bytes); }
  void Free(void* memory, std::uint64_t /*bytes*/) { functions_.free(memory); }

 private:
  MallocFunctions functions_;
};

}  // namespace tandem::pools_bench
