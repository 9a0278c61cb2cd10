// SPDX-License-Identifier: Apache-2.0
#include "proto/header.h"

#include <algorithm>

namespace tandem::proto {

bool IsName(std::string_view text, std::size_t size_max) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !text.empty() && text.size() <= size_max && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace tandem::proto
