// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "pools/declarations/values.h"
#include "tools/poolc/concat.h"

namespace tandem::poolc {
namespace {

constexpr std::array<Builtin, 10> kBuiltins = {{
    {"u8", "std::uint8_t", 1, "0"},
    {"u16", "std::uint16_t", 2, "0"},
    {"u32", "std::uint32_t", 4, "0"},
    {"u64", "std::uint64_t", 8, "0"},
    {"i8", "std::int8_t", 1, "0"},
    {"i16", "std::int16_t", 2, "0"},
    {"i32", "std::int32_t", 4, "0"},
    {"i64", "std::int64_t", 8, "0"},
    {"bool", "bool", 1, "false"},
    {"char", "char", 1, "'\\0'"},
}};

constexpr std::string_view kKeywords[] = {
    "alignas",       "alignof",     "and",
    "and_eq",        "asm",         "auto",
    "bitand",        "bitor",       "bool",
    "break",         "case",        "catch",
    "char",          "char16_t",    "char32_t",
    "char8_t",       "class",       "co_await",
    "co_return",     "co_yield",    "compl",
    "concept",       "const",       "const_cast",
    "consteval",     "constexpr",   "constinit",
    "continue",      "decltype",    "default",
    "delete",        "do",          "double",
    "dynamic_cast",  "else",        "enum",
    "explicit",      "export",      "extern",
    "false",         "float",       "for",
    "friend",        "goto",        "if",
    "inline",        "int",         "long",
    "mutable",       "namespace",   "new",
    "noexcept",      "not",         "not_eq",
    "nullptr",       "operator",    "or",
    "or_eq",         "private",     "protected",
    "public",        "register",    "reinterpret_cast",
    "requires",      "return",      "short",
    "signed",        "sizeof",      "static",
    "static_assert", "static_cast", "struct",
    "switch",        "template",    "this",
    "thread_local",  "throw",       "true",
    "try",           "typedef",     "typeid",
    "typename",      "union",       "unsigned",
    "using",         "virtual",     "void",
    "volatile",      "wchar_t",     "while",
    "xor",           "xor_eq",
};

// Macros that the headers beside a generated one define, most likely.
constexpr std::string_view kMacros[] = {
    "BUFSIZ", "EOF", "NULL", "WEOF", "assert", "errno", "offsetof", "sched_priority",
};

bool IsMacro(std::string_view word) {
  const bool capitals = std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a'; });
  return (capitals && (word.ends_with("_MAX") || word.ends_with("_MIN"))) ||
         std::find(std::begin(kMacros), std::end(kMacros), word) != std::end(kMacros);
}

// A whole number in the range of a type of `bits`.
std::optional<std::string> WholeNumber(std::string_view text, bool is_signed, int bits) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  const std::uint64_t largest = ~std::uint64_t{0} >> (64 - bits + (is_signed ? 1 : 0));
  if (value > largest + (negative ? 1 : 0)) return std::nullopt;
  if (negative && (!is_signed || value == 0)) return std::nullopt;
  const std::string_view suffix =
      bits < 64 || value <= 0x7fffffff ? "" : (is_signed ? "LL" : "ULL");
  if (negative && value == largest + 1) {  // the least number has no literal
    return Concat("-", std::to_string(value - 1), suffix, " - 1");
  }
  if (hex) return Concat(text, suffix);
  return Concat(negative ? "-" : "", std::to_string(value), suffix);
}

}  // namespace

const Builtin* FindBuiltin(std::string_view name) {
  const auto found = std::find_if(kBuiltins.begin(), kBuiltins.end(),
                                  [name](const Builtin& type) { return type.name == name; });
  return found == kBuiltins.end() ? nullptr : found;
}

std::optional<std::string> Initializer(const Builtin& type, std::string_view dflt) {
  if (dflt.empty()) return std::string(type.zero);
  if (type.name == "bool") {
    if (dflt == "true" || dflt == "false") return std::string(dflt);
    return std::nullopt;
  }
  if (type.name == "char") {
    if (dflt.size() == 3 && dflt.front() == '\'' && dflt.back() == '\'' && dflt[1] >= ' ' &&
        dflt[1] <= '~' && dflt[1] != '\'' && dflt[1] != '\\') {
      return std::string(dflt);
    }
    return std::nullopt;
  }
  return WholeNumber(dflt, type.name.front() == 'i', static_cast<int>(8 * type.size));
}

std::optional<std::string> StrInitializer(std::uint64_t size, std::string_view dflt) {
  if (dflt.size() >= 2 && dflt.front() == '"' && dflt.back() == '"') {
    dflt = dflt.substr(1, dflt.size() - 2);
  }
  if (dflt.empty()) return "{}";
  if (dflt.size() > size || dflt.find('\0') != std::string_view::npos) return std::nullopt;
  return Literal(dflt);
}

bool IsCppName(std::string_view word) {
  return declarations::IsIdentifier(word) && word.find("__") == std::string_view::npos &&
         !(word.size() > 1 && word[0] == '_' && word[1] >= 'A' && word[1] <= 'Z') &&
         std::find(std::begin(kKeywords), std::end(kKeywords), word) == std::end(kKeywords) &&
         !IsMacro(word);
}

bool SaysUnqualified(std::string_view code, std::string_view word) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (std::size_t at = code.find(word); at != std::string_view::npos;
       at = code.find(word, at + 1)) {
    const std::string_view before = code.substr(0, at);
    const std::string_view after = code.substr(at + word.size());
    if (!(!before.empty() && (in_word(before.back()) || before.back() == ':')) &&
        !(!after.empty() && (in_word(after.front()) || after.front() == ':'))) {
      return true;
    }
  }
  return false;
}

std::string_view LastPart(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string_view FirstPart(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string CommentText(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '/' && line.ends_with("??")) line += ' ';  // else a trigraph
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  while (line.ends_with(' ') || line.ends_with('\\')) line.pop_back();
  return line;
}

std::string Literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || (c == '?' && literal.ends_with('?'))) {  // no trigraphs
      literal += '\\';
      literal += c;
    } else if (c == '\n') {
      literal += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\%03o", static_cast<unsigned char>(c));
      literal += escape;
    } else {
      literal += c;
    }
  }
  return literal + "\"";
}

}  // namespace tandem::poolc
