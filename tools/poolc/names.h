// SPDX-License-Identifier: Apache-2.0
//
// How names and values of declarations are written in C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::poolc {

/// A type that needs no declaration.
struct Builtin {
  std::string_view name;  ///< as declared: u32
  std::string_view cpp;   ///< std::uint32_t
  std::uint64_t size = 0;
  std::string_view zero;  ///< its initial value
};

/// The builtin type of that name, or null.
[[nodiscard]] const Builtin* FindBuiltin(std::string_view name);

/// `dflt` of a declaration as an initial value of that type; nothing if it is not one.
[[nodiscard]] std::optional<std::string> Initializer(const Builtin& type, std::string_view dflt);

/// `dflt` as the text of a Str of `size` bytes, as it stands or in quotes of its own; nothing if it
/// does not fit.
[[nodiscard]] std::optional<std::string> StrInitializer(std::uint64_t size, std::string_view dflt);

/// May that word name a member, a type or a namespace?
[[nodiscard]] bool IsCppName(std::string_view word);

/// Does code say that word without `::` beside it?
[[nodiscard]] bool SaysUnqualified(std::string_view code, std::string_view word);

/// The last part of a name: Order of book.Order.
[[nodiscard]] std::string_view LastPart(std::string_view name);
/// The first part of a name: book of book.Order; empty if there is one part only.
[[nodiscard]] std::string_view FirstPart(std::string_view name);

/// `text` on one line, safe behind `//`.
[[nodiscard]] std::string CommentText(std::string_view text);

/// `text` as a string literal.
[[nodiscard]] std::string Literal(std::string_view text);

}  // namespace tandem::poolc
