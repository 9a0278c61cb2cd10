// SPDX-License-Identifier: Apache-2.0
//
// tandem diff --all: every difference of two logs of outputs, aligned by cause and summed up by
// message type.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/diff.h"
#include "tools/field_filter.h"

namespace tandem::tools {

struct DiffAllOptions {
  std::string a;
  std::string b;
  std::string name_a;  ///< what sentences call them
  std::string name_b;
  std::string input;           ///< folder of the log of the causes; empty: they are not decoded
  std::uint64_t examples = 2;  ///< to show of each kind of difference
  bool json = false;
};

/// "same", "differs_earlier": what a verdict is called in JSON.
[[nodiscard]] const char* VerdictName(replay::DiffVerdict verdict);

/// Do the logs, copies of one stream, hold inputs? If one of them knows, the other one need not.
/// What could be either is looked at as outputs.
Result<bool> HoldInputs(replay::Storage& storage, const DiffAllOptions& options);

/// Compares from the cause of `first` on, the first difference, and prints what it finds. `filter`
/// is the one by which `first` was found, so that the two never disagree.
Result<ExitCode> DiffAll(replay::Storage& storage, const DiffAllOptions& options,
                         const FieldFilter& filter, const replay::LogDifference& first);

}  // namespace tandem::tools
