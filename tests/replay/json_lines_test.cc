// SPDX-License-Identifier: Apache-2.0
//
// Logs as lines of JSON: there and back without a byte lost, and what is refused.
#include "replay/json_lines.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "book/book.pb.h"
#include "proto/message.h"

namespace tandem::test {
namespace {

using proto::Header;
using replay::JsonLinesParser;
using replay::JsonLog;
using replay::JsonObject;
using Bytes = std::vector<std::byte>;
using Line = JsonLinesParser::Line;

const std::string kSchema = proto::SchemaOf({book::pb::NewOrder::descriptor()});

JsonLog Log(std::uint64_t first = 1, std::uint64_t digest = proto::kDigestStart) {
  return {.session = proto::Session("DAY1"),
          .role = replay::kInputRole,
          .start = {.number = first - 1, .digest = digest},
          .schema = kSchema};
}

Bytes Make(Header header, const std::string& payload, std::uint64_t before) {
  header.payload_size = static_cast<std::uint16_t>(payload.size());
  Bytes bytes(sizeof header + payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(&bytes[sizeof header], payload.data(), payload.size());
  const std::uint64_t digest = proto::Digest(before, bytes);
  std::memcpy(bytes.data(), &digest, sizeof digest);
  return bytes;
}

Bytes Order(std::uint64_t number, std::uint64_t before, std::int64_t price = 100) {
  book::pb::NewOrder order;
  order.set_order_id(number);
  order.set_symbol("ABC");
  order.set_price(price);
  Header header;
  header.session = proto::Session("DAY1");
  header.type = 100;
  header.flags = proto::kLast;
  header.number = number;
  header.time_ns = static_cast<std::int64_t>(number);
  header.origin = number;
  header.user = proto::User("alice");
  header.epoch = 1;
  return Make(header, order.SerializeAsString(), before);
}

std::string LineOf(const Bytes& bytes) {
  proto::Schema schema = proto::Schema::Parse(kSchema).value();
  std::string line;
  schema.AppendExactJson(*proto::ParseMessage(bytes), &line);
  return line;
}

Bytes Taken(const JsonLinesParser& parser) {
  return {parser.message().begin(), parser.message().end()};
}

/// What is wrong with a line; "" if it is taken.
std::string Wrong(JsonLinesParser& parser, const std::string& line) {
  const auto taken = parser.Take(line);
  return taken ? "" : taken.error().text;
}

TEST(JsonLines, GiveBackEveryByteOfAMessage) {
  std::mt19937_64 random(2026);
  JsonLinesParser parser({});
  ASSERT_EQ(*parser.Take(replay::JsonLogLine(Log())), Line::kLog);
  EXPECT_EQ(parser.log().session, proto::Session("DAY1"));
  EXPECT_EQ(parser.log().role, replay::kInputRole);
  EXPECT_EQ(parser.schema(), kSchema);
  std::int64_t time_ns = std::numeric_limits<std::int64_t>::min();
  std::uint32_t epoch = 0;
  for (std::uint64_t number = 1; number <= 3'000; ++number) {
    Header header;
    header.session = proto::Session("DAY1");
    header.number = number;
    // All kinds: known and unknown types, payloads that decode or not, flags, users of any bytes.
    header.type = static_cast<std::uint16_t>(random() % 3 == 0 ? random() : 100 + random() % 8);
    header.flags = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 1);
    header.time_ns = time_ns += static_cast<std::int64_t>(random() >> 11);  // never back
    header.origin = random();
    header.index = static_cast<std::uint32_t>(random());
    header.epoch = epoch += static_cast<std::uint32_t>(random() % 3);
    for (char& c : header.user.bytes) {
      c = static_cast<char>(random() % 5 == 0 ? random() : 'a' + random() % 26);
    }
    std::string payload;
    switch (random() % 4) {
      case 0:
        for (std::uint64_t i = random() % 30; i > 0; --i) payload += static_cast<char>(random());
        break;
      case 1: {
        book::pb::NewOrder order;
        order.set_order_id(random());
        order.set_symbol(std::string("A\"\\\n\t\x7f\x01\xc3\xa9"));
        order.set_price(static_cast<std::int64_t>(random()));
        order.set_side(static_cast<book::pb::Side>(random() % 5));
        payload = order.SerializeAsString();
        break;
      }
      case 2: {
        book::pb::Configure configure;
        for (std::uint64_t i = random() % 4; i > 0; --i) configure.add_list(std::to_string(i));
        payload = configure.SerializeAsString();
        header.type = 103;
        break;
      }
      default: {
        book::pb::Replace replace;
        if (random() % 2 == 0) replace.set_new_order_id(random() % 2);
        payload = replace.SerializeAsString();
        header.type = 104;
      }
    }
    const Bytes bytes = Make(header, payload, parser.position().digest);
    const std::string line = LineOf(bytes);
    const auto taken = parser.Take(line);
    ASSERT_TRUE(taken) << taken.error().text << " in " << line;
    ASSERT_EQ(Taken(parser), bytes) << line;
  }
}

TEST(JsonLines, TakeALogThatBeginsLater) {
  JsonLinesParser parser({});
  ASSERT_EQ(*parser.Take(replay::JsonLogLine(Log(500, 0xabcdef))), Line::kLog);
  EXPECT_EQ(parser.log().start.number, 499u);
  EXPECT_EQ(parser.log().start.digest, 0xabcdefu);
  const Bytes bytes = Order(500, 0xabcdef);
  ASSERT_EQ(*parser.Take(LineOf(bytes)), Line::kMessage);
  EXPECT_EQ(Taken(parser), bytes);
}

TEST(JsonLines, ChangeTheSchemaBetweenMessages) {
  JsonLinesParser parser(Log());
  EXPECT_EQ(Wrong(parser, R"({"type":"Cancel","payload":{"order_id":"5"}})"), "");
  ASSERT_EQ(*parser.Take(replay::JsonSchemaLine("")), Line::kSchema);
  EXPECT_EQ(parser.schema(), "");
  EXPECT_EQ(Wrong(parser, R"({"type":"Cancel","payload":{"order_id":"5"}})"),
            "has a type that the schema does not know: \"Cancel\"");
  ASSERT_EQ(*parser.Take(replay::JsonSchemaLine(kSchema)), Line::kSchema);
  EXPECT_EQ(Wrong(parser, R"({"type":"Cancel","payload":{"order_id":"5"}})"), "");
}

TEST(JsonLines, FillInWhatAPersonLeavesAway) {
  JsonLinesParser parser(Log());
  const auto header = [&](const std::string& line) {
    EXPECT_EQ(Wrong(parser, line), "") << line;
    return proto::ParseMessage(parser.message())->header;
  };
  Header taken = header(R"( { "type" : "Tick" , "time" : "2012-06-21T13:30" } )");
  EXPECT_EQ(taken.number, 1u);
  EXPECT_EQ(taken.type, 1u);
  EXPECT_EQ(taken.session, proto::Session("DAY1"));
  EXPECT_EQ(taken.flags, proto::kLast);
  EXPECT_EQ(taken.epoch, 1u);
  taken = header(R"({"type":"NewOrder","user":"bob","payload":{"order_id":7,"side":"SELL"}})");
  EXPECT_EQ(taken.number, 2u);
  EXPECT_EQ(taken.origin, 1u);
  EXPECT_EQ(taken.time_ns, 1'340'285'400'000'000'000);
  taken = header(R"({"type_number":101,"user":"bob","epoch":3,"last":false})");
  EXPECT_EQ(taken.origin, 2u);
  EXPECT_EQ(taken.flags, 0);
  EXPECT_EQ(header(R"({"type":"Tick","flags":128})").flags, 128);
  for (const char* user : {"alice", ""}) {
    const std::string line =
        std::string(R"({"type":"Tick","user":")") + user + R"(","user_hex":"616c696365202020"})";
    EXPECT_EQ(header(line).user, proto::User("alice"));
  }
  EXPECT_EQ(header(R"({"type":"Tick","last":true,"flags":129})").flags, 129);
  taken = header(R"({"type_number":101,"user":"carol"})");
  EXPECT_EQ(taken.origin, 1u);
  EXPECT_EQ(taken.epoch, 3u);
}

TEST(JsonLines, AreRefusedWhenTheyWereChanged) {
  JsonLinesParser parser(Log());
  std::string line = LineOf(Order(1, proto::kDigestStart));
  line.replace(line.find("\"price\":\"100\""), 13, "\"price\":\"999\"");
  const std::string wrong = Wrong(parser, line);
  EXPECT_TRUE(
      wrong.starts_with("says digest ") &&
      wrong.ends_with(": it or one before it was changed; rechain gives numbers and digests "
                      "anew"))
      << wrong;
  EXPECT_EQ(Wrong(parser, LineOf(Order(2, proto::kDigestStart))),
            "has number 2 where 1 is next; rechain gives numbers and digests anew");
  JsonLinesParser rechained(Log(), /*rechain=*/true);
  EXPECT_EQ(Wrong(rechained, line), "");
  EXPECT_EQ(Taken(rechained), Order(1, proto::kDigestStart, 999));
  EXPECT_EQ(Wrong(rechained, LineOf(Order(77, 5))), "");
  EXPECT_EQ(proto::ParseMessage(rechained.message())->header.number, 2u);
}

TEST(JsonLines, SayWhatIsWrongWithALine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is no JSON object at character 1"},
      {"[]", "is no JSON object at character 1"},
      {"{\"type\":1", "is no JSON object at character 10"},
      {"{\"type\":1}x", "is no JSON object at character 11"},
      {"{\"type\" 1}", "is no JSON object at character 9"},
      {R"({"type":"Tick","type":"Tick"})", "has \"type\" twice"},
      {R"({"type":"NewOrder","payload":{"order_id":5,"order_id":6}})",
       "has \"order_id\" twice within \"payload\""},
      {R"({"type":"NewOrder","payload":{"order_id":5,"size":1,"orderId":6}})",
       "has \"orderId\" twice within \"payload\""},
      {R"({"type":"NewOrder","payload":{"a":[{"b":{"c":1}},{"b":{"c":1,"d":2,"\u0063":3}}]}})",
       "has \"c\" twice within \"payload\""},
      {R"({"type":"Tick","last":false,"flags":1})",
       "has a \"last\" and \"flags\" that differ in whether it is the last one; leave one of them "
       "away"},
      {R"({"type":"Tick","last":true,"flags":128})",
       "has a \"last\" and \"flags\" that differ in whether it is the last one; leave one of them "
       "away"},
      {R"({"type":"Tick","numbr":1})", "has a \"numbr\", which no message has"},
      {R"({"number":1})", "has neither \"type\" nor \"type_number\""},
      {R"({"type":"Nonsense"})", "has a type that the schema does not know: \"Nonsense\""},
      {R"({"type":"Tick","type_number":100})",
       "has the type Tick and the type number 100, which is another type"},
      {R"({"type_number":70000})", "has a \"type_number\" that is not a whole number that fits"},
      {R"({"type":"Tick","number":-1})", "has a \"number\" that is not a whole number that fits"},
      {R"({"type":"Tick","index":1.5})", "has a \"index\" that is not a whole number that fits"},
      {R"({"type":"Tick","time":"noon"})",
       "has a \"time\" that is not a time as 2012-06-21T13:30:00.5Z"},
      {R"({"type":"Tick","time":"2012-06-21","time_ns":5})",
       "has a \"time\" and a \"time_ns\" that differ; leave one of them away"},
      {R"({"type":"Tick","user":"ninechars"})",
       "has a \"user\" that is not a name of up to 8 characters"},
      {R"({"type":"Tick","user_hex":"00"})",
       "has a \"user_hex\" that is not 16 hexadecimal digits"},
      {R"({"type":"Tick","user":"bob","user_hex":"616c696365202020"})",
       "has a \"user\" and a \"user_hex\" that differ; leave one of them away"},
      {R"({"type":"Tick","session":"DAY2"})", "is of session \"DAY2\", and the log of \"DAY1\""},
      {R"({"type":"Tick","last":1})", "has a \"last\" that is not true or false"},
      {R"({"type":"Tick","version":2})", "has a \"version\" that is not 1"},
      {R"({"type":"Tick","digest":"12"})", "has a \"digest\" that is not 16 hexadecimal digits"},
      {R"({"type":"Tick","payload_hex":"0g"})",
       "has a \"payload_hex\" that is not hexadecimal digits"},
      {R"({"type":"Tick","payload":{},"payload_hex":""})",
       "has a \"payload\" and a \"payload_hex\"; only one counts"},
      {R"({"type_number":9999,"payload":{}})",
       "the schema has no message of type 9999, so its payload can only be given as payload_hex"},
      {R"({"type":"NewOrder","payload":{"order_id":9007199254740993.0}})",
       "has the number 9007199254740993.0 in \"payload\", which is no whole one of 64 bits or "
       "would "
       "be rounded; write a whole number in plain digits"},
      {R"({"type":"NewOrder","payload":{"price":-9223372036854775809}})",
       "has the number -9223372036854775809 in \"payload\", which is no whole one of 64 bits or "
       "would be rounded; write a whole number in plain digits"},
      {R"({"schema":"a"})", "has a \"schema\" that is not base64"},
      {R"({"log":{"session":"two words"}})",
       "has a \"session\" that is not 1 to 10 letters, digits, '-' or '_'"},
      {R"({"log":{"session":"DAY1","role":"input","first_number":5}})",
       "has no \"digest_before\", and only a log that begins at 1 needs none"},
      {R"({"log":{"session":"DAY1","role":"input","first_number":0}})",
       "has no \"digest_before\", and only a log that begins at 1 needs none"},
      {R"({"log":{"session":"DAY1","role":"input","digest-before":"00"}})",
       "has a \"digest-before\" in \"log\", which may have session, role, first_number, "
       "digest_before or schema"},
      {R"({"log":{"session":"DAY1","role":"input"},"schema":""})",
       "has a \"schema\" beside \"log\", which stands alone in its line"},
      {R"({"number":1,"type":"Tick","log":{"session":"DAY1","role":"input"}})",
       "has a \"number\" beside \"log\", which stands alone in its line"},
      {R"({"log":{"session":"DAY1","role":"banana"}})",
       "has a \"role\" that is not input, output, merged, recorded or state"},
      {R"({"log":{"session":"DAY1","role":"inputinputinputinput"}})",
       "has a \"role\" that is not input, output, merged, recorded or state"},
      {R"({"log":{"session":"DAY1","role":7}})",
       "has a \"role\" that is not input, output, merged, recorded or state"},
      {R"({"log":{"session":"DAY1","role":"input","schema":7}})",
       "has a \"schema\" that is not base64"},
  };
  for (const auto& [line, sentence] : cases) {
    JsonLinesParser parser(Log());
    EXPECT_EQ(Wrong(parser, line), sentence) << line;
  }
  JsonLinesParser parser(Log());
  EXPECT_TRUE(Wrong(parser, R"({"type":"NewOrder","payload":{"prise":1}})")
                  .starts_with("the payload is no NewOrder: "));
  JsonLinesParser nameless({});
  EXPECT_EQ(Wrong(nameless, R"({"type":"Tick"})"),
            "comes before a line that says which log this is, and no session is given");
  EXPECT_EQ(Wrong(parser, R"({"type":"Tick"})"), "");
  EXPECT_EQ(Wrong(parser, replay::JsonLogLine(Log())),
            "says again which log this is; only the first line may");
  const std::string deep = "{\"payload\":" + std::string(200, '[') + std::string(200, ']') + "}";
  EXPECT_TRUE(Wrong(parser, deep).starts_with("is no JSON object at character "));
}

TEST(JsonLines, KnowEveryRole) {
  for (const replay::LogRole& role : replay::kLogRoles) {
    JsonLog log = Log();
    log.role = role;
    JsonLinesParser parser({});
    EXPECT_EQ(Wrong(parser, replay::JsonLogLine(log)), "");
    EXPECT_EQ(parser.log().role, role);
  }
}

TEST(JsonLines, SurviveEveryCutAndChangedByte) {
  const std::string line = LineOf(Order(1, proto::kDigestStart));
  const std::string first = replay::JsonLogLine({.session = proto::Session("DAY1"),
                                                 .role = replay::kInputRole,
                                                 .start = {},
                                                 .schema = "abc"});
  JsonLog log = Log();
  log.schema.clear();
  JsonLinesParser known(Log(), /*rechain=*/true);
  for (const std::string& whole : {line, first}) {
    JsonLinesParser parser(log);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(Wrong(parser, whole.substr(0, size)), "") << size;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char c : {'\0', '"', '{', '\\', '9', '\xff'}) {
        std::string changed = whole;
        changed[at] = c;
        (void)Wrong(known, changed);
      }
    }
  }
}

TEST(JsonObject, GivesItsMembersAsTheyStand) {
  const auto object = JsonObject::Parse(
      R"({"a":1,"b":"x\"y","c":{"d":[1,{"e":"}"}]},"f":null,"\u0067":-1.5e3,"h":[]})");
  ASSERT_TRUE(object) << object.error().text;
  std::string text;
  for (const auto& [name, value] : object->members()) {
    text += name;
    text += '=';
    text += value;
    text += ' ';
  }
  EXPECT_EQ(text, R"(a=1 b="x\"y" c={"d":[1,{"e":"}"}]} f=null g=-1.5e3 h=[] )");
  EXPECT_FALSE(object->Find("z"));
  EXPECT_TRUE(JsonObject::Parse("{}"));
}

TEST(JsonObject, FindsNumbersThatWouldBecomeOthers) {
  for (const std::string number : {"0",
                                   "-0",
                                   "0.0",
                                   "0e99999999999999999999",
                                   "1",
                                   "1.0",
                                   "100e-2",
                                   "1e3",
                                   "1E+3",
                                   "1.5e1",
                                   "9007199254740992.0",
                                   "9007199254740994e0",
                                   "1e19",
                                   "18446744073709551615",
                                   "18446744073709551615",
                                   "-9223372036854775808",
                                   "-9223372036854775808.0",
                                   "true",
                                   "null",
                                   "\"9007199254740993.0\"",
                                   "[]"}) {
    EXPECT_EQ(replay::JsonInexactNumber("{\"a\":[1,{\"b\":" + number + "}]}"), "") << number;
  }
  for (const std::string number : {"0.5",
                                   "1.5",
                                   "-1.5e0",
                                   "15e-1",
                                   "1.00000000000000000001",
                                   "0.9999999999999999999",
                                   "9007199254740993.0",
                                   "9007199254740993e0",
                                   "90071992547409930e-1",
                                   "-9007199254740993.0",
                                   "18446744073709551616",
                                   "18446744073709551615.0",
                                   "-9223372036854775809",
                                   "1e20",
                                   "1e400",
                                   "1e-400",
                                   "1e999999999",
                                   "1e99999999999999999999",
                                   "1e-99999999999999999999",
                                   "9007199254740992.5"}) {
    EXPECT_EQ(replay::JsonInexactNumber("{\"a\":[1,{\"b\":" + number + "}],\"c\":2.5}"), number);
  }
}

TEST(JsonObject, ReadsTextAndNumbers) {
  EXPECT_EQ(replay::JsonText(R"("\ud83d\ude00\ud83dx\ude00")"),
            "\xf0\x9f\x98\x80\xed\xa0\xbdx\xed\xb8\x80");
  EXPECT_EQ(replay::JsonText(R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac")"),
            "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(replay::JsonText("5"), std::nullopt);
  EXPECT_EQ(replay::JsonText(R"("a"b")"), std::nullopt);
  EXPECT_EQ(replay::JsonText("\""), std::nullopt);
  EXPECT_EQ(replay::JsonUnsigned("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(replay::JsonUnsigned("\"5\""), 5u);
  EXPECT_EQ(replay::JsonUnsigned("18446744073709551616"), std::nullopt);
  EXPECT_EQ(replay::JsonUnsigned("-5"), std::nullopt);
  EXPECT_EQ(replay::JsonUnsigned("5.0"), std::nullopt);
  EXPECT_EQ(replay::JsonUnsigned("\""), std::nullopt);
  EXPECT_EQ(replay::JsonSigned("-9223372036854775808"), INT64_MIN);
}

}  // namespace
}  // namespace tandem::test
