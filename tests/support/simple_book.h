// SPDX-License-Identifier: Apache-2.0
//
// A second implementation of the rules in docs/book.md, for comparison only: maps and lists from
// the standard library, everything looked up anew each time, nothing remembered that can be
// computed. It shares the message schema with engine/book and no code. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "book/book.pb.h"

namespace tandem::tests {

/// A message as far as an application decides it. Inputs: `user` sent it; outputs: it is for
/// `user`, all if empty.
struct BookMessage {
  std::uint16_t type = 0;
  std::string user;
  std::string payload;  ///< serialised

  bool operator==(const BookMessage&) const = default;
};

class SimpleBook {
 public:
  /// The outputs of one input whose type is one of book's inputs and whose payload parses.
  std::vector<BookMessage> Take(const BookMessage& input);

  struct Top {
    std::int64_t bid_price = 0;
    std::uint64_t bid_size = 0;
    std::int64_t ask_price = 0;
    std::uint64_t ask_size = 0;
    bool operator==(const Top&) const = default;
  };
  [[nodiscard]] Top TopOf(const std::string& symbol) const;
  [[nodiscard]] std::size_t live_orders() const { return live_.size(); }
  [[nodiscard]] std::size_t bid_levels(const std::string& symbol) const;
  [[nodiscard]] std::size_t ask_levels(const std::string& symbol) const;

 private:
  struct Order {
    std::string user;
    std::uint64_t id;
    std::uint64_t left;
    std::uint64_t owner;
    std::uint64_t arrival;  ///< which order it was, counted from the first, that came into a book
  };
  using Queue = std::list<Order>;
  struct Symbol {
    std::map<std::int64_t, Queue, std::greater<>> bids;
    std::map<std::int64_t, Queue> asks;
    bool halted = false;
  };
  /// An order on its way in.
  struct Taker {
    std::string user;
    std::uint64_t id;
    std::string symbol;
    book::pb::Side side;
    book::pb::Kind kind;
    std::int64_t price;
    std::uint64_t left;
    std::uint64_t owner;
    book::pb::SelfTradePolicy policy;

    /// Would it trade at this price of the other side?
    [[nodiscard]] bool Takes(std::int64_t other_price) const;
  };
  struct Place {
    std::string symbol;
    book::pb::Side side;
    std::int64_t price;
  };
  using Name = std::pair<std::string, std::uint64_t>;

  template <class Message>
  void Parse(const BookMessage& input);
  void Do(const std::string& user, const book::pb::NewOrder& order);
  void Do(const std::string& user, const book::pb::Cancel& cancel);
  void Do(const std::string& user, const book::pb::Reduce& reduce);
  void Do(const std::string& user, const book::pb::Configure& configure);
  void Do(const std::string& user, const book::pb::Replace& replace);
  void Do(const std::string& user, const book::pb::MassCancel& mass_cancel);
  void Do(const std::string& user, const book::pb::Halt& halt);
  void Do(const std::string& user, const book::pb::Resume& resume);
  template <class Message>
  void Switch(const std::string& user, const Message& message, bool halted, std::uint16_t type);
  [[nodiscard]] bool MayOperate(const std::string& user) const;
  [[nodiscard]] bool Crosses(const Taker& taker) const;
  [[nodiscard]] bool CanBeFilled(const Taker& taker) const;
  template <class Levels>
  [[nodiscard]] static bool CanBeFilledFrom(const Levels& levels, const Taker& taker);
  void Enter(Taker taker);
  template <class Levels>
  book::pb::Cancelled::Reason Match(Levels& levels, Taker& taker);
  template <class Levels>
  bool GoesOnAfterSelfTrade(Levels& levels, Taker& taker);
  template <class Levels>
  void EraseFirst(Levels& levels);
  Queue& QueueAt(const Place& place);
  void EraseQueue(const Place& place);
  [[nodiscard]] std::uint64_t SizeAt(const Place& place) const;
  void TakeFrom(const Name& name, std::uint64_t size, book::pb::Cancelled::Reason reason);
  void Erase(const Name& name);
  [[nodiscard]] const Order& OrderOf(const Name& name) const;
  void SayCancelled(const Name& name, book::pb::Cancelled::Reason reason, std::uint64_t size);
  void SayReduced(const Name& name, std::uint64_t size, std::uint64_t remaining,
                  book::pb::Reduced::Reason reason);
  void SayTop(const std::string& symbol, const Top& before);
  void Reject(const std::string& user, std::uint64_t id, book::pb::Rejected::Reason reason,
              std::uint16_t input_type);
  void Say(const std::string& user, std::uint16_t type, const google::protobuf::Message& message);

  std::map<std::string, Symbol> symbols_;
  std::map<Name, Place> live_;
  bool open_ = true;
  std::uint32_t symbols_max_ = 10'000;
  std::string operator_;
  bool all_halted_ = false;
  std::uint64_t arrivals_ = 0;
  std::vector<BookMessage> said_;
};

}  // namespace tandem::tests
