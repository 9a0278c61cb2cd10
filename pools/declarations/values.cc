// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/values.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tandem::declarations {
namespace {

struct Unit {
  std::string_view name;
  int bits;
};

constexpr Unit kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsIdentifier(std::string_view text) {
  return !text.empty() && IsLetter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

std::optional<std::uint64_t> ParseCount(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  int bits = 0;
  for (const Unit& unit : kUnits) {
    if (text.ends_with(unit.name)) {
      text.remove_suffix(unit.name.size());
      bits = unit.bits;
      break;
    }
  }
  const std::optional<std::uint64_t> count = ParseCount(text);
  if (!count || *count > std::numeric_limits<std::uint64_t>::max() >> bits) return std::nullopt;
  return *count << bits;
}

std::optional<bool> ParseYesNo(std::string_view text) {
  if (text == "Y") return true;
  if (text == "N") return false;
  return std::nullopt;
}

}  // namespace tandem::declarations
