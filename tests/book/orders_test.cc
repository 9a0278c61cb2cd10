// SPDX-License-Identifier: Apache-2.0
//
// What book answers to orders, cancels and reduces: whole lists of outputs.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using BookOrders = BookTest;

TEST_F(BookOrders, RestsInAnEmptyBookAndBecomesItsTop) {
  EXPECT_EQ(
      When("A", Buy(1, "AAA", 100, 10)),
      (Lines{"A Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: LIMIT price: 100 size: 10",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10"}));
  EXPECT_EQ(
      When("B", Sell(1, "AAA", 101, 5)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: LIMIT price: 101 size: 5",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10 ask_price: 101 "
             "ask_size: 5"}));
}

TEST_F(BookOrders, BehindTheBestPriceChangesNoTop) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", Sell(2, "AAA", 110, 10));
  EXPECT_EQ(
      When("A", Buy(3, "AAA", 99, 1)),
      (Lines{"A Accepted order_id: 3 symbol: \"AAA\" side: BUY kind: LIMIT price: 99 size: 1"}));
  EXPECT_EQ(
      When("A", Sell(4, "AAA", 111, 1)),
      (Lines{"A Accepted order_id: 4 symbol: \"AAA\" side: SELL kind: LIMIT price: 111 size: 1"}));
}

TEST_F(BookOrders, AtTheBestPriceAddsToItsSize) {
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(
      When("B", Buy(1, "AAA", 100, 7)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: LIMIT price: 100 size: 7",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 17"}));
}

TEST_F(BookOrders, TradeAtTheRestingPriceWhenBothAreFilled) {
  Given("A", Sell(1, "AAA", 100, 10));
  EXPECT_EQ(
      When("B", Buy(2, "AAA", 105, 10)),
      (Lines{"B Accepted order_id: 2 symbol: \"AAA\" side: BUY kind: LIMIT price: 105 size: 10",
             "A Executed order_id: 1 role: MAKER price: 100 size: 10",
             "B Executed order_id: 2 role: TAKER price: 100 size: 10",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 2 price: 100 size: 10 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, TradeInPartAndTheRestOfTheTakerJoinsTheBook) {
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(
      When("B", Sell(2, "AAA", 100, 25)),
      (Lines{
          "B Accepted order_id: 2 symbol: \"AAA\" side: SELL kind: LIMIT price: 100 size: 25",
          "A Executed order_id: 1 role: MAKER price: 100 size: 10",
          "B Executed order_id: 2 role: TAKER price: 100 size: 10 remaining: 15",
          "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 2 price: 100 size: 10 aggressor: SELL",
          "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 15"}));
}

TEST_F(BookOrders, TradeInPartAndTheRestOfTheMakerKeepsItsPlace) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(2, "AAA", 100, 10));
  EXPECT_EQ(
      When("C", Sell(3, "AAA", 100, 4)),
      (Lines{"C Accepted order_id: 3 symbol: \"AAA\" side: SELL kind: LIMIT price: 100 size: 4",
             "A Executed order_id: 1 role: MAKER price: 100 size: 4 remaining: 6",
             "C Executed order_id: 3 role: TAKER price: 100 size: 4",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 3 price: 100 size: 4 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 16"}));
  EXPECT_EQ(
      When("C", Sell(4, "AAA", 100, 7)),
      (Lines{"C Accepted order_id: 4 symbol: \"AAA\" side: SELL kind: LIMIT price: 100 size: 7",
             "A Executed order_id: 1 role: MAKER price: 100 size: 6",
             "C Executed order_id: 4 role: TAKER price: 100 size: 6 remaining: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 4 price: 100 size: 6 aggressor: SELL",
             "B Executed order_id: 2 role: MAKER price: 100 size: 1 remaining: 9",
             "C Executed order_id: 4 role: TAKER price: 100 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 4 price: 100 size: 1 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 9"}));
}

TEST_F(BookOrders, SweepSeveralPricesBestFirstAndStopAtTheirOwn) {
  Given("A", Sell(1, "AAA", 102, 1));
  Given("A", Sell(2, "AAA", 100, 1));
  Given("A", Sell(3, "AAA", 101, 1));
  EXPECT_EQ(
      When("B", Buy(9, "AAA", 101, 5)),
      (Lines{
          "B Accepted order_id: 9 symbol: \"AAA\" side: BUY kind: LIMIT price: 101 size: 5",
          "A Executed order_id: 2 role: MAKER price: 100 size: 1",
          "B Executed order_id: 9 role: TAKER price: 100 size: 1 remaining: 4",
          "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 100 size: 1 aggressor: BUY",
          "A Executed order_id: 3 role: MAKER price: 101 size: 1",
          "B Executed order_id: 9 role: TAKER price: 101 size: 1 remaining: 3",
          "all Trade symbol: \"AAA\" maker_id: 3 taker_id: 9 price: 101 size: 1 aggressor: BUY",
          "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 3 ask_price: 102 ask_size: 1"}));
}

TEST_F(BookOrders, NeverTradeWhenPricesDoNotCross) {
  Given("A", Sell(1, "AAA", 101, 1));
  EXPECT_EQ(
      When("B", Buy(2, "AAA", 100, 1)),
      (Lines{"B Accepted order_id: 2 symbol: \"AAA\" side: BUY kind: LIMIT price: 100 size: 1",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 1 ask_price: 101 "
             "ask_size: 1"}));
  EXPECT_EQ(When("B", BuyNow(3, "AAA", 100, 1)),
            (Lines{"B Accepted order_id: 3 symbol: \"AAA\" side: BUY kind: IOC price: 100 size: 1",
                   "B Cancelled order_id: 3 reason: IOC_REMAINDER size: 1"}));
}

TEST_F(BookOrders, OfOneUserMayTradeWithEachOther) {
  Given("A", Sell(1, "AAA", 100, 1));
  EXPECT_EQ(
      When("A", Buy(2, "AAA", 100, 1)),
      (Lines{"A Accepted order_id: 2 symbol: \"AAA\" side: BUY kind: LIMIT price: 100 size: 1",
             "A Executed order_id: 1 role: MAKER price: 100 size: 1",
             "A Executed order_id: 2 role: TAKER price: 100 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 2 price: 100 size: 1 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, OfDifferentSymbolsDoNotMeet) {
  Given("A", Sell(1, "AAA", 100, 1));
  EXPECT_EQ(
      When("B", Buy(1, "BBB", 100, 1)),
      (Lines{"B Accepted order_id: 1 symbol: \"BBB\" side: BUY kind: LIMIT price: 100 size: 1",
             "all TopOfBook symbol: \"BBB\" bid_price: 100 bid_size: 1"}));
}

TEST_F(BookOrders, ImmediateOrCancelTakesWhatThereIsAndTheRestIsCancelled) {
  Given("A", Buy(1, "AAA", 100, 4));
  Given("A", Buy(2, "AAA", 99, 4));
  EXPECT_EQ(
      When("B", SellNow(1, "AAA", 100, 10)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: IOC price: 100 size: 10",
             "A Executed order_id: 1 role: MAKER price: 100 size: 4",
             "B Executed order_id: 1 role: TAKER price: 100 size: 4 remaining: 6",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 4 aggressor: SELL",
             "B Cancelled order_id: 1 reason: IOC_REMAINDER size: 6",
             "all TopOfBook symbol: \"AAA\" bid_price: 99 bid_size: 4"}));
}

TEST_F(BookOrders, ImmediateOrCancelThatIsFilledIsNotCancelled) {
  Given("A", Buy(1, "AAA", 100, 4));
  EXPECT_EQ(
      When("B", SellNow(1, "AAA", 1, 4)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: IOC price: 1 size: 4",
             "A Executed order_id: 1 role: MAKER price: 100 size: 4",
             "B Executed order_id: 1 role: TAKER price: 100 size: 4",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 4 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, CancelTakesAllThatIsLeft) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 100, 3));
  EXPECT_EQ(When("A", Cancel(1)), (Lines{"A Cancelled order_id: 1 reason: REQUESTED size: 7",
                                         "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, CancelBehindTheBestPriceChangesNoTop) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", Buy(2, "AAA", 99, 10));
  EXPECT_EQ(When("A", Cancel(2)), (Lines{"A Cancelled order_id: 2 reason: REQUESTED size: 10"}));
}

TEST_F(BookOrders, CancelInTheMiddleOfAQueueLeavesTheOthersInOrder) {
  for (const std::uint64_t id : {1, 2, 3}) Given("A", Buy(id, "AAA", 100, id));
  EXPECT_EQ(When("A", Cancel(2)),
            (Lines{"A Cancelled order_id: 2 reason: REQUESTED size: 2",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 4"}));
  EXPECT_EQ(
      When("B", SellNow(9, "AAA", 100, 4)),
      (Lines{"B Accepted order_id: 9 symbol: \"AAA\" side: SELL kind: IOC price: 100 size: 4",
             "A Executed order_id: 1 role: MAKER price: 100 size: 1",
             "B Executed order_id: 9 role: TAKER price: 100 size: 1 remaining: 3",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 9 price: 100 size: 1 aggressor: SELL",
             "A Executed order_id: 3 role: MAKER price: 100 size: 3",
             "B Executed order_id: 9 role: TAKER price: 100 size: 3",
             "all Trade symbol: \"AAA\" maker_id: 3 taker_id: 9 price: 100 size: 3 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, ReduceKeepsThePlaceInTheQueue) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Reduce(1, 9)),
            (Lines{"A Reduced order_id: 1 size: 9 remaining: 1",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 11"}));
  EXPECT_EQ(
      When("C", SellNow(1, "AAA", 100, 1)),
      (Lines{"C Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: IOC price: 100 size: 1",
             "A Executed order_id: 1 role: MAKER price: 100 size: 1",
             "C Executed order_id: 1 role: TAKER price: 100 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 1 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10"}));
}

TEST_F(BookOrders, ReduceToZeroOrBelowCancels) {
  for (const std::uint64_t by : {10ull, 11ull, ~0ull}) {
    Given("A", Sell(by, "AAA", 100, 10));
    EXPECT_EQ(When("A", Reduce(by, by)), (Lines{"A Cancelled order_id: " + std::to_string(by) +
                                                    " reason: REDUCED_TO_ZERO size: 10",
                                                "all TopOfBook symbol: \"AAA\""}));
  }
}

TEST_F(BookOrders, ReduceBehindTheBestPriceChangesNoTop) {
  Given("A", Sell(1, "AAA", 100, 10));
  Given("A", Sell(2, "AAA", 101, 10));
  EXPECT_EQ(When("A", Reduce(2, 1)), (Lines{"A Reduced order_id: 2 size: 1 remaining: 9"}));
}

TEST_F(BookOrders, AnIdMayBeUsedAgainWhenItsOrderIsFinished) {
  const auto accepted = [this](const std::string& user, const book::pb::NewOrder& order) {
    return When(user, order).front().find(user + " Accepted") == 0;
  };
  EXPECT_TRUE(accepted("A", Buy(1, "AAA", 100, 10)));
  Given("A", Cancel(1));
  EXPECT_TRUE(accepted("A", Buy(1, "AAA", 100, 10)));  // after a cancel
  Given("A", Reduce(1, 10));
  EXPECT_TRUE(accepted("A", Buy(1, "AAA", 100, 10)));  // after a reduce to zero
  Given("B", Sell(1, "AAA", 100, 10));
  EXPECT_TRUE(accepted("A", BuyNow(1, "AAA", 100, 10)));  // after it was filled as a maker
  EXPECT_TRUE(accepted("A", Buy(1, "AAA", 100, 10)));     // after an immediate-or-cancel
  EXPECT_TRUE(accepted("B", Sell(1, "AAA", 100, 10)));    // after it was filled as a taker
}

TEST_F(BookOrders, UsersMayChooseTheSameIds) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 101, 20));
  EXPECT_EQ(When("A", Cancel(1)), (Lines{"A Cancelled order_id: 1 reason: REQUESTED size: 10"}));
  EXPECT_EQ(When("B", Cancel(1)), (Lines{"B Cancelled order_id: 1 reason: REQUESTED size: 20",
                                         "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookOrders, IdsPricesAndSizesMayBeTheSmallestAndTheLargest) {
  const std::uint64_t largest_id = ~0ull;
  Given("A", Buy(0, "!", 1, 1));
  EXPECT_EQ(
      When("A", Sell(largest_id, "~~~~~~~~", 1'000'000'000'000, 1'000'000'000'000)),
      (Lines{"A Accepted order_id: 18446744073709551615 symbol: \"~~~~~~~~\" side: SELL kind: "
             "LIMIT price: 1000000000000 size: 1000000000000",
             "all TopOfBook symbol: \"~~~~~~~~\" ask_price: 1000000000000 ask_size: "
             "1000000000000"}));
  EXPECT_EQ(When("A", Cancel(0)),
            (Lines{"A Cancelled reason: REQUESTED size: 1", "all TopOfBook symbol: \"!\""}));
}

}  // namespace
}  // namespace tandem::tests
