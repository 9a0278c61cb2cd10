// SPDX-License-Identifier: Apache-2.0
//
// Types written by hand, for declarations to refer to.
#pragma once

#include <cstdint>

#include "pools/fields.h"

namespace acme_colours {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  std::uint8_t alpha = 255;
};
TANDEM_FIELDS(Colour, "house.Colour", red, green, blue, alpha)

/// Cannot be copied.
struct Seal {
  using IsZoneSafe = void;
  Seal() = default;
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;
  std::uint64_t wax = 7;
};

}  // namespace acme_colours
