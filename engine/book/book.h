// SPDX-License-Identifier: Apache-2.0
//
// `book`: the limit order book exchange that ships with Tandem, as an application. docs/book.md has
// its rules, proto/book/book.proto its messages.
#pragma once

#include <memory>

#include "pools/result.h"
#include "pools/zone.h"
#include "replay/application.h"

namespace tandem::book {

struct State;

/// A new, empty exchange whose state lives in a zone of its own. An error says why there can be no
/// such zone.
Result<std::unique_ptr<replay::Application>> MakeBook(const pools::ZoneOptions& options = {});

/// For tests and tools: the state and the zone of an application that MakeBook made.
[[nodiscard]] const State& StateOf(const replay::Application& book);
[[nodiscard]] pools::Zone& ZoneOf(replay::Application& book);

}  // namespace tandem::book
