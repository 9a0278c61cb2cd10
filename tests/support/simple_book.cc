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
constexpr std::uint32_t kMostCancelled = 200'000;

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

bool IsUser(const std::string& text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !text.empty() && text.size() <= 6 && std::all_of(text.begin(), text.end(), good);
}

bool IsPolicy(SelfTradePolicy policy) { return policy >= 0 && policy <= 4; }

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
    case 104:
      Parse<Replace>(input);
      break;
    case 105:
      Parse<MassCancel>(input);
      break;
    case 106:
      Parse<Halt>(input);
      break;
    case 107:
      Parse<Resume>(input);
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
  if (order.kind() != LIMIT && order.kind() != IOC && order.kind() != MARKET &&
      order.kind() != FOK && order.kind() != POST_ONLY) {
    return reject(Rejected::UNKNOWN_KIND);
  }
  if (order.kind() == MARKET) {
    if (order.price() != 0) return reject(Rejected::BAD_PRICE);
  } else if (order.price() < 1 || order.price() > kLargestPrice) {
    return reject(Rejected::BAD_PRICE);
  }
  if (order.size() < 1 || order.size() > kLargestSize) return reject(Rejected::BAD_SIZE);
  if (!IsPolicy(order.self_trade_policy())) return reject(Rejected::BAD_POLICY);
  if (order.self_trade_policy() != 0 && order.owner() == 0) return reject(Rejected::BAD_OWNER);
  if (live_.count({user, order.order_id()}) != 0) return reject(Rejected::DUPLICATE_ID);
  if (symbols_.count(order.symbol()) == 0) {
    if (!open_) return reject(Rejected::UNKNOWN_SYMBOL);
    if (symbols_.size() >= symbols_max_) return reject(Rejected::TOO_MANY_SYMBOLS);
  }
  if (all_halted_) return reject(Rejected::HALTED);
  if (symbols_.count(order.symbol()) != 0 && symbols_.at(order.symbol()).halted) {
    return reject(Rejected::HALTED);
  }
  const Taker taker{user,         order.order_id(), order.symbol(),
                    order.side(), order.kind(),     order.price(),
                    order.size(), order.owner(),    order.self_trade_policy()};
  if ((order.kind() == LIMIT || order.kind() == POST_ONLY) && !Crosses(taker) &&
      SizeAt({order.symbol(), order.side(), order.price()}) + order.size() > kLargestLevel) {
    return reject(Rejected::LEVEL_FULL);
  }

  Accepted accepted;
  accepted.set_order_id(order.order_id());
  accepted.set_symbol(order.symbol());
  accepted.set_side(order.side());
  accepted.set_kind(order.kind());
  accepted.set_price(order.price());
  accepted.set_size(order.size());
  accepted.set_owner(order.owner());
  accepted.set_self_trade_policy(order.self_trade_policy());
  Say(user, 200, accepted);

  symbols_[order.symbol()];
  const Top before = TopOf(order.symbol());
  Enter(taker);
  SayTop(order.symbol(), before);
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
  for (Order& order : QueueAt(place)) {
    if (Name{order.user, order.id} != name) continue;
    if (size >= order.left) {
      SayCancelled(name, reason, order.left);
      Erase(name);
      break;
    }
    order.left -= size;
    SayReduced(name, size, order.left, Reduced::REQUESTED);
  }
  SayTop(place.symbol, before);
}

const SimpleBook::Order& SimpleBook::OrderOf(const Name& name) const {
  const Place& place = live_.at(name);
  const Symbol& symbol = symbols_.at(place.symbol);
  const Queue& queue =
      place.side == BUY ? symbol.bids.at(place.price) : symbol.asks.at(place.price);
  return *std::find_if(queue.begin(), queue.end(), [&](const Order& order) {
    return Name{order.user, order.id} == name;
  });
}

void SimpleBook::Erase(const Name& name) {
  const Place place = live_.at(name);
  live_.erase(name);
  Queue& queue = QueueAt(place);
  queue.remove_if([&](const Order& order) { return Name{order.user, order.id} == name; });
  if (queue.empty()) EraseQueue(place);
}

void SimpleBook::Do(const std::string& user, const Replace& replace) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, replace.order_id(), why, 104); };
  if (HasUnknownFields(replace)) return reject(Rejected::UNKNOWN_FIELD);
  if (replace.kind() != LIMIT && replace.kind() != POST_ONLY) return reject(Rejected::UNKNOWN_KIND);
  if (replace.price() < 1 || replace.price() > kLargestPrice) return reject(Rejected::BAD_PRICE);
  if (replace.size() < 1 || replace.size() > kLargestSize) return reject(Rejected::BAD_SIZE);
  if (!IsPolicy(replace.self_trade_policy())) return reject(Rejected::BAD_POLICY);
  const Name name{user, replace.order_id()};
  if (live_.count(name) == 0) return reject(Rejected::UNKNOWN_ORDER);
  const Name new_name{user, replace.has_new_order_id() ? replace.new_order_id() : name.second};
  if (new_name != name && live_.count(new_name) != 0) return reject(Rejected::DUPLICATE_ID);
  const Place place = live_.at(name);
  const Order order = OrderOf(name);
  if (replace.if_left() != 0 && replace.if_left() != order.left) return reject(Rejected::CHANGED);
  if (replace.self_trade_policy() != 0 && order.owner == 0) return reject(Rejected::BAD_OWNER);
  if (all_halted_ || symbols_.at(place.symbol).halted) return reject(Rejected::HALTED);

  const Taker taker{user,           new_name.second, place.symbol,
                    place.side,     replace.kind(),  replace.price(),
                    replace.size(), order.owner,     replace.self_trade_policy()};
  const bool keeps = replace.price() == place.price && replace.size() <= order.left;
  if (!keeps) {
    if (replace.kind() == POST_ONLY && Crosses(taker)) return reject(Rejected::WOULD_TRADE);
    const Place to{place.symbol, place.side, replace.price()};
    const std::uint64_t own = replace.price() == place.price ? order.left : 0;
    if (SizeAt(to) - own + replace.size() > kLargestLevel) return reject(Rejected::LEVEL_FULL);
  }

  Replaced replaced;
  replaced.set_order_id(name.second);
  replaced.set_new_order_id(new_name.second);
  replaced.set_kind(replace.kind());
  replaced.set_price(replace.price());
  replaced.set_size(replace.size());
  replaced.set_kept_place(keeps);
  Say(user, 206, replaced);
  const Top before = TopOf(place.symbol);
  if (keeps) {
    for (Order& kept : QueueAt(place)) {
      if (Name{kept.user, kept.id} != name) continue;
      kept.id = new_name.second;
      kept.left = replace.size();
      break;
    }
    live_.erase(name);
    live_[new_name] = place;
  } else {
    Erase(name);
    Enter(taker);
  }
  SayTop(place.symbol, before);
}

void SimpleBook::Do(const std::string& user, const MassCancel& mass_cancel) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, 0, why, 105); };
  if (HasUnknownFields(mass_cancel)) return reject(Rejected::UNKNOWN_FIELD);
  if (!mass_cancel.symbol().empty() && !IsSymbol(mass_cancel.symbol())) {
    return reject(Rejected::BAD_SYMBOL);
  }
  if (mass_cancel.side() != NO_SIDE && mass_cancel.side() != BUY && mass_cancel.side() != SELL) {
    return reject(Rejected::BAD_SIDE);
  }
  if (!mass_cancel.symbol().empty() && symbols_.count(mass_cancel.symbol()) == 0) {
    return reject(Rejected::UNKNOWN_SYMBOL);
  }
  std::map<std::uint64_t, std::pair<Name, Place>> oldest_first;
  std::map<std::string, Top> tops;
  for (const auto& [name, place] : live_) {
    if (name.first != user) continue;
    if (!mass_cancel.symbol().empty() && place.symbol != mass_cancel.symbol()) continue;
    if (mass_cancel.side() != NO_SIDE && place.side != mass_cancel.side()) continue;
    const Order& order = OrderOf(name);
    if (mass_cancel.owner() != 0 && order.owner != mass_cancel.owner()) continue;
    oldest_first[order.arrival] = {name, place};
    tops[place.symbol] = TopOf(place.symbol);
  }
  MassCancelled mass_cancelled;
  std::vector<std::string> changed;
  for (const auto& [arrival, order] : oldest_first) {
    const auto& [name, place] = order;
    if (mass_cancelled.orders() == kMostCancelled) {
      mass_cancelled.set_more(true);
      break;
    }
    mass_cancelled.set_orders(mass_cancelled.orders() + 1);
    SayCancelled(name, Cancelled::MASS_CANCEL, OrderOf(name).left);
    Erase(name);
    if (TopOf(place.symbol) == tops.at(place.symbol)) continue;
    if (std::find(changed.begin(), changed.end(), place.symbol) == changed.end()) {
      changed.push_back(place.symbol);
    }
  }
  Say(user, 207, mass_cancelled);
  for (const std::string& symbol : changed) SayTop(symbol, tops.at(symbol));
}

void SimpleBook::Do(const std::string& user, const Halt& halt) { Switch(user, halt, true, 106); }

void SimpleBook::Do(const std::string& user, const Resume& resume) {
  Switch(user, resume, false, 107);
}

template <class Message>
void SimpleBook::Switch(const std::string& user, const Message& message, bool halted,
                        std::uint16_t type) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, 0, why, type); };
  if (HasUnknownFields(message)) return reject(Rejected::UNKNOWN_FIELD);
  if (!MayOperate(user)) return reject(Rejected::NOT_OPERATOR);
  if (message.all() && !message.symbol().empty()) return reject(Rejected::BAD_SYMBOL);
  if (!message.all() && !IsSymbol(message.symbol())) return reject(Rejected::BAD_SYMBOL);
  if (!message.all() && symbols_.count(message.symbol()) == 0) {
    return reject(Rejected::UNKNOWN_SYMBOL);
  }
  if (message.all()) all_halted_ = halted;
  if (!message.all()) symbols_.at(message.symbol()).halted = halted;
  TradingStatus status;
  status.set_symbol(message.symbol());
  status.set_status(halted ? TradingStatus::HALTED : TradingStatus::TRADING);
  Say("", 212, status);
}

bool SimpleBook::MayOperate(const std::string& user) const {
  return operator_.empty() || operator_ == user;
}

void SimpleBook::Do(const std::string& user, const Configure& configure) {
  const auto reject = [&](Rejected::Reason why) { Reject(user, 0, why, 103); };
  if (HasUnknownFields(configure)) return reject(Rejected::UNKNOWN_FIELD);
  if (!MayOperate(user)) return reject(Rejected::NOT_OPERATOR);
  if (configure.listing() != UNCHANGED && configure.listing() != OPEN &&
      configure.listing() != CLOSED) {
    return reject(Rejected::BAD_SETTING);
  }
  if (configure.symbols_max() > kMostSymbols) return reject(Rejected::BAD_SETTING);
  if (!configure.operator_user().empty() && !IsUser(configure.operator_user())) {
    return reject(Rejected::BAD_SETTING);
  }
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
  if (!configure.operator_user().empty()) operator_ = configure.operator_user();
  Configured configured;
  configured.set_symbols(static_cast<std::uint32_t>(symbols_.size()));
  configured.set_listing(open_ ? OPEN : CLOSED);
  configured.set_symbols_max(symbols_max_);
  configured.set_operator_user(operator_);
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

void SimpleBook::SayCancelled(const Name& name, Cancelled::Reason reason, std::uint64_t size) {
  Cancelled cancelled;
  cancelled.set_order_id(name.second);
  cancelled.set_reason(reason);
  cancelled.set_size(size);
  Say(name.first, 202, cancelled);
}

void SimpleBook::SayReduced(const Name& name, std::uint64_t size, std::uint64_t remaining,
                            Reduced::Reason reason) {
  Reduced reduced;
  reduced.set_order_id(name.second);
  reduced.set_size(size);
  reduced.set_remaining(remaining);
  reduced.set_reason(reason);
  Say(name.first, 203, reduced);
}

void SimpleBook::Reject(const std::string& user, std::uint64_t id, Rejected::Reason reason,
                        std::uint16_t input_type) {
  Rejected rejected;
  rejected.set_order_id(id);
  rejected.set_reason(reason);
  rejected.set_input_type(input_type);
  Say(user, 204, rejected);
}

void SimpleBook::Say(const std::string& user, std::uint16_t type,
                     const google::protobuf::Message& message) {
  said_.push_back({type, user, message.SerializeAsString()});
}

}  // namespace tandem::tests
