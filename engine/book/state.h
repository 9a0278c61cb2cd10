// SPDX-License-Identifier: Apache-2.0
//
// The state of `book`: every order, price level, symbol and client, each type in its own pool,
// joined by intrusive indexes. All of it lives in the zone and hangs on one State. One thread.
//
//   State ─ symbols by name ──> Symbol ─ bids, asks: levels, best first ──> Level ─ queue ──> Order
//     ├──── clients by user ──> Client ─ oldest first ─────────────────────────────────────────┤
//     └──── orders by (user, id) ──────────────────────────────────────────────────────────────┘
//
// A level's `key` is its price for asks and its price negated for bids, so that on both sides the
// lower key is the better one and one piece of code serves both. Elements have no padding, so what
// is in the zone is what was written there.
#pragma once

#include <bit>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "book/book.pb.h"
#include "engine/book/limits.h"
#include "pools/hash_index.h"
#include "pools/lpool.h"
#include "pools/pool_ref.h"
#include "pools/tpool.h"
#include "proto/header.h"

namespace tandem::book {

struct Client;
struct Level;
struct Symbol;

/// An order that rests in the book.
struct Order {
  Client* client;  ///< whose it is
  std::uint64_t id;
  std::uint64_t left;         ///< never 0
  Level* level;               ///< in whose queue it is
  Order* next;                ///< behind it in the queue
  Order* previous;            ///< before it in the queue
  Order* next_by_name;        ///< in its bucket
  std::uint64_t owner;        ///< 0: none
  Order* next_of_client;      ///< came into the book after it
  Order* previous_of_client;  ///< came into the book before it
};
static_assert(sizeof(Order) == 80 && std::is_trivially_copyable_v<Order>);

/// A user who has, or had, an order in the book. There are as many as the sequencer lets in.
struct Client {
  proto::User user;
  Client* next_by_user;  ///< in its bucket
  Order* first;          ///< of its orders, oldest first
  Order* last;
};
static_assert(sizeof(Client) == 32 && std::is_trivially_copyable_v<Client>);

struct ClientByUser {
  using Key = proto::User;
  static Key KeyOf(const Client& client) { return client.user; }
  static std::uint64_t Hash(Key user) { return pools::MixBits(std::bit_cast<std::uint64_t>(user)); }
  static Client*& Next(Client& client) { return client.next_by_user; }
};

/// The name of an order: clients choose ids, so an id alone says nothing.
struct OrderName {
  proto::User user;
  std::uint64_t id;
  bool operator==(const OrderName&) const = default;
};

struct OrderByName {
  using Key = OrderName;
  static Key KeyOf(const Order& order) { return {order.client->user, order.id}; }
  static std::uint64_t Hash(const Key& key) {
    const auto user = std::bit_cast<std::uint64_t>(key.user);
    return pools::MixBits(key.id ^ (user * 0x9e3779b97f4a7c15));
  }
  static Order*& Next(Order& order) { return order.next_by_name; }
};

using LevelHook =
    boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                    boost::intrusive::optimize_size<true>>;

/// All orders of one side of a symbol at one price, first come first. Never empty.
struct Level : LevelHook {
  using IsZoneSafe = void;  ///< the hook links levels of the same zone

  std::int64_t key = 0;
  std::uint64_t size = 0;  ///< sum of what is left of its orders
  Order* first = nullptr;
  Order* last = nullptr;
  Symbol* symbol = nullptr;

  [[nodiscard]] bool buy() const { return key < 0; }
  [[nodiscard]] std::int64_t price() const { return buy() ? -key : key; }
};
static_assert(sizeof(Level) == 64);

struct LevelKey {
  using type = std::int64_t;
  type operator()(const Level& level) const { return level.key; }
};

/// One side of a book, best level first.
using Levels = boost::intrusive::set<Level, boost::intrusive::key_of_value<LevelKey>,
                                     boost::intrusive::constant_time_size<false>>;

enum SideIndex : std::uint32_t { kBids = 0, kAsks = 1 };

/// A symbol's name as one integer: its characters, zeros behind them.
inline std::uint64_t SymbolKey(std::string_view name) {
  std::uint64_t key = 0;
  std::memcpy(&key, name.data(), name.size() < sizeof key ? name.size() : sizeof key);
  return key;
}

struct Symbol {
  using IsZoneSafe = void;  ///< the levels' headers link levels of the same zone

  explicit Symbol(std::uint64_t symbol_key) : key(symbol_key) {}

  std::uint64_t key;
  Symbol* next_by_key = nullptr;   ///< in its bucket
  Symbol* next = nullptr;          ///< listed after it
  Symbol* previous = nullptr;      ///< listed before it
  Symbol* next_changed = nullptr;  ///< while a mass cancel runs; null between steps
  std::uint64_t halted = 0;        ///< 1: by itself, whatever State::all_halted says
  Levels sides[2];                 ///< by SideIndex

  [[nodiscard]] std::string_view name() const {
    const char* const text = reinterpret_cast<const char*>(&key);
    return {text, strnlen(text, kSymbolSizeMax)};
  }
  [[nodiscard]] const Level* best(SideIndex side) const {
    return sides[side].empty() ? nullptr : &*sides[side].begin();
  }
};

static_assert(sizeof(Symbol) == 96);

using ClientIndex = pools::HashIndex<Client, ClientByUser>;
using OrderIndex = pools::HashIndex<Order, OrderByName>;
using SymbolIndex = pools::HashIndex<Symbol, pools::MemberKey<&Symbol::key, &Symbol::next_by_key>>;

struct State {
  explicit State(pools::PoolRef base)
      : lpool("book.FDb.lpool", base),
        orders("book.FDb.order", lpool),
        levels("book.FDb.level", lpool),
        symbols("book.FDb.symbol", lpool),
        clients("book.FDb.client", lpool),
        orders_by_name(lpool),
        clients_by_user(lpool),
        symbols_by_key(lpool) {}

  pools::Lpool lpool;
  pools::Tpool<Order> orders;
  pools::Tpool<Level> levels;
  pools::Tpool<Symbol> symbols;
  pools::Tpool<Client> clients;
  OrderIndex orders_by_name;
  ClientIndex clients_by_user;
  SymbolIndex symbols_by_key;
  Symbol* first_symbol = nullptr;  ///< in the order in which they were listed
  Symbol* last_symbol = nullptr;
  std::uint32_t symbols_max = kSymbolsMaxDefault;
  pb::Listing listing = pb::OPEN;
  proto::User operator_user;     ///< blank: nobody is, anybody may configure and halt
  std::uint64_t all_halted = 0;  ///< 1: all symbols, whatever their own switches say

  [[nodiscard]] bool IsHalted(const Symbol& symbol) const {
    return (symbol.halted | all_halted) != 0;
  }

  /// The level of `symbol` with that key, or null. Looks at a few levels from the best one on
  /// before it searches the tree: that is where most orders go.
  [[nodiscard]] Level* FindLevel(Symbol& symbol, SideIndex side, std::int64_t key,
                                 Levels::iterator& place);
  /// Puts a new order at the end of the queue of the level at `place`, which FindLevel gave.
  Order& Rest(Symbol& symbol, SideIndex side, std::int64_t key, Level* level,
              Levels::iterator place, const OrderName& name, std::uint64_t owner,
              std::uint64_t size);
  /// Takes an order, and its level if that is empty then, out of the state.
  void Remove(Order& order);
  /// Gives an order another id, which no order of its client has. It keeps its places.
  void Rename(Order& order, std::uint64_t id);

  [[nodiscard]] Symbol* FindSymbol(std::string_view name) const {
    return symbols_by_key.Find(SymbolKey(name));
  }
  Symbol& List(std::uint64_t key);
  /// Takes the symbol that was listed last, and has no orders, off the list.
  void Unlist(Symbol& symbol);

 private:
  Client& ClientOf(proto::User user);
};

}  // namespace tandem::book
