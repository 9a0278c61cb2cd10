// SPDX-License-Identifier: Apache-2.0
//
// Book against the simple second implementation: the same random inputs, every output compared
// byte for byte, in order. TANDEM_SEED chooses the seed (default: another one each day),
// TANDEM_MESSAGES how many inputs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

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

/// Which outputs, and which reasons of rejects, a run has shown.
using Seen = std::set<std::pair<std::uint16_t, int>>;

void Note(const std::vector<BookMessage>& outputs, Seen& seen) {
  for (const BookMessage& output : outputs) {
    int reason = 0;
    if (output.type == 204) {
      book::pb::Rejected rejected;
      rejected.ParseFromString(output.payload);
      reason = rejected.reason();
    }
    seen.insert({output.type, reason});
  }
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
    if (book::StateOf(driver->book()).orders.N() != simple->live_orders()) {
      ADD_FAILURE() << "the books hold different numbers of orders after input " << i;
      break;
    }
    Note(outputs, seen);
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
  Seen all;
  for (const std::uint16_t type : {200, 201, 202, 203, 205, 210, 211}) all.insert({type, 0});
  for (int reason = 1; reason <= 12; ++reason) all.insert({std::uint16_t{204}, reason});
  EXPECT_EQ(seen, all) << "the flow no longer reaches every output";
}

TEST(BookDifferential, AgreesWithTheSimpleBookOnGeneratedFlow) {
  book::GeneratorOptions options;
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

}  // namespace
}  // namespace tandem::tests
