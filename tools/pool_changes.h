// SPDX-License-Identifier: Apache-2.0
//
// PoolChanges: what an installation has changed of the pools of a program, for the log of a role.
#pragma once

#include <string>
#include <vector>

#include "pools/zone.h"

namespace tandem::tools {

/// What `set` says of pools where it differs from `built`, a line each:
///   book.FDb.order: base book.FDb.lpool2, limit 1000 elements (built in: base book.FDb.lpool)
[[nodiscard]] std::vector<std::string> PoolChanges(const pools::ZoneOptions& built,
                                                   const pools::ZoneOptions& set);

}  // namespace tandem::tools
