// SPDX-License-Identifier: Apache-2.0
//
// ZoneView: a zone of this process, known by nothing but its address: its pools, its bytes, its
// hash. For whoever copies or compares states without having made them, such as a host whose
// application lives in a shared library. Looks only; valid as long as the zone is mapped. On the
// thread of the zone, or while that stands still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pools/pool_ref.h"

namespace tandem::pools {

struct ZoneHeader;
struct ZoneControl;

/// A pool of a zone, as tools show it.
struct PoolInfo {
  std::string name;
  PoolKind kind = PoolKind::kNone;
  std::string base;  ///< empty for Sbrk
  Limit limit;
  Figures figures;
  std::uint64_t element_bytes = 0;  ///< of one element, with what its pool adds; 0: of any size
  std::uint64_t address = 0;        ///< of the pool itself
  std::uint32_t slot = 0;           ///< of its control
};

class ZoneView {
 public:
  /// There is a zone, of this build's layout, at `address`; else the process ends.
  explicit ZoneView(std::uint64_t address);

  [[nodiscard]] std::uint64_t address() const { return address_; }
  /// Every pool, in the order of their controls.
  [[nodiscard]] std::vector<PoolInfo> Pools() const;
  /// What the hash covers: from the header to the break.
  [[nodiscard]] std::span<const std::byte> state_bytes() const;
  /// The same and what lies behind the break and was handed out before: it is handed out again as
  /// it is, so a copy must have it.
  [[nodiscard]] std::span<const std::byte> image_bytes() const;
  /// XXH3-64 of state_bytes(). Reads them all, at the speed of memory.
  [[nodiscard]] std::uint64_t Hash() const;
  /// Of what says which bytes the same calls make: the layout of zones, the size of the root,
  /// names, kinds, places and element sizes of the pools that there are now, what Zone::Describe
  /// was given, and `owner`. To be asked for when the root has been made and nothing has been
  /// stepped.
  [[nodiscard]] std::uint64_t LayoutFingerprint(std::string_view owner) const;
  /// What Zone::Describe was given; empty: nothing.
  [[nodiscard]] std::string_view description() const;

  [[nodiscard]] ZoneControl& control() const;
  [[nodiscard]] ZoneHeader& header() const;

 private:
  std::uint64_t address_;
};

}  // namespace tandem::pools
