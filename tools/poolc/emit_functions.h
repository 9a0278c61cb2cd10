// SPDX-License-Identifier: Apache-2.0
//
// The functions of one field, named after it: order_Alloc(db).
#pragma once

#include <string>

#include "pools/declarations/model.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

/// Empty for a Val, which is used as it is.
[[nodiscard]] std::string FunctionsText(const declarations::Declarations& declarations,
                                        const TypePlan& type, const MemberPlan& member);

}  // namespace tandem::poolc
