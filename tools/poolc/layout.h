// SPDX-License-Identifier: Apache-2.0
//
// Layout: where the members of a generated type lie, so that every byte of it is a member: gaps
// that the compiler would leave become members of their own, which are zero. The compiler checks
// what is worked out here (static_assert in the header).
#pragma once

#include <optional>

#include "pools/declarations/model.h"
#include "pools/result.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

/// Fills in the padding, size and alignment of `type`; its parts must be laid out already. An error
/// says what cannot be worked out.
std::optional<Error> LayOut(TypePlan& type, const declarations::Declarations& declarations);

}  // namespace tandem::poolc
