// SPDX-License-Identifier: Apache-2.0
//
// Operations: the functions that a field of each reftype gets. They are data, so that the table of
// docs/declarations.md and what is generated can be compared at a glance.
#pragma once

#include <span>
#include <string_view>

#include "pools/declarations/model.h"

namespace tandem::poolc {

/// How an operation makes elements.
enum class Makes : unsigned char {
  kNothing,
  kOne,        ///< from a value, from arguments of a hand-written type, or with accounts
  kByDefault,  ///< value-initialised: not for elements that hold pools
  kCopies      ///< copies: not for elements that hold pools
};

/// In its texts, $T is the element's type, $P the parent's, $F the member of the
/// parent at hand and $M its name.
struct Operation {
  std::string_view name;        ///< Alloc, so that the function is order_Alloc
  std::string_view result;      ///< of the function
  std::string_view parameters;  ///< after the parent
  std::string_view body;        ///< without return; $A: what kOne makes an element from
  Makes makes = Makes::kNothing;
  bool is_const = false;
  bool for_ranges = false;  ///< made where dmmeta.tary says aliased:Y
};

/// Those of a Tpool that is a Table, beside those of each of its indexes.
[[nodiscard]] std::span<const Operation> TableOperations();

/// Those of a reftype; `bounded`: an Inlary whose number of elements changes.
[[nodiscard]] std::span<const Operation> OperationsOf(declarations::Reftype reftype, bool bounded);

}  // namespace tandem::poolc
