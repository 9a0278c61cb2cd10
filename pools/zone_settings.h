// SPDX-License-Identifier: Apache-2.0
//
// What an installation sets for the pools of a zone, by name, in a program that is already built:
// which pool takes memory from which, bounds, what is had at start, and how the pages are kept.
// Given to Zone::Map; each pool finds its setting when it is made, before it takes any memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pools/pool_ref.h"
#include "pools/result.h"

namespace tandem::pools {

struct PoolSetting {
  std::string pool;
  std::string base;  ///< empty: as the program says
  Limit limit;
  std::uint64_t reserve_elements = 0;  ///< had at start
  std::uint64_t reserve_bytes = 0;     ///< had at start
};

/// How Sbrk keeps the pages of the zone.
struct PageSettings {
  bool huge = false;  ///< transparent huge pages; refused at start where the system has none
  std::uint64_t huge_limit_bytes = kNoLimit;  ///< for the first so many bytes of the zone
  bool prefault = false;  ///< pages are there when Sbrk grows, not when they are touched
  bool lock = false;      ///< and stay in memory (mlock)
  bool zero = false;      ///< what is handed out again is zeroed; fresh pages always are zero
};

/// The settings while the pools of a zone are made. Private to pools/.
class SettingsInForce {
 public:
  /// `chain_seed`: of Perturbation.
  explicit SettingsInForce(std::vector<PoolSetting> settings, std::uint64_t chain_seed = 0)
      : settings_(std::move(settings)), applied_(settings_.size()), chain_seed_(chain_seed) {}

  /// Called for each pool when it has got its control.
  void Apply(PoolControl& control);
  /// An error names the first setting that no pool took, or could take.
  [[nodiscard]] Status Check() const;
  [[nodiscard]] const std::vector<PoolSetting>& settings() const { return settings_; }

 private:
  void ApplySetting(PoolControl& control);

  std::vector<PoolSetting> settings_;
  std::vector<bool> applied_;
  Status refused_;
  std::uint64_t chain_seed_;
};

/// The pool of that name in the zone, or null.
[[nodiscard]] PoolControl* FindControl(const ZoneControl& zone, std::string_view name);

/// An error says why the pool of `control` cannot take its memory from `base`.
[[nodiscard]] Status CheckBase(const PoolControl& control, const PoolControl& base);

/// Gets what is to be had at start. Out of memory ends the process, with the report.
Status Reserve(PoolControl& control, std::uint64_t elements, std::uint64_t bytes);

}  // namespace tandem::pools
