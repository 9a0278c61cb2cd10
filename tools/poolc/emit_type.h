// SPDX-License-Identifier: Apache-2.0
//
// One generated type: the struct, what the compiler checks of it, and its description for tools.
#pragma once

#include <string>

#include "tools/poolc/plan.h"

namespace tandem::poolc {

/// The struct, with assertions that every byte of it is a member.
[[nodiscard]] std::string StructText(const Plan& plan, const TypePlan& type);

/// Its fields, by name (pools/fields.h).
[[nodiscard]] std::string DescriptionText(const TypePlan& type);

}  // namespace tandem::poolc
