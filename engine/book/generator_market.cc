// SPDX-License-Identifier: Apache-2.0
#include "engine/book/generator_market.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace tandem::book {

namespace {

std::int64_t KeyOf(std::uint32_t side, std::int64_t price) { return side == 0 ? -price : price; }

/// The worst key of the other side that it takes.
std::int64_t WorstKeyOf(const GeneratorMarket::Taker& taker) {
  if (taker.kind == pb::MARKET) return std::numeric_limits<std::int64_t>::max();
  return KeyOf(1 - taker.side, taker.price);
}

bool SameOwner(const GeneratorMarket::Taker& taker, const GeneratorMarket::Order& order) {
  return taker.owner != 0 && taker.owner == order.owner && taker.user == order.user;
}

}  // namespace

std::int64_t GeneratorMarket::Best(std::uint32_t side, std::int64_t otherwise) const {
  const Ladder& ladder = ladders_[side];
  return ladder.empty() ? otherwise : std::abs(ladder.begin()->first);
}

bool GeneratorMarket::Crosses(std::uint32_t side, std::int64_t price) const {
  const Ladder& others = ladders_[1 - side];
  return !others.empty() && others.begin()->first <= KeyOf(1 - side, price);
}

void GeneratorMarket::Enter(Taker taker) {
  if (taker.kind == pb::POST_ONLY && Crosses(taker.side, taker.price)) return;
  if (taker.kind == pb::FOK && !CanFill(taker)) return;
  const bool may_rest = Match(taker) && (taker.kind == pb::LIMIT || taker.kind == pb::POST_ONLY);
  if (taker.left == 0 || !may_rest) return;
  const Live added =
      ladders_[taker.side].emplace(KeyOf(taker.side, taker.price), Order{.user = taker.user,
                                                                         .id = taker.id,
                                                                         .left = taker.left,
                                                                         .side = taker.side,
                                                                         .owner = taker.owner,
                                                                         .place = live_.size()});
  live_.push_back(added);
}

bool GeneratorMarket::CanFill(const Taker& taker) const {
  std::uint64_t found = 0;
  for (const auto& [key, order] : ladders_[1 - taker.side]) {
    if (key > WorstKeyOf(taker) || found >= taker.left) break;
    const bool own = SameOwner(taker, order);
    if (own && taker.policy != pb::CANCEL_OLDEST) return false;
    if (!own) found += order.left;
  }
  return found >= taker.left;
}

bool GeneratorMarket::Match(Taker& taker) {
  Ladder& others = ladders_[1 - taker.side];
  while (taker.left > 0 && !others.empty() && others.begin()->first <= WorstKeyOf(taker)) {
    const Live maker = others.begin();
    // In this model a decrement is as a trade: both lose the smaller size.
    if (SameOwner(taker, maker->second) && taker.policy != pb::DECREMENT) {
      if (taker.policy == pb::NO_POLICY || taker.policy == pb::CANCEL_NEWEST) return false;
      Erase(maker);
      if (taker.policy == pb::CANCEL_BOTH) return false;
      continue;
    }
    const std::uint64_t size = std::min(taker.left, maker->second.left);
    taker.left -= size;
    Reduce(maker, size);
  }
  return true;
}

void GeneratorMarket::Reduce(Live order, std::uint64_t size) {
  if (size >= order->second.left) {
    Erase(order);
  } else {
    order->second.left -= size;
  }
}

void GeneratorMarket::Erase(Live order) {
  const std::size_t place = order->second.place;
  live_[place] = live_.back();
  live_[place]->second.place = place;
  live_.pop_back();
  ladders_[order->second.side].erase(order);
}

void GeneratorMarket::Replace(Live order, const Taker& taker) {
  if (order->first == KeyOf(taker.side, taker.price) && taker.left <= order->second.left) {
    order->second.id = taker.id;
    order->second.left = taker.left;
    return;
  }
  Erase(order);
  Enter(taker);
}

void GeneratorMarket::Clear(std::uint32_t user) {
  for (std::size_t i = live_.size(); i > 0; --i) {
    if (live_[i - 1]->second.user == user) Erase(live_[i - 1]);
  }
}

}  // namespace tandem::book
