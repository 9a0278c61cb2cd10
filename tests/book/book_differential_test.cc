// SPDX-License-Identifier: Apache-2.0
//
// Book against the simple second implementation: the same random inputs, every output compared
// byte for byte, in order. TANDEM_SEED chooses the seed (default: another one each day),
// TANDEM_MESSAGES how many inputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <tuple>

#include "engine/book/generator.h"
#include "engine/book/state.h"
#include "tests/book/book_driver.h"
#include "tests/book/random_flow.h"

namespace tandem::tests {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(TANDEM_CHECKED)
constexpr std::uint64_t kMessages = 200'000;  // as many take minutes there
#else
constexpr std::uint64_t kMessages = 2'000'000;
#endif

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::uint64_t Seed() {
  return FromEnvironment("TANDEM_SEED", 1 + static_cast<std::uint64_t>(time(nullptr)) / 86'400);
}

Lines AsLines(const std::vector<BookMessage>& messages) {
  Lines lines;
  for (const BookMessage& message : messages) lines.push_back(AsText(message));
  return lines;
}

/// Which outputs a run has shown: type, reason (Replaced: 1 if it kept its place), type of the
/// input.
using Seen = std::set<std::tuple<std::uint16_t, int, std::uint16_t>>;

template <class Message>
int ReasonOf(const BookMessage& output) {
  Message message;
  message.ParseFromString(output.payload);
  return message.reason();
}

void Note(const BookMessage& input, const std::vector<BookMessage>& outputs, Seen& seen) {
  for (const BookMessage& output : outputs) {
    int reason = 0;
    if (output.type == 202) reason = ReasonOf<book::pb::Cancelled>(output);
    if (output.type == 203) reason = ReasonOf<book::pb::Reduced>(output);
    if (output.type == 204) reason = ReasonOf<book::pb::Rejected>(output);
    if (output.type == 206) {
      book::pb::Replaced replaced;
      replaced.ParseFromString(output.payload);
      reason = replaced.kept_place() ? 1 : 0;
    }
    seen.insert({output.type, reason, input.type});
  }
}

/// Every output that every input can have, but those that need 200,000 orders.
Seen All() {
  Seen all;
  const auto add = [&all](std::uint16_t input, std::uint16_t output,
                          const std::vector<int>& reasons) {
    for (const int reason : reasons) all.insert({output, reason, input});
  };
  add(100, 200, {0});
  for (const std::uint16_t input : {100, 104}) {
    for (const std::uint16_t output : {201, 210, 211}) add(input, output, {0});
    add(input, 203, {book::pb::Reduced::SELF_TRADE});
  }
  using Cancelled = book::pb::Cancelled;
  add(100, 202,
      {Cancelled::IOC_REMAINDER, Cancelled::FOK_UNFILLED, Cancelled::WOULD_TRADE,
       Cancelled::SELF_TRADE, Cancelled::MARKET_REMAINDER});
  add(101, 202, {Cancelled::REQUESTED});
  add(102, 202, {Cancelled::REDUCED_TO_ZERO});
  add(102, 203, {book::pb::Reduced::REQUESTED});
  add(104, 202, {Cancelled::SELF_TRADE});
  add(105, 202, {Cancelled::MASS_CANCEL});
  for (const std::uint16_t input : {101, 102, 105}) add(input, 211, {0});
  add(103, 205, {0});
  add(104, 206, {0, 1});
  add(105, 207, {0});
  add(106, 212, {0});
  add(107, 212, {0});
  using Rejected = book::pb::Rejected;
  for (const std::uint16_t input : {100, 101, 102, 103, 104, 105, 106, 107}) {
    add(input, 204, {Rejected::UNKNOWN_FIELD});
  }
  add(100, 204,
      {Rejected::BAD_SYMBOL, Rejected::BAD_SIDE, Rejected::UNKNOWN_KIND, Rejected::BAD_PRICE,
       Rejected::BAD_SIZE, Rejected::BAD_POLICY, Rejected::BAD_OWNER, Rejected::DUPLICATE_ID,
       Rejected::UNKNOWN_SYMBOL, Rejected::TOO_MANY_SYMBOLS, Rejected::HALTED,
       Rejected::LEVEL_FULL});
  add(101, 204, {Rejected::UNKNOWN_ORDER});
  add(102, 204, {Rejected::BAD_SIZE, Rejected::UNKNOWN_ORDER});
  add(103, 204,
      {Rejected::NOT_OPERATOR, Rejected::BAD_SETTING, Rejected::BAD_SYMBOL,
       Rejected::TOO_MANY_SYMBOLS});
  add(104, 204,
      {Rejected::UNKNOWN_KIND, Rejected::BAD_PRICE, Rejected::BAD_SIZE, Rejected::BAD_POLICY,
       Rejected::UNKNOWN_ORDER, Rejected::DUPLICATE_ID, Rejected::CHANGED, Rejected::BAD_OWNER,
       Rejected::HALTED, Rejected::WOULD_TRADE, Rejected::LEVEL_FULL});
  add(105, 204, {Rejected::BAD_SYMBOL, Rejected::BAD_SIDE, Rejected::UNKNOWN_SYMBOL});
  for (const std::uint16_t input : {106, 107}) {
    add(input, 204, {Rejected::NOT_OPERATOR, Rejected::BAD_SYMBOL, Rejected::UNKNOWN_SYMBOL});
  }
  return all;
}

/// Gives `count` inputs of `next` to both, to new ones every 100,000; stops at the first
/// difference.
template <class Next>
Seen Compare(std::uint64_t count, Next&& next) {
  constexpr std::uint64_t kRound = 100'000;
  Seen seen;
  std::unique_ptr<BookDriver> driver;
  std::unique_ptr<SimpleBook> simple;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i % kRound == 0) {
      driver.reset();  // frees the addresses for the next one
      driver = std::make_unique<BookDriver>();
      simple = std::make_unique<SimpleBook>();
    }
    const BookMessage input = next();
    const std::vector<BookMessage> outputs = driver->Take(input);
    const std::vector<BookMessage> expected = simple->Take(input);
    if (outputs != expected) {
      EXPECT_EQ(AsLines(outputs), AsLines(expected)) << "at input " << i;
      ADD_FAILURE() << "the books differ at input " << i;
      break;
    }
    if (book::StateOf(driver->book()).order.N() != simple->live_orders()) {
      ADD_FAILURE() << "the books hold different numbers of orders after input " << i;
      break;
    }
    Note(input, outputs, seen);
  }
  return seen;
}

TEST(BookDifferential, AgreesWithTheSimpleBookOnHostileFlow) {
  const std::uint64_t seed = Seed();
  const std::uint64_t count = FromEnvironment("TANDEM_MESSAGES", kMessages);
  std::cout << "TANDEM_SEED=" << seed << " TANDEM_MESSAGES=" << count << "\n";
  RandomFlow flow(seed * 2 + 1);
  const Seen seen = Compare(count, [&flow] { return flow.Next(); });
  if (count < 1'000'000) return;
  const Seen all = All();
  Seen missing;
  std::set_difference(all.begin(), all.end(), seen.begin(), seen.end(),
                      std::inserter(missing, missing.end()));
  EXPECT_EQ(missing, Seen()) << "outputs that the flow no longer reaches";
  Seen strange;
  std::set_difference(seen.begin(), seen.end(), all.begin(), all.end(),
                      std::inserter(strange, strange.end()));
  EXPECT_EQ(strange, Seen()) << "outputs that nothing should have";
}

/// Gives generated flow to both.
void CompareGenerated(book::GeneratorOptions options) {
  options.seed = Seed();
  options.symbols = 20;
  const std::uint64_t count = FromEnvironment("TANDEM_MESSAGES", kMessages) / 4;
  std::cout << "TANDEM_SEED=" << options.seed << " " << count << " messages\n";
  book::Generator generator(options);
  book::FlowMessage flow;
  Compare(count, [&] {
    generator.Next(flow);
    return BookMessage{flow.type, flow.user.str(), flow.payload};
  });
}

TEST(BookDifferential, AgreesWithTheSimpleBookOnGeneratedFlow) { CompareGenerated({}); }

TEST(BookDifferential, AgreesWithTheSimpleBookOnGeneratedFlowOfAllKinds) {
  CompareGenerated({.all_kinds = true});
}

}  // namespace
}  // namespace tandem::tests
