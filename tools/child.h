// SPDX-License-Identifier: Apache-2.0
//
// A piece of work in a forked child: with a private copy of all memory, states in zones among it,
// so that a replay can be tried from where it stands and tried again. What the child does to memory
// is gone with it; if it crashes or never ends, only it does. No other threads may run.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tandem::tools {

/// What `work` returned, at most 64 KiB of it; null: the child crashed, or took longer than
/// `seconds`. What it writes to standard error is dropped.
[[nodiscard]] std::optional<std::string> RunInChild(const std::function<std::string()>& work,
                                                    unsigned seconds = 600);

}  // namespace tandem::tools
