// SPDX-License-Identifier: Apache-2.0
//
// What happens when an order comes in, new or moved by a replace: it trades with the other side of
// its symbol, best price first, then first come, as docs/book.md says.
#pragma once

#include <cstdint>

#include "book/book.pb.h"
#include "engine/book/state.h"
#include "engine/context.h"

namespace tandem::book {

/// An order on its way in, not in the state.
struct Incoming {
  OrderName name;
  Client* client;  ///< of that user; null: none yet
  Symbol& symbol;
  SideIndex side;
  std::int64_t worst_key;  ///< of the other side's levels that it takes
  std::uint64_t owner;     ///< 0: none
  pb::SelfTradePolicy policy;
  std::uint64_t left;
};

[[nodiscard]] constexpr SideIndex Other(SideIndex side) { return side == kBids ? kAsks : kBids; }

/// Would it meet an order of the other side, whoever owns that one?
[[nodiscard]] inline bool Crosses(const Incoming& order) {
  const Levels& others = order.symbol.side.qFind(Other(order.side));
  return !others.empty() && others.begin()->key <= order.worst_key;
}

/// Would Match trade all that is left of it? Changes nothing.
[[nodiscard]] bool CanFill(const Incoming& order);

struct Matched {
  bool book_changed = false;
  /// Why what is left of the order must be cancelled; NO_REASON: it need not.
  pb::Cancelled::Reason end = pb::Cancelled::NO_REASON;
};

/// Trades until nothing is left of the order or nothing crosses it, with all outputs on the way.
Matched Match(State& state, Incoming& order, engine::Context& context);

}  // namespace tandem::book
