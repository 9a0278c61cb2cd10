// SPDX-License-Identifier: Apache-2.0
//
// Cuts the end of a log off. The log as it was is kept elsewhere, for it is evidence.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::engine {

/// The log in `folder`, which nobody writes, ends with message `last` from now on; as it was, it is
/// in `moved_to`, which must not exist and is on the same disk. Copies the log, so for a moment
/// there are two. A process that dies meanwhile leaves the log as it was, or what FinishCut ends.
[[nodiscard]] Status CutLog(replay::Storage& storage, const std::string& folder, std::uint64_t last,
                            const std::string& moved_to);

/// Ends a cut that was under way when the process died, or removes what is left of one.
[[nodiscard]] Status FinishCut(replay::Storage& storage, const std::string& folder);

}  // namespace tandem::engine
