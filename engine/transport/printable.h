// SPDX-License-Identifier: Apache-2.0
//
// What a peer sent as text, made fit for an operator's log: one line, nothing that moves a
// terminal.
#pragma once

#include <string>
#include <string_view>

namespace tandem::engine {

constexpr std::size_t kPrintableSizeMax = 300;

[[nodiscard]] inline std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kPrintableSizeMax));
  for (char& character : printable) {
    if (character < ' ' || character > '~') character = '?';
  }
  if (text.size() > kPrintableSizeMax) printable += "...";
  return printable;
}

}  // namespace tandem::engine
