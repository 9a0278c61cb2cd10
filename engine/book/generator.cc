// SPDX-License-Identifier: Apache-2.0
#include "engine/book/generator.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "book/book.pb.h"
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

struct Order {
  std::uint32_t user = 0;  // index
  std::uint64_t id = 0;
  std::uint64_t left = 0;
  std::uint32_t side = 0;  // index of its ladder
  std::size_t place = 0;   // in Market::live
};

/// Best first, equal prices in order of arrival. The key of a bid is its price negated.
using Ladder = std::multimap<std::int64_t, Order>;

struct Market {
  std::string name;
  std::int64_t middle = 0;
  Ladder ladders[2];                     // bids, asks
  std::vector<Ladder::iterator> live{};  // both ladders, in no order
};

/// Four or more letters: AAAA, AAAB, ...
std::string SymbolName(std::uint32_t index) {
  std::string name(4, 'A');
  for (auto letter = name.rbegin(); letter != name.rend(); ++letter, index /= 26) {
    *letter = static_cast<char>('A' + index % 26);
  }
  return name;
}

std::int64_t KeyOf(std::uint32_t side, std::int64_t price) { return side == 0 ? -price : price; }

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
      Market market;
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
    Market& market = PickMarket();
    if (random_.Below(20) == 0) MoveMiddle(market);

    Mix mix;
    if (market.live.size() < kLiveOrdersGoal / 4) mix.cancel /= 2;
    if (market.live.size() > kLiveOrdersGoal) mix.cancel += 200;
    std::uint64_t draw = random_.Below(kMixTotal);
    const auto is = [&draw](std::uint64_t share) {
      if (draw < share) return true;
      draw -= share;
      return false;
    };
    if (is(mix.bad)) return SendBad(market, message);
    if (is(mix.ioc)) return SendAggressive(market, pb::IOC, message);
    if (is(mix.aggressive)) return SendAggressive(market, pb::LIMIT, message);
    if (is(mix.reduce) && !market.live.empty()) return SendReduce(market, message);
    if (is(mix.cancel) && !market.live.empty()) return SendCancel(market, message);
    SendPassive(market, message);
  }

  [[nodiscard]] std::uint64_t live_orders() const {
    std::uint64_t count = 0;
    for (const Market& market : markets_) count += market.live.size();
    return count;
  }

 private:
  Market& PickMarket() { return markets_[LowerOfTwo(markets_.size(), markets_.size())]; }

  std::uint64_t LowerOfTwo(std::uint64_t bound_a, std::uint64_t bound_b) {
    const std::uint64_t a = random_.Below(bound_a);  // drawn in this order everywhere
    const std::uint64_t b = random_.Below(bound_b);
    return std::min(a, b);
  }

  void MoveMiddle(Market& market) {
    market.middle += random_.Below(2) == 0 ? kTick : -kTick;
    market.middle = std::max(market.middle, 100 * kTick);
  }

  std::uint64_t DrawSize() {
    return random_.Below(4) == 0 ? 1 + random_.Below(300) : 100 * (1 + random_.Below(8));
  }

  std::uint32_t DrawUser() { return static_cast<std::uint32_t>(random_.Below(users_.size())); }

  void SendPassive(Market& market, FlowMessage& message) {
    const auto side = static_cast<std::uint32_t>(random_.Below(2));
    const std::uint64_t depth = 1 + LowerOfTwo(8, 30);
    const std::int64_t away = static_cast<std::int64_t>(depth) * kTick;
    SendOrder(market, side, pb::LIMIT, market.middle + (side == 0 ? -away : away), DrawSize(),
              message);
  }

  /// At the other side's best price or a little through it.
  void SendAggressive(Market& market, pb::Kind kind, FlowMessage& message) {
    const auto side = static_cast<std::uint32_t>(random_.Below(2));
    const Ladder& others = market.ladders[1 - side];
    const std::int64_t best = others.empty() ? market.middle : std::abs(others.begin()->first);
    const std::int64_t through = static_cast<std::int64_t>(random_.Below(3)) * kTick;
    SendOrder(market, side, kind, best + (side == 0 ? through : -through), DrawSize(), message);
  }

  void SendOrder(Market& market, std::uint32_t side, pb::Kind kind, std::int64_t price,
                 std::uint64_t size, FlowMessage& message) {
    const std::uint32_t user = DrawUser();
    const std::uint64_t id = ++last_ids_[user];
    Fill(market.name, id, side == 0 ? pb::BUY : pb::SELL, kind, price, size);
    Send(kNewOrderType, user, new_order_, message);

    Ladder& others = market.ladders[1 - side];
    while (size > 0 && !others.empty() && others.begin()->first <= KeyOf(1 - side, price)) {
      Order& maker = others.begin()->second;
      const std::uint64_t traded = std::min(size, maker.left);
      size -= traded;
      maker.left -= traded;
      if (maker.left == 0) Erase(market, others.begin());
    }
    if (size == 0 || kind == pb::IOC) return;
    const auto added = market.ladders[side].emplace(
        KeyOf(side, price),
        Order{.user = user, .id = id, .left = size, .side = side, .place = market.live.size()});
    market.live.push_back(added);
  }

  void SendReduce(Market& market, FlowMessage& message) {
    const auto order = market.live[random_.Below(market.live.size())];
    const std::uint32_t user = order->second.user;
    const std::uint64_t size = 1 + random_.Below(order->second.left + order->second.left / 8);
    reduce_.set_order_id(order->second.id);
    reduce_.set_size(size);
    if (size >= order->second.left) {
      Erase(market, order);
    } else {
      order->second.left -= size;
    }
    Send(kReduceType, user, reduce_, message);
  }

  void SendCancel(Market& market, FlowMessage& message) {
    const auto order = market.live[random_.Below(market.live.size())];
    const std::uint32_t user = order->second.user;
    cancel_.set_order_id(order->second.id);
    Erase(market, order);
    Send(kCancelType, user, cancel_, message);
  }

  void Erase(Market& market, Ladder::iterator order) {
    const std::size_t place = order->second.place;
    market.live[place] = market.live.back();
    market.live[place]->second.place = place;
    market.live.pop_back();
    market.ladders[order->second.side].erase(order);
  }

  /// Something that the book rejects.
  void SendBad(Market& market, FlowMessage& message) {
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
        if (!market.live.empty()) {
          const Order& live = market.live[random_.Below(market.live.size())]->second;
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
  std::vector<Market> markets_;
  std::vector<proto::User> users_;
  std::vector<std::uint64_t> last_ids_;  // by user
  pb::NewOrder new_order_;
  pb::Cancel cancel_;
  pb::Reduce reduce_;
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
