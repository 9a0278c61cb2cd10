// SPDX-License-Identifier: Apache-2.0
//
// What all pools share: kinds, limits, figures, the control of a pool, and PoolRef, the link from a
// pool to its base.
//
// A pool's *control* is what configuration may change: name, base, limits. It is kept apart from
// the pool's own state (in the control pages of the zone if the chain ends in one, else on the
// heap), so that two copies of a state are equal whatever their limits are. Nothing here is a
// virtual function or a code pointer: a base is a kind and an address, and calls through it are a
// switch. That costs nothing where it matters, for the base is only asked when a free list is
// empty.
//
// Threads: a pool and its whole chain belong to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "pools/result.h"

namespace tandem::pools {

class Blkpool;
class Lpool;
class Malloc;
class PoolAccount;
class Sbrk;
class TpoolCore;
struct StateAccess;  ///< reads pools in an image: pools/state/
struct ZoneControl;

enum class PoolKind : std::uint32_t {
  kNone = 0,
  kSbrk = 1,
  kMalloc = 2,
  kLpool = 3,
  kTpool = 4,
  kBlkpool = 5,
  kLary = 6,
  kTary = 7,
  kDelptr = 8,
};

[[nodiscard]] const char* KindName(PoolKind kind);
/// Can a pool of that kind give memory to others: does it serve any size?
[[nodiscard]] bool ServesAnySize(PoolKind kind);

inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// Every block of every pool is aligned to at least this.
inline constexpr std::size_t kMinAlignment = 16;
/// A base aligns a block of n bytes to the smaller of this and n rounded up to a power of two.
inline constexpr std::size_t kMaxAlignment = 4096;

/// Bounds of a pool. Reaching one is out of memory. Both are functions of the calls alone, so two
/// copies of a deterministic process reach them at the same message. A limit below what the pool
/// has already held is refused: a replay under it would have ended before, or, where a pool makes
/// do with a smaller block of its base, lie otherwise in memory.
struct Limit {
  std::uint64_t elements = kNoLimit;  ///< live elements, or blocks where there are no elements
  std::uint64_t bytes = kNoLimit;     ///< bytes taken from the base, in real block sizes
};

/// What a pool holds now and has held at most. Always kept.
struct Figures {
  std::uint64_t live = 0;              ///< elements or blocks handed out
  std::uint64_t live_peak = 0;         ///< the most there ever were
  std::uint64_t live_bytes = 0;        ///< their real sizes
  std::uint64_t taken_bytes = 0;       ///< taken from the base, in the base's real block sizes
  std::uint64_t taken_peak_bytes = 0;  ///< the most there ever were
};

struct alignas(64) PoolControl {
  static constexpr std::size_t kNameSize = 64;

  Limit limit;
  std::uint64_t grants_left = kNoLimit;  ///< seam for tests: see Sbrk::RefuseAfter
  PoolKind kind = PoolKind::kNone;       ///< kNone: the slot is free
  std::uint32_t reserved = 0;
  void* pool = nullptr;         ///< the Sbrk, Malloc, Lpool, Blkpool, TpoolCore or PoolAccount
  PoolControl* base = nullptr;  ///< null for Sbrk and Malloc
  ZoneControl* zone = nullptr;  ///< null if the chain ends in Malloc
  std::uint64_t reserved2 = 0;
  char name[kNameSize] = {};  ///< zero-terminated
};

/// A reference to any pool that can serve blocks of any size; converts from Sbrk&, Malloc&, Lpool&
/// and Blkpool&. One word, trivially copyable, may be kept in a zone.
class PoolRef {
 public:
  PoolRef(Sbrk& pool);    // NOLINT(google-explicit-constructor): a base is given by naming the pool
  PoolRef(Malloc& pool);  // NOLINT(google-explicit-constructor)
  PoolRef(Lpool& pool);   // NOLINT(google-explicit-constructor)
  PoolRef(Blkpool& pool);  // NOLINT(google-explicit-constructor)
  explicit PoolRef(PoolControl& control) : control_(&control) {}

  /// At least `size` bytes, or null outside a step; inside one, out of memory ends the process.
  [[nodiscard]] void* AllocMem(std::uint64_t size);
  /// At least `size` bytes; out of memory ends the process.
  [[nodiscard]] void* AllocMemOrEnd(std::uint64_t size);
  /// Gives back what an AllocMem for the same size returned.
  void FreeMem(void* memory, std::uint64_t size);

  /// For pools that ask their base: as AllocMem, but null in a step too; the caller ends the
  /// process if it has no smaller request to make.
  [[nodiscard]] void* TryAllocMem(std::uint64_t size);
  /// How many bytes a request for `size` really takes.
  [[nodiscard]] std::uint64_t RealSize(std::uint64_t size) const;

  [[nodiscard]] PoolKind kind() const { return control_->kind; }
  [[nodiscard]] std::string_view name() const { return control_->name; }
  [[nodiscard]] Figures GetFigures() const;
  [[nodiscard]] PoolControl& control() const { return *control_; }
  friend bool operator==(PoolRef, PoolRef) = default;

 private:
  PoolControl* control_;
};

/// Makes the control of the pool at `pool`: in `zone`, or on the heap if that is null. A name that
/// is too long or taken in its zone is a bug of the caller.
PoolControl* MakeControl(const char* name, PoolKind kind, void* pool, PoolControl* base,
                         ZoneControl* zone);
void DropControl(PoolControl* control);

/// Bounds the pool of that control; an error if the pool has held more than that.
Status ApplyLimit(PoolControl& control, const Limit& limit);

}  // namespace tandem::pools
