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
  /// The outputs of one input whose type is one of the four inputs and whose payload parses.
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
  };
  using Queue = std::list<Order>;
  struct Symbol {
    std::map<std::int64_t, Queue, std::greater<>> bids;
    std::map<std::int64_t, Queue> asks;
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
  template <class Levels>
  void Match(const std::string& user, const book::pb::NewOrder& order, Levels& levels,
             const std::function<bool(std::int64_t)>& crosses, std::uint64_t& left);
  Queue& QueueAt(const Place& place);
  void EraseQueue(const Place& place);
  [[nodiscard]] std::uint64_t SizeAt(const Place& place) const;
  void TakeFrom(const Name& name, std::uint64_t size, book::pb::Cancelled::Reason reason);
  void SayTop(const std::string& symbol, const Top& before);
  void Reject(const std::string& user, std::uint64_t id, book::pb::Rejected::Reason reason,
              std::uint16_t input_type);
  template <class Message>
  void Say(const std::string& user, std::uint16_t type, const Message& message);

  std::map<std::string, Symbol> symbols_;
  std::map<Name, Place> live_;
  bool open_ = true;
  std::uint32_t symbols_max_ = 10'000;
  std::vector<BookMessage> said_;
};

}  // namespace tandem::tests
