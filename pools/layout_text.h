// SPDX-License-Identifier: Apache-2.0
//
// LayoutText: what lies in a zone, as text: its root's type and every type below it, with the name,
// type, place and size of each field. Zone::Describe keeps it with the state, so that an image can
// be printed and compared by a program that was not built with these types (pools/state/). Records,
// one a line, in the grammar of declarations; docs/state.md has the table.
#pragma once

#include <string>
#include <string_view>

#include "pools/fields.h"

namespace tandem::pools {

inline constexpr unsigned kLayoutTextVersion = 1;

/// How a kind of field is written there.
[[nodiscard]] std::string_view NameOf(FieldKind kind);

/// The same for every build of the same types. Names have no blanks and no quotes.
[[nodiscard]] std::string LayoutText(const TypeInfo& root);

}  // namespace tandem::pools
