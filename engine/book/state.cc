// SPDX-License-Identifier: Apache-2.0
#include "engine/book/state.h"

namespace tandem::book {

static_assert(sizeof(Order) == 72, "with its link in the index, 80 bytes in the pool");
static_assert(sizeof(Level) == 64);

Level* FindLevel(Symbol& symbol, SideIndex side, std::int64_t key, Levels::iterator& place) {
  constexpr int kLookAt = 6;
  Levels& levels = symbol.side.qFind(side);
  place = levels.begin();
  for (int i = 0; i < kLookAt; ++i, ++place) {
    if (place == levels.end() || place->key > key) return nullptr;
    if (place->key == key) return &*place;
  }
  place = levels.lower_bound(key);
  return place != levels.end() && place->key == key ? &*place : nullptr;
}

Order& Rest(State& state, Symbol& symbol, SideIndex side, std::int64_t key, Level* level,
            Levels::iterator place, Client* client, const OrderName& name, std::uint64_t owner,
            std::uint64_t size) {
  if (level == nullptr) {
    level = &level_Alloc(state, {.key = key, .symbol = &symbol});
    symbol.side.qFind(side).insert_before(place, *level);
  }
  if (client == nullptr) client = &client_InsertNew(state, {.user = name.user});
  Order& order = order_InsertNew(state, {.client = client,
                                         .id = name.id,
                                         .left = size,
                                         .level = level,
                                         .previous = level->last,
                                         .owner = owner,
                                         .previous_of_client = client->last});
  (client->last != nullptr ? client->last->next_of_client : client->first) = &order;
  client->last = &order;
  (level->last != nullptr ? level->last->next : level->first) = &order;
  level->last = &order;
  level->size += size;
  return order;
}

void Remove(State& state, Order& order) {
  Level& level = *order.level;
  level.size -= order.left;
  (order.previous != nullptr ? order.previous->next : level.first) = order.next;
  (order.next != nullptr ? order.next->previous : level.last) = order.previous;
  Client& client = *order.client;
  (order.previous_of_client != nullptr ? order.previous_of_client->next_of_client : client.first) =
      order.next_of_client;
  (order.next_of_client != nullptr ? order.next_of_client->previous_of_client : client.last) =
      order.previous_of_client;
  order_Delete(state, order);
  if (level.first != nullptr) return;
  Levels& levels = level.symbol->side.qFind(IsBid(level) ? kBids : kAsks);
  levels.erase(levels.iterator_to(level));
  level_Delete(state, level);
}

Symbol& List(State& state, std::uint64_t key) {
  Symbol* const symbol = symbol_Emplace(state, key);
  ENSURE(symbol != nullptr, "a symbol is listed twice");
  return *symbol;
}

void Unlist(State& state, Symbol& symbol) {
  ENSURE(&symbol == symbol_Rows(state).Last() && BestOf(symbol, kBids) == nullptr &&
             BestOf(symbol, kAsks) == nullptr,
         "a symbol is unlisted that was not listed last or has orders");
  symbol_Delete(state, symbol);
}

}  // namespace tandem::book
