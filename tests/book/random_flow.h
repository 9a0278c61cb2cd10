// SPDX-License-Identifier: Apache-2.0
//
// Random inputs for comparing two books: few users, ids, symbols and prices, so that everything
// meets everything; a share of hostile ones (unknown and double ids, extreme numbers, unknown
// values and fields). Seeded, integers only. Knows nothing of what a book does with them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "book/book.pb.h"
#include "tests/support/simple_book.h"

namespace tandem::tests {

class RandomFlow {
 public:
  explicit RandomFlow(std::uint64_t seed) : state_(seed) {}

  BookMessage Next() {
    if (Below(4000) == 0) NewRegime();
    const std::string user(1, static_cast<char>('A' + Below(4)));
    const std::uint64_t kind = Below(1000);
    if (kind < 600) return {100, user, NewOrder()};
    if (kind < 750) return {101, user, Cancel()};
    if (kind < 830) return {102, user, Reduce()};
    if (kind < 990) return {104, user, Replace()};
    if (kind < 993) return {105, user, MassCancel()};
    if (crowded_) return {100, user, NewOrder()};
    return Operate(user);
  }

 private:
  std::uint64_t Next64() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1d;
  }
  std::uint64_t Below(std::uint64_t bound) { return (Next64() >> 11) % bound; }
  template <class T, std::size_t kCount>
  T OneOf(const std::array<T, kCount>& values) {
    return values[Below(kCount)];
  }

  /// Other widths of prices and ids for a while: crossed and thin, or deep and crowded.
  void NewRegime() {
    ids_ = OneOf<std::uint64_t, 4>({20, 200, 2000, 20000});
    prices_ = OneOf<std::uint64_t, 4>({2, 10, 100, 2000});
    hostile_ = OneOf<std::uint64_t, 3>({4, 40, 400});
    huge_ = Below(4) == 0;
    crowded_ = Below(16) == 0;
    if (!crowded_) return;
    ids_ = 2000;  // nearly all orders at one price, until its level is full
    prices_ = 1;
    huge_ = true;
  }

  std::uint64_t Id() {
    if (Below(hostile_) == 0) {
      return OneOf<std::uint64_t, 4>({0, 1, std::uint64_t{1} << 63, ~std::uint64_t{0}});
    }
    return 1 + Below(ids_);
  }

  std::string Symbol() {
    static const std::array<std::string, 6> kOdd = {"",    "A B",       "ABCDEFGH",
                                                    "A\n", "ABCDEFGHI", std::string("A\0", 2)};
    if (Below(hostile_ * 4) == 0) return OneOf(kOdd);
    if (Below(500) == 0) return std::to_string(Below(500));
    return std::string("S") + static_cast<char>('0' + (crowded_ ? 0 : Below(6)));
  }

  std::int64_t Price(bool buys) {
    const std::int64_t spread = buys ? 0 : static_cast<std::int64_t>(prices_ / 4);
    return 1000 + spread + static_cast<std::int64_t>(Below(prices_));
  }
  std::uint64_t Size() {
    return huge_ && Below(crowded_ ? 8 : 2) != 0 ? 1'000'000'000'000 - Below(3) : 1 + Below(50);
  }
  book::pb::SelfTradePolicy Policy() {
    return static_cast<book::pb::SelfTradePolicy>(OneOf<int, 6>({0, 1, 2, 2, 3, 4}));
  }

  std::string NewOrder() {
    book::pb::NewOrder order;
    order.set_order_id(Id());
    order.set_symbol(Symbol());
    order.set_side(Below(crowded_ ? 40 : 2) != 0 ? book::pb::BUY : book::pb::SELL);
    order.set_kind(static_cast<book::pb::Kind>(OneOf<int, 10>({1, 1, 1, 1, 1, 1, 2, 3, 4, 5})));
    if (crowded_ && Below(8) != 0) order.set_kind(book::pb::LIMIT);
    if (order.kind() != book::pb::MARKET) order.set_price(Price(order.side() == book::pb::BUY));
    order.set_size(Size());
    if (Below(2) == 0) {
      order.set_owner(1 + Below(2));
      order.set_self_trade_policy(Policy());
    }
    if (Below(hostile_ * 2) != 0) return order.SerializeAsString();
    switch (Below(7)) {
      case 0:
        order.set_price(OneOf<std::int64_t, 7>({0, -1, 1, 1'000'000'000'000, 1'000'000'000'001,
                                                std::numeric_limits<std::int64_t>::max(),
                                                std::numeric_limits<std::int64_t>::min()}));
        break;
      case 1:
        order.set_size(OneOf<std::uint64_t, 4>(
            {0, 1'000'000'000'000, 1'000'000'000'001, std::numeric_limits<std::uint64_t>::max()}));
        break;
      case 2:
        order.set_kind(static_cast<book::pb::Kind>(OneOf<int, 4>({0, 3, 6, -1})));
        break;
      case 3:
        order.set_side(static_cast<book::pb::Side>(OneOf<int, 3>({0, 3, -1})));
        break;
      case 4:
        order.set_self_trade_policy(
            static_cast<book::pb::SelfTradePolicy>(OneOf<int, 3>({5, -1, 1 << 30})));
        break;
      case 5:
        order.set_owner(OneOf<std::uint64_t, 3>({0, 0, ~std::uint64_t{0}}));
        break;
      default:
        return order.SerializeAsString() + "\x48\x05";  // a field that is not known
    }
    return order.SerializeAsString();
  }

  std::string Cancel() {
    book::pb::Cancel cancel;
    cancel.set_order_id(Id());
    std::string payload = cancel.SerializeAsString();
    if (Below(hostile_ * 8) == 0) payload += "\x10\x01";
    return payload;
  }

  std::string Reduce() {
    book::pb::Reduce reduce;
    reduce.set_order_id(Id());
    reduce.set_size(1 + Below(30));
    if (Below(hostile_) == 0) {
      reduce.set_size(OneOf<std::uint64_t, 3>({0, 1'000'000'000'000, ~std::uint64_t{0}}));
    }
    return reduce.SerializeAsString() + (Below(hostile_ * 8) == 0 ? "\x48\x05" : "");
  }

  std::string Replace() {
    book::pb::Replace replace;
    replace.set_order_id(Id());
    if (Below(4) == 0) replace.set_new_order_id(Id());
    replace.set_kind(Below(4) == 0 ? book::pb::POST_ONLY : book::pb::LIMIT);
    replace.set_price(Price(Below(2) == 0));
    replace.set_size(Size());
    if (Below(8) == 0) replace.set_if_left(1 + Below(50));
    if (Below(4) == 0) replace.set_self_trade_policy(Policy());
    if (Below(hostile_ * 2) != 0) return replace.SerializeAsString();
    switch (Below(5)) {
      case 0:
        replace.set_price(OneOf<std::int64_t, 4>({0, -1, 1, 1'000'000'000'001}));
        break;
      case 1:
        replace.set_size(OneOf<std::uint64_t, 3>({0, 1'000'000'000'001, ~std::uint64_t{0}}));
        break;
      case 2:
        replace.set_kind(static_cast<book::pb::Kind>(OneOf<int, 5>({0, 2, 3, 4, 6})));
        break;
      case 3:
        replace.set_self_trade_policy(static_cast<book::pb::SelfTradePolicy>(5));
        break;
      default:
        return replace.SerializeAsString() + "\x48\x05";
    }
    return replace.SerializeAsString();
  }

  std::string MassCancel() {
    book::pb::MassCancel mass_cancel;
    if (crowded_ || Below(2) == 0) mass_cancel.set_symbol(crowded_ ? "S1" : Symbol());
    mass_cancel.set_side(static_cast<book::pb::Side>(OneOf<int, 6>({0, 0, 0, 1, 2, 3})));
    if (Below(3) == 0) mass_cancel.set_owner(1 + Below(3));
    return mass_cancel.SerializeAsString() + (Below(hostile_) == 0 ? "\x48\x05" : "");
  }

  /// More resumes than halts, so that trading goes on most of the time.
  BookMessage Operate(const std::string& user) {
    const std::uint64_t what = Below(8);
    if (what < 3) return {103, user, Configure()};
    if (what == 3) return {106, user, Switch<book::pb::Halt>(16)};
    return {107, user, Switch<book::pb::Resume>(2)};
  }

  template <class Message>
  std::string Switch(std::uint64_t all_one_in) {
    Message message;
    message.set_all(Below(all_one_in) == 0);
    if (!message.all() || Below(8) == 0) {
      message.set_symbol(Below(8) == 0 ? "NOTHING" : Symbol());
    }
    return message.SerializeAsString() + (Below(hostile_) == 0 ? "\x48\x05" : "");
  }

  std::string Configure() {
    book::pb::Configure configure;
    const auto few = static_cast<std::uint32_t>(3 + Below(40));
    for (std::uint64_t i = Below(4); i > 0; --i) configure.add_list(Symbol());
    configure.set_listing(static_cast<book::pb::Listing>(OneOf<int, 6>({0, 0, 1, 1, 2, 3})));
    configure.set_symbols_max(
        OneOf<std::uint32_t, 7>({0, 0, few, few, 10'000, 1'000'000, 1'000'001}));
    if (Below(8) == 0) {
      configure.set_operator_user(OneOf<std::string, 6>({"A", "B", "C", "A B", "TOOLONG", "D"}));
    }
    return configure.SerializeAsString() + (Below(hostile_) == 0 ? "\x48\x05" : "");
  }

  std::uint64_t state_;
  std::uint64_t ids_ = 200;
  std::uint64_t prices_ = 10;
  std::uint64_t hostile_ = 40;
  bool huge_ = false;
  bool crowded_ = false;
};

}  // namespace tandem::tests
