// SPDX-License-Identifier: Apache-2.0
//
// Text out of streams and logs, of whatever bytes, as it may be shown: nothing in it commands a
// terminal. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tandem::proto {

/// For lines of text: U+0000 to U+001F, U+007F to U+009F and bytes that are no UTF-8 become \x1b,
/// \u009b and the like.
[[nodiscard]] std::string Escaped(std::string_view text);

/// Appends `text` as a JSON string, with its quotes. The same characters are escaped, and bytes
/// that are no UTF-8 become U+0080 to U+00FF.
void AppendJsonText(std::string_view text, std::string* out);

}  // namespace tandem::proto
