// SPDX-License-Identifier: Apache-2.0
//
// Complete: what follows from the members of all types together: the order in which they are
// written, what their constructors are given, the accounts and bases of databases, the layout.
#pragma once

#include <vector>

#include "pools/declarations/model.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

/// Sorts `declared`, whose members are planned, into `plan` and completes them.
void Complete(Plan& plan, const std::vector<TypePlan*>& declared,
              const declarations::Declarations& declarations);

}  // namespace tandem::poolc
