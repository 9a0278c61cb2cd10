// SPDX-License-Identifier: Apache-2.0
//
// Emit: the C++ header of a plan. The same plan always gives the same text.
#pragma once

#include <string>
#include <vector>

#include "pools/declarations/model.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

struct EmitOptions {
  std::vector<std::string> sources;  ///< files, as the header names them
  std::string within;                ///< namespace around those of the declarations: "a::b"
};

[[nodiscard]] std::string Emit(const declarations::Declarations& declarations, const Plan& plan,
                               const EmitOptions& options);

}  // namespace tandem::poolc
