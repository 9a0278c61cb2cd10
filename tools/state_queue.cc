// SPDX-License-Identifier: Apache-2.0
#include "tools/state_queue.h"

#include <optional>

namespace tandem::tools {

namespace {

std::string NameOf(const state::Element& element) {
  return element.pool->name + "#" + std::to_string(element.number);
}

}  // namespace

Result<StateQueue> StateQueue::Parse(const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos || comma == 0 || comma + 1 == text.size()) {
    return Error::BadInput("--queue " + text +
                           " names no queue; write the field that leads to the first element and "
                           "the one that leads from each to the next, as first,next");
  }
  return StateQueue{.first = text.substr(0, comma), .next = text.substr(comma + 1)};
}

Result<std::vector<state::Element>> StateQueue::Of(const state::ZoneWalk& walk,
                                                   const state::Element& owner) const {
  std::vector<state::Element> queue;
  state::Element at = owner;
  for (std::string field = first;; field = next) {
    const std::optional<std::string> link = walk.FieldOf(*at.pool, at.number, field);
    if (!link) {
      return Error::BadInput(NameOf(at) + " has no field " + field +
                             "; --pool without --queue shows which there are");
    }
    if (*link == "null") return queue;
    const auto element = walk.ElementOf(*link);
    if (!element || !element->pool->IsLive(element->number)) {
      return Error::BadInput(NameOf(at) + " " + field + " leads to " + *link +
                             ", which is no live element");
    }
    // One that comes again is met before there are more than the pool has.
    if (queue.size() == element->pool->count) {
      return Error::BadInput("the queue of " + NameOf(owner) + " runs into itself after " +
                             NameOf(at));
    }
    queue.push_back(*element);
    at = *element;
  }
}

}  // namespace tandem::tools
