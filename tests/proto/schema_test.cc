// SPDX-License-Identifier: Apache-2.0
//
// Schemas as logs carry them: which are refused, and how messages print and compare by them.
#include "proto/schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "book/book.pb.h"
#include "tandem/control.pb.h"
#include "tandem/options.pb.h"

namespace tandem::proto {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;

/// What protoc wrote for everything.proto, a file that this program is not built with.
std::string EverythingSchema() {
  std::ifstream file(EVERYTHING_DESCRIPTORS, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_FALSE(bytes.empty()) << EVERYTHING_DESCRIPTORS;
  return bytes;
}

/// The message Everything by a pool that has never seen generated code.
class Everything {
 public:
  Everything() {
    google::protobuf::FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(EverythingSchema()));
    for (const FileDescriptorProto& file : set.file()) EXPECT_NE(pool_.BuildFile(file), nullptr);
  }
  [[nodiscard]] const google::protobuf::Descriptor* Find(const std::string& name) const {
    return pool_.FindMessageTypeByName("test." + name);
  }
  /// The payload that a text in Protobuf's text format describes.
  std::string Payload(const std::string& text) {
    const std::unique_ptr<Message> made(factory_.GetPrototype(Find("Everything"))->New());
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, made.get())) << text;
    return made->SerializeAsString();
  }
  /// What Protobuf's own, slow, printer makes of it.
  std::string ReferenceJson(const std::string& payload) {
    const std::unique_ptr<Message> made(factory_.GetPrototype(Find("Everything"))->New());
    EXPECT_TRUE(made->ParseFromString(payload));
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(*made, &json, options).ok());
    return json;
  }

 private:
  DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
};

/// A schema with one file: `messages` as in a FileDescriptorProto, in Protobuf's text format.
std::string SchemaWith(const std::string& messages) {
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(SchemaOf({})));
  FileDescriptorProto& file = *set.add_file();
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 'test.proto' package: 'test' syntax: 'proto3' dependency: 'tandem/options.proto' " +
          messages,
      &file))
      << messages;
  return set.SerializeAsString();
}

/// "message_type { name: 'M' ... }" with a type number.
std::string TypedMessage(const std::string& name, const std::string& type,
                         const std::string& fields = "") {
  return "message_type { name: '" + name + "' options { [tandem.pb.type]: " + type + " } " +
         fields + " } ";
}

std::string Field(const std::string& name, const std::string& type,
                  const std::string& label = "LABEL_OPTIONAL") {
  return "field { name: '" + name + "' number: " + std::to_string(name[0] - 'a' + 1) +
         " label: " + label + " " +
         (type.starts_with(".") ? "type: TYPE_MESSAGE type_name: '" + type + "'"
                                : "type: " + type) +
         " } ";
}

/// A message that owns its bytes.
struct Made {
  std::vector<std::byte> bytes;
  [[nodiscard]] MessageView view() const { return *ParseMessage(bytes); }
};

Made Make(Header header, const std::string& payload) {
  header.payload_size = static_cast<std::uint16_t>(payload.size());
  Made made{std::vector<std::byte>(sizeof header + payload.size())};
  std::memcpy(made.bytes.data(), &header, sizeof header);
  if (!payload.empty()) {
    std::memcpy(made.bytes.data() + sizeof header, payload.data(), payload.size());
  }
  return made;
}

Header SomeHeader(std::uint16_t type) {
  Header header;
  header.digest = 0x00ff'0000'0000'00abu;
  header.session = Session("DAY1");
  header.type = type;
  header.flags = kLast;
  header.number = 17;
  header.time_ns = 1'340'285'400'004'241'176;
  header.origin = 12;
  header.user = User("alice");
  header.index = 2;
  header.epoch = 3;
  return header;
}

Schema Load(const std::string& bytes) {
  auto schema = Schema::Parse(bytes);
  EXPECT_TRUE(schema) << schema.error().text;
  return std::move(schema).value();
}

std::string WhyRefused(const std::string& messages) {
  const auto schema = Schema::Parse(SchemaWith(messages));
  return schema ? "taken" : schema.error().text;
}

TEST(Schema, KnowsTandemsOwnMessagesEvenIfItIsEmpty) {
  const Schema schema = Load("");
  EXPECT_EQ(schema.names(), (std::map<std::uint16_t, std::string>{{1, "Tick"},
                                                                  {2, "EndOfSession"},
                                                                  {3, "Skip"},
                                                                  {4, "Activate"},
                                                                  {5, "Snapshot"},
                                                                  {10, "Refused"},
                                                                  {11, "Skipped"},
                                                                  {12, "Activated"}}));
  EXPECT_EQ(schema.NameOf(1), "Tick");
  EXPECT_EQ(schema.NameOf(777), "777");
  EXPECT_EQ(schema.TypeOf("Tick"), 1);
  EXPECT_EQ(schema.TypeOf("tandem.pb.Tick"), 1);
  EXPECT_EQ(schema.TypeOf("777"), 777);
  EXPECT_EQ(schema.TypeOf("Order"), std::nullopt);
  EXPECT_EQ(schema.TypeOf("70000"), std::nullopt);
  EXPECT_EQ(schema.TypeOf(""), std::nullopt);
}

TEST(Schema, FindsTypesInGeneratedAndDynamicDescriptorsAlike) {
  const Schema schema = Load(SchemaOf({book::pb::NewOrder::descriptor()}));
  EXPECT_EQ(schema.TypeOf("NewOrder"), 100);
  EXPECT_EQ(schema.TypeOf("tandem.book.pb.Cancel"), 101);
  EXPECT_EQ(TypeNumberOf(*book::pb::NewOrder::descriptor()), 100u);
  EXPECT_EQ(TypeNumberOf(*pb::Tick::descriptor()), 1u);
  const Everything text;
  EXPECT_EQ(TypeNumberOf(*text.Find("Everything")), 100u);
  EXPECT_EQ(TypeNumberOf(*text.Find("Part")), 0u);
  EXPECT_EQ(Load(SchemaOf({text.Find("Part")})).NameOf(100), "Everything");
}

TEST(Schema, HasTheSameBytesWhateverIsNamedFirstOrTwice) {
  const std::string once = SchemaOf({book::pb::NewOrder::descriptor()});
  EXPECT_EQ(SchemaOf({book::pb::Cancel::descriptor(), book::pb::NewOrder::descriptor(),
                      pb::Refused::descriptor()}),
            once);
  google::protobuf::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(once));
  std::vector<std::string> names;
  for (const auto& file : set.file()) names.push_back(file.name());
  EXPECT_EQ(names,
            (std::vector<std::string>{"google/protobuf/descriptor.proto", "tandem/options.proto",
                                      "tandem/control.proto", "book/book.proto"}));
}

TEST(Schema, UsesTheFullNameWhereTheShortOneIsAmbiguous) {
  const auto nested = [](const std::string& outer, const std::string& type) {
    return "message_type { name: '" + outer + "' nested_type { name: 'Order' options { " +
           "[tandem.pb.type]: " + type + " } } } ";
  };
  const Schema schema =
      Load(SchemaWith(nested("A", "100") + nested("B", "101") + TypedMessage("C", "102")));
  EXPECT_EQ(schema.NameOf(100), "test.A.Order");
  EXPECT_EQ(schema.NameOf(101), "test.B.Order");
  EXPECT_EQ(schema.NameOf(102), "C");
  EXPECT_EQ(schema.TypeOf("test.B.Order"), 101);
  EXPECT_EQ(schema.TypeOf("Order"), std::nullopt);
}

TEST(Schema, RefusesPayloadsWhoseBytesAreNotAFunctionOfTheirContent) {
  const std::string rest =
      " in message test.M, and its bytes are not a function of its content; use integers and "
      "repeated fields";
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100", Field("x", "TYPE_DOUBLE"))),
            "a schema cannot be used: test.M.x is a floating-point number" + rest);
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100", Field("x", "TYPE_FLOAT", "LABEL_REPEATED"))),
            "a schema cannot be used: test.M.x is a floating-point number" + rest);
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100",
                                    Field("x", ".test.M.XEntry", "LABEL_REPEATED") +
                                        "nested_type { name: 'XEntry' options { map_entry: true } "
                                        "field { name: 'key' number: 1 label: LABEL_OPTIONAL type: "
                                        "TYPE_INT32 } field { name: 'value' number: 2 label: "
                                        "LABEL_OPTIONAL type: TYPE_INT32 } }")),
            "a schema cannot be used: test.M.x is a map" + rest);
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100", Field("n", ".test.N", "LABEL_REPEATED")) +
                       "message_type { name: 'N' " + Field("m", ".test.M") + Field("o", ".test.O") +
                       "} message_type { name: 'O' " + Field("y", "TYPE_DOUBLE") + "}"),
            "a schema cannot be used: test.O.y is a floating-point number" + rest);
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100") + "message_type { name: 'UsedByNoType' " +
                       Field("y", "TYPE_DOUBLE") + "}"),
            "taken");
}

TEST(Schema, RefusesTypeNumbersThatAreDoubledOrOutOfRange) {
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100") + TypedMessage("N", "100")),
            "a schema cannot be used: messages test.M and test.N have the same type number 100; "
            "give one of them another");
  for (const char* number : {"0", "1", "99", "65536", "4294967295"}) {
    EXPECT_EQ(WhyRefused(TypedMessage("M", number)),
              std::string("a schema cannot be used: message test.M has type number ") + number +
                  "; it must be 100 to 65535");
  }
  EXPECT_EQ(WhyRefused(TypedMessage("M", "65535")), "taken");
  EXPECT_EQ(WhyRefused(TypedMessage("M", "100")), "taken");
}

TEST(Schema, RefusesBytesThatAreNoSchema) {
  auto schema = Schema::Parse("nonsense");
  ASSERT_FALSE(schema);
  EXPECT_EQ(schema.error().code, ExitCode::kBadInput);
  EXPECT_EQ(schema.error().text,
            "a schema is not a FileDescriptorSet; make it with protoc "
            "--include_imports --descriptor_set_out");
  google::protobuf::FileDescriptorSet set;
  set.add_file()->set_name("a.proto");
  set.mutable_file(0)->add_dependency("b.proto");
  schema = Schema::Parse(set.SerializeAsString());
  ASSERT_FALSE(schema);
  EXPECT_TRUE(schema.error().text.starts_with("a schema cannot be used: a.proto, "))
      << schema.error().text;
}

TEST(Schema, SurvivesEveryCutAndFlippedByteOfItsBytes) {
  const std::string whole = SchemaOf({book::pb::NewOrder::descriptor()});
  google::protobuf::LogSilencer silencer;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    static_cast<void>(Schema::Parse(std::string_view(whole).substr(0, i)).ok());
    if (i % 7 != 0) continue;
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x15);
    static_cast<void>(Schema::Parse(flipped).ok());
  }
}

TEST(Schema, PrintsAMessageAsOneLine) {
  Schema schema = Load(SchemaOf({book::pb::NewOrder::descriptor()}));
  book::pb::NewOrder order;
  order.set_order_id(7);
  order.set_symbol("A\"\nB");
  order.set_side(book::pb::SELL);
  order.set_price(-5);
  EXPECT_EQ(schema.Text(Make(SomeHeader(100), order.SerializeAsString()).view()),
            "17 2012-06-21T13:30:00.004241176Z NewOrder origin=12 user=alice index=2 last epoch=3 "
            "{ order_id: 7 symbol: \"A\\\"\\nB\" side: SELL price: -5 }");
  Header tick;
  tick.number = 1;
  tick.type = 1;
  EXPECT_EQ(schema.Text(Make(tick, "").view()),
            "1 1970-01-01T00:00:00.000000000Z Tick origin=0 {}");
}

TEST(Schema, PrintsWhatItCannotDecodeAsHexadecimalDigits) {
  Schema schema = Load(SchemaOf({book::pb::NewOrder::descriptor()}));
  EXPECT_EQ(schema.Text(Make(SomeHeader(777), "\x01\xfe").view()),
            "17 2012-06-21T13:30:00.004241176Z 777 origin=12 user=alice index=2 last epoch=3 "
            "payload_hex=01fe");
  const std::string json = schema.Json(Make(SomeHeader(100), "\xff").view());
  EXPECT_NE(json.find("\"type\":\"NewOrder\""), std::string::npos) << json;
  EXPECT_TRUE(json.ends_with(",\"payload_hex\":\"ff\"}")) << json;
  // What is no UTF-8 is no string; it must not reach a JSON line.
  google::protobuf::LogSilencer silencer;
  EXPECT_TRUE(schema.Json(Make(SomeHeader(100), "\x12\x01\xff").view())
                  .ends_with(",\"payload_hex\":\"1201ff\"}"));
}

TEST(Schema, PrintsAMessageAsJson) {
  Schema schema = Load(SchemaOf({book::pb::NewOrder::descriptor()}));
  book::pb::Cancel cancel;
  cancel.set_order_id(UINT64_MAX);
  EXPECT_EQ(schema.Json(Make(SomeHeader(101), cancel.SerializeAsString()).view()),
            "{\"number\":17,\"time\":\"2012-06-21T13:30:00.004241176Z\","
            "\"time_ns\":1340285400004241176,\"type\":\"Cancel\",\"type_number\":101,"
            "\"session\":\"DAY1\",\"origin\":12,\"user\":\"alice\",\"index\":2,\"last\":true,"
            "\"epoch\":3,\"digest\":\"00ff0000000000ab\","
            "\"payload\":{\"order_id\":\"18446744073709551615\"}}");
}

TEST(Schema, PrintsPayloadsAsProtobufsOwnJsonPrinterDoes) {
  Everything text;
  Schema schema = Load(EverythingSchema());
  for (const char* content : {
           "",
           "a: -1 b: -2 c: 4294967295 d: 4 e: -5 f: -9223372036854775808 g: -7 "
           "h: 18446744073709551615 i: 9 j: -10 yes: true color: RED text: \"a \\\"b\\\" \\\\ / "
           "\\t \\r \\b \\f \\n \\001 \\177 \\303\\251\" raw: \"\" part { size: 3 parts { } parts "
           "{ size: -1 } }",
           "raw: \"a\" numbers: 1 numbers: -2 colors: RED colors: NONE texts: \"\" texts: \"x\" "
           "parts {} parts { size: 2 } maybe: 0 flags: true flags: false",
           "raw: \"ab\" camelCase_and_snake: \"s\" maybe: 7",
           "raw: \"\\000\\377\\376abc\" raws: \"\" raws: \"xyz\" small: 1 smaller: -1 large: 2",
       }) {
    const std::string payload = text.Payload(content);
    const std::string json = schema.Json(Make(SomeHeader(100), payload).view());
    const std::string expected = text.ReferenceJson(payload);
    const std::size_t at = json.find("\"payload\":");
    ASSERT_NE(at, std::string::npos) << json;
    EXPECT_EQ(json.substr(at + 10, json.size() - at - 11), expected) << content;
  }
}

TEST(Schema, PrintsTimesOfAllCenturies) {
  EXPECT_EQ(TimeText(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(TimeText(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(TimeText(951'782'400'000'000'000), "2000-02-29T00:00:00.000000000Z");
  EXPECT_EQ(TimeText(4'107'542'399'000'000'001), "2100-02-28T23:59:59.000000001Z");
  EXPECT_EQ(TimeText(4'107'542'400'000'000'000), "2100-03-01T00:00:00.000000000Z");
  EXPECT_EQ(TimeText(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(TimeText(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
  // Every day of 300 years, against the C library.
  for (std::int64_t day = -40'000; day < 70'000; ++day) {
    const std::time_t seconds = day * 86'400 + 3'661;
    std::tm parts;
    gmtime_r(&seconds, &parts);
    char text[40];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000000Z", &parts);
    ASSERT_EQ(TimeText(std::int64_t{seconds} * 1'000'000'000), text);
  }
}

TEST(SchemaCompare, FindsNothingInEqualMessages) {
  Schema schema = Load(SchemaOf({book::pb::NewOrder::descriptor()}));
  const Made made = Make(SomeHeader(101), "\x08\x07");
  EXPECT_TRUE(schema.Compare(made.view(), made.view()).empty());
}

TEST(SchemaCompare, NamesThePayloadFieldsFirstAndTheDigestLast) {
  Everything text;
  Schema schema = Load(EverythingSchema());
  Header other = SomeHeader(100);
  other.digest = 1;
  other.origin = 13;
  const Made a = Make(SomeHeader(100),
                      text.Payload("a: 1 color: RED text: \"x\" part { size: 1 parts { size: 2 } } "
                                   "numbers: 1 numbers: 2 maybe: 0"));
  const Made b = Make(other, text.Payload("a: 1 text: \"y\" part { size: 1 parts { size: 3 } } "
                                          "numbers: 1 parts { size: 9 }"));
  EXPECT_EQ(schema.Compare(a.view(), b.view()),
            (std::vector<FieldDifference>{
                {"color", "RED", "NONE"},
                {"text", "x", "y"},
                {"part.parts[0].size", "2", "3"},
                {"numbers[1]", "2", "(absent)"},
                {"parts[0]", "(absent)", "size: 9"},
                {"maybe", "0", "(absent)"},
                {"origin", "12", "13"},
                {"payload_size", std::to_string(a.view().payload().size()),
                 std::to_string(b.view().payload().size())},
                {"digest", "00ff0000000000ab", "0000000000000001"},
            }));
}

TEST(SchemaJson, ShowsFlagsThatAreNotUsual) {
  Schema schema = Load("");
  Header header = SomeHeader(1);
  std::vector<std::string> lines;
  for (const std::uint8_t flags : {0, 1, 128, 129}) {
    header.flags = flags;
    std::string exact;
    schema.AppendExactJson(Make(header, "").view(), &exact);
    const std::string json = schema.Json(Make(header, "").view());
    EXPECT_EQ(json, exact);
    const std::string last = json.substr(json.find("\"last\""));
    lines.push_back(last.substr(0, last.find(",\"epoch\"")));
    const std::string text = schema.Text(Make(header, "").view());
    const std::size_t shown = text.find(" flags=");
    lines.push_back(shown == std::string::npos ? "" : text.substr(shown, 10));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"\"last\":false", "", "\"last\":true", "",
                                             "\"last\":false,\"flags\":128", " flags=128",
                                             "\"last\":true,\"flags\":129", " flags=129"}));
}

TEST(SchemaCompare, NamesEveryHeaderField) {
  Schema schema = Load("");
  Header a = SomeHeader(1);
  Header b;
  b.digest = 2;
  b.session = Session("DAY2");
  b.type = 2;
  b.flags = 4;
  const auto differences = schema.Compare(Make(a, "").view(), Make(b, "").view());
  std::vector<std::string> paths;
  for (const FieldDifference& difference : differences) paths.push_back(difference.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"type", "user", "origin", "index", "last", "time",
                                             "epoch", "session", "number", "flags", "digest"}));
}

TEST(SchemaCompare, ShowsBytesWhereTheFieldsShowNoDifference) {
  Schema schema = Load(SchemaOf({book::pb::Cancel::descriptor()}));
  // The same field twice with the same value: other bytes, the same content.
  const auto differences = schema.Compare(Make(SomeHeader(101), "\x08\x07").view(),
                                          Make(SomeHeader(101), "\x08\x07\x08\x07").view());
  ASSERT_EQ(differences.size(), 2u);
  EXPECT_EQ(differences[0], (FieldDifference{"payload_hex", "0807", "08070807"}));
  EXPECT_EQ(schema.Compare(Make(SomeHeader(777), "a").view(), Make(SomeHeader(777), "b").view()),
            (std::vector<FieldDifference>{{"payload_hex", "61", "62"}}));
}

}  // namespace
}  // namespace tandem::proto
