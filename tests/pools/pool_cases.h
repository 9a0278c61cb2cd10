// SPDX-License-Identifier: Apache-2.0
//
// One face for all pools, so that what they share is tested once for all (every_pool_test.cc): a
// case makes elements, finds them again by a handle and deletes them. Elements carry a pattern over
// their whole size, check their own alignment and are counted.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "pools/blkpool.h"
#include "pools/delptr.h"
#include "pools/inlary.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/tary.h"
#include "pools/tpool.h"
#include "pools/zone.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {

/// An element of kBytes that knows its number and whether somebody wrote over it.
template <std::size_t kBytes, std::size_t kAlign = 8>
class alignas(kAlign) Tracked {
 public:
  using IsZoneSafe = void;
  static inline std::int64_t live = 0;

  explicit Tracked(std::uint64_t number) : number_(number) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % kAlign, 0u);
    std::memset(fill_, Pattern(), sizeof fill_);
    ++live;
  }
  Tracked(Tracked&& other) noexcept : Tracked(other.number_) { EXPECT_TRUE(other.Intact()); }
  Tracked(const Tracked&) = delete;
  ~Tracked() {
    EXPECT_TRUE(Intact());
    --live;
  }

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool Intact() const {
    for (const unsigned char byte : fill_) {
      if (byte != Pattern()) {
        return false;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] unsigned char Pattern() const {
    return static_cast<unsigned char>(number_ * 37 + 11);
  }

  std::uint64_t number_;
  unsigned char fill_[kBytes - sizeof(std::uint64_t)];
};

/// For pools whose elements stay where they are and may go in any order.
template <class T>
struct AnyOrder {
  using Element = T;
  using Handle = T*;
  static constexpr bool kAnyOrder = true;
  static constexpr bool kHasBase = true;
  static constexpr bool kHasLimits = true;
  static constexpr bool kGivesAllBack = true;  ///< when it is destroyed

  static T& At(Handle handle) { return *handle; }
};

template <class T>
struct TpoolCase : AnyOrder<T> {
  TpoolCase(Zone&, PoolRef base) : pool("pool", base) {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe(number); }
  void Delete(T* element) { pool.Delete(*element); }
  Tpool<T> pool;
};

template <class T>
struct LpoolCase : AnyOrder<T> {
  static constexpr bool kGivesAllBack = false;
  LpoolCase(Zone&, PoolRef base) : pool("pool", base) {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe<T>(number); }
  void Delete(T* element) { pool.Delete(*element); }
  Lpool pool;
};

template <class T>
struct BlkpoolCase : AnyOrder<T> {
  BlkpoolCase(Zone&, PoolRef base) : pool("pool", base) {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe<T>(number); }
  void Delete(T* element) { pool.Delete(*element); }
  Blkpool pool;
};

template <class T>
struct MallocCase : AnyOrder<T> {
  static constexpr bool kHasBase = false;
  MallocCase(Zone&, PoolRef) : pool("pool") {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe<T>(number); }
  void Delete(T* element) { pool.Delete(*element); }
  Malloc pool;
};

template <class T>
struct SbrkCase : AnyOrder<T> {
  static constexpr bool kHasBase = false;
  SbrkCase(Zone& zone, PoolRef) : pool(zone.sbrk()) {}
  T* Make(std::uint64_t number) {
    void* memory = pool.AllocMem(sizeof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(number);
  }
  void Delete(T* element) {
    element->~T();
    pool.FreeMem(element, sizeof(T));
  }
  Sbrk& pool;
};

/// Many parents with one value each, and one account.
template <class T>
struct DelptrCase : AnyOrder<T> {
  struct Parent {
    using IsZoneSafe = void;
    explicit Parent(PoolAccount& account) : value(account) {}
    Delptr<T, SharedAccount> value;
  };
  using Handle = Parent*;

  DelptrCase(Zone&, PoolRef base) : pool("pool", base), parents("parents", base) {}
  Parent* Make(std::uint64_t number) {
    Parent* parent = parents.AllocMaybe(pool);
    if (parent != nullptr && parent->value.AccessMaybe(number) == nullptr) {
      parents.Delete(*parent);
      parent = nullptr;
    }
    return parent;
  }
  static T& At(Parent* parent) { return *parent->value.Get(); }
  void Delete(Parent* parent) { parents.Delete(*parent); }
  AccountOf<Delptr<T, SharedAccount>> pool;
  Tpool<Parent> parents;
};

/// For arrays: elements are found by number, and the last one goes first.
template <class T>
struct LastFirst {
  using Element = T;
  using Handle = std::uint64_t;
  static constexpr bool kAnyOrder = false;
  static constexpr bool kHasBase = true;
  static constexpr bool kHasLimits = true;
  static constexpr bool kGivesAllBack = true;
};

template <class T, class Pool>
struct ArrayCase : LastFirst<T> {
  ArrayCase(Zone&, PoolRef base) : pool("pool", base) {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe(number); }
  T& At(std::uint64_t index) { return pool.qFind(index); }
  void Delete(std::uint64_t index) {
    ASSERT_EQ(index, pool.N() - 1);
    pool.RemoveLast();
  }
  Pool pool;
};

template <class T>
struct LaryCase : ArrayCase<T, Lary<T>> {
  using ArrayCase<T, Lary<T>>::ArrayCase;
};

template <class T>
struct TaryCase : ArrayCase<T, Tary<T>> {
  using ArrayCase<T, Tary<T>>::ArrayCase;
};

template <class T>
struct InlaryCase : LastFirst<T> {
  static constexpr bool kHasBase = false;
  static constexpr bool kHasLimits = false;
  static constexpr std::uint64_t kMax = 1000;
  InlaryCase(Zone&, PoolRef) {}
  T* Make(std::uint64_t number) { return pool.AllocMaybe(number); }
  T& At(std::uint64_t index) { return pool.qFind(index); }
  void Delete(std::uint64_t index) {
    ASSERT_EQ(index, pool.N() - 1);
    pool.RemoveLast();
  }
  Inlary<T, 0, kMax, "pool"> pool;
};

}  // namespace tandem::pools
