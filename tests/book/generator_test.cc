// SPDX-License-Identifier: Apache-2.0
#include "engine/book/generator.h"

#include <map>

#include "engine/book/state.h"
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using book::FlowMessage;
using book::Generator;
using book::GeneratorOptions;

proto::StreamPosition EndOf(const GeneratorOptions& options, int count) {
  Generator generator(options);
  book::FlowStream stream{proto::Session("GENERATED")};
  FlowMessage message;
  for (int i = 0; i < count; ++i) {
    generator.Next(message);
    stream.Next(message);
  }
  return stream.position();
}

TEST(Generator, MakesTheSameBytesFromTheSameSeedEverywhere) {
  const std::uint64_t known_digest = 954039011534634382;
  EXPECT_EQ(EndOf({}, 10'000).digest, known_digest)
      << "the flow of a seed has changed, and with it every figure made from it";
  EXPECT_EQ(EndOf({}, 10'000), EndOf({}, 10'000));
  EXPECT_NE(EndOf({.seed = 2}, 10'000), EndOf({}, 10'000));
  EXPECT_NE(EndOf({.symbols = 101}, 10'000), EndOf({}, 10'000));
}

TEST(Generator, KnowsWhichOrdersAreLiveAndIsRejectedOnPurposeOnly) {
  const GeneratorOptions options{.symbols = 30, .users = 3, .seed = 5};
  Generator generator(options);
  BookDriver driver;
  FlowMessage message;
  std::map<std::uint16_t, int> inputs;
  std::map<std::uint16_t, int> outputs;
  std::map<int, int> reasons;
  std::int64_t time_ns = options.start_ns;
  constexpr int kCount = 200'000;
  for (int i = 0; i < kCount; ++i) {
    generator.Next(message);
    ASSERT_GT(message.time_ns, time_ns);
    time_ns = message.time_ns;
    ++inputs[message.type];
    for (const BookMessage& output : driver.Take(message)) {
      ++outputs[output.type];
      if (output.type != 204) continue;
      book::pb::Rejected rejected;
      rejected.ParseFromString(output.payload);
      ++reasons[rejected.reason()];
    }
    ASSERT_EQ(book::StateOf(driver.book()).order.N(), generator.live_orders()) << "input " << i;
  }
  EXPECT_EQ(book::StateOf(driver.book()).symbol.N(), 30u);
  EXPECT_GT(inputs[100], kCount / 3);
  EXPECT_GT(inputs[101], kCount / 4);
  EXPECT_GT(inputs[102], kCount / 40);
  EXPECT_GT(outputs[210], kCount / 20) << "trades";
  EXPECT_GT(outputs[204], kCount / 200) << "rejects";
  EXPECT_LT(outputs[204], kCount / 50) << "rejects";
  for (const int reason : {2, 3, 4, 5, 6, 7, 11}) EXPECT_GT(reasons[reason], 0) << reason;
  EXPECT_EQ(reasons.size(), 7u);
}

TEST(Generator, OfAllKindsKnowsWhichOrdersAreLiveAndReachesEveryAnswer) {
  const GeneratorOptions options{.symbols = 30, .users = 3, .seed = 6, .all_kinds = true};
  Generator generator(options);
  BookDriver driver;
  FlowMessage message;
  std::map<std::uint16_t, int> inputs;
  std::map<std::uint16_t, int> outputs;
  std::map<int, int> ends;  // reasons of Cancelled
  std::map<int, int> reasons;
  constexpr int kCount = 200'000;
  for (int i = 0; i < kCount; ++i) {
    generator.Next(message);
    ++inputs[message.type];
    for (const BookMessage& output : driver.Take(message)) {
      ++outputs[output.type];
      book::pb::Cancelled cancelled;
      book::pb::Rejected rejected;
      if (output.type == 202 && cancelled.ParseFromString(output.payload)) {
        ++ends[cancelled.reason()];
      }
      if (output.type == 204 && rejected.ParseFromString(output.payload)) {
        ++reasons[rejected.reason()];
      }
    }
    ASSERT_EQ(book::StateOf(driver.book()).order.N(), generator.live_orders()) << "input " << i;
  }
  for (std::uint16_t type = 100; type <= 107; ++type) {
    EXPECT_EQ(inputs[type] > 50, type != 103) << type;
  }
  for (const int type : {200, 201, 202, 203, 204, 206, 207, 210, 211, 212}) {
    EXPECT_GT(outputs[static_cast<std::uint16_t>(type)], 50) << type;
  }
  for (int end = 1; end <= 8; ++end) EXPECT_GT(ends[end], 10) << end;
  EXPECT_EQ(ends.size(), 8u);
  for (const int reason : {2, 3, 4, 5, 6, 7, 11}) EXPECT_GT(reasons[reason], 0) << reason;
  EXPECT_EQ(reasons.size(), 7u);
}

TEST(Generator, SaysWhichOptionCannotBe) {
  EXPECT_TRUE(GeneratorOptions{}.Check().ok());
  EXPECT_TRUE((GeneratorOptions{.symbols = 1, .users = 1, .gap_ns_max = 1}.Check().ok()));
  EXPECT_TRUE((GeneratorOptions{.symbols = 10'000, .users = 9'999}.Check().ok()));
  EXPECT_EQ(GeneratorOptions{.symbols = 0}.Check().error().text,
            "the number of symbols is 0 and must be 1 to 10000");
  EXPECT_EQ(GeneratorOptions{.symbols = 10'001}.Check().error().text,
            "the number of symbols is 10001 and must be 1 to 10000");
  EXPECT_EQ(GeneratorOptions{.users = 0}.Check().error().text,
            "the number of users is 0 and must be 1 to 9999");
  EXPECT_EQ(GeneratorOptions{.users = 10'000}.Check().error().text,
            "the number of users is 10000 and must be 1 to 9999");
  EXPECT_EQ(GeneratorOptions{.gap_ns_max = 0}.Check().error().text,
            "the longest gap is 0 ns and must be 1 ns to 1000 s");
}

TEST(Generator, GivesEverySymbolAndUserANameOfItsOwn) {
  Generator generator({.symbols = 10'000, .users = 9'999, .seed = 9});
  std::map<std::string, int> users;
  std::map<std::string, int> symbols;
  FlowMessage message;
  for (int i = 0; i < 500'000; ++i) {
    generator.Next(message);
    ++users[message.user.str()];
    book::pb::NewOrder order;
    if (message.type != 100) continue;
    ASSERT_TRUE(order.ParseFromString(message.payload));
    if (order.symbol().size() == 4) ++symbols[order.symbol()];
  }
  EXPECT_EQ(users.size(), 9'999u);
  EXPECT_GT(symbols.size(), 9'500u);
  EXPECT_LE(symbols.size(), 10'000u);
}

TEST(FlowStream, WritesWhatASequencerWouldWrite) {
  book::FlowStream stream{proto::Session("DAY")};
  proto::StreamPosition position;
  std::map<std::string, std::uint64_t> origins;
  FlowMessage message;
  message.type = 100;
  for (const std::string user : {"A", "B", "A", "A"}) {
    message.user = proto::User(user);
    message.time_ns += 5;
    message.payload = Buy(1, "AAA", 1, 1).SerializeAsString();
    const auto bytes = stream.Next(message);
    const auto view = proto::ParseMessage(bytes);
    ASSERT_TRUE(view);
    position = {position.number + 1, proto::Digest(position.digest, bytes)};
    EXPECT_EQ(view->header.number, position.number);
    EXPECT_EQ(view->header.digest, position.digest);
    EXPECT_EQ(view->header.session, proto::Session("DAY"));
    EXPECT_EQ(view->header.user, proto::User(user));
    EXPECT_EQ(view->header.origin, ++origins[user]);
    EXPECT_EQ(view->header.time_ns, message.time_ns);
    EXPECT_EQ(view->header.type, 100);
    EXPECT_EQ(view->header.index, 0u);
    EXPECT_EQ(view->header.epoch, 1u);
    EXPECT_TRUE(view->header.last());
    EXPECT_EQ(view->payload_text(), message.payload);
    EXPECT_EQ(stream.position(), position);
  }
}

TEST(FlowMessage, TypesAreThoseOfTheSchema) {
  const auto type = [](const google::protobuf::Descriptor* descriptor) {
    return descriptor->options().GetExtension(pb::type);
  };
  EXPECT_EQ(type(book::pb::NewOrder::descriptor()), book::kNewOrderType);
  EXPECT_EQ(type(book::pb::Cancel::descriptor()), book::kCancelType);
  EXPECT_EQ(type(book::pb::Reduce::descriptor()), book::kReduceType);
  EXPECT_EQ(type(book::pb::Configure::descriptor()), book::kConfigureType);
  EXPECT_EQ(type(book::pb::Replace::descriptor()), book::kReplaceType);
  EXPECT_EQ(type(book::pb::MassCancel::descriptor()), book::kMassCancelType);
  EXPECT_EQ(type(book::pb::Halt::descriptor()), book::kHaltType);
  EXPECT_EQ(type(book::pb::Resume::descriptor()), book::kResumeType);
}

}  // namespace
}  // namespace tandem::tests
