// SPDX-License-Identifier: Apache-2.0
//
// Concat: texts put together, without the temporaries of operator+.
#pragma once

#include <string>
#include <string_view>

namespace tandem::poolc {

template <class... Parts>
[[nodiscard]] std::string Concat(const Parts&... parts) {
  std::string text;
  (text.append(std::string_view(parts)), ...);
  return text;
}

}  // namespace tandem::poolc
