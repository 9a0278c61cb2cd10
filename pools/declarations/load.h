// SPDX-License-Identifier: Apache-2.0
//
// Load: declarations from files. Tables that have no meaning here are passed over unread, so the
// schema of a larger system can be given as it is. Every error is bad input and one sentence with
// file, line, record and what to do. Cost: about a microsecond a record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pools/declarations/model.h"
#include "pools/result.h"

namespace tandem::declarations {

/// Reads files, and folders with all files below them (sources.h).
Result<Declarations> Load(const std::vector<std::string>& paths);

/// Reads `text` as if it were the file of that name.
Result<Declarations> LoadText(std::string_view text, const std::string& file = "text");

/// Lets the basepool, nsx and tuning records of `site` take the place of those in `declarations`,
/// pool by pool: how an installation changes the chain of a program that is already built. Records
/// of other tables in `site` are passed over where the program has them alike; an error names the
/// first that it does not. Pools that there are not are found by Resolve.
Status Override(Declarations& declarations, const Declarations& site);

}  // namespace tandem::declarations
