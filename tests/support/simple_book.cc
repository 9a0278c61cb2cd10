// SPDX-License-Identifier: Apache-2.0
#include "tests/support/simple_book.h"

#include <algorithm>
#include <set>

#include "pools/ensure.h"

namespace tandem::tests {

namespace {

using namespace book::pb;

constexpr std::int64_t kLargestPrice = 1'000'000'000'000;
constexpr std::uint64_t kLargestSize = 1'000'000'000'000;
constexpr std::uint64_t kLargestLevel = 1'000'000'000'000'000;
constexpr std::uint32_t kMostSymbols = 1'000'000;

bool HasUnknownFields(const google::protobuf::Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

bool IsSymbol(const std::string& text) {
  if (text.empty() || text.size() > 8) return false;
  for (const char c : text) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

}  // namespace

std::vector<BookMessage> SimpleBook::Take(const BookMessage& input) {
  said_.clear();
  switch (input.type) {
    case 100:
      Parse<NewOrder>(input);
      break;
    case 101:
      Parse<Cancel>(input);
      break;
    case 102:
      Parse<Reduce>(input);
      break;
    case 103:
      Parse<Configure>(input);
      break;
    default:
      ENSURE(false, "type %u is not an input of book", input.type);
  }
  return said_;
}

template <class Message>
void SimpleBook::Parse(const BookMessage& input) {
  Message message;
  ENSURE(message.ParseFromString(input.payload), "type %u does not parse", input.type);
  Do(input.user, message);
}

void SimpleBook::Do(const std::string& user, const NewOrder& order) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, order.order_id(), why, 100); };
  if (HasUnknownFields(order)) return reject(Rejected::UNKNOWN_FIELD);
  if (!IsSymbol(order.symbol())) return reject(Rejected::BAD_SYMBOL);
  if (order.side() != BUY && order.side() != SELL) return reject(Rejected::BAD_SIDE);
  if (order.kind() != LIMIT && order.kind() != IOC) return reject(Rejected::UNKNOWN_KIND);
  if (order.price() < 1 || order.price() > kLargestPrice) return reject(Rejected::BAD_PRICE);
  if (order.size() < 1 || order.size() > kLargestSize) return reject(Rejected::BAD_SIZE);
  if (live_.count({user, order.order_id()}) != 0) return reject(Rejected::DUPLICATE_ID);
  if (symbols_.count(order.symbol()) == 0) {
    if (!open_) return reject(Rejected::UNKNOWN_SYMBOL);
    if (symbols_.size() >= symbols_max_) return reject(Rejected::TOO_MANY_SYMBOLS);
  }
  const Place place{order.symbol(), order.side(), order.price()};
  if (order.kind() == LIMIT) {
    if (SizeAt(place) + order.size() > kLargestLevel) return reject(Rejected::LEVEL_FULL);
  }

  Accepted accepted;
  accepted.set_order_id(order.order_id());
  accepted.set_symbol(order.symbol());
  accepted.set_side(order.side());
  accepted.set_kind(order.kind());
  accepted.set_price(order.price());
  accepted.set_size(order.size());
  Say(user, 200, accepted);

  const Top before = TopOf(order.symbol());
  Symbol& symbol = symbols_[order.symbol()];
  std::uint64_t left = order.size();
  if (order.side() == BUY) {
    Match(
        user, order, symbol.asks, [&](std::int64_t ask) { return ask <= order.price(); }, left);
  } else {
    Match(
        user, order, symbol.bids, [&](std::int64_t bid) { return bid >= order.price(); }, left);
  }
  if (left > 0 && order.kind() == IOC) {
    Cancelled cancelled;
    cancelled.set_order_id(order.order_id());
    cancelled.set_reason(Cancelled::IOC_REMAINDER);
    cancelled.set_size(left);
    Say(user, 202, cancelled);
  } else if (left > 0) {
    QueueAt(place).push_back({user, order.order_id(), left});
    live_[{user, order.order_id()}] = place;
  }
  SayTop(order.symbol(), before);
}

template <class Levels>
void SimpleBook::Match(const std::string& user, const NewOrder& order, Levels& levels,
                       const std::function<bool(std::int64_t)>& crosses, std::uint64_t& left) {
  while (left > 0) {
    const auto best = levels.begin();
    if (best == levels.end() || !crosses(best->first)) return;
    Order& maker = best->second.front();
    const std::uint64_t size = std::min(maker.left, left);
    maker.left -= size;
    left -= size;

    Executed executed;
    executed.set_order_id(maker.id);
    executed.set_role(Executed::MAKER);
    executed.set_price(best->first);
    executed.set_size(size);
    executed.set_remaining(maker.left);
    Say(maker.user, 201, executed);
    executed.set_order_id(order.order_id());
    executed.set_role(Executed::TAKER);
    executed.set_remaining(left);
    Say(user, 201, executed);
    Trade trade;
    trade.set_symbol(order.symbol());
    trade.set_maker_id(maker.id);
    trade.set_taker_id(order.order_id());
    trade.set_price(best->first);
    trade.set_size(size);
    trade.set_aggressor(order.side());
    Say("", 210, trade);

    if (maker.left == 0) {
      live_.erase({maker.user, maker.id});
      best->second.pop_front();
      if (best->second.empty()) levels.erase(best);
    }
  }
}

void SimpleBook::Do(const std::string& user, const Cancel& cancel) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, cancel.order_id(), why, 101); };
  if (HasUnknownFields(cancel)) return reject(Rejected::UNKNOWN_FIELD);
  if (live_.count({user, cancel.order_id()}) == 0) return reject(Rejected::UNKNOWN_ORDER);
  TakeFrom({user, cancel.order_id()}, ~std::uint64_t{0}, Cancelled::REQUESTED);
}

void SimpleBook::Do(const std::string& user, const Reduce& reduce) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, reduce.order_id(), why, 102); };
  if (HasUnknownFields(reduce)) return reject(Rejected::UNKNOWN_FIELD);
  if (reduce.size() == 0) return reject(Rejected::BAD_SIZE);
  if (live_.count({user, reduce.order_id()}) == 0) return reject(Rejected::UNKNOWN_ORDER);
  TakeFrom({user, reduce.order_id()}, reduce.size(), Cancelled::REDUCED_TO_ZERO);
}

/// Takes `size` from an order; `reason` is said if that is all of it.
void SimpleBook::TakeFrom(const Name& name, std::uint64_t size, Cancelled::Reason reason) {
  const Place place = live_.at(name);
  const Top before = TopOf(place.symbol);
  Queue& queue = QueueAt(place);
  const auto order = std::find_if(queue.begin(), queue.end(), [&](const Order& waiting) {
    return waiting.user == name.first && waiting.id == name.second;
  });
  if (size < order->left) {
    order->left -= size;
    Reduced reduced;
    reduced.set_order_id(name.second);
    reduced.set_size(size);
    reduced.set_remaining(order->left);
    Say(name.first, 203, reduced);
  } else {
    Cancelled cancelled;
    cancelled.set_order_id(name.second);
    cancelled.set_reason(reason);
    cancelled.set_size(order->left);
    Say(name.first, 202, cancelled);
    queue.erase(order);
    live_.erase(name);
    if (queue.empty()) EraseQueue(place);
  }
  SayTop(place.symbol, before);
}

void SimpleBook::Do(const std::string& user, const Configure& configure) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, 0, why, 103); };
  if (HasUnknownFields(configure)) return reject(Rejected::UNKNOWN_FIELD);
  if (configure.listing() != UNCHANGED && configure.listing() != OPEN &&
      configure.listing() != CLOSED) {
    return reject(Rejected::BAD_SETTING);
  }
  if (configure.symbols_max() > kMostSymbols) return reject(Rejected::BAD_SETTING);
  std::set<std::string> listed;
  for (const auto& [name, symbol] : symbols_) listed.insert(name);
  for (const std::string& name : configure.list()) {
    if (!IsSymbol(name)) return reject(Rejected::BAD_SYMBOL);
    listed.insert(name);
  }
  const std::uint32_t most = configure.symbols_max() == 0 ? symbols_max_ : configure.symbols_max();
  if (listed.size() > most) return reject(Rejected::TOO_MANY_SYMBOLS);

  for (const std::string& name : listed) symbols_[name];
  symbols_max_ = most;
  if (configure.listing() != UNCHANGED) open_ = configure.listing() == OPEN;
  Configured configured;
  configured.set_symbols(static_cast<std::uint32_t>(symbols_.size()));
  configured.set_listing(open_ ? OPEN : CLOSED);
  configured.set_symbols_max(symbols_max_);
  Say(user, 205, configured);
}

SimpleBook::Queue& SimpleBook::QueueAt(const Place& place) {
  Symbol& symbol = symbols_[place.symbol];
  return place.side == BUY ? symbol.bids[place.price] : symbol.asks[place.price];
}

void SimpleBook::EraseQueue(const Place& place) {
  Symbol& symbol = symbols_.at(place.symbol);
  if (place.side == BUY) symbol.bids.erase(place.price);
  if (place.side == SELL) symbol.asks.erase(place.price);
}

std::uint64_t SimpleBook::SizeAt(const Place& place) const {
  const auto symbol = symbols_.find(place.symbol);
  if (symbol == symbols_.end()) return 0;
  const auto sum = [&](const auto& levels) {
    std::uint64_t size = 0;
    const auto level = levels.find(place.price);
    if (level == levels.end()) return size;
    for (const Order& order : level->second) size += order.left;
    return size;
  };
  return place.side == BUY ? sum(symbol->second.bids) : sum(symbol->second.asks);
}

SimpleBook::Top SimpleBook::TopOf(const std::string& name) const {
  Top top;
  const auto symbol = symbols_.find(name);
  if (symbol == symbols_.end()) return top;
  const auto best = [](const auto& levels, std::int64_t& price, std::uint64_t& size) {
    if (levels.empty()) return;
    price = levels.begin()->first;
    for (const Order& order : levels.begin()->second) size += order.left;
  };
  best(symbol->second.bids, top.bid_price, top.bid_size);
  best(symbol->second.asks, top.ask_price, top.ask_size);
  return top;
}

std::size_t SimpleBook::bid_levels(const std::string& symbol) const {
  return symbols_.at(symbol).bids.size();
}

std::size_t SimpleBook::ask_levels(const std::string& symbol) const {
  return symbols_.at(symbol).asks.size();
}

void SimpleBook::SayTop(const std::string& symbol, const Top& before) {
  const Top now = TopOf(symbol);
  if (now == before) return;
  TopOfBook top;
  top.set_symbol(symbol);
  top.set_bid_price(now.bid_price);
  top.set_bid_size(now.bid_size);
  top.set_ask_price(now.ask_price);
  top.set_ask_size(now.ask_size);
  Say("", 211, top);
}

void SimpleBook::Reject(const std::string& user, std::uint64_t id, Rejected::Reason reason,
                        std::uint16_t input_type) {
  Rejected rejected;
  rejected.set_order_id(id);
  rejected.set_reason(reason);
  rejected.set_input_type(input_type);
  Say(user, 204, rejected);
}

template <class Message>
void SimpleBook::Say(const std::string& user, std::uint16_t type, const Message& message) {
  said_.push_back({type, user, message.SerializeAsString()});
}

}  // namespace tandem::tests
