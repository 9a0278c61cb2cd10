// SPDX-License-Identifier: Apache-2.0
//
// ZoneOptionsOf: what declarations say of the pools of a state, as options of the zone that holds
// it. So a program that is built with its declarations reads bases, bounds and pages at start-up.
#pragma once

#include <string_view>

#include "pools/declarations/model.h"
#include "pools/result.h"
#include "pools/zone.h"

namespace tandem::declarations {

/// `declared`: the text that the state was generated from (poolc's kDeclarations). `site`: records
/// that take the place of those in it (Override); null: none. `options`: what declarations do not
/// say; a limit in it counts if it is the lower one.
///
/// An error says what is wrong with the records; that the declarations have not exactly one Sbrk,
/// the zone; or which pool has a chain that does not end in it, for an image of the zone would not
/// hold what is in such a pool.
Result<pools::ZoneOptions> ZoneOptionsOf(std::string_view declared, const Declarations* site,
                                         pools::ZoneOptions options);

}  // namespace tandem::declarations
