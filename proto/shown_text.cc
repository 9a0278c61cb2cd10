// SPDX-License-Identifier: Apache-2.0
#include "proto/shown_text.h"

#include <cstdint>

namespace tandem::proto {
namespace {

struct Character {
  std::uint32_t code = 0;  ///< of Unicode, or of the byte that is none
  std::size_t size = 1;    ///< bytes
  bool is_utf8 = true;
};

Character FirstOf(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const Character none{.code = first, .size = 1, .is_utf8 = false};
  if (first < 0x80) return {.code = first, .size = 1, .is_utf8 = true};
  if (first < 0xc2 || first > 0xf4) return none;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size()) return none;
  std::uint32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return none;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  if (too_long || is_surrogate || code > 0x10ffff) return none;
  return {.code = code, .size = size, .is_utf8 = true};
}

/// How much of `text` is ASCII that both forms leave as it is.
std::size_t PlainSize(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && text[size] >= ' ' && text[size] <= '~' && text[size] != '"' &&
         text[size] != '\\') {
    ++size;
  }
  return size;
}

bool IsControl(std::uint32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

void AppendHexByte(std::uint32_t byte, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  *out += kDigits[byte >> 4 & 15];
  *out += kDigits[byte & 15];
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const Character character = FirstOf(text);
    if (character.is_utf8 && !IsControl(character.code)) {
      escaped += text.substr(0, character.size);
    } else {
      escaped += character.size == 1 ? "\\x" : "\\u00";
      AppendHexByte(character.code, &escaped);
    }
    text.remove_prefix(character.size);
  }
  return escaped;
}

void AppendJsonText(std::string_view text, std::string* out) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  *out += '"';
  for (;;) {
    const std::size_t plain = PlainSize(text);
    *out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Character character = FirstOf(text);
    if (const auto at = kNamed.find(text[0]); at != std::string_view::npos) {
      *out += '\\';
      *out += kNames[at];
    } else if (!character.is_utf8 || IsControl(character.code)) {
      *out += "\\u00";
      AppendHexByte(character.code, out);
    } else {
      *out += text.substr(0, character.size);
    }
    text.remove_prefix(character.size);
  }
  *out += '"';
}

}  // namespace tandem::proto
