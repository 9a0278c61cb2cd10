// SPDX-License-Identifier: Apache-2.0
#include "engine/book/state.h"

#include <limits>

namespace tandem::book {

static_assert(sizeof(pb::Listing) == 4, "symbols_max and listing leave no padding in State");

Level* State::FindLevel(Symbol& symbol, SideIndex side, std::int64_t key, Levels::iterator& place) {
  constexpr int kLookAt = 6;
  Levels& levels = symbol.sides[side];
  place = levels.begin();
  for (int i = 0; i < kLookAt; ++i, ++place) {
    if (place == levels.end() || place->key > key) return nullptr;
    if (place->key == key) return &*place;
  }
  place = levels.lower_bound(key);
  return place != levels.end() && place->key == key ? &*place : nullptr;
}

Order& State::Rest(Symbol& symbol, SideIndex side, std::int64_t key, Level* level,
                   Levels::iterator place, const OrderName& name, std::uint64_t owner,
                   std::uint64_t size) {
  if (level == nullptr) {
    level = &this->levels.Alloc();
    level->key = key;
    level->symbol = &symbol;
    symbol.sides[side].insert_before(place, *level);
  }
  Client& client = ClientOf(name.user);
  Order& order = orders.Alloc(Order{.client = &client,
                                    .id = name.id,
                                    .left = size,
                                    .level = level,
                                    .next = nullptr,
                                    .previous = level->last,
                                    .next_by_name = nullptr,
                                    .owner = owner,
                                    .next_of_client = nullptr,
                                    .previous_of_client = client.last});
  (client.last != nullptr ? client.last->next_of_client : client.first) = &order;
  client.last = &order;
  if (level->last != nullptr) {
    level->last->next = &order;
  } else {
    level->first = &order;
  }
  level->last = &order;
  level->size += size;
  orders_by_name.InsertNew(order);
  return order;
}

void State::Remove(Order& order) {
  Level& level = *order.level;
  level.size -= order.left;
  if (order.previous != nullptr) {
    order.previous->next = order.next;
  } else {
    level.first = order.next;
  }
  if (order.next != nullptr) {
    order.next->previous = order.previous;
  } else {
    level.last = order.previous;
  }
  Client& client = *order.client;
  (order.previous_of_client != nullptr ? order.previous_of_client->next_of_client : client.first) =
      order.next_of_client;
  (order.next_of_client != nullptr ? order.next_of_client->previous_of_client : client.last) =
      order.previous_of_client;
  orders_by_name.Remove(order);
  orders.Delete(order);
  if (level.first != nullptr) return;
  Levels& side = level.symbol->sides[level.buy() ? kBids : kAsks];
  side.erase(side.iterator_to(level));
  levels.Delete(level);
}

void State::Rename(Order& order, std::uint64_t id) {
  orders_by_name.Remove(order);
  order.id = id;
  orders_by_name.InsertNew(order);
}

Client& State::ClientOf(proto::User user) {
  Client* client = clients_by_user.Find(user);
  if (client == nullptr) {
    client = &clients.Alloc(
        Client{.user = user, .next_by_user = nullptr, .first = nullptr, .last = nullptr});
    clients_by_user.InsertNew(*client);
  }
  return *client;
}

Symbol& State::List(std::uint64_t key) {
  Symbol& symbol = symbols.Alloc(key);
  symbol.previous = last_symbol;
  if (last_symbol != nullptr) {
    last_symbol->next = &symbol;
  } else {
    first_symbol = &symbol;
  }
  last_symbol = &symbol;
  symbols_by_key.InsertNew(symbol);
  return symbol;
}

void State::Unlist(Symbol& symbol) {
  ENSURE(&symbol == last_symbol && symbol.sides[kBids].empty() && symbol.sides[kAsks].empty(),
         "a symbol is unlisted that was not listed last or has orders");
  last_symbol = symbol.previous;
  if (last_symbol != nullptr) {
    last_symbol->next = nullptr;
  } else {
    first_symbol = nullptr;
  }
  symbols_by_key.Remove(symbol);
  symbols.Delete(symbol);
}

}  // namespace tandem::book
