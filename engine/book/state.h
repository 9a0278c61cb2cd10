// SPDX-License-Identifier: Apache-2.0
//
// The state of `book`, declared in book.pools, and what may be done to it. All of it lives in the
// zone and hangs on one FDb. One thread.
//
// A level's `key` is its price for asks and its price negated for bids, so that on both sides the
// lower key is the better one and one piece of code serves both. Elements have no padding, so what
// is in the zone is what was written there.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/book/book.pools.h"
#include "engine/book/limits.h"
#include "proto/header.h"

namespace tandem::book {

using State = FDb;
using Levels = LevelsOf<Level>;

enum SideIndex : std::uint32_t { kBids = 0, kAsks = 1 };

/// The name of an order, for outputs.
struct OrderName {
  proto::User user;
  std::uint64_t id;
};

[[nodiscard]] inline OrderName NameOf(const Order& order) { return {order.client->user, order.id}; }

[[nodiscard]] inline bool IsBid(const Level& level) { return level.key < 0; }
[[nodiscard]] inline std::int64_t PriceOf(const Level& level) {
  return IsBid(level) ? -level.key : level.key;
}

/// A symbol's name as one integer: its characters, zeros behind them.
inline std::uint64_t SymbolKey(std::string_view name) {
  std::uint64_t key = 0;
  const std::size_t size = name.size() < sizeof key ? name.size() : sizeof key;
  for (std::size_t i = 0; i < size; ++i) {
    key |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[i])) << (8 * i);
  }
  return key;
}
/// The text lies in the symbol.
[[nodiscard]] inline std::string_view NameOf(const Symbol& symbol) {
  const char* const text = reinterpret_cast<const char*>(&symbol.key);
  return {text, strnlen(text, kSymbolSizeMax)};
}

/// The best level of a side, or null.
[[nodiscard]] inline const Level* BestOf(const Symbol& symbol, SideIndex side) {
  const Levels& levels = symbol.side.qFind(side);
  return levels.empty() ? nullptr : &*levels.begin();
}

[[nodiscard]] inline bool IsHalted(const State& state, const Symbol& symbol) {
  return symbol.halted || state.all_halted;
}

/// The order of that user with that id, or null.
[[nodiscard]] inline Order* FindOrder(State& state, const OrderName& name) {
  Client* const client = client_Find_user(state, name.user);
  return client != nullptr ? order_Find_client_id(state, client, name.id) : nullptr;
}

/// The level of `symbol` with that key, or null. Looks at a few levels from the best one on before
/// it searches the tree: that is where most orders go.
[[nodiscard]] Level* FindLevel(Symbol& symbol, SideIndex side, std::int64_t key,
                               Levels::iterator& place);
/// Puts a new order at the end of the queue of the level at `place`, which FindLevel gave.
/// `client`: of that user; null: there is none yet. No order has that name.
Order& Rest(State& state, Symbol& symbol, SideIndex side, std::int64_t key, Level* level,
            Levels::iterator place, Client* client, const OrderName& name, std::uint64_t owner,
            std::uint64_t size);
/// Takes an order, and its level if that is empty then, out of the state.
void Remove(State& state, Order& order);

[[nodiscard]] inline Symbol* FindSymbol(State& state, std::string_view name) {
  return symbol_Find_key(state, SymbolKey(name));
}
/// Lists a symbol that is not listed.
Symbol& List(State& state, std::uint64_t key);
/// Takes the symbol that was listed last, and has no orders, off the list.
void Unlist(State& state, Symbol& symbol);

}  // namespace tandem::book
