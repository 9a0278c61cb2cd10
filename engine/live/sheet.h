// SPDX-License-Identifier: Apache-2.0
//
// Sheet: a small file of "key: value" lines that a person can read and a program can trust: its
// last line is a check (XXH3-64) of all before it. Written whole or not at all. For what is written
// once in an incident and must be there after a crash of the host. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::engine {

class Sheet {
 public:
  static constexpr std::uint64_t kSizeMax = 1u << 20;  ///< bytes of a file

  /// `value` may hold anything; what is not printable, and a backslash, is escaped in the file.
  void Add(std::string key, std::string value) {
    lines_.emplace_back(std::move(key), std::move(value));
  }
  void Add(std::string key, std::uint64_t value) { Add(std::move(key), std::to_string(value)); }

  /// The value of the first line with this key; null: there is none.
  [[nodiscard]] const std::string* Find(std::string_view key) const;
  /// That value, or "".
  [[nodiscard]] std::string Text(std::string_view key) const;
  /// Null: no such line, or no whole number.
  [[nodiscard]] std::optional<std::uint64_t> Number(std::string_view key) const;
  /// 16 hexadecimal digits.
  [[nodiscard]] std::optional<std::uint64_t> Digest(std::string_view key) const;
  /// Pairs of hexadecimal digits, as HexOf writes them.
  [[nodiscard]] std::optional<std::vector<std::byte>> Bytes(std::string_view key) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& lines() const {
    return lines_;
  }

  /// As in a file, the check with it.
  [[nodiscard]] std::string Print() const;
  /// Null: it is no sheet, or not the one that was written.
  static std::optional<Sheet> Parse(std::string_view text);

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

/// XXH3-64 of a text, seeded with its length in bytes.
[[nodiscard]] std::uint64_t CheckOf(std::string_view text);
[[nodiscard]] std::string HexOf(std::span<const std::byte> bytes);

/// Writes `text` into a file that is there with all of it, after a crash of the host too, or not
/// there; one that was there is replaced.
[[nodiscard]] Status WriteWhole(replay::Storage& storage, const std::string& folder,
                                const std::string& name, std::string_view text);
/// Null: there is no such file. An error if it is larger than `size_max`.
[[nodiscard]] Result<std::optional<std::string>> ReadWhole(replay::Storage& storage,
                                                           const std::string& path,
                                                           std::uint64_t size_max);

/// Null: there is no such file. An error if it is not what was written.
[[nodiscard]] Result<std::optional<Sheet>> ReadSheet(replay::Storage& storage,
                                                     const std::string& path);

}  // namespace tandem::engine
