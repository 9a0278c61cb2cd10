// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests of declarations: texts in, chains or sentences out. The file is called "t".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pools/declarations/load.h"

namespace tandem::declarations {

/// A field record, as a line.
std::string FieldLine(std::string_view name, std::string_view reftype, std::string_view arg = "u8");

/// The text's declarations; a failed test if it has an error.
Declarations Loaded(std::string_view text);

/// What loading the text says; empty: it has no error.
std::string LoadError(std::string_view text);

/// "pool <- base by rule", one for each pool that is no Val; a failed test if there is a problem.
std::vector<std::string> Chains(std::string_view text);

/// What resolving the text says, one sentence a problem.
std::vector<std::string> Problems(std::string_view text);

}  // namespace tandem::declarations
