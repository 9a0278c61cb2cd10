// SPDX-License-Identifier: Apache-2.0
//
// `book`: the limit order book exchange that ships with Tandem, as an application. docs/book.md has
// its rules, proto/book/book.proto its messages.
#pragma once

#include <memory>
#include <string_view>

#include "pools/declarations/model.h"
#include "pools/result.h"
#include "pools/zone.h"
#include "replay/application.h"

namespace tandem::book {

struct FDb;
using State = FDb;

/// A new, empty exchange whose state lives in a zone of its own. `site`: records that change chains
/// and tuning of its pools; null: they are as declared in book.pools. An error says what is wrong
/// with the records or why there can be no such zone.
Result<std::unique_ptr<replay::Application>> MakeBook(
    const pools::ZoneOptions& options = {}, const declarations::Declarations* site = nullptr);

/// The declarations of its pools, as built.
[[nodiscard]] std::string_view PoolDeclarations();

/// For tests and tools: the state and the zone of an application that MakeBook made.
[[nodiscard]] const State& StateOf(const replay::Application& book);
[[nodiscard]] pools::Zone& ZoneOf(replay::Application& book);

}  // namespace tandem::book
