// SPDX-License-Identifier: Apache-2.0
//
// Zone: the address range that holds all state of an engine: pools, their controls and everything
// that hangs on one root. Mapped at an address given at run time, so that two processes with the
// same build, chain and address that make the same calls have the same bytes in it, pointers
// included. Several zones, at different addresses, may be in one process.
//
//   address           control pages: one ZoneControl, the controls of the pools, and what the types
//                     of the state are (Describe). Not hashed.
//   address + 2 MiB   (less one page) header: the Sbrk, the root. Hashed from here to the break.
//   address + 2 MiB   what Sbrk hands out, root first
//
// The reserve is only address space; pages become usable as Sbrk grows. Destroying the Zone unmaps
// it without running destructors of what is inside: nothing in a zone may own anything outside.
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pools/ensure.h"
#include "pools/perturbation.h"
#include "pools/pool_ref.h"
#include "pools/result.h"
#include "pools/sbrk.h"
#include "pools/zone_settings.h"
#include "pools/zone_view.h"

namespace tandem::pools {

inline constexpr std::uintptr_t kZoneAddressDefault = 0x7e8000000000;

/// Memory that is live in a zone and that nothing in it accounts for.
struct Leak {
  std::string pool;
  PoolKind kind = PoolKind::kNone;
  std::uint64_t elements = 0;  ///< 0 where only bytes are known: in pools that are bases
  std::uint64_t bytes = 0;     ///< in real sizes
  friend bool operator==(const Leak&, const Leak&) = default;
};

struct ZoneOptions {
  std::uintptr_t address = kZoneAddressDefault;           ///< a multiple of 2 MiB
  std::uint64_t reserve_bytes = std::uint64_t{64} << 30;  ///< of address space, from 4 MiB
  std::uint64_t limit_bytes = 0;                          ///< for Sbrk; 0: only the reserve
  std::string sbrk_name = "sbrk";                         ///< as reports and settings know it
  PageSettings pages{};
  std::vector<PoolSetting> pools{};  ///< by name; pools without one are as the program makes them
  bool report_leaks = false;         ///< print Leaks() to stderr when the zone ends; for tests
  Perturbation perturbation{};       ///< for `tandem check`
};

struct ZoneHeader;

class Zone {
 public:
  /// Maps an empty zone. An error says that the range is taken or that the system refused it.
  static Result<std::unique_ptr<Zone>> Map(const ZoneOptions& options);
  ~Zone();
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  [[nodiscard]] Sbrk& sbrk();

  /// Makes the one root of all state in the zone; an image finds it again by the header. Root's
  /// constructor makes its pools, with sbrk() at the end of their chains.
  template <class Root, class... Args>
  Root& MakeRoot(Args&&... args) {
    static_assert(!std::is_polymorphic_v<Root>, "state in a zone may have no virtual functions");
    static_assert(alignof(Root) <= kMaxAlignment);
    return *::new (AllocRoot(sizeof(Root))) Root(std::forward<Args>(args)...);
  }
  /// The root that MakeRoot made.
  template <class Root>
  [[nodiscard]] Root& root() {
    return *static_cast<Root*>(FindRoot(sizeof(Root)));
  }

  /// Says what lies in the zone, as LayoutText (layout_text.h) does, so that an image can be read
  /// without the program that made it. At most kZoneDescriptionBytesMax bytes; once.
  void Describe(std::string_view layout);
  /// What Describe was given; empty: nothing.
  [[nodiscard]] std::string_view description() const;

  /// XXH3-64 over all used bytes but the control pages. Reads them all, at the speed of memory.
  [[nodiscard]] std::uint64_t Hash() const;
  /// What Hash() covers.
  [[nodiscard]] std::span<const std::byte> state_bytes() const;

  /// For whoever copies the zone, or restores it: see zone_image.h.
  [[nodiscard]] ZoneView view() const { return ZoneView(address_); }
  [[nodiscard]] std::uintptr_t address() const { return address_; }
  /// Bytes handed out by Sbrk, and gaps between them.
  [[nodiscard]] std::uint64_t used_bytes() const;
  [[nodiscard]] bool Contains(const void* memory) const;

  /// Every pool of the zone, in the order in which they were made.
  [[nodiscard]] std::vector<PoolInfo> Pools() const;
  /// Bounds the pool of that name; an error if there is none, or if it has held
  /// more.
  Status SetLimit(std::string_view pool, const Limit& limit);
  /// Lets the pool take its memory from another pool of the zone. An error says why it cannot: no
  /// such pool, a base that serves one size only, a cycle, or memory already taken.
  Status SetBase(std::string_view pool, std::string_view base);

  /// To be called once, when the root has been made: an error says which setting could not be
  /// applied, or what CheckChains found. Then gets what the settings reserve; out of memory ends
  /// the process, with the report.
  [[nodiscard]] Status Settle();

  /// An error names a pool whose chain is not one of state: a pool or a reference in the root that
  /// takes memory from the heap, or a pool elsewhere that takes memory from this zone. To be called
  /// when the root has been made, and after every SetBase.
  [[nodiscard]] Status CheckChains() const;

  /// Puts the free memory of every pool into another order, so that what is allocated next lies
  /// elsewhere. Limits stay what they are; Tpools count what they have carved ahead for their
  /// peaks. For `tandem check`; not inside a step, for it takes scratch memory from the heap.
  /// O(free blocks); returns how many those were.
  std::uint64_t ShuffleFree(std::uint64_t seed);

  /// What is left when everything should have been deleted, in the order in which the pools were
  /// made: elements of pools, and bytes of base pools that no pool of the zone holds (which an
  /// index, a Text or a plain AllocMem may). The root itself is not among them.
  [[nodiscard]] std::vector<Leak> Leaks() const;

 private:
  Zone(const ZoneOptions& options);

  ZoneControl& control() const;
  ZoneHeader& header() const;
  Result<PoolControl*> FindPool(std::string_view name) const;
  void* AllocRoot(std::size_t size);
  void* FindRoot(std::size_t size);

  std::uintptr_t address_;
  std::uint64_t reserve_bytes_;
  SettingsInForce settings_;
  bool report_leaks_;
};

}  // namespace tandem::pools
