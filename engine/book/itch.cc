// SPDX-License-Identifier: Apache-2.0
#include "engine/book/itch.h"

#include <cctype>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "book/book.pb.h"
#include "engine/book/binary_file.h"
#include "engine/book/limits.h"
#include "proto/schema.h"

namespace tandem::book {
namespace {

/// Orders that stand for executions have ids from here on, beyond those of the file.
constexpr std::uint64_t kExecutionIdBase = std::uint64_t{1} << 63;
constexpr std::int64_t kDay = 86'400'000'000'000;

/// Bytes of a message by its type; 0: not one that is decoded.
std::size_t SizeOf(char type) {
  switch (type) {
    case 'S':
      return 12;
    case 'D':
      return 19;
    case 'X':
      return 23;
    case 'E':
      return 31;
    case 'U':
      return 35;
    case 'A':
    case 'C':
      return 36;
    case 'R':
      return 39;
    case 'F':
      return 40;
    default:
      return 0;
  }
}

/// Takes fields off the front: integers with the highest byte first, text without trailing blanks.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t Integer(std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[i]);
    }
    bytes_ = bytes_.subspan(size);
    return value;
  }
  std::uint32_t Integer4() { return static_cast<std::uint32_t>(Integer(4)); }
  char Letter() { return static_cast<char>(Integer(1)); }
  std::string Text(std::size_t size) {
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    bytes_ = bytes_.subspan(size);
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
};

Error Wrong(char type, const std::string& what) {
  return Error::BadInput("a message of type " + std::string(1, type) + " " + what);
}

/// Symbol and side of a stock's add message, or the stock of the directory.
Status ParseStock(Fields& fields, ItchMessage* message) {
  message->stock = fields.Text(8);
  if (IsSymbol(message->stock)) return {};
  return Wrong(message->type, "has a stock that is not 1 to 8 printable characters");
}

/// Turns messages into flow. Knows the orders that are open.
class Mapper {
 public:
  Mapper(std::int64_t midnight_ns, proto::User user, const ItchSink& sink)
      : midnight_ns_(midnight_ns), sink_(sink) {
    message_.user = user;
  }

  Status Take(const ItchMessage& itch) {
    ++totals_.read;
    ++totals_.read_by_type[static_cast<std::size_t>(itch.type)];
    const std::int64_t time = midnight_ns_ + itch.time_ns;
    if (totals_.read > 1 && time < message_.time_ns) {
      return Error::BadInput("a message is earlier than the one before it");
    }
    message_.time_ns = time;
    switch (itch.type) {
      case 'R':
        if (symbols_[itch.locate].empty()) ++totals_.symbols;
        symbols_[itch.locate] = itch.stock;
        return {};
      case 'A':
      case 'F':
        return Add(itch);
      case 'E':
      case 'C':
      case 'X':
      case 'D':
      case 'U':
        return Change(itch);
      default:
        return {};
    }
  }

  [[nodiscard]] const ItchTotals& totals() const { return totals_; }

 private:
  struct Order {
    std::uint16_t locate = 0;
    bool buy = false;
    std::uint32_t price = 0;
    std::uint32_t left = 0;
  };

  Status Add(const ItchMessage& itch) {
    // The directory's word counts; a file that was cut out of a day may lack it.
    std::string& symbol = symbols_[itch.locate];
    if (symbol.empty()) symbol = itch.stock;
    if (symbol != itch.stock) {
      return Wrong(itch.type,
                   "is for " + itch.stock + ", and its locate code is that of " + symbol);
    }
    ++totals_.taken;
    return Open(itch.order, {itch.locate, itch.buy, itch.price, itch.shares});
  }

  Status Change(const ItchMessage& itch) {
    const auto found = orders_.find(itch.order);
    if (found == orders_.end()) {
      ++totals_.unknown_order;
      return {};
    }
    ++totals_.taken;
    const Order order = found->second;
    if (itch.type == 'D' || itch.type == 'U') {
      orders_.erase(found);
      cancel_.set_order_id(itch.order);
      if (Status sent = Send(kCancelType, cancel_); !sent || itch.type == 'D') return sent;
      return Open(itch.new_order, {order.locate, order.buy, itch.price, itch.shares});
    }
    if (itch.shares >= order.left) {
      orders_.erase(found);
    } else {
      found->second.left -= itch.shares;
    }
    if (itch.type == 'X') {
      reduce_.set_order_id(itch.order);
      reduce_.set_size(itch.shares);
      return Send(kReduceType, reduce_);
    }
    Order taker = order;
    taker.buy = !order.buy;
    taker.left = itch.shares;
    return Enter(kExecutionIdBase + totals_.read - 1, pb::IOC, taker);
  }

  Status Open(std::uint64_t id, const Order& order) {
    orders_[id] = order;
    return Enter(id, pb::LIMIT, order);
  }

  Status Enter(std::uint64_t id, pb::Kind kind, const Order& order) {
    order_.set_order_id(id);
    order_.set_symbol(symbols_[order.locate]);
    order_.set_side(order.buy ? pb::BUY : pb::SELL);
    order_.set_kind(kind);
    order_.set_price(order.price);
    order_.set_size(order.left);
    return Send(kNewOrderType, order_);
  }

  Status Send(std::uint16_t type, const google::protobuf::MessageLite& payload) {
    ++totals_.messages;
    message_.type = type;
    payload.SerializeToString(&message_.payload);
    return sink_(message_);
  }

  std::int64_t midnight_ns_;
  const ItchSink& sink_;
  ItchTotals totals_;
  std::unordered_map<std::uint16_t, std::string> symbols_;  ///< by locate code
  std::unordered_map<std::uint64_t, Order> orders_;         ///< open, by reference
  FlowMessage message_;
  pb::NewOrder order_;
  pb::Cancel cancel_;
  pb::Reduce reduce_;
};

}  // namespace

Result<ItchMessage> ParseItch(std::span<const std::byte> bytes) {
  constexpr std::size_t kCommonSize = 11;
  if (bytes.size() < kCommonSize) {
    return Error::BadInput("a message of " + std::to_string(bytes.size()) +
                           " bytes is too short for ITCH 5.0");
  }
  Fields fields(bytes);
  ItchMessage message;
  message.type = fields.Letter();
  if (std::isalpha(static_cast<unsigned char>(message.type)) == 0) {
    return Error::BadInput("a message whose type is no letter is not of ITCH 5.0");
  }
  const std::size_t size = SizeOf(message.type);
  if (size != 0 && bytes.size() != size) {
    return Wrong(message.type,
                 "has " + std::to_string(bytes.size()) + " bytes and not " + std::to_string(size));
  }
  message.locate = static_cast<std::uint16_t>(fields.Integer(2));
  fields.Integer(2);  // tracking number
  message.time_ns = static_cast<std::int64_t>(fields.Integer(6));
  if (message.time_ns >= kDay) return Wrong(message.type, "has a time beyond the day");
  switch (message.type) {
    case 'R':
      if (Status status = ParseStock(fields, &message); !status) return status.error();
      break;
    case 'A':
    case 'F': {
      message.order = fields.Integer(8);
      const char side = fields.Letter();
      if (side != 'B' && side != 'S') return Wrong(message.type, "has a side other than B and S");
      message.buy = side == 'B';
      message.shares = fields.Integer4();
      if (Status status = ParseStock(fields, &message); !status) return status.error();
      message.price = fields.Integer4();
      break;
    }
    case 'E':
    case 'X':
      message.order = fields.Integer(8);
      message.shares = fields.Integer4();
      break;
    case 'C':
      message.order = fields.Integer(8);
      message.shares = fields.Integer4();
      fields.Integer(9);  // match number, printable
      message.price = fields.Integer4();
      break;
    case 'D':
      message.order = fields.Integer(8);
      break;
    case 'U':
      message.order = fields.Integer(8);
      message.new_order = fields.Integer(8);
      message.shares = fields.Integer4();
      message.price = fields.Integer4();
      break;
    default:
      break;
  }
  if (message.order >= kExecutionIdBase || message.new_order >= kExecutionIdBase) {
    return Wrong(message.type, "has an order reference of 2^63 or more");
  }
  return message;
}

Result<std::int64_t> ItchDay(const std::string& path, const std::string& date) {
  if (!date.empty()) {
    const auto time = date.size() == 10 ? proto::ParseTime(date) : std::nullopt;
    // All of the day must fit.
    if (time && *time <= std::numeric_limits<std::int64_t>::max() - kDay) return *time;
    return Error::BadInput("the date \"" + date +
                           "\" is not a day from 1677-09-22 to 2262-04-10 written as YYYY-MM-DD");
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  const auto digits = [&](std::size_t at, std::size_t count) {
    std::string text = name.size() >= at + count ? name.substr(at, count) : "";
    for (const char c : text) {
      if (c < '0' || c > '9') return std::string();
    }
    return text;
  };
  std::string day;
  if (const std::string whole = digits(0, 8); !whole.empty()) {
    day = whole.substr(4) + "-" + whole.substr(0, 2) + "-" + whole.substr(2, 2);
  } else if (const std::string part = digits(1, 6); name.starts_with('S') && !part.empty()) {
    day = "20" + part.substr(4) + "-" + part.substr(0, 2) + "-" + part.substr(2, 2);
  }
  if (const auto time = proto::ParseTime(day)) return *time;
  return Error::BadInput("the file name \"" + name + "\" does not tell the day: give --date");
}

Result<ItchTotals> ReadItch(const std::string& path, std::int64_t midnight_ns, proto::User user,
                            const ItchSink& sink) {
  Result<BinaryFileReader> reader = BinaryFileReader::Open(path);
  if (!reader) return reader.error();
  Mapper mapper(midnight_ns, user, sink);
  for (;;) {
    std::span<const std::byte> bytes;
    const Result<bool> has = reader->Next(bytes);
    if (!has) return has.error();
    if (!*has && reader->messages() == 0) {
      return Error::BadInput(path + " is no day of ITCH: it holds no message");
    }
    if (!*has) {
      ItchTotals totals = mapper.totals();
      totals.ended_properly = reader->ended_properly();
      return totals;
    }
    const Result<ItchMessage> message = ParseItch(bytes);
    const Status taken = message ? mapper.Take(*message) : Status(message.error());
    if (taken) continue;
    // What the sink says is not about the file.
    if (taken.error().code != ExitCode::kBadInput) return taken.error();
    return Error::BadInput(path + " message " + std::to_string(reader->messages()) + ": " +
                           taken.error().text);
  }
}

}  // namespace tandem::book
