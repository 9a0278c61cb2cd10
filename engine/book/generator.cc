// SPDX-License-Identifier: Apache-2.0
#include "engine/book/generator.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "book/book.pb.h"
#include "engine/book/generator_market.h"
#include "engine/book/limits.h"
#include "engine/context.h"

namespace tandem::book {

namespace {

constexpr std::int64_t kTick = 100;           // one cent
constexpr std::size_t kLiveOrdersGoal = 400;  // a symbol's book grows to about this
constexpr std::uint64_t kMixTotal = 1000;

/// What of a thousand messages each kind is; new orders take what is left.
struct Mix {
  std::uint64_t bad = 10;
  std::uint64_t ioc = 80;
  std::uint64_t aggressive = 40;  // limit orders at the other side's best price
  std::uint64_t reduce = 50;
  std::uint64_t cancel = 350;
};

/// What of the rest each kind is that only all_kinds has.
struct MixOfAllKinds {
  std::uint64_t market = 20;
  std::uint64_t fill_or_kill = 40;
  std::uint64_t post_only = 100;
  std::uint64_t replace = 100;
  std::uint64_t mass_cancel = 1;
  std::uint64_t halt = 1;
};

using Taker = GeneratorMarket::Taker;

/// Four or more letters: AAAA, AAAB, ...
std::string SymbolName(std::uint32_t index) {
  std::string name(4, 'A');
  for (auto letter = name.rbegin(); letter != name.rend(); ++letter, index /= 26) {
    *letter = static_cast<char>('A' + index % 26);
  }
  return name;
}

}  // namespace

Status GeneratorOptions::Check() const {
  if (symbols < 1 || symbols > 10'000) {
    return Error::BadInput("the number of symbols is " + std::to_string(symbols) +
                           " and must be 1 to 10000");
  }
  if (users < 1 || users > 9'999) {
    return Error::BadInput("the number of users is " + std::to_string(users) +
                           " and must be 1 to 9999");
  }
  if (gap_ns_max < 1 || gap_ns_max > 1'000'000'000'000) {
    return Error::BadInput("the longest gap is " + std::to_string(gap_ns_max) +
                           " ns and must be 1 ns to 1000 s");
  }
  return {};
}

class Generator::Impl {
 public:
  explicit Impl(const GeneratorOptions& options)
      : options_(options), random_(options.seed), time_ns_(options.start_ns) {
    for (std::uint32_t i = 0; i < options.symbols; ++i) {
      GeneratorMarket market;
      market.name = SymbolName(i);
      market.middle = kTick * static_cast<std::int64_t>(1'000 + random_.Below(49'000));
      markets_.push_back(std::move(market));
    }
    for (std::uint32_t i = 0; i < options.users; ++i) {
      std::string name = "U";
      name += std::to_string(i + 1);
      users_.emplace_back(name);
    }
    last_ids_.resize(options.users);
  }

  void Next(FlowMessage& message) {
    time_ns_ += 1 + static_cast<std::int64_t>(
                        random_.Below(static_cast<std::uint64_t>(options_.gap_ns_max)));
    message.time_ns = time_ns_;
    if (!halted_.empty()) return SendResume(message);
    GeneratorMarket& market = PickMarket();
    if (random_.Below(20) == 0) MoveMiddle(market);

    Mix mix;
    if (market.live_count() < kLiveOrdersGoal / 4) mix.cancel /= 2;
    if (market.live_count() > kLiveOrdersGoal) mix.cancel += 200;
    std::uint64_t draw = random_.Below(kMixTotal);
    const auto is = [&draw](std::uint64_t share) {
      if (draw < share) return true;
      draw -= share;
      return false;
    };
    if (is(mix.bad)) return SendBad(market, message);
    if (is(mix.ioc)) return SendAggressive(market, pb::IOC, message);
    if (is(mix.aggressive)) return SendAggressive(market, pb::LIMIT, message);
    if (is(mix.reduce) && market.live_count() != 0) return SendReduce(market, message);
    if (is(mix.cancel) && market.live_count() != 0) return SendCancel(market, message);
    if (!options_.all_kinds) return SendPassive(market, pb::LIMIT, message);
    const MixOfAllKinds more;
    if (is(more.market)) return SendAggressive(market, pb::MARKET, message);
    if (is(more.fill_or_kill)) return SendAggressive(market, pb::FOK, message);
    if (is(more.post_only)) return SendPassive(market, pb::POST_ONLY, message);
    if (is(more.replace) && market.live_count() != 0) return SendReplace(market, message);
    if (is(more.mass_cancel)) return SendMassCancel(market, message);
    if (is(more.halt) && market.live_count() != 0) return SendHalt(market, message);
    SendPassive(market, pb::LIMIT, message);
  }

  [[nodiscard]] std::uint64_t live_orders() const {
    std::uint64_t count = 0;
    for (const GeneratorMarket& market : markets_) count += market.live_count();
    return count;
  }

 private:
  GeneratorMarket& PickMarket() { return markets_[LowerOfTwo(markets_.size(), markets_.size())]; }

  std::uint64_t LowerOfTwo(std::uint64_t bound_a, std::uint64_t bound_b) {
    const std::uint64_t a = random_.Below(bound_a);  // drawn in this order everywhere
    const std::uint64_t b = random_.Below(bound_b);
    return std::min(a, b);
  }

  void MoveMiddle(GeneratorMarket& market) {
    market.middle += random_.Below(2) == 0 ? kTick : -kTick;
    market.middle = std::max(market.middle, 100 * kTick);
  }

  std::uint64_t DrawSize() {
    return random_.Below(4) == 0 ? 1 + random_.Below(300) : 100 * (1 + random_.Below(8));
  }

  std::uint32_t DrawUser() { return static_cast<std::uint32_t>(random_.Below(users_.size())); }

  void SendPassive(GeneratorMarket& market, pb::Kind kind, FlowMessage& message) {
    const auto side = static_cast<std::uint32_t>(random_.Below(2));
    const std::uint64_t depth = 1 + LowerOfTwo(8, 30);
    const std::int64_t away = static_cast<std::int64_t>(depth) * kTick;
    SendOrder(market, side, kind, market.middle + (side == 0 ? -away : away), DrawSize(), message);
  }

  /// At the other side's best price or a little through it.
  void SendAggressive(GeneratorMarket& market, pb::Kind kind, FlowMessage& message) {
    const auto side = static_cast<std::uint32_t>(random_.Below(2));
    const std::int64_t best = market.Best(1 - side, market.middle);
    const std::int64_t through = static_cast<std::int64_t>(random_.Below(3)) * kTick;
    SendOrder(market, side, kind, best + (side == 0 ? through : -through), DrawSize(), message);
  }

  void SendOrder(GeneratorMarket& market, std::uint32_t side, pb::Kind kind, std::int64_t price,
                 std::uint64_t size, FlowMessage& message) {
    const std::uint32_t user = DrawUser();
    Taker taker{.user = user,
                .id = ++last_ids_[user],
                .side = side,
                .kind = kind,
                .price = kind == pb::MARKET ? 0 : price,
                .left = size};
    Fill(market.name, taker.id, side == 0 ? pb::BUY : pb::SELL, kind, taker.price, size);
    if (options_.all_kinds && random_.Below(2) == 0) {
      taker.owner = 1 + random_.Below(2);
      taker.policy = DrawPolicy();
      new_order_.set_owner(taker.owner);
      new_order_.set_self_trade_policy(taker.policy);
    }
    Send(kNewOrderType, user, new_order_, message);
    market.Enter(taker);
  }

  pb::SelfTradePolicy DrawPolicy() {
    return static_cast<pb::SelfTradePolicy>(random_.Below(pb::SelfTradePolicy_ARRAYSIZE));
  }

  GeneratorMarket::Live PickLive(const GeneratorMarket& market) {
    return market.live(random_.Below(market.live_count()));
  }

  void SendReduce(GeneratorMarket& market, FlowMessage& message) {
    const auto order = PickLive(market);
    const std::uint32_t user = order->second.user;
    const std::uint64_t size = 1 + random_.Below(order->second.left + order->second.left / 8);
    reduce_.set_order_id(order->second.id);
    reduce_.set_size(size);
    market.Reduce(order, size);
    Send(kReduceType, user, reduce_, message);
  }

  void SendCancel(GeneratorMarket& market, FlowMessage& message) {
    const auto order = PickLive(market);
    const std::uint32_t user = order->second.user;
    cancel_.set_order_id(order->second.id);
    market.Erase(order);
    Send(kCancelType, user, cancel_, message);
  }

  /// To another size at its price, or to a price nearer or farther, across the spread at times.
  void SendReplace(GeneratorMarket& market, FlowMessage& message) {
    const auto live = PickLive(market);
    const GeneratorMarket::Order& order = live->second;
    const std::int64_t price = std::abs(live->first);
    const std::int64_t steps = static_cast<std::int64_t>(random_.Below(7)) - 3;
    Taker taker{.user = order.user,
                .id = order.id,
                .side = order.side,
                .kind = random_.Below(4) == 0 ? pb::POST_ONLY : pb::LIMIT,
                .price = std::max(price + steps * kTick, kTick),
                .left = DrawSize(),
                .owner = order.owner,
                .policy = order.owner != 0 ? DrawPolicy() : pb::NO_POLICY};
    if (market.Crosses(taker.side, taker.price)) taker.kind = pb::LIMIT;  // or it is rejected
    replace_.Clear();
    replace_.set_order_id(order.id);
    if (random_.Below(4) == 0) {
      taker.id = ++last_ids_[order.user];
      replace_.set_new_order_id(taker.id);
    }
    replace_.set_kind(taker.kind);
    replace_.set_price(taker.price);
    replace_.set_size(taker.left);
    if (random_.Below(4) == 0) replace_.set_if_left(order.left);
    replace_.set_self_trade_policy(taker.policy);
    Send(kReplaceType, taker.user, replace_, message);
    market.Replace(live, taker);
  }

  void SendMassCancel(GeneratorMarket& market, FlowMessage& message) {
    const std::uint32_t user = DrawUser();
    mass_cancel_.Clear();
    if (random_.Below(8) != 0 && market.live_count() != 0) {  // else a symbol may be unlisted
      mass_cancel_.set_symbol(market.name);
      market.Clear(user);
    } else {
      for (GeneratorMarket& each : markets_) each.Clear(user);
    }
    Send(kMassCancelType, user, mass_cancel_, message);
  }

  /// Only of a symbol with orders: it is listed.
  void SendHalt(GeneratorMarket& market, FlowMessage& message) {
    halted_ = market.name;
    halt_.set_symbol(halted_);
    Send(kHaltType, 0, halt_, message);
  }

  void SendResume(FlowMessage& message) {
    resume_.set_symbol(halted_);
    halted_.clear();
    Send(kResumeType, 0, resume_, message);
  }

  /// Something that the book rejects.
  void SendBad(GeneratorMarket& market, FlowMessage& message) {
    const std::uint32_t user = DrawUser();
    const std::uint64_t unused_id = last_ids_[user] + 1'000'000;
    Fill(market.name, unused_id, pb::BUY, pb::LIMIT, market.middle, DrawSize());
    switch (random_.Below(9)) {
      case 0:
        cancel_.set_order_id(unused_id);
        return Send(kCancelType, user, cancel_, message);
      case 1:
        reduce_.set_order_id(unused_id);
        reduce_.set_size(1);
        return Send(kReduceType, user, reduce_, message);
      case 2:
        if (market.live_count() != 0) {
          const GeneratorMarket::Order& live = PickLive(market)->second;
          new_order_.set_order_id(live.id);
          return Send(kNewOrderType, live.user, new_order_, message);
        }
        [[fallthrough]];
      case 3:
        new_order_.set_price(0);
        break;
      case 4:
        new_order_.set_price(kPriceMax + 1);
        break;
      case 5:
        new_order_.set_size(0);
        break;
      case 6:
        new_order_.set_symbol(market.name + " LONG");
        break;
      case 7:
        new_order_.set_side(pb::NO_SIDE);
        break;
      default:
        new_order_.set_kind(pb::NO_KIND);
        break;
    }
    Send(kNewOrderType, user, new_order_, message);
  }

  void Fill(const std::string& symbol, std::uint64_t id, pb::Side side, pb::Kind kind,
            std::int64_t price, std::uint64_t size) {
    new_order_.set_order_id(id);
    new_order_.set_symbol(symbol);
    new_order_.set_side(side);
    new_order_.set_kind(kind);
    new_order_.set_price(price);
    new_order_.set_size(size);
    new_order_.set_owner(0);
    new_order_.set_self_trade_policy(pb::NO_POLICY);
  }

  void Send(std::uint16_t type, std::uint32_t user, const google::protobuf::MessageLite& payload,
            FlowMessage& message) {
    message.user = users_[user];
    message.type = type;
    payload.SerializeToString(&message.payload);
  }

  GeneratorOptions options_;
  engine::Random random_;
  std::int64_t time_ns_;
  std::vector<GeneratorMarket> markets_;
  std::vector<proto::User> users_;
  std::vector<std::uint64_t> last_ids_;  // by user
  pb::NewOrder new_order_;
  pb::Cancel cancel_;
  pb::Reduce reduce_;
  pb::Replace replace_;
  pb::MassCancel mass_cancel_;
  pb::Halt halt_;
  pb::Resume resume_;
  std::string halted_;  // the symbol that the next message resumes, or empty
};

Generator::Generator(const GeneratorOptions& options) : impl_(std::make_unique<Impl>(options)) {
  const Status checked = options.Check();
  ENSURE(checked.ok(), "%s", checked.error().text.c_str());
}
Generator::Generator(Generator&&) noexcept = default;
Generator::~Generator() = default;

void Generator::Next(FlowMessage& message) { impl_->Next(message); }
std::uint64_t Generator::live_orders() const { return impl_->live_orders(); }

}  // namespace tandem::book
