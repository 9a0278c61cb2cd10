// SPDX-License-Identifier: Apache-2.0
//
// The declarations of a namespace as a constant of the program: what its pools are, so that a file
// read at start-up can relink and bound them by name (Override, pools/declarations/load.h).
#pragma once

#include <string>
#include <string_view>

#include "pools/declarations/model.h"

namespace tandem::poolc {

[[nodiscard]] std::string RecordsText(const declarations::Declarations& declarations,
                                      std::string_view ns);

}  // namespace tandem::poolc
