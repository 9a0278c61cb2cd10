// SPDX-License-Identifier: Apache-2.0
//
// What `tandem check` changes from run to run, and no output may depend on: a list of
// perturbations, each of which makes the circumstances of a run from a seed and the run's number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pools/result.h"
#include "tools/options.h"

namespace tandem::tools {

/// How the process of one run is started. As it stands: as the first run, which is as even as can
/// be: fixed addresses, a wall clock that is held, our environment.
struct Circumstances {
  std::string how{};  ///< for a person, "TZ=JST-9"; may be empty
  std::vector<std::pair<std::string, std::string>> variables{};  ///< of the environment, set
  /// Those that are not set here; null: kept, else its value, or null to unset it.
  std::function<std::optional<std::string>(const std::string& name, const std::string& value)>
      change_variable{};
  std::string folder{};                  ///< to run in; empty: ours
  std::optional<mode_t> umask{};         ///< of new files
  bool draws_addresses = false;          ///< as the system does (ASLR), not fixed
  std::vector<int> processors{};         ///< empty: all
  bool is_background = false;            ///< lowest priority, long turns
  std::vector<std::string> arguments{};  ///< of check-run, more
  bool is_fixed = true;  ///< all that is changed is the same when the run is made again
  bool holds_clock = true;
  bool keeps_state = false;          ///< the zone must come to hold the same bytes, too
  std::string application{};         ///< in the place of --app; empty: that
  std::vector<std::string> pools{};  ///< in the place of --pools; empty: those
};

struct CheckPlanOptions {
  ApplicationOptions application{};
  std::vector<std::string> other_applications{};
  std::vector<std::string> other_pools{};
  std::string work{};            ///< a folder of our own, an absolute path
  bool fixes_addresses = false;  ///< the system lets us
  bool holds_clock = false;      ///< this processor lets us
};

struct CheckPerturbation {
  std::string name{};  ///< as given to --only
  std::string what{};  ///< it changes, for a person
  /// Why it cannot be done here; empty: it can.
  std::string why_not{};
  /// How often at most, whatever --runs says; 0: as that says.
  std::uint64_t runs_max = 0;
  /// `run`: from 0.
  std::function<Circumstances(std::uint64_t seed, std::uint64_t run)> make = {};
};

/// All of them, in the order in which they run. An error: a folder cannot be written.
Result<std::vector<CheckPerturbation>> CheckPlan(const CheckPlanOptions& options);

/// "repeat, aslr, ..." for --help.
[[nodiscard]] std::string CheckPerturbationNames();

}  // namespace tandem::tools
