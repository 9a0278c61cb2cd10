// SPDX-License-Identifier: Apache-2.0
//
// Drives a book as an engine would: each input gets its place in a stream and goes through a
// Stepper. A second book, in a zone at another address, silently takes the same inputs and must
// give the same bytes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "book/book.pb.h"
#include "engine/book/book.h"
#include "engine/book/flow_stream.h"
#include "replay/stepper.h"
#include "tests/support/simple_book.h"

namespace tandem::tests {

class BookDriver {
 public:
  explicit BookDriver(std::uint64_t reserve_bytes = std::uint64_t{4} << 30)
      : first_(Make(pools::kZoneAddressDefault, reserve_bytes)),
        second_(Make(pools::kZoneAddressDefault + (std::uintptr_t{1} << 38), reserve_bytes)) {}

  /// The outputs of the next input, as Tandem's own are left out of it: type, user, payload.
  std::vector<BookMessage> Take(const BookMessage& input) {
    flow_.user = proto::User(input.user);
    flow_.time_ns += 1000;
    flow_.type = input.type;
    flow_.payload = input.payload;
    return Take(flow_);
  }

  std::vector<BookMessage> Take(const book::FlowMessage& flow) {
    const auto message = proto::ParseMessage(stream_.Next(flow));
    const Status first = first_stepper_.Apply(*message);
    const Status second = second_stepper_.Apply(*message);
    EXPECT_TRUE(first.ok()) << first.error().text;
    EXPECT_TRUE(second.ok()) << second.error().text;
    EXPECT_EQ(first_stepper_.position().output, second_stepper_.position().output)
        << "two books at different zone addresses differ";
    std::vector<BookMessage> outputs;
    for (std::size_t i = 0; i < first_stepper_.outputs().count(); ++i) {
      const auto output = proto::ParseMessage(first_stepper_.outputs().message(i));
      outputs.push_back(
          {output->header.type, output->header.user.str(), std::string(output->payload_text())});
    }
    return outputs;
  }

  [[nodiscard]] replay::Application& book() { return *first_; }
  [[nodiscard]] replay::Application& second_book() { return *second_; }
  [[nodiscard]] proto::StreamPosition output() const { return first_stepper_.position().output; }

 private:
  static std::unique_ptr<replay::Application> Make(std::uintptr_t address, std::uint64_t reserve) {
    pools::ZoneOptions options;
    options.address = address;
    options.reserve_bytes = reserve;
    auto made = book::MakeBook(options);
    ENSURE(made.ok(), "%s", made.error().text.c_str());
    return std::move(made).value();
  }

  std::unique_ptr<replay::Application> first_;
  std::unique_ptr<replay::Application> second_;
  proto::Session session_{"TEST"};
  replay::Stepper first_stepper_{*first_, session_};
  replay::Stepper second_stepper_{*second_, session_};
  book::FlowStream stream_{session_};
  book::FlowMessage flow_;
};

/// "A Executed order_id: 1 role: MAKER ...": for whom, what, fields. "all" is everybody.
inline std::string AsText(const BookMessage& message) {
  const auto as = [&message](google::protobuf::Message&& payload) {
    ENSURE(payload.ParseFromString(message.payload), "an output does not parse");
    const std::string fields = payload.ShortDebugString();
    return (message.user.empty() ? "all" : message.user) + " " + payload.GetDescriptor()->name() +
           (fields.empty() ? "" : " ") + fields;
  };
  switch (message.type) {
    case 200:
      return as(book::pb::Accepted());
    case 201:
      return as(book::pb::Executed());
    case 202:
      return as(book::pb::Cancelled());
    case 203:
      return as(book::pb::Reduced());
    case 204:
      return as(book::pb::Rejected());
    case 205:
      return as(book::pb::Configured());
    case 206:
      return as(book::pb::Replaced());
    case 207:
      return as(book::pb::MassCancelled());
    case 210:
      return as(book::pb::Trade());
    case 211:
      return as(book::pb::TopOfBook());
    case 212:
      return as(book::pb::TradingStatus());
    default:
      return message.user + " type " + std::to_string(message.type);
  }
}

// Inputs, as they are written in tests.

inline book::pb::NewOrder Order(book::pb::Side side, book::pb::Kind kind, std::uint64_t id,
                                const std::string& symbol, std::int64_t price, std::uint64_t size) {
  book::pb::NewOrder order;
  order.set_order_id(id);
  order.set_symbol(symbol);
  order.set_side(side);
  order.set_kind(kind);
  order.set_price(price);
  order.set_size(size);
  return order;
}
inline book::pb::NewOrder Buy(std::uint64_t id, const std::string& symbol, std::int64_t price,
                              std::uint64_t size) {
  return Order(book::pb::BUY, book::pb::LIMIT, id, symbol, price, size);
}
inline book::pb::NewOrder Sell(std::uint64_t id, const std::string& symbol, std::int64_t price,
                               std::uint64_t size) {
  return Order(book::pb::SELL, book::pb::LIMIT, id, symbol, price, size);
}
inline book::pb::NewOrder BuyNow(std::uint64_t id, const std::string& symbol, std::int64_t price,
                                 std::uint64_t size) {
  return Order(book::pb::BUY, book::pb::IOC, id, symbol, price, size);
}
inline book::pb::NewOrder SellNow(std::uint64_t id, const std::string& symbol, std::int64_t price,
                                  std::uint64_t size) {
  return Order(book::pb::SELL, book::pb::IOC, id, symbol, price, size);
}
/// The same order for an owner.
inline book::pb::NewOrder For(std::uint64_t owner, book::pb::NewOrder order,
                              book::pb::SelfTradePolicy policy = book::pb::NO_POLICY) {
  order.set_owner(owner);
  order.set_self_trade_policy(policy);
  return order;
}
inline book::pb::Replace Replace(std::uint64_t id, std::int64_t price, std::uint64_t size,
                                 book::pb::Kind kind = book::pb::LIMIT) {
  book::pb::Replace replace;
  replace.set_order_id(id);
  replace.set_kind(kind);
  replace.set_price(price);
  replace.set_size(size);
  return replace;
}
inline book::pb::MassCancel MassCancel(const std::string& symbol = "",
                                       book::pb::Side side = book::pb::NO_SIDE,
                                       std::uint64_t owner = 0) {
  book::pb::MassCancel mass_cancel;
  mass_cancel.set_symbol(symbol);
  mass_cancel.set_side(side);
  mass_cancel.set_owner(owner);
  return mass_cancel;
}
inline book::pb::Halt Halt(const std::string& symbol) {
  book::pb::Halt halt;
  halt.set_symbol(symbol);
  return halt;
}
inline book::pb::Resume Resume(const std::string& symbol) {
  book::pb::Resume resume;
  resume.set_symbol(symbol);
  return resume;
}
inline book::pb::Halt HaltAll() {
  book::pb::Halt halt;
  halt.set_all(true);
  return halt;
}
inline book::pb::Resume ResumeAll() {
  book::pb::Resume resume;
  resume.set_all(true);
  return resume;
}
inline book::pb::Configure NameOperator(const std::string& user) {
  book::pb::Configure configure;
  configure.set_operator_user(user);
  return configure;
}
inline book::pb::Cancel Cancel(std::uint64_t id) {
  book::pb::Cancel cancel;
  cancel.set_order_id(id);
  return cancel;
}
inline book::pb::Reduce Reduce(std::uint64_t id, std::uint64_t size) {
  book::pb::Reduce reduce;
  reduce.set_order_id(id);
  reduce.set_size(size);
  return reduce;
}
inline book::pb::Configure List(const std::vector<std::string>& symbols) {
  book::pb::Configure configure;
  for (const std::string& symbol : symbols) configure.add_list(symbol);
  return configure;
}

template <class Input>
BookMessage AsInput(const std::string& user, const Input& input) {
  const auto type =
      static_cast<std::uint16_t>(Input::descriptor()->options().GetExtension(pb::type));
  return {type, user, input.SerializeAsString()};
}

using Lines = std::vector<std::string>;

class BookTest : public testing::Test {
 protected:
  template <class Input>
  Lines When(const std::string& user, const Input& input) {
    const BookMessage message = AsInput(user, input);
    return WhenPayload(user, message.type, message.payload);
  }
  template <class Input>
  void Given(const std::string& user, const Input& input) {
    for (const std::string& line : When(user, input)) {
      EXPECT_EQ(line.find("Rejected"), std::string::npos) << line;
    }
  }
  Lines WhenPayload(const std::string& user, std::uint16_t type, const std::string& payload) {
    Lines lines;
    for (const BookMessage& output : driver_.Take({type, user, payload})) {
      lines.push_back(AsText(output));
    }
    return lines;
  }

  BookDriver driver_;
};

}  // namespace tandem::tests
