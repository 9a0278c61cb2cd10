// SPDX-License-Identifier: Apache-2.0
//
// Queues that an application made of pointers: from a field of an element to the first, from there
// along a field of each to the next. What no index says, `tandem state --queue` is told.
#pragma once

#include <string>
#include <vector>

#include "pools/result.h"
#include "pools/state/zone_walk.h"

namespace tandem::tools {

struct StateQueue {
  std::string first{};  ///< field of the element whose queue it is
  std::string next{};   ///< field of each element in it

  /// "FIRST,NEXT".
  static Result<StateQueue> Parse(const std::string& text);

  /// All in order; ends at null. An error, with what is wrong: no such field, a pointer that leads
  /// to no live element, a queue that runs into itself.
  [[nodiscard]] Result<std::vector<state::Element>> Of(const state::ZoneWalk& walk,
                                                       const state::Element& owner) const;
};

}  // namespace tandem::tools
