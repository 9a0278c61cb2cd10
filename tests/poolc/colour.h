// SPDX-License-Identifier: Apache-2.0
//
// A type written by hand, for declarations to refer to.
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

}  // namespace acme_colours
