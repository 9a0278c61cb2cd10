// SPDX-License-Identifier: Apache-2.0
//
// How an order of the simple book trades when it comes in.
#include <algorithm>

#include "tests/support/simple_book.h"

namespace tandem::tests {

using namespace book::pb;

namespace {

constexpr std::uint32_t kMostMet = 200'000;

}  // namespace

bool SimpleBook::Taker::Takes(std::int64_t other_price) const {
  if (kind == MARKET) return true;
  return side == BUY ? other_price <= price : other_price >= price;
}

bool SimpleBook::Crosses(const Taker& taker) const {
  const auto symbol = symbols_.find(taker.symbol);
  if (symbol == symbols_.end()) return false;
  const auto& [bids, asks, halted] = symbol->second;
  if (taker.side == BUY) return !asks.empty() && taker.Takes(asks.begin()->first);
  return !bids.empty() && taker.Takes(bids.begin()->first);
}

bool SimpleBook::CanBeFilled(const Taker& taker) const {
  const Symbol& symbol = symbols_.at(taker.symbol);
  if (taker.side == BUY) return CanBeFilledFrom(symbol.asks, taker);
  return CanBeFilledFrom(symbol.bids, taker);
}

template <class Levels>
bool SimpleBook::CanBeFilledFrom(const Levels& levels, const Taker& taker) {
  std::uint64_t found = 0;
  std::uint32_t met = 0;
  for (const auto& [price, queue] : levels) {
    if (!taker.Takes(price)) break;
    for (const Order& order : queue) {
      if (found >= taker.left) break;
      if (++met > kMostMet) return false;
      const bool own = order.user == taker.user && order.owner == taker.owner && taker.owner != 0;
      if (own && taker.policy != CANCEL_OLDEST) return false;
      if (!own) found += order.left;
    }
  }
  return found >= taker.left;
}

/// What an order does that has been accepted, or replaced and taken out of the book.
void SimpleBook::Enter(Taker taker) {
  Symbol& symbol = symbols_.at(taker.symbol);
  Cancelled::Reason end = Cancelled::NO_REASON;
  if (taker.kind == POST_ONLY && Crosses(taker)) {
    end = Cancelled::WOULD_TRADE;
  } else if (taker.kind == FOK && !CanBeFilled(taker)) {
    end = Cancelled::FOK_UNFILLED;
  } else {
    end = taker.side == BUY ? Match(symbol.asks, taker) : Match(symbol.bids, taker);
  }
  if (taker.left == 0) return;
  if (end == Cancelled::NO_REASON && taker.kind == IOC) end = Cancelled::IOC_REMAINDER;
  if (end == Cancelled::NO_REASON && taker.kind == MARKET) end = Cancelled::MARKET_REMAINDER;
  if (end != Cancelled::NO_REASON) return SayCancelled({taker.user, taker.id}, end, taker.left);
  const Place place{taker.symbol, taker.side, taker.price};
  QueueAt(place).push_back({taker.user, taker.id, taker.left, taker.owner, ++arrivals_});
  live_[{taker.user, taker.id}] = place;
}

template <class Levels>
Cancelled::Reason SimpleBook::Match(Levels& levels, Taker& taker) {
  for (std::uint32_t met = 0; taker.left > 0; ++met) {
    const auto best = levels.begin();
    if (best == levels.end() || !taker.Takes(best->first)) break;
    if (met == kMostMet) return Cancelled::TOO_MANY_TRADES;
    Order& maker = best->second.front();
    if (taker.owner != 0 && maker.owner == taker.owner && maker.user == taker.user) {
      if (!GoesOnAfterSelfTrade(levels, taker)) return Cancelled::SELF_TRADE;
      continue;
    }
    const std::uint64_t size = std::min(maker.left, taker.left);
    maker.left -= size;
    taker.left -= size;

    Executed executed;
    executed.set_order_id(maker.id);
    executed.set_role(Executed::MAKER);
    executed.set_price(best->first);
    executed.set_size(size);
    executed.set_remaining(maker.left);
    Say(maker.user, 201, executed);
    executed.set_order_id(taker.id);
    executed.set_role(Executed::TAKER);
    executed.set_remaining(taker.left);
    Say(taker.user, 201, executed);
    Trade trade;
    trade.set_symbol(taker.symbol);
    trade.set_maker_id(maker.id);
    trade.set_taker_id(taker.id);
    trade.set_price(best->first);
    trade.set_size(size);
    trade.set_aggressor(taker.side);
    Say("", 210, trade);
    if (maker.left == 0) EraseFirst(levels);
  }
  return Cancelled::NO_REASON;
}

/// The first order of the best level belongs to the taker's owner: what its policy says.
template <class Levels>
bool SimpleBook::GoesOnAfterSelfTrade(Levels& levels, Taker& taker) {
  Order& maker = levels.begin()->second.front();
  const Name maker_name{maker.user, maker.id};
  if (taker.policy == NO_POLICY || taker.policy == CANCEL_NEWEST) return false;
  if (taker.policy != DECREMENT || maker.left <= taker.left) {
    const std::uint64_t size = maker.left;
    SayCancelled(maker_name, Cancelled::SELF_TRADE, size);
    EraseFirst(levels);
    if (taker.policy == CANCEL_OLDEST) return true;
    if (taker.policy == CANCEL_BOTH || size == taker.left) return false;
    taker.left -= size;
    SayReduced({taker.user, taker.id}, size, taker.left, Reduced::SELF_TRADE);
    return true;
  }
  maker.left -= taker.left;
  SayReduced(maker_name, taker.left, maker.left, Reduced::SELF_TRADE);
  return false;
}

/// Takes the first order of the best level out.
template <class Levels>
void SimpleBook::EraseFirst(Levels& levels) {
  Queue& queue = levels.begin()->second;
  live_.erase({queue.front().user, queue.front().id});
  queue.pop_front();
  if (queue.empty()) levels.erase(levels.begin());
}

}  // namespace tandem::tests
