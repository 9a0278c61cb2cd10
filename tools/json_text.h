// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace tandem::tools {

/// Appends `text` as a JSON string, with its quotes. What a terminal could take for a command is
/// escaped: U+0000 to U+001F and U+007F to U+009F.
inline void AppendJsonText(std::string_view text, std::string* out) {
  const auto escape = [out](unsigned code) {
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", code);
    *out += escaped;
  };
  *out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += text[i];
    } else if (c < 0x20 || c == 0x7f) {
      escape(c);
    } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
      escape(next);
      ++i;
    } else {
      *out += text[i];
    }
  }
  *out += '"';
}

}  // namespace tandem::tools
