// SPDX-License-Identifier: Apache-2.0
#include "engine/book/book.h"

#include <limits>
#include <string>
#include <utility>

#include "book/book.pb.h"
#include "engine/application.h"
#include "engine/book/answers.h"
#include "engine/book/checks.h"
#include "engine/book/limits.h"
#include "engine/book/matching.h"
#include "engine/book/portable.h"
#include "engine/book/state.h"
#include "pools/declarations/zone_options.h"

namespace tandem::book {

namespace {

constexpr std::uint32_t kBehaviourVersion = 2;

SideIndex SideOf(pb::Side side) { return side == pb::BUY ? kBids : kAsks; }
SideIndex SideOf(const Level& level) { return IsBid(level) ? kBids : kAsks; }
std::int64_t KeyOf(SideIndex side, std::int64_t price) { return side == kBids ? -price : price; }
bool IsBest(const Level& level) { return BestOf(*level.symbol, SideOf(level)) == &level; }

std::int64_t WorstKeyOf(const pb::NewOrder& order, SideIndex side) {
  if (order.kind() == pb::MARKET) return std::numeric_limits<std::int64_t>::max();
  return KeyOf(Other(side), order.price());
}

/// Why what an order of this kind could not trade is cancelled; NO_REASON: it rests.
pb::Cancelled::Reason RemainderOf(pb::Kind kind) {
  switch (kind) {
    case pb::IOC:
      return pb::Cancelled::IOC_REMAINDER;
    case pb::MARKET:
      return pb::Cancelled::MARKET_REMAINDER;
    case pb::FOK:
      return pb::Cancelled::FOK_UNFILLED;
    default:
      return pb::Cancelled::NO_REASON;
  }
}

/// Where an order that rests goes: its level, if there is one, and the place of the level.
struct Place {
  Level* level = nullptr;
  Levels::iterator at;
};

class Book final
    : public engine::Application<Book, State, pb::NewOrder, pb::Cancel, pb::Reduce, pb::Configure,
                                 pb::Replace, pb::MassCancel, pb::Halt, pb::Resume> {
 public:
  using Application::Application;
  using Portable = engine::Portable<1, pb::SavedSettings, pb::SavedSymbol, pb::SavedOrder>;

  void Save(engine::PortableWriter& to) const { book::Save(state(), to); }
  Status Load(const pb::SavedSettings& settings) { return book::Load(state(), settings); }
  Status Load(const pb::SavedSymbol& symbol) { return book::Load(state(), symbol); }
  Status Load(const pb::SavedOrder& order) { return book::Load(state(), order); }

  void On(const pb::NewOrder& input, engine::Context& context) {
    const auto reject = [&](auto reason) { Reject(input.order_id(), reason, context); };
    if (const auto reason = Check(input); reason != pb::Rejected::NO_REASON) return reject(reason);
    State& book = state();
    const OrderName name{context.user(), input.order_id()};
    Client* const client = client_Find_user(book, name.user);
    if (client != nullptr && order_Find_client_id(book, client, name.id) != nullptr) {
      return reject(pb::Rejected::DUPLICATE_ID);
    }
    Symbol* symbol = FindSymbol(book, input.symbol());
    if (symbol == nullptr) {
      if (!book.open) return reject(pb::Rejected::UNKNOWN_SYMBOL);
      if (symbol_N(book) >= book.symbols_max) return reject(pb::Rejected::TOO_MANY_SYMBOLS);
      if (book.all_halted) return reject(pb::Rejected::HALTED);
      symbol = &List(book, SymbolKey(input.symbol()));
    } else if (IsHalted(book, *symbol)) {
      return reject(pb::Rejected::HALTED);
    }
    const SideIndex side = SideOf(input.side());
    Incoming order{.name = name,
                   .client = client,
                   .symbol = *symbol,
                   .side = side,
                   .worst_key = WorstKeyOf(input, side),
                   .owner = input.owner(),
                   .policy = input.self_trade_policy(),
                   .left = input.size()};
    const bool crosses = Crosses(order);
    const bool rests = RemainderOf(input.kind()) == pb::Cancelled::NO_REASON;
    Place place;
    if (rests && !crosses) {
      place = FindPlace(order);
      if (place.level != nullptr && place.level->size + order.left > kLevelSizeMax) {
        return reject(pb::Rejected::LEVEL_FULL);
      }
    }
    Accept(input, context);
    Enter(order, input.kind(), crosses, place, false, context);
  }

  void On(const pb::Cancel& input, engine::Context& context) {
    const auto reject = [&](auto reason) { Reject(input.order_id(), reason, context); };
    if (const auto reason = Check(input); reason != pb::Rejected::NO_REASON) return reject(reason);
    Order* const order = FindOrder(state(), {context.user(), input.order_id()});
    if (order == nullptr) return reject(pb::Rejected::UNKNOWN_ORDER);
    RemoveOnRequest(*order, pb::Cancelled::REQUESTED, context);
  }

  void On(const pb::Reduce& input, engine::Context& context) {
    const auto reject = [&](auto reason) { Reject(input.order_id(), reason, context); };
    if (const auto reason = Check(input); reason != pb::Rejected::NO_REASON) return reject(reason);
    const OrderName name{context.user(), input.order_id()};
    Order* const order = FindOrder(state(), name);
    if (order == nullptr) return reject(pb::Rejected::UNKNOWN_ORDER);
    if (input.size() >= order->left) {
      return RemoveOnRequest(*order, pb::Cancelled::REDUCED_TO_ZERO, context);
    }
    order->left -= input.size();
    order->level->size -= input.size();
    SayReduced(name, pb::Reduced::REQUESTED, input.size(), order->left, context);
    if (IsBest(*order->level)) SayTop(*order->level->symbol, context);
  }

  void On(const pb::Replace& input, engine::Context& context) {
    const auto reject = [&](auto reason) { Reject(input.order_id(), reason, context); };
    if (const auto reason = Check(input); reason != pb::Rejected::NO_REASON) return reject(reason);
    State& book = state();
    const OrderName name{context.user(), input.order_id()};
    Order* const resting = FindOrder(book, name);
    if (resting == nullptr) return reject(pb::Rejected::UNKNOWN_ORDER);
    const std::uint64_t new_id = input.has_new_order_id() ? input.new_order_id() : name.id;
    if (new_id != name.id && order_Find_client_id(book, resting->client, new_id) != nullptr) {
      return reject(pb::Rejected::DUPLICATE_ID);
    }
    if (input.if_left() != 0 && input.if_left() != resting->left) {
      return reject(pb::Rejected::CHANGED);
    }
    if (input.self_trade_policy() != pb::NO_POLICY && resting->owner == 0) {
      return reject(pb::Rejected::BAD_OWNER);
    }
    Level& level = *resting->level;
    Symbol& symbol = *level.symbol;
    if (IsHalted(book, symbol)) return reject(pb::Rejected::HALTED);

    const bool was_best = IsBest(level);
    if (input.price() == PriceOf(level) && input.size() <= resting->left) {
      const std::uint64_t less = resting->left - input.size();
      resting->left -= less;
      level.size -= less;
      const bool renamed = order_Set_id(book, *resting, new_id);
      ENSURE(renamed, "an order gets an id that another one has");
      SayReplaced(input, new_id, true, context);
      if (was_best && less != 0) SayTop(symbol, context);
      return;
    }
    const SideIndex side = SideOf(level);
    Incoming order{.name = {name.user, new_id},
                   .client = resting->client,
                   .symbol = symbol,
                   .side = side,
                   .worst_key = KeyOf(Other(side), input.price()),
                   .owner = resting->owner,
                   .policy = input.self_trade_policy(),
                   .left = input.size()};
    const bool crosses = Crosses(order);
    if (crosses) {
      if (input.kind() == pb::POST_ONLY) return reject(pb::Rejected::WOULD_TRADE);
    } else if (const Level* const joined = FindPlace(order).level; joined != nullptr) {
      const std::uint64_t others = joined->size - (joined == &level ? resting->left : 0);
      if (others + order.left > kLevelSizeMax) return reject(pb::Rejected::LEVEL_FULL);
    }
    Remove(book, *resting);
    SayReplaced(input, new_id, false, context);
    Enter(order, input.kind(), crosses, crosses ? Place() : FindPlace(order), was_best, context);
  }

  void On(const pb::MassCancel& input, engine::Context& context) {
    const auto reject = [&](auto reason) { Reject(0, reason, context); };
    if (const auto reason = Check(input); reason != pb::Rejected::NO_REASON) return reject(reason);
    State& book = state();
    const Symbol* const symbol =
        input.symbol().empty() ? nullptr : FindSymbol(book, input.symbol());
    if (symbol == nullptr && !input.symbol().empty()) return reject(pb::Rejected::UNKNOWN_SYMBOL);
    const auto applies = [&](const Order& order) {
      return (symbol == nullptr || order.level->symbol == symbol) &&
             (input.side() == pb::NO_SIDE || IsBid(*order.level) == (input.side() == pb::BUY)) &&
             (input.owner() == 0 || order.owner == input.owner());
    };

    ChangedSymbols changed;
    auto& summary = context.Make<pb::MassCancelled>();
    std::uint32_t count = 0;
    const Client* const client = client_Find_user(book, context.user());
    Order* next = client != nullptr ? client->first : nullptr;
    while (next != nullptr) {
      Order& order = *next;
      next = order.next_of_client;
      if (!applies(order)) continue;
      if (count == kOrdersMetMax) {
        summary.set_more(true);
        break;
      }
      ++count;
      if (IsBest(*order.level)) changed.Add(*order.level->symbol);
      SayCancelled({client->user, order.id}, pb::Cancelled::MASS_CANCEL, order.left, context);
      Remove(book, order);
    }
    summary.set_orders(count);
    context.Emit(summary);
    while (const Symbol* const top = changed.Take()) SayTop(*top, context);
  }

  void On(const pb::Configure& input, engine::Context& context) {
    if (!MayOperate(input, context)) return;
    State& book = state();
    const std::uint32_t symbols_max =
        input.symbols_max() != 0 ? input.symbols_max() : book.symbols_max;
    if (!ListAll(input, symbols_max)) return Reject(0, pb::Rejected::TOO_MANY_SYMBOLS, context);
    book.symbols_max = symbols_max;
    if (input.listing() != pb::UNCHANGED) book.open = input.listing() == pb::OPEN;
    if (!input.operator_user().empty()) book.operator_user = proto::User(input.operator_user());
    auto& configured = context.Make<pb::Configured>();
    configured.set_symbols(static_cast<std::uint32_t>(symbol_N(book)));
    configured.set_listing(book.open ? pb::OPEN : pb::CLOSED);
    configured.set_symbols_max(book.symbols_max);
    const std::string_view operator_user = book.operator_user.view();
    configured.set_operator_user(operator_user.data(), operator_user.size());
    context.Emit(configured);
  }

  void On(const pb::Halt& input, engine::Context& context) {
    Switch(input, pb::TradingStatus::HALTED, context);
  }
  void On(const pb::Resume& input, engine::Context& context) {
    Switch(input, pb::TradingStatus::TRADING, context);
  }

  std::string PlantFault() override {
    for (Symbol& symbol : symbol_Rows(state())) {
      for (const SideIndex side : {kBids, kAsks}) {
        if (symbol.side.qFind(side).empty()) continue;
        Order& order = *symbol.side.qFind(side).begin()->first;
        const std::uint64_t before = order.left;
        order.left ^= before == 1 ? 2 : 1;  // never to 0, which no order in a book has
        return "order " + std::to_string(order.id) + " of " + order.client->user.str() +
               ", first at the " + (side == kBids ? "best bid of " : "best ask of ") +
               std::string(NameOf(symbol)) + ": field left changed from " + std::to_string(before) +
               " to " + std::to_string(order.left);
      }
    }
    return "";
  }

 private:
  /// Symbols whose tops a mass cancel has changed, each once, first changed first. The chain runs
  /// through the symbols and is gone when all have been taken.
  class ChangedSymbols {
   public:
    void Add(Symbol& symbol) {
      if (symbol.next_changed != nullptr || &symbol == last_) return;
      (last_ != nullptr ? last_->next_changed : first_) = &symbol;
      last_ = &symbol;
    }
    /// The next one, or null.
    const Symbol* Take() {
      Symbol* const symbol = first_;
      if (symbol != nullptr) first_ = std::exchange(symbol->next_changed, nullptr);
      return symbol;
    }

   private:
    Symbol* first_ = nullptr;
    Symbol* last_ = nullptr;
  };

  /// For an order that crosses nothing.
  Place FindPlace(const Incoming& order) {
    Place place;
    place.level = FindLevel(order.symbol, order.side, -order.worst_key, place.at);
    return place;
  }

  /// What an order does after it was accepted or replaced. `place`: of an order that crosses
  /// nothing and may rest; `top_changed`: has the input changed the top already?
  void Enter(Incoming& order, pb::Kind kind, bool crosses, Place place, bool top_changed,
             engine::Context& context) {
    pb::Cancelled::Reason end = pb::Cancelled::NO_REASON;
    if (crosses && kind == pb::POST_ONLY) {
      end = pb::Cancelled::WOULD_TRADE;
    } else if (crosses && (kind != pb::FOK || CanFill(order))) {
      const Matched matched = Match(state(), order, context);
      top_changed |= matched.book_changed;
      end = matched.end;
      place.at = order.symbol.side.qFind(order.side).begin();  // nothing on its side is better
    }
    if (order.left > 0) {
      if (end == pb::Cancelled::NO_REASON) end = RemainderOf(kind);
      if (end != pb::Cancelled::NO_REASON) {
        SayCancelled(order.name, end, order.left, context);
      } else {
        const Order& rested = Rest(state(), order.symbol, order.side, -order.worst_key, place.level,
                                   place.at, order.client, order.name, order.owner, order.left);
        top_changed |= IsBest(*rested.level);
      }
    }
    if (top_changed) SayTop(order.symbol, context);
  }

  void Accept(const pb::NewOrder& order, engine::Context& context) {
    auto& accepted = context.Make<pb::Accepted>();
    accepted.set_order_id(order.order_id());
    accepted.set_symbol(order.symbol());
    accepted.set_side(order.side());
    accepted.set_kind(order.kind());
    accepted.set_price(order.price());
    accepted.set_size(order.size());
    accepted.set_owner(order.owner());
    accepted.set_self_trade_policy(order.self_trade_policy());
    context.Emit(accepted);
  }

  void SayReplaced(const pb::Replace& input, std::uint64_t new_id, bool kept_place,
                   engine::Context& context) {
    auto& replaced = context.Make<pb::Replaced>();
    replaced.set_order_id(input.order_id());
    replaced.set_new_order_id(new_id);
    replaced.set_kind(input.kind());
    replaced.set_price(input.price());
    replaced.set_size(input.size());
    replaced.set_kept_place(kept_place);
    context.Emit(replaced);
  }

  void RemoveOnRequest(Order& order, pb::Cancelled::Reason reason, engine::Context& context) {
    Symbol& symbol = *order.level->symbol;
    const bool top_changes = IsBest(*order.level);
    SayCancelled({context.user(), order.id}, reason, order.left, context);
    Remove(state(), order);
    if (top_changes) SayTop(symbol, context);
  }

  /// Checks an input that is for the operator, and rejects it.
  template <class Input>
  bool MayOperate(const Input& input, engine::Context& context) {
    const proto::User operator_user = state().operator_user;
    pb::Rejected::Reason reason = CheckFields(input);
    if (reason == pb::Rejected::NO_REASON && !operator_user.empty() &&
        operator_user != context.user()) {
      reason = pb::Rejected::NOT_OPERATOR;
    }
    if (reason == pb::Rejected::NO_REASON) reason = Check(input);
    if (reason == pb::Rejected::NO_REASON) return true;
    Reject(0, reason, context);
    return false;
  }

  template <class Input>
  void Switch(const Input& input, pb::TradingStatus::Status status, engine::Context& context) {
    if (!MayOperate(input, context)) return;
    Symbol* const symbol = input.all() ? nullptr : FindSymbol(state(), input.symbol());
    if (symbol == nullptr && !input.all()) {
      return Reject(0, pb::Rejected::UNKNOWN_SYMBOL, context);
    }
    (symbol != nullptr ? symbol->halted : state().all_halted) = status == pb::TradingStatus::HALTED;
    auto& answer = context.Make<pb::TradingStatus>();
    answer.set_symbol(input.symbol());
    answer.set_status(status);
    context.Publish(answer);
  }

  /// Lists what is not listed yet, or nothing if that would make more than `symbols_max`.
  bool ListAll(const pb::Configure& configure, std::uint32_t symbols_max) {
    State& book = state();
    const Symbol* const last_before = symbol_Rows(book).Last();
    for (const std::string& name : configure.list()) {
      if (symbol_N(book) <= symbols_max && FindSymbol(book, name) == nullptr) {
        List(book, SymbolKey(name));
      }
    }
    if (symbol_N(book) <= symbols_max) return true;
    while (symbol_Rows(book).Last() != last_before) Unlist(book, *symbol_Rows(book).Last());
    return false;
  }
};

const Book& Cast(const replay::Application& application) {
  const auto* const book = dynamic_cast<const Book*>(&application);
  ENSURE(book != nullptr, "%s is not a book", application.info().name.c_str());
  return *book;
}

}  // namespace

Result<std::unique_ptr<replay::Application>> MakeBook(const pools::ZoneOptions& options,
                                                      const declarations::Declarations* site) {
  const auto zone = declarations::ZoneOptionsOf(kDeclarations, site, options);
  if (!zone) return zone.error();
  auto book = Book::Make("book", kBehaviourVersion, *zone);
  if (!book) return book.error();
  return std::unique_ptr<replay::Application>(std::move(book).value());
}

std::string_view PoolDeclarations() { return kDeclarations; }

const State& StateOf(const replay::Application& book) { return Cast(book).state(); }
pools::Zone& ZoneOf(replay::Application& book) { return const_cast<Book&>(Cast(book)).zone(); }

}  // namespace tandem::book
