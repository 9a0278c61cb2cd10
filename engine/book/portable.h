// SPDX-License-Identifier: Apache-2.0
//
// The state of `book` as the records of a portable snapshot (proto/book/saved.proto), and back.
#pragma once

#include "book/saved.pb.h"
#include "engine/book/state.h"
#include "engine/portable.h"
#include "pools/result.h"

namespace tandem::book {

/// Settings, symbols, orders. Clients without orders are left out: no answer depends on them.
void Save(const State& state, engine::PortableWriter& to);

/// Into a state that began empty. Errors say what no book could have: an order twice, a book whose
/// best prices cross, a size of 0.
Status Load(State& state, const pb::SavedSettings& settings);
Status Load(State& state, const pb::SavedSymbol& symbol);
Status Load(State& state, const pb::SavedOrder& order);

}  // namespace tandem::book
