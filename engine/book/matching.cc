// SPDX-License-Identifier: Apache-2.0
#include "engine/book/matching.h"

#include <algorithm>
#include <string_view>

#include "engine/book/answers.h"
#include "engine/book/limits.h"
#include "replay/output_batch.h"

namespace tandem::book {

namespace {

// The outputs of one meeting are the largest when it is a trade: three headers, and payloads whose
// numbers are all at their limits; of a mass cancel, Cancelled and TopOfBook for each order. All
// others of an input are less than one percent of the room.
constexpr std::size_t kExecutedBytesMax = 11 + 2 + 7 + 7 + 7;
constexpr std::size_t kTradeBytesMax = 10 + 11 + 11 + 7 + 7 + 2;
constexpr std::size_t kMeetingBytesMax =
    3 * sizeof(proto::Header) + 2 * kExecutedBytesMax + kTradeBytesMax;
static_assert(kOrdersMetMax * kMeetingBytesMax < replay::OutputBatch::kCapacityDefault / 100 * 99,
              "the outputs of one input have room in a batch");

bool IsSelfTrade(const Incoming& order, const Order& maker) {
  return order.owner != 0 && maker.owner == order.owner && maker.client == order.client;
}

/// Takes `size`, all of it or less, from a resting order instead of a trade.
void TakeFromMaker(State& state, Order& maker, std::uint64_t size, engine::Context& context) {
  if (size == maker.left) {
    SayCancelled(NameOf(maker), pb::Cancelled::SELF_TRADE, size, context);
    Remove(state, maker);
    return;
  }
  maker.left -= size;
  maker.level->size -= size;
  SayReduced(NameOf(maker), pb::Reduced::SELF_TRADE, size, maker.left, context);
}

/// What happens to the two instead of a trade. False: the incoming order ends here, with what is
/// left of it.
bool PreventSelfTrade(State& state, Incoming& order, Order& maker, engine::Context& context) {
  switch (order.policy) {
    case pb::CANCEL_OLDEST:
      TakeFromMaker(state, maker, maker.left, context);
      return true;
    case pb::CANCEL_BOTH:
      TakeFromMaker(state, maker, maker.left, context);
      return false;
    case pb::DECREMENT: {
      const std::uint64_t size = std::min(order.left, maker.left);
      TakeFromMaker(state, maker, size, context);
      if (size == order.left) return false;
      order.left -= size;
      SayReduced(order.name, pb::Reduced::SELF_TRADE, size, order.left, context);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

bool CanFill(const Incoming& order) {
  const Levels& others = order.symbol.side.qFind(Other(order.side));
  // Most orders that cannot be filled are found out without looking at a single resting order.
  std::uint64_t size = 0;
  std::uint32_t levels = 0;
  for (const Level& level : others) {
    if (level.key > order.worst_key || size >= order.left) break;
    if (++levels > kOrdersMetMax) return false;
    size += level.size;
  }
  if (size < order.left) return false;

  std::uint64_t left = order.left;
  std::uint32_t met = 0;
  for (const Level& level : others) {
    if (level.key > order.worst_key) return false;
    for (const Order* maker = level.first; maker != nullptr; maker = maker->next) {
      if (++met > kOrdersMetMax) return false;
      if (IsSelfTrade(order, *maker)) {
        if (order.policy != pb::CANCEL_OLDEST) return false;
        continue;
      }
      if (maker->left >= left) return true;
      left -= maker->left;
    }
  }
  return false;
}

Matched Match(State& state, Incoming& order, engine::Context& context) {
  Levels& others = order.symbol.side.qFind(Other(order.side));
  const std::string_view symbol = NameOf(order.symbol);
  auto& executed = context.Make<pb::Executed>();
  auto& trade = context.Make<pb::Trade>();
  trade.set_symbol(symbol.data(), symbol.size());
  trade.set_taker_id(order.name.id);
  trade.set_aggressor(order.side == kBids ? pb::BUY : pb::SELL);
  Matched matched;
  std::uint32_t met = 0;
  while (order.left > 0 && !others.empty() && others.begin()->key <= order.worst_key) {
    if (++met > kOrdersMetMax) {
      matched.end = pb::Cancelled::TOO_MANY_TRADES;
      break;
    }
    Level& level = *others.begin();
    Order& maker = *level.first;
    if (IsSelfTrade(order, maker)) {
      matched.book_changed |= order.policy > pb::CANCEL_NEWEST;
      if (PreventSelfTrade(state, order, maker, context)) continue;
      matched.end = pb::Cancelled::SELF_TRADE;
      break;
    }
    matched.book_changed = true;
    const std::uint64_t size = std::min(order.left, maker.left);
    order.left -= size;
    executed.set_order_id(maker.id);
    executed.set_role(pb::Executed::MAKER);
    executed.set_price(PriceOf(level));
    executed.set_size(size);
    executed.set_remaining(maker.left - size);
    context.EmitTo(maker.client->user, executed);
    executed.set_order_id(order.name.id);
    executed.set_role(pb::Executed::TAKER);
    executed.set_remaining(order.left);
    context.Emit(executed);
    trade.set_maker_id(maker.id);
    trade.set_price(PriceOf(level));
    trade.set_size(size);
    context.Publish(trade);
    if (size == maker.left) {
      Remove(state, maker);
    } else {
      maker.left -= size;
      level.size -= size;
    }
  }
  return matched;
}

}  // namespace tandem::book
