// SPDX-License-Identifier: Apache-2.0
//
// Single fields by name, and times as people write them.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "book/book.pb.h"
#include "proto/schema.h"

namespace tandem::proto {
namespace {

using Values = std::vector<std::string>;

class SchemaFields : public ::testing::Test {
 protected:
  /// A message of `book` with header fields that have values of their own.
  MessageView Make(std::uint16_t type, const std::string& payload) {
    Header header;
    header.session = Session("DAY1");
    header.type = type;
    header.payload_size = static_cast<std::uint16_t>(payload.size());
    header.flags = kLast;
    header.number = 7;
    header.time_ns = 1'340'285'400'000'000'001;
    header.origin = 8;
    header.user = User("alice");
    header.index = 9;
    header.epoch = 2;
    header.digest = 255;
    bytes_.resize(sizeof header + payload.size());
    std::memcpy(bytes_.data(), &header, sizeof header);
    std::memcpy(bytes_.data() + sizeof header, payload.data(), payload.size());
    return *ParseMessage(bytes_);
  }
  MessageView Order() {
    book::pb::NewOrder order;
    order.set_order_id(5);
    order.set_symbol("ABC");
    order.set_side(book::pb::SELL);
    return Make(100, order.SerializeAsString());
  }

  Schema schema_ = Schema::Parse(SchemaOf({book::pb::NewOrder::descriptor()})).value();
  std::vector<std::byte> bytes_;
};

TEST_F(SchemaFields, GivesFieldsOfThePayloadAsText) {
  const MessageView order = Order();
  EXPECT_EQ(schema_.ValuesOf(order, "order_id"), Values{"5"});
  EXPECT_EQ(schema_.ValuesOf(order, "symbol"), Values{"ABC"});
  EXPECT_EQ(schema_.ValuesOf(order, "side"), Values{"SELL"});
  EXPECT_EQ(schema_.ValuesOf(order, "price"), Values{"0"});
  EXPECT_EQ(schema_.ValuesOf(order, "NewOrder.price"), Values{"0"});
  EXPECT_EQ(schema_.ValuesOf(order, "Cancel.order_id"), Values{});
  EXPECT_EQ(schema_.ValuesOf(order, "nonsense"), Values{});
}

TEST_F(SchemaFields, GivesEveryValueOfARepeatedFieldAndNoneOfAnAbsentOne) {
  book::pb::Configure configure;
  *configure.add_list() = std::string("ABC");
  *configure.add_list() = std::string("DEF");
  EXPECT_EQ(schema_.ValuesOf(Make(103, configure.SerializeAsString()), "list"),
            (Values{"ABC", "DEF"}));
  book::pb::Replace replace;
  EXPECT_EQ(schema_.ValuesOf(Make(104, replace.SerializeAsString()), "new_order_id"), Values{});
  replace.set_new_order_id(0);
  EXPECT_EQ(schema_.ValuesOf(Make(104, replace.SerializeAsString()), "new_order_id"), Values{"0"});
}

TEST_F(SchemaFields, GivesFieldsOfTheHeader) {
  const MessageView order = Order();
  const std::vector<std::pair<std::string, std::string>> fields{
      {"number", "7"},
      {"time", "2012-06-21T13:30:00.000000001Z"},
      {"origin", "8"},
      {"time_ns", "1340285400000000001"},
      {"user", "alice"},
      {"type", "NewOrder"},
      {"index", "9"},
      {"type_number", "100"},
      {"last", "true"},
      {"session", "DAY1"},
      {"epoch", "2"},
      {"digest", "00000000000000ff"},
      {"version", "1"},
      {"payload_size", std::to_string(order.payload().size())},
      {"NewOrder.user", "alice"},
  };
  for (const auto& [name, value] : fields) {
    EXPECT_EQ(schema_.ValuesOf(order, name), Values{value}) << name;
    EXPECT_TRUE(schema_.HasField(name)) << name;
  }
  EXPECT_EQ(schema_.ValuesOf(Make(9'999, "x"), "user"), Values{"alice"});
  // What the payload has by this name hides what the header has.
  book::pb::Rejected rejected;
  rejected.set_input_type(101);
  EXPECT_EQ(schema_.ValuesOf(Make(204, rejected.SerializeAsString()), "input_type"), Values{"101"});
}

TEST_F(SchemaFields, KnowsWhichFieldsThereAre) {
  for (const char* name : {"order_id", "NewOrder.price", "Trade.maker_id", "list", "user"}) {
    EXPECT_TRUE(schema_.HasField(name)) << name;
  }
  for (const char* name :
       {"prise", "flag", "NewOrder.maker_id", "order_id.x", "", ".", "NewOrder.", "order_id."}) {
    EXPECT_FALSE(schema_.HasField(name)) << name;
  }
}

TEST(TimeText, IsReadAsItIsWritten) {
  for (const std::int64_t time :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{1'340'285'400'123'456'789},
        std::int64_t{951'782'400'000'000'000}, std::int64_t{-9'000'000'000'000'000'000},
        std::int64_t{9'200'000'000'000'000'000}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::min() + 1, std::numeric_limits<std::int64_t>::max() - 1,
        std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(ParseTime(TimeText(time)), time) << TimeText(time);
  }
}

TEST(TimeText, MayBeShortened) {
  constexpr std::int64_t kDay = 1'340'236'800'000'000'000;  // 2012-06-21
  EXPECT_EQ(ParseTime("2012-06-21"), kDay);
  EXPECT_EQ(ParseTime("2012-06-21T13:30"), kDay + 48'600'000'000'000);
  EXPECT_EQ(ParseTime("2012-06-21 13:30:01"), kDay + 48'601'000'000'000);
  EXPECT_EQ(ParseTime("2012-06-21T13:30:01Z"), kDay + 48'601'000'000'000);
  EXPECT_EQ(ParseTime("2012-06-21T13:30:01.5"), kDay + 48'601'500'000'000);
  EXPECT_EQ(ParseTime("2012-06-21T13:30:01.000000001Z"), kDay + 48'601'000'000'001);
  EXPECT_EQ(ParseTime("2012-02-29"), 1'330'473'600'000'000'000);
}

TEST(TimeText, IsRefusedIfItIsNone) {
  for (const char* text : {"",
                           "1",
                           "2012",
                           "2012-06",
                           "2012-6-21",
                           "2012-06-21T",
                           "2012-06-21T13",
                           "2012-06-21T13:3",
                           "2012-06-21T24:00",
                           "2012-06-21T13:60",
                           "2012-06-21T13:30:60",
                           "2012-06-21T13:30:00.",
                           "2012-06-21T13:30:00.1234567890",
                           "2012-13-01",
                           "2012-00-01",
                           "2012-06-31",
                           "2011-02-29",
                           "2012-06-21X13:30",
                           "2012-06-21T13:30:00ZZ",
                           "-012-06-21",
                           "2012--6-21",
                           "1500-01-01",
                           "2500-01-01",
                           "1677-09-21T00:12:43.145224191Z",
                           "1677-09-21",
                           "2262-04-11T23:47:16.854775808Z",
                           "2262-04-12",
                           "2012-06-21T13:30:+1"}) {
    EXPECT_FALSE(ParseTime(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace tandem::proto
