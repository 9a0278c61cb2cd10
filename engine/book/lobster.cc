// SPDX-License-Identifier: Apache-2.0
#include "engine/book/lobster.h"

#include <charconv>
#include <unordered_map>
#include <vector>

#include "book/book.pb.h"
#include "engine/book/limits.h"
#include "engine/book/line_reader.h"

namespace tandem::book {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDayNs = 86'400 * kSecondNs;
constexpr std::uint64_t kExecutionIdBase = std::uint64_t{1} << 63;

/// The text of a field for an error sentence: cut, and without what a terminal might act on.
std::string Quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, 40)) quoted += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > 40) quoted += "...";
  return quoted + "'";
}

Error BadField(const char* name, std::string_view text, const char* wanted) {
  return Error::BadInput(std::string(name) + " " + Quote(text) + " is not " + wanted);
}

template <class Integer>
bool ParseInteger(std::string_view text, Integer& value) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end;
}

/// "34200.004241176" to ns; up to nine digits behind the point.
bool ParseSeconds(std::string_view text, std::int64_t& ns) {
  const std::size_t point = text.find('.');
  std::uint32_t seconds = 0;
  if (!ParseInteger(text.substr(0, point), seconds) || seconds >= 86'400) return false;
  std::uint32_t fraction = 0;
  if (point != std::string_view::npos) {
    const std::string_view digits = text.substr(point + 1);
    if (digits.size() > 9 || !ParseInteger(digits, fraction)) return false;
    for (std::size_t i = digits.size(); i < 9; ++i) fraction *= 10;
  }
  ns = seconds * kSecondNs + fraction;
  return true;
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
std::int64_t DaysFromDate(int year, int month, int day) {
  const auto days_before_year = [](std::int64_t y) { return 365 * y + y / 4 - y / 100 + y / 400; };
  constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days_before_year(year - 1) - days_before_year(1969) + kDaysBefore[month - 1] +
         (leap && month > 2 ? 1 : 0) + day - 1;
}

bool ParseDate(std::string_view text, std::int64_t& midnight_ns) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  if (!ParseInteger(text.substr(0, 4), year) || !ParseInteger(text.substr(5, 2), month) ||
      !ParseInteger(text.substr(8, 2), day)) {
    return false;
  }
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1) return false;
  const std::int64_t first = DaysFromDate(year, month, 1);
  const std::int64_t next =
      month == 12 ? DaysFromDate(year + 1, 1, 1) : DaysFromDate(year, month + 1, 1);
  if (day > next - first) return false;
  midnight_ns = (first + day - 1) * kDayNs;
  return true;
}

/// What the first reading learns: how much each order is reduced, cancelled and executed by.
using Sizes = std::unordered_map<std::uint64_t, std::uint64_t>;

Error AtLine(const LineReader& reader, const std::string& text) {
  return Error::BadInput(reader.path() + " line " + std::to_string(reader.line_number()) + ": " +
                         text);
}

/// Calls `take(row, reader)` for each row of the file, until one fails.
template <class Take>
Status EachRow(const std::string& path, Take&& take) {
  Result<LineReader> reader = LineReader::Open(path);
  if (!reader) return reader.error();
  std::int64_t time_ns = 0;
  for (;;) {
    std::string_view line;
    const Result<bool> more = reader->Next(line);
    if (!more) return more.error();
    if (!*more) break;
    const Result<LobsterRow> row = ParseLobsterRow(line);
    if (!row) return AtLine(*reader, row.error().text);
    if (row->time_ns < time_ns) return AtLine(*reader, "its time is before that of the row above");
    time_ns = row->time_ns;
    if (const Status taken = take(*row, *reader); !taken) return taken;
  }
  if (reader->line_number() == 0) return Error::BadInput(path + " has no rows");
  return {};
}

Status AddSize(const LobsterRow& row, const LineReader& reader, Sizes& sizes) {
  if (row.type != LobsterRow::kReduce && row.type != LobsterRow::kDelete &&
      row.type != LobsterRow::kExecution) {
    return {};
  }
  std::uint64_t& size = sizes[row.order_id];
  size += row.size;
  if (size > kSizeMax) {
    return AtLine(reader, "the sizes of order " + std::to_string(row.order_id) +
                              " add up to more than " + std::to_string(kSizeMax));
  }
  return {};
}

/// The second reading: rows to messages.
class Mapper {
 public:
  Mapper(const LobsterDay& day, proto::User user, const Sizes& sizes, const LobsterSink& sink)
      : day_(day), sizes_(sizes), sink_(sink) {
    message_.user = user;
    order_.set_symbol(day.symbol);
  }

  Status Take(const LobsterRow& row) {
    message_.time_ns = day_.midnight_ns + row.time_ns;
    const std::uint64_t row_number = totals_.rows++;
    ++totals_.rows_by_type[row.type];
    switch (row.type) {
      case LobsterRow::kNew:
        opened_[row.order_id] = true;
        return Enter(row.order_id, row.buy, pb::LIMIT, row.price, row.size);
      case LobsterRow::kReduce:
        if (const Status opened = Open(row); !opened) return opened;
        reduce_.set_order_id(row.order_id);
        reduce_.set_size(row.size);
        return Send(kReduceType, reduce_);
      case LobsterRow::kDelete:
        if (const Status opened = Open(row); !opened) return opened;
        cancel_.set_order_id(row.order_id);
        return Send(kCancelType, cancel_);
      case LobsterRow::kExecution:
        if (const Status opened = Open(row); !opened) return opened;
        return Enter(kExecutionIdBase + row_number, !row.buy, pb::IOC, row.price, row.size);
      case LobsterRow::kHiddenExecution:
      case LobsterRow::kCross:
      case LobsterRow::kHalt:
        return {};
    }
    ENSURE(false, "row type %d was not refused", row.type);
    return {};  // which a compiler may miss
  }

  [[nodiscard]] const LobsterTotals& totals() const { return totals_; }

 private:
  /// Enters the order that `row` names, if nothing has before.
  Status Open(const LobsterRow& row) {
    bool& opened = opened_[row.order_id];
    if (opened) return {};
    opened = true;
    ++totals_.opened;
    return Enter(row.order_id, row.buy, pb::LIMIT, row.price, sizes_.at(row.order_id));
  }

  Status Enter(std::uint64_t id, bool buy, pb::Kind kind, std::int64_t price, std::uint64_t size) {
    order_.set_order_id(id);
    order_.set_side(buy ? pb::BUY : pb::SELL);
    order_.set_kind(kind);
    order_.set_price(price);
    order_.set_size(size);
    return Send(kNewOrderType, order_);
  }

  Status Send(std::uint16_t type, const google::protobuf::MessageLite& payload) {
    ++totals_.messages;
    message_.type = type;
    payload.SerializeToString(&message_.payload);
    return sink_(message_);
  }

  const LobsterDay& day_;
  const Sizes& sizes_;
  const LobsterSink& sink_;
  LobsterTotals totals_;
  std::unordered_map<std::uint64_t, bool> opened_;
  FlowMessage message_;
  pb::NewOrder order_;
  pb::Cancel cancel_;
  pb::Reduce reduce_;
};

}  // namespace

Result<LobsterRow> ParseLobsterRow(std::string_view line) {
  constexpr std::size_t kFields = 6;
  std::array<std::string_view, kFields> fields;
  std::size_t count = 0;
  for (std::string_view rest = line;;) {
    const std::size_t comma = rest.find(',');
    if (count < kFields) fields[count] = rest.substr(0, comma);
    ++count;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (count != kFields) {
    return Error::BadInput("has " + std::to_string(count) +
                           " fields and not the 6 of a LOBSTER message file: " + Quote(line));
  }
  LobsterRow row;
  int type = 0;
  int direction = 0;
  if (!ParseSeconds(fields[0], row.time_ns)) {
    return BadField("time", fields[0], "a number of seconds after midnight with up to 9 decimals");
  }
  if (!ParseInteger(fields[1], type) || type < 1 || type > 7) {
    return BadField("type", fields[1], "a number from 1 to 7");
  }
  row.type = static_cast<LobsterRow::Type>(type);
  if (row.type > LobsterRow::kExecution) return row;
  if (!ParseInteger(fields[2], row.order_id) || row.order_id >= kExecutionIdBase) {
    return BadField("order id", fields[2], "a number below 2^63");
  }
  if (!ParseInteger(fields[3], row.size) || row.size < 1 || row.size > kSizeMax) {
    return BadField("size", fields[3], "a number from 1 to 1000000000000");
  }
  if (!ParseInteger(fields[4], row.price) || row.price < 1 || row.price > kPriceMax) {
    return BadField("price", fields[4], "a number from 1 to 1000000000000");
  }
  if (!ParseInteger(fields[5], direction) || (direction != 1 && direction != -1)) {
    return BadField("side", fields[5], "1 (buy) or -1 (sell)");
  }
  row.buy = direction == 1;
  return row;
}

Result<LobsterDay> LobsterDay::Of(const std::string& path, const std::string& symbol,
                                  const std::string& date) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::size_t bar = name.find('_');
  const bool told = bar != std::string::npos;
  LobsterDay day;
  day.symbol = !symbol.empty() ? symbol : told ? name.substr(0, bar) : "";
  if (!IsSymbol(day.symbol)) {
    return Error::BadInput(
        symbol.empty()
            ? "the file name " + Quote(name) + " does not begin with a ticker: give --symbol"
            : "the symbol " + Quote(symbol) + " is not 1 to 8 printable characters");
  }
  const std::string text = !date.empty() ? date : told ? name.substr(bar + 1, 10) : "";
  if (!ParseDate(text, day.midnight_ns)) {
    return Error::BadInput(
        date.empty() ? "the file name " + Quote(name) + " does not tell the day: give --date"
                     : "the date " + Quote(date) +
                           " is not a day from 1677-09-22 to 2262-04-10 written as YYYY-MM-DD");
  }
  return day;
}

Result<LobsterTotals> ReadLobster(const std::string& path, const LobsterDay& day, proto::User user,
                                  const LobsterSink& sink) {
  Sizes sizes;
  const Status sized = EachRow(path, [&sizes](const LobsterRow& row, const LineReader& reader) {
    return AddSize(row, reader, sizes);
  });
  if (!sized) return sized.error();
  Mapper mapper(day, user, sizes, sink);
  const Status mapped = EachRow(
      path, [&mapper](const LobsterRow& row, const LineReader&) { return mapper.Take(row); });
  if (!mapped) return mapped.error();
  return mapper.totals();
}

}  // namespace tandem::book
