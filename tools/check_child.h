// SPDX-License-Identifier: Apache-2.0
//
// CheckChild: one run of `tandem check-run` in a process of its own, started under the
// circumstances of a perturbation, to its end. One thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/header.h"
#include "tools/check_plan.h"
#include "tools/check_run.h"

namespace tandem::tools {

struct CheckChildOptions {
  std::string input{};  ///< as all paths here, absolute
  std::uint64_t last = 0;
  proto::Session session{};
  ApplicationOptions application{};
  std::string work{};  ///< folder for the first run's outputs and the processes' words
  bool fixes_addresses = false;
  std::optional<std::int64_t> clock_ns{};
};

struct CheckChildResult {
  /// Null: the process gave none.
  std::optional<CheckRunReport> report{};
  /// Why it gave none, "was ended by signal 11 (Segmentation fault) in input 7"; its last words are
  /// in it. Empty, with no report: it was interrupted.
  std::string end{};
  ExitCode code = ExitCode::kYes;  ///< of that end
};

/// Can a process of ours have fixed addresses here (personality(2))?
[[nodiscard]] bool CanFixAddresses();

/// `is_first`: it writes the outputs that the others compare with. `limit`: it is ended after that.
Result<CheckChildResult> RunCheckChild(const CheckChildOptions& options, const Circumstances& run,
                                       bool is_first, std::chrono::milliseconds limit);

}  // namespace tandem::tools
