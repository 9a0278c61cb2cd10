// SPDX-License-Identifier: Apache-2.0
//
// One run of an application under `tandem check`, in a process of its own: `tandem check-run`,
// which
// --help does not list. The first run writes its outputs to a log, the others compare with it.
//
// What the process is told from outside (addresses, environment, processors) its parent has set
// before it started; what must be done inside (pools, stack, clock, batches) its options say.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "pools/result.h"
#include "tools/options.h"

namespace tandem::tools {

struct CheckRunOptions {
  std::string input{};      ///< folder of the input log
  std::string outputs{};    ///< folder of the first run's outputs
  std::string report{};     ///< file for the CheckRunReport
  std::string progress{};   ///< file of an engine::Progress: the input in which a process died
  std::string states{};     ///< file of the CheckStates
  bool is_first = false;    ///< write outputs and states; else compare
  bool same_state = false;  ///< compare states too
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();  ///< input
  std::optional<std::int64_t> clock_ns{};                          ///< hold the wall clock there
  std::uint64_t order_seed = 0;    ///< not 0: of the order of the pools' free memory
  std::uint64_t stack_seed = 0;    ///< not 0: of what the stack holds below each step
  std::uint64_t batch_seed = 0;    ///< not 0: of the sizes of batches, and where messages lie
  std::uint64_t restore_seed = 0;  ///< not 0: of when the process ends and goes on from an image
  std::string image{};             ///< to go on from
  std::uint64_t busy_threads = 0;  ///< that keep the processors from the application now and then
  ApplicationOptions application{};
};

/// What a run has to say to its parent.
struct CheckRunReport {
  bool same = true;
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  std::uint64_t digest = 0;   ///< of the last output
  std::uint64_t number = 0;   ///< the first output that differs; 0: only the state does
  std::uint64_t cause = 0;    ///< the input that it is of, or after which the state differs
  std::string json = "null";  ///< an object with both messages and their fields, on one line
  std::string text{};         ///< the same for a person, lines indented by two
};

[[nodiscard]] std::string ToText(const CheckRunReport& report);
/// Null: that is no whole report.
[[nodiscard]] std::optional<CheckRunReport> ReadCheckRunReport(const std::string& file);

}  // namespace tandem::tools
