// SPDX-License-Identifier: Apache-2.0
//
// What a pair needs of book's state: the same inputs give the same bytes, a step takes nothing from
// the heap, memory is bounded, a planted fault shows.
#include "engine/book/state.h"

#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <utility>

#include "engine/book/generator.h"
#include "pools/heap_guard.h"
#include "tests/book/book_driver.h"
#include "tests/book/random_flow.h"

namespace tandem::tests {
namespace {

/// One book, fed without comparing.
class SingleBook {
 public:
  explicit SingleBook(const pools::ZoneOptions& options = {}) {
    auto made = book::MakeBook(options);
    ENSURE(made.ok(), "%s", made.error().text.c_str());
    book_ = std::move(made).value();
    stepper_.emplace(*book_, session_);
  }
  void Take(const BookMessage& input) {
    flow_.user = proto::User(input.user);
    flow_.type = input.type;
    flow_.payload = input.payload;
    Take(flow_);
  }
  void Take(const book::FlowMessage& flow) {
    const Status applied = stepper_->Apply(*proto::ParseMessage(stream_.Next(flow)));
    ENSURE(applied.ok(), "%s", applied.error().text.c_str());
  }
  [[nodiscard]] std::uint64_t Hash() { return book::ZoneOf(*book_).Hash(); }
  [[nodiscard]] proto::StreamPosition output() const { return stepper_->position().output; }
  [[nodiscard]] const book::State& state() const { return book::StateOf(*book_); }

 private:
  std::unique_ptr<replay::Application> book_;
  proto::Session session_{"TEST"};
  std::optional<replay::Stepper> stepper_;
  book::FlowStream stream_{session_};
  book::FlowMessage flow_;
};

TEST(BookState, IsTheSameByteForByteAfterTheSameInputs) {
  std::vector<std::uint64_t> hashes[2];
  std::vector<proto::StreamPosition> outputs[2];
  for (int run = 0; run < 2; ++run) {
    SingleBook book;
    RandomFlow flow(77);
    for (int i = 1; i <= 50'000; ++i) {
      book.Take(flow.Next());
      if (i % 1000 != 0) continue;
      hashes[run].push_back(book.Hash());
      outputs[run].push_back(book.output());
    }
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_NE(hashes[0].front(), hashes[0].back());
}

TEST(BookState, KeepsEveryOrderInExactlyOneQueueOneListAndOneIndex) {
  SingleBook book;
  RandomFlow flow(78);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5'000; ++i) book.Take(flow.Next());
    const book::State& state = book.state();
    std::uint64_t orders = 0;
    std::uint64_t levels = 0;
    std::uint64_t symbols = 0;
    std::uint64_t clients = 0;
    std::set<const book::Client*> owners;
    for (const book::Symbol& row : state.symbol.Rows()) {
      const book::Symbol* const symbol = &row;
      ++symbols;
      ASSERT_EQ(state.symbol.Find<&book::Symbol::key>(symbol->key), symbol);
      ASSERT_EQ(symbol->next_changed, nullptr) << "a chain of a step that is over";
      std::int64_t best[2] = {0, 0};
      for (const auto side : {book::kBids, book::kAsks}) {
        for (const book::Level& level : symbol->side.qFind(side)) {
          ++levels;
          if (best[side] == 0) best[side] = PriceOf(level);
          ASSERT_EQ(level.symbol, symbol);
          ASSERT_EQ(IsBid(level), side == book::kBids);
          std::uint64_t size = 0;
          const book::Order* previous = nullptr;
          for (const book::Order* order = level.first; order != nullptr; order = order->next) {
            ++orders;
            size += order->left;
            ASSERT_NE(order->left, 0u);
            ASSERT_EQ(order->level, &level);
            ASSERT_EQ(state.client.Find<&book::Client::user>(order->client->user), order->client);
            owners.insert(order->client);
            ASSERT_EQ(order->previous, previous);
            ASSERT_EQ((state.order.Find<&book::Order::client, &book::Order::id>(order->client,
                                                                                order->id)),
                      order);
            previous = order;
          }
          ASSERT_EQ(level.last, previous);
          ASSERT_NE(previous, nullptr) << "an empty level";
          ASSERT_EQ(level.size, size);
        }
      }
      const bool crossed = best[0] != 0 && best[1] != 0 && best[0] >= best[1];
      ASSERT_FALSE(crossed) << best[0] << " " << best[1];
    }
    std::uint64_t orders_of_clients = 0;
    for (const book::Client* const client : owners) {
      ++clients;
      const book::Order* previous = nullptr;
      for (const book::Order* order = client->first; order != nullptr;
           order = order->next_of_client) {
        ++orders_of_clients;
        ASSERT_EQ(order->client, client);
        ASSERT_EQ(order->previous_of_client, previous);
        previous = order;
      }
      ASSERT_EQ(client->last, previous);
    }
    ASSERT_EQ(orders, orders_of_clients);
    ASSERT_LE(clients, state.client.N());
    ASSERT_EQ(orders, state.order.N());
    ASSERT_EQ(levels, state.level.N());
    ASSERT_EQ(symbols, state.symbol.N());
    state.order.Check();
    state.client.Check();
    state.symbol.Check();
  }
}

TEST(BookState, AStepTakesNothingFromTheHeap) {
  if (!pools::HeapGuard::Available()) GTEST_SKIP() << "not counted in this build";
  pools::HeapGuard::Reset();
  {
    SingleBook book;
    RandomFlow hostile(79);
    for (int i = 0; i < 200'000; ++i) book.Take(hostile.Next());
    EXPECT_EQ(pools::HeapGuard::Count(), 0u);
  }
  SingleBook book;
  book::Generator generator(book::GeneratorOptions{.symbols = 50});
  book::FlowMessage flow;
  for (int i = 0; i < 200'000; ++i) {
    generator.Next(flow);
    book.Take(flow);
  }
  EXPECT_EQ(pools::HeapGuard::Count(), 0u);
  EXPECT_GT(book.state().order.N(), 1000u);
}

/// Runs `body` in a child process. Returns its exit code (-1: a signal) and what it said to stderr.
template <class Body>
std::pair<int, std::string> InChild(Body&& body) {
  int ends[2];
  ENSURE(pipe(ends) == 0, "no pipe");
  const pid_t child = fork();
  ENSURE(child >= 0, "no child");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t size = 0; (size = read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
}

TEST(BookState, EndsTheProcessAtTheSameMessageWhenItsZoneIsFull) {
  const auto fill = [] {
    pools::ZoneOptions options;
    options.limit_bytes = 8u << 20;
    SingleBook book(options);
    for (std::uint64_t id = 1;; ++id) {
      book.Take({100, "A", Buy(id, "AAA", 100, 1).SerializeAsString()});
    }
  };
  const auto first = InChild(fill);
  const auto second = InChild(fill);
  EXPECT_EQ(first.first, 3) << first.second;
  EXPECT_NE(first.second.find("book.FDb."), std::string::npos) << first.second;
  EXPECT_EQ(first, second);
}

using BookFault = BookTest;

TEST_F(BookFault, IsNotPlantedWhereThereIsNoOrder) {
  EXPECT_EQ(driver_.book().PlantFault(), "");
  Given("A", List({"AAA"}));
  EXPECT_EQ(driver_.book().PlantFault(), "");
}

TEST_F(BookFault, ChangesTheFirstOrderAtTheTopOfTheFirstBookThatHasOne) {
  Given("A", List({"EMPTY"}));
  Given("A", Buy(7, "AAA", 99, 10));
  Given("A", Buy(8, "AAA", 100, 10));
  Given("B", Buy(9, "AAA", 100, 10));
  for (auto* const book : {&driver_.book(), &driver_.second_book()}) {
    EXPECT_EQ(book->PlantFault(),
              "order 8 of A, first at the best bid of AAA: field left changed from 10 to 11");
  }
  EXPECT_EQ(When("A", Cancel(8)),
            (Lines{"A Cancelled order_id: 8 reason: REQUESTED size: 11",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 9"}));
}

TEST_F(BookFault, NeverLeavesNothingOfAnOrder) {
  Given("A", Sell(1, "AAA", 100, 1));
  for (auto* const book : {&driver_.book(), &driver_.second_book()}) {
    EXPECT_EQ(book->PlantFault(),
              "order 1 of A, first at the best ask of AAA: field left changed from 1 to 3");
  }
  EXPECT_EQ(When("A", Cancel(1)).front(), "A Cancelled order_id: 1 reason: REQUESTED size: 3");
}

}  // namespace
}  // namespace tandem::tests
