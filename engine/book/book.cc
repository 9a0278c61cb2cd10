// SPDX-License-Identifier: Apache-2.0
#include "engine/book/book.h"

#include <algorithm>
#include <string>
#include <utility>

#include "book/book.pb.h"
#include "engine/application.h"
#include "engine/book/limits.h"
#include "engine/book/state.h"

namespace tandem::book {

namespace {

constexpr std::uint32_t kBehaviourVersion = 1;

SideIndex SideOf(pb::Side side) { return side == pb::BUY ? kBids : kAsks; }
SideIndex Other(SideIndex side) { return side == kBids ? kAsks : kBids; }
std::int64_t KeyOf(SideIndex side, std::int64_t price) { return side == kBids ? -price : price; }

template <class Message>
bool HasUnknownFields(const Message& message) {
  static const auto* const reflection = Message::default_instance().GetReflection();
  return !reflection->GetUnknownFields(message).empty();
}

/// What is wrong with an order by itself, whatever the state is.
pb::Rejected::Reason Check(const pb::NewOrder& order) {
  if (HasUnknownFields(order)) return pb::Rejected::UNKNOWN_FIELD;
  if (!IsSymbol(order.symbol())) return pb::Rejected::BAD_SYMBOL;
  if (order.side() != pb::BUY && order.side() != pb::SELL) return pb::Rejected::BAD_SIDE;
  if (order.kind() != pb::LIMIT && order.kind() != pb::IOC) return pb::Rejected::UNKNOWN_KIND;
  if (order.price() < 1 || order.price() > kPriceMax) return pb::Rejected::BAD_PRICE;
  if (order.size() < 1 || order.size() > kSizeMax) return pb::Rejected::BAD_SIZE;
  return pb::Rejected::NO_REASON;
}

pb::Rejected::Reason Check(const pb::Configure& configure) {
  if (HasUnknownFields(configure)) return pb::Rejected::UNKNOWN_FIELD;
  if (!pb::Listing_IsValid(configure.listing())) return pb::Rejected::BAD_SETTING;
  if (configure.symbols_max() > kSymbolsMax) return pb::Rejected::BAD_SETTING;
  const bool named = std::all_of(configure.list().begin(), configure.list().end(),
                                 [](const std::string& name) { return IsSymbol(name); });
  return named ? pb::Rejected::NO_REASON : pb::Rejected::BAD_SYMBOL;
}

class Book final
    : public engine::Application<Book, State, pb::NewOrder, pb::Cancel, pb::Reduce, pb::Configure> {
 public:
  using Application::Application;

  void On(const pb::NewOrder& order, engine::Context& context) {
    if (const auto reason = Check(order); reason != pb::Rejected::NO_REASON) {
      return Reject(order.order_id(), reason, context);
    }
    State& book = state();
    const OrderName name{context.user(), order.order_id()};
    if (book.orders_by_name.Find(name) != nullptr) {
      return Reject(name.id, pb::Rejected::DUPLICATE_ID, context);
    }
    const std::uint64_t symbol_key = SymbolKey(order.symbol());
    Symbol* symbol = book.symbols_by_key.Find(symbol_key);
    if (symbol == nullptr) {
      if (book.listing != pb::OPEN) return Reject(name.id, pb::Rejected::UNKNOWN_SYMBOL, context);
      if (book.symbols.N() >= book.symbols_max) {
        return Reject(name.id, pb::Rejected::TOO_MANY_SYMBOLS, context);
      }
      symbol = &book.List(symbol_key);
    }
    const SideIndex side = SideOf(order.side());
    const std::int64_t key = KeyOf(side, order.price());
    const Levels& others = symbol->sides[Other(side)];
    const bool trades = !others.empty() && others.begin()->key <= -key;
    // An order that can trade finds no level of its own side at its price, so this is all of the
    // level that it may join.
    Level* level = nullptr;
    Levels::iterator place;
    if (order.kind() == pb::LIMIT && !trades) {
      level = book.FindLevel(*symbol, side, key, place);
      if (level != nullptr && level->size + order.size() > kLevelSizeMax) {
        return Reject(name.id, pb::Rejected::LEVEL_FULL, context);
      }
    }
    Accept(order, context);

    std::uint64_t left = order.size();
    if (trades) left = Match(order, *symbol, side, context);
    bool top_changed = trades;
    if (left > 0 && order.kind() == pb::IOC) {
      SayCancelled(context.user(), name.id, pb::Cancelled::IOC_REMAINDER, left, context);
    } else if (left > 0) {
      if (trades) place = symbol->sides[side].begin();  // nothing on its side is better
      const Order& rested = book.Rest(*symbol, side, key, level, place, name, left);
      top_changed |= rested.level == symbol->best(side);
    }
    if (top_changed) SayTop(*symbol, context);
  }

  void On(const pb::Cancel& cancel, engine::Context& context) {
    if (HasUnknownFields(cancel)) {
      return Reject(cancel.order_id(), pb::Rejected::UNKNOWN_FIELD, context);
    }
    Order* const order = state().orders_by_name.Find({context.user(), cancel.order_id()});
    if (order == nullptr) {
      return Reject(cancel.order_id(), pb::Rejected::UNKNOWN_ORDER, context);
    }
    RemoveOnRequest(*order, pb::Cancelled::REQUESTED, context);
  }

  void On(const pb::Reduce& reduce, engine::Context& context) {
    if (HasUnknownFields(reduce)) {
      return Reject(reduce.order_id(), pb::Rejected::UNKNOWN_FIELD, context);
    }
    if (reduce.size() == 0) return Reject(reduce.order_id(), pb::Rejected::BAD_SIZE, context);
    Order* const order = state().orders_by_name.Find({context.user(), reduce.order_id()});
    if (order == nullptr) {
      return Reject(reduce.order_id(), pb::Rejected::UNKNOWN_ORDER, context);
    }
    if (reduce.size() >= order->left) {
      return RemoveOnRequest(*order, pb::Cancelled::REDUCED_TO_ZERO, context);
    }
    order->left -= reduce.size();
    order->level->size -= reduce.size();
    auto& reduced = context.Make<pb::Reduced>();
    reduced.set_order_id(order->id);
    reduced.set_size(reduce.size());
    reduced.set_remaining(order->left);
    context.Emit(reduced);
    if (IsBest(*order->level)) SayTop(*order->level->symbol, context);
  }

  void On(const pb::Configure& configure, engine::Context& context) {
    if (const auto reason = Check(configure); reason != pb::Rejected::NO_REASON) {
      return Reject(0, reason, context);
    }
    State& book = state();
    const std::uint32_t symbols_max =
        configure.symbols_max() != 0 ? configure.symbols_max() : book.symbols_max;
    if (!ListAll(configure, symbols_max)) {
      return Reject(0, pb::Rejected::TOO_MANY_SYMBOLS, context);
    }
    book.symbols_max = symbols_max;
    if (configure.listing() != pb::UNCHANGED) book.listing = configure.listing();
    auto& configured = context.Make<pb::Configured>();
    configured.set_symbols(static_cast<std::uint32_t>(book.symbols.N()));
    configured.set_listing(book.listing);
    configured.set_symbols_max(book.symbols_max);
    context.Emit(configured);
  }

  std::string PlantFault() override {
    for (Symbol* symbol = state().first_symbol; symbol != nullptr; symbol = symbol->next) {
      for (const SideIndex side : {kBids, kAsks}) {
        if (symbol->sides[side].empty()) continue;
        Order& order = *symbol->sides[side].begin()->first;
        const std::uint64_t before = order.left;
        order.left ^= before == 1 ? 2 : 1;  // never to 0, which no order in a book has
        return "order " + std::to_string(order.id) + " of " + order.user.str() + ", first at the " +
               (side == kBids ? "best bid of " : "best ask of ") + std::string(symbol->name()) +
               ": field left changed from " + std::to_string(before) + " to " +
               std::to_string(order.left);
      }
    }
    return "";
  }

 private:
  static bool IsBest(const Level& level) {
    return level.symbol->best(level.buy() ? kBids : kAsks) == &level;
  }

  void Accept(const pb::NewOrder& order, engine::Context& context) {
    auto& accepted = context.Make<pb::Accepted>();
    accepted.set_order_id(order.order_id());
    accepted.set_symbol(order.symbol());
    accepted.set_side(order.side());
    accepted.set_kind(order.kind());
    accepted.set_price(order.price());
    accepted.set_size(order.size());
    context.Emit(accepted);
  }

  void Reject(std::uint64_t id, pb::Rejected::Reason reason, engine::Context& context) {
    auto& rejected = context.Make<pb::Rejected>();
    rejected.set_order_id(id);
    rejected.set_reason(reason);
    rejected.set_input_type(context.type());
    context.Emit(rejected);
  }

  /// Trades `order` with the other side, best price first, then first come. Returns what is left.
  std::uint64_t Match(const pb::NewOrder& order, Symbol& symbol, SideIndex side,
                      engine::Context& context) {
    Levels& others = symbol.sides[Other(side)];
    const std::int64_t worst_key = KeyOf(Other(side), order.price());
    auto& executed = context.Make<pb::Executed>();
    auto& trade = context.Make<pb::Trade>();
    trade.set_symbol(order.symbol());
    trade.set_taker_id(order.order_id());
    trade.set_aggressor(order.side());
    std::uint64_t left = order.size();
    while (left > 0 && !others.empty() && others.begin()->key <= worst_key) {
      Level& level = *others.begin();
      Order& maker = *level.first;
      const std::uint64_t size = std::min(left, maker.left);
      left -= size;
      executed.set_order_id(maker.id);
      executed.set_role(pb::Executed::MAKER);
      executed.set_price(level.price());
      executed.set_size(size);
      executed.set_remaining(maker.left - size);
      context.EmitTo(maker.user, executed);
      executed.set_order_id(order.order_id());
      executed.set_role(pb::Executed::TAKER);
      executed.set_remaining(left);
      context.Emit(executed);
      trade.set_maker_id(maker.id);
      trade.set_price(level.price());
      trade.set_size(size);
      context.Publish(trade);
      if (size == maker.left) {
        state().Remove(maker);
      } else {
        maker.left -= size;
        level.size -= size;
      }
    }
    return left;
  }

  void RemoveOnRequest(Order& order, pb::Cancelled::Reason reason, engine::Context& context) {
    Symbol& symbol = *order.level->symbol;
    const bool top_changes = IsBest(*order.level);
    SayCancelled(order.user, order.id, reason, order.left, context);
    state().Remove(order);
    if (top_changes) SayTop(symbol, context);
  }

  void SayCancelled(proto::User user, std::uint64_t id, pb::Cancelled::Reason reason,
                    std::uint64_t size, engine::Context& context) {
    auto& cancelled = context.Make<pb::Cancelled>();
    cancelled.set_order_id(id);
    cancelled.set_reason(reason);
    cancelled.set_size(size);
    context.EmitTo(user, cancelled);
  }

  void SayTop(const Symbol& symbol, engine::Context& context) {
    auto& top = context.Make<pb::TopOfBook>();
    const std::string_view name = symbol.name();
    top.set_symbol(name.data(), name.size());
    if (const Level* const bid = symbol.best(kBids); bid != nullptr) {
      top.set_bid_price(bid->price());
      top.set_bid_size(bid->size);
    }
    if (const Level* const ask = symbol.best(kAsks); ask != nullptr) {
      top.set_ask_price(ask->price());
      top.set_ask_size(ask->size);
    }
    context.Publish(top);
  }

  /// Lists what is not listed yet, or nothing if that would make more than `symbols_max`.
  bool ListAll(const pb::Configure& configure, std::uint32_t symbols_max) {
    State& book = state();
    Symbol* const last_before = book.last_symbol;
    for (const std::string& name : configure.list()) {
      const std::uint64_t key = SymbolKey(name);
      if (book.symbols.N() <= symbols_max && book.symbols_by_key.Find(key) == nullptr) {
        book.List(key);
      }
    }
    if (book.symbols.N() <= symbols_max) return true;
    while (book.last_symbol != last_before) book.Unlist(*book.last_symbol);
    return false;
  }
};

const Book& Cast(const replay::Application& application) {
  const auto* const book = dynamic_cast<const Book*>(&application);
  ENSURE(book != nullptr, "%s is not a book", application.info().name.c_str());
  return *book;
}

}  // namespace

Result<std::unique_ptr<replay::Application>> MakeBook(const pools::ZoneOptions& options) {
  auto zone = pools::Zone::Map(options);
  if (!zone) return zone.error();
  return std::unique_ptr<replay::Application>(
      std::make_unique<Book>("book", kBehaviourVersion, std::move(zone).value()));
}

const State& StateOf(const replay::Application& book) { return Cast(book).state(); }
pools::Zone& ZoneOf(replay::Application& book) { return const_cast<Book&>(Cast(book)).zone(); }

}  // namespace tandem::book
