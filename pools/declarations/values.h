// SPDX-License-Identifier: Apache-2.0
//
// Values of declarations: names, counts, sizes, yes and no. Each parser takes the whole text or
// gives nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::declarations {

/// Letters, digits and _, not beginning with a digit.
[[nodiscard]] bool IsIdentifier(std::string_view text);

/// A decimal number.
[[nodiscard]] std::optional<std::uint64_t> ParseCount(std::string_view text);

/// Bytes: a decimal number, or one followed by KiB, MiB, GiB or TiB.
[[nodiscard]] std::optional<std::uint64_t> ParseSize(std::string_view text);

/// Y or N.
[[nodiscard]] std::optional<bool> ParseYesNo(std::string_view text);

}  // namespace tandem::declarations
