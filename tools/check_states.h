// SPDX-License-Identifier: Apache-2.0
//
// CheckStates: hashes of the state of `tandem check`'s first run after some of the inputs, in a
// file, for the other runs to compare theirs with. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "pools/result.h"

namespace tandem::tools {

class CheckStates {
 public:
  CheckStates() = default;
  /// `inputs`: how many there are.
  explicit CheckStates(std::uint64_t inputs)
      : every_(std::max<std::uint64_t>(1, inputs / kTimes)) {}

  [[nodiscard]] bool IsDue(std::uint64_t input) const { return input % every_ == 0; }
  void Add(std::uint64_t input, std::uint64_t hash) { hashes_[input] = hash; }
  /// Of the first run; null: it did not come so far.
  [[nodiscard]] std::optional<std::uint64_t> After(std::uint64_t input) const {
    const auto found = hashes_.find(input);
    return found == hashes_.end() ? std::nullopt : std::optional(found->second);
  }
  /// The last before `input` after which it was compared; 0: none.
  [[nodiscard]] std::uint64_t Before(std::uint64_t input) const {
    const auto at = hashes_.lower_bound(input);
    return at == hashes_.begin() ? 0 : std::prev(at)->first;
  }

  Status Write(const std::string& path) const {
    std::ofstream file(path);
    for (const auto& [input, hash] : hashes_) file << input << ' ' << hash << '\n';
    file.flush();
    return file ? Status() : Error::Failure("cannot write " + path);
  }
  Status Read(const std::string& path) {
    std::ifstream file(path);
    if (!file) return Error::Failure("cannot read " + path);
    for (std::uint64_t input = 0, hash = 0; file >> input >> hash;) hashes_[input] = hash;
    return {};
  }

 private:
  static constexpr std::uint64_t kTimes = 16;  ///< about

  std::uint64_t every_ = 1;
  std::map<std::uint64_t, std::uint64_t> hashes_;  ///< by input
};

}  // namespace tandem::tools
