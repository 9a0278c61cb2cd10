// SPDX-License-Identifier: Apache-2.0
//
// Inputs or outputs? A log says so by its role, unless whoever wrote it was not told; then its
// messages do. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::tools {

enum class LogKind : std::uint8_t { kUnknown, kInputs, kOutputs };

[[nodiscard]] LogKind KindOf(replay::LogRole role);

/// By the role, or else by the first message whose header only one of them can have: an input has
/// no index and is the last of itself, and is given 0 as its origin by the sequencer; the origins
/// of outputs are inputs, none before the one before. Reads up to there. kUnknown: each message
/// could be either, so its number and its origin grow alike.
Result<LogKind> KindOf(replay::Storage& storage, const std::string& folder);

}  // namespace tandem::tools
