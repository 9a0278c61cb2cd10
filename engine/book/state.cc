// SPDX-License-Identifier: Apache-2.0
#include "engine/book/state.h"

#include <limits>

namespace tandem::book {

static_assert(sizeof(pb::Listing) == 4, "the last two members of State leave no padding");

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
                   Levels::iterator place, const OrderName& name, std::uint64_t size) {
  if (level == nullptr) {
    level = &this->levels.Alloc();
    level->key = key;
    level->symbol = &symbol;
    symbol.sides[side].insert_before(place, *level);
  }
  Order& order = orders.Alloc(Order{.user = name.user,
                                    .id = name.id,
                                    .left = size,
                                    .level = level,
                                    .next = nullptr,
                                    .previous = level->last,
                                    .next_by_name = nullptr,
                                    .unused = 0});
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
  orders_by_name.Remove(order);
  orders.Delete(order);
  if (level.first != nullptr) return;
  Levels& side = level.symbol->sides[level.buy() ? kBids : kAsks];
  side.erase(side.iterator_to(level));
  levels.Delete(level);
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
