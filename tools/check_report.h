// SPDX-License-Identifier: Apache-2.0
//
// What `tandem check` has to say, as text, a line for each perturbation as it ends, and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/check_run.h"

namespace tandem::tools {

enum class CheckOutcome {
  kSame,
  kDiffers,  ///< another output, or another number of them
  kEnded,    ///< the process gave no outputs to compare
  kNotRun,
};

/// One perturbation.
struct CheckFinding {
  std::string name{};
  std::string what{};  ///< it changes
  CheckOutcome outcome = CheckOutcome::kSame;
  std::uint64_t runs = 0;   ///< that were compared
  std::string why{};        ///< kNotRun; kEnded: how
  std::string how{};        ///< the circumstances of the last run
  CheckRunReport report{};  ///< kDiffers
  bool by_chance = false;   ///< kDiffers, kEnded: with the same circumstances it ended otherwise
  std::string again{};      ///< kDiffers, kEnded: the command that repeats it

  /// The perturbation that it shows outputs to depend on: "repeat" if by chance; empty: none.
  [[nodiscard]] std::string Exposes() const;
};

struct CheckSummary {
  std::uint64_t seed = 0;
  CheckRunReport first{};
  std::vector<CheckFinding> findings{};

  [[nodiscard]] std::uint64_t runs() const;  ///< that were compared
  /// What outputs were shown to depend on, each once.
  [[nodiscard]] std::vector<std::string> Exposed() const;
};

[[nodiscard]] std::string TextOf(const CheckFinding& finding);  ///< one line
[[nodiscard]] std::string TextOf(const CheckSummary& summary);  ///< what follows those
[[nodiscard]] std::string JsonOf(const CheckSummary& summary);

}  // namespace tandem::tools
