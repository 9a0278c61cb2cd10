// SPDX-License-Identifier: Apache-2.0
#include "engine/book/portable.h"

#include <deque>
#include <string>
#include <unordered_map>

namespace tandem::book {

namespace {

std::string Name(const pb::SavedOrder& order) {
  return "order " + std::to_string(order.order_id()) + " of " + order.user();
}

bool IsUser(const std::string& user) { return user.size() <= proto::User().bytes.size(); }

/// Goes through all orders so that those of a queue come in its order, and those of a client in
/// theirs. There is such an order, for both are orders of coming into the book.
class Orders {
 public:
  explicit Orders(const State& state) {
    for (const Symbol& symbol : state.symbol.Rows()) {
      for (const SideIndex side : {kBids, kAsks}) {
        for (const Level& level : symbol.side.qFind(side)) Begin(*level.first);
      }
    }
  }

  /// The next one, or null.
  const Order* Next() {
    if (ready_.empty()) return nullptr;
    const Order* const order = ready_.front();
    ready_.pop_front();
    if (order->next != nullptr) Begin(*order->next);
    const Order* const of_client = order->next_of_client;
    if (of_client != nullptr) {
      first_of_client_[order->client] = of_client;
      if (IsFirstOfLevel(*of_client)) ready_.push_back(of_client);
    }
    return order;
  }

 private:
  /// `order` is the first of its queue that was not given out.
  void Begin(const Order& order) {
    first_of_level_[order.level] = &order;
    const auto client = first_of_client_.try_emplace(order.client, order.client->first).first;
    if (client->second == &order) ready_.push_back(&order);
  }
  [[nodiscard]] bool IsFirstOfLevel(const Order& order) const {
    const auto level = first_of_level_.find(order.level);
    return level != first_of_level_.end() && level->second == &order;
  }

  std::unordered_map<const Level*, const Order*> first_of_level_;
  std::unordered_map<const Client*, const Order*> first_of_client_;
  std::deque<const Order*> ready_;  ///< first of both; never walked by the maps' order
};

}  // namespace

void Save(const State& state, engine::PortableWriter& to) {
  pb::SavedSettings settings;
  settings.set_symbols_max(state.symbols_max);
  settings.set_open(state.open);
  settings.set_all_halted(state.all_halted);
  settings.set_operator_user(state.operator_user.str());
  to.Put(settings);
  for (const Symbol& symbol : state.symbol.Rows()) {
    pb::SavedSymbol saved;
    saved.set_name(std::string(NameOf(symbol)));
    saved.set_halted(symbol.halted);
    to.Put(saved);
  }
  Orders orders(state);
  pb::SavedOrder saved;
  while (const Order* const order = orders.Next()) {
    const Level& level = *order->level;
    saved.set_user(order->client->user.str());
    saved.set_order_id(order->id);
    saved.set_symbol(std::string(NameOf(*level.symbol)));
    saved.set_bid(IsBid(level));
    saved.set_price(PriceOf(level));
    saved.set_left(order->left);
    saved.set_owner(order->owner);
    to.Put(saved);
  }
}

Status Load(State& state, const pb::SavedSettings& settings) {
  if (settings.symbols_max() == 0 || settings.symbols_max() > kSymbolsMax ||
      !IsUser(settings.operator_user())) {
    return Error::BadInput("no book has such settings");
  }
  state.symbols_max = settings.symbols_max();
  state.open = settings.open();
  state.all_halted = settings.all_halted();
  state.operator_user = proto::User(settings.operator_user());
  return {};
}

Status Load(State& state, const pb::SavedSymbol& symbol) {
  if (!IsSymbol(symbol.name()) || FindSymbol(state, symbol.name()) != nullptr ||
      symbol_N(state) >= state.symbols_max) {
    return Error::BadInput("symbol \"" + symbol.name() +
                           "\" is no symbol, comes twice, or is one too many");
  }
  List(state, SymbolKey(symbol.name())).halted = symbol.halted();
  return {};
}

Status Load(State& state, const pb::SavedOrder& order) {
  const auto wrong = [&order](const std::string& what) {
    return Error::BadInput(Name(order) + " " + what);
  };
  Symbol* const symbol = FindSymbol(state, order.symbol());
  if (symbol == nullptr)
    return wrong("is in symbol \"" + order.symbol() + "\", which is not listed");
  if (order.price() < 1 || order.price() > kPriceMax || order.left() < 1 ||
      order.left() > kSizeMax || !IsUser(order.user())) {
    return wrong("has a price, size or user that no order has");
  }
  const OrderName name{proto::User(order.user()), order.order_id()};
  if (FindOrder(state, name) != nullptr) return wrong("comes twice");
  const SideIndex side = order.bid() ? kBids : kAsks;
  const std::int64_t key = order.bid() ? -order.price() : order.price();
  const Level* const other = BestOf(*symbol, order.bid() ? kAsks : kBids);
  if (other != nullptr && key + other->key <= 0) return wrong("crosses the other side of its book");
  Levels::iterator place;
  Level* const level = FindLevel(*symbol, side, key, place);
  if (level != nullptr && level->size + order.left() > kLevelSizeMax) {
    return wrong("is too much for its level");
  }
  Rest(state, *symbol, side, key, level, place, client_Find_user(state, name.user), name,
       order.owner(), order.left());
  return {};
}

}  // namespace tandem::book
