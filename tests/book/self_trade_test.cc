// SPDX-License-Identifier: Apache-2.0
//
// What happens instead of a trade between two orders of one owner: whole lists of outputs.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using book::pb::NewOrder;
using book::pb::SelfTradePolicy;

class BookSelfTrade : public BookTest {
 protected:
  /// A's owner 7 sells 4 at 100, then B sells 5 there, then owner 7 sells 6 at 101.
  void GivenOwnOrders() {
    Given("A", For(7, Sell(1, "AAA", 100, 4)));
    Given("B", Sell(2, "AAA", 100, 5));
    Given("A", For(7, Sell(3, "AAA", 101, 6)));
  }
  /// The answers to an order of A's owner 7, without the first one, which accepts it.
  Lines WhenOwn(const NewOrder& order, SelfTradePolicy policy) {
    Lines lines = When("A", For(7, order, policy));
    EXPECT_EQ(lines.front().find("A Accepted"), 0u) << lines.front();
    lines.erase(lines.begin());
    return lines;
  }
};

TEST_F(BookSelfTrade, OwnerAndPolicyAreToldWhenTheOrderIsAccepted) {
  EXPECT_EQ(When("A", For(~0ull, Buy(1, "AAA", 100, 10), book::pb::CANCEL_BOTH)),
            (Lines{"A Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: LIMIT price: 100 size: "
                   "10 owner: 18446744073709551615 self_trade_policy: CANCEL_BOTH",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10"}));
}

TEST_F(BookSelfTrade, CancelNewestLeavesTheRestingOrderAndEndsTheIncomingOne) {
  GivenOwnOrders();
  for (const auto policy : {book::pb::NO_POLICY, book::pb::CANCEL_NEWEST}) {
    EXPECT_EQ(WhenOwn(Buy(9, "AAA", 101, 20), policy),
              (Lines{"A Cancelled order_id: 9 reason: SELF_TRADE size: 20"}));
  }
}

TEST_F(BookSelfTrade, CancelNewestKeepsWhatItTradedBefore) {
  Given("B", Sell(2, "AAA", 99, 5));
  Given("A", For(7, Sell(1, "AAA", 100, 4)));
  EXPECT_EQ(
      WhenOwn(BuyNow(9, "AAA", 101, 20), book::pb::CANCEL_NEWEST),
      (Lines{"B Executed order_id: 2 role: MAKER price: 99 size: 5",
             "A Executed order_id: 9 role: TAKER price: 99 size: 5 remaining: 15",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 99 size: 5 aggressor: BUY",
             "A Cancelled order_id: 9 reason: SELF_TRADE size: 15",
             "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 4"}));
}

TEST_F(BookSelfTrade, CancelOldestTakesTheRestingOrdersAndGoesOn) {
  GivenOwnOrders();
  EXPECT_EQ(
      WhenOwn(Buy(9, "AAA", 101, 20), book::pb::CANCEL_OLDEST),
      (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
             "B Executed order_id: 2 role: MAKER price: 100 size: 5",
             "A Executed order_id: 9 role: TAKER price: 100 size: 5 remaining: 15",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 100 size: 5 aggressor: BUY",
             "A Cancelled order_id: 3 reason: SELF_TRADE size: 6",
             "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 15"}));
}

TEST_F(BookSelfTrade, CancelOldestStopsWhenTheIncomingOrderIsFilled) {
  Given("B", Sell(1, "AAA", 100, 5));
  Given("A", For(7, Sell(1, "AAA", 100, 4)));
  EXPECT_EQ(
      WhenOwn(Buy(9, "AAA", 100, 5), book::pb::CANCEL_OLDEST),
      (Lines{"B Executed order_id: 1 role: MAKER price: 100 size: 5",
             "A Executed order_id: 9 role: TAKER price: 100 size: 5",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 9 price: 100 size: 5 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 4"}));
}

TEST_F(BookSelfTrade, CancelBothEndsBothTheRestingOneFirst) {
  GivenOwnOrders();
  EXPECT_EQ(WhenOwn(Buy(9, "AAA", 101, 20), book::pb::CANCEL_BOTH),
            (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
                   "A Cancelled order_id: 9 reason: SELF_TRADE size: 20",
                   "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 5"}));
}

TEST_F(BookSelfTrade, DecrementTakesTheSmallerSizeFromBoth) {
  GivenOwnOrders();
  EXPECT_EQ(
      WhenOwn(Buy(9, "AAA", 101, 10), book::pb::DECREMENT),
      (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
             "A Reduced order_id: 9 size: 4 remaining: 6 reason: SELF_TRADE",
             "B Executed order_id: 2 role: MAKER price: 100 size: 5",
             "A Executed order_id: 9 role: TAKER price: 100 size: 5 remaining: 1",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 100 size: 5 aggressor: BUY",
             "A Reduced order_id: 3 size: 1 remaining: 5 reason: SELF_TRADE",
             "A Cancelled order_id: 9 reason: SELF_TRADE size: 1",
             "all TopOfBook symbol: \"AAA\" ask_price: 101 ask_size: 5"}));
}

TEST_F(BookSelfTrade, DecrementOfEqualSizesCancelsBoth) {
  GivenOwnOrders();
  EXPECT_EQ(WhenOwn(BuyNow(9, "AAA", 101, 4), book::pb::DECREMENT),
            (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
                   "A Cancelled order_id: 9 reason: SELF_TRADE size: 4",
                   "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 5"}));
}

TEST_F(BookSelfTrade, WhatIsLeftAfterADecrementRests) {
  Given("A", For(7, Sell(1, "AAA", 100, 4)));
  EXPECT_EQ(WhenOwn(Buy(9, "AAA", 100, 10), book::pb::DECREMENT),
            (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
                   "A Reduced order_id: 9 size: 4 remaining: 6 reason: SELF_TRADE",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 6"}));
}

TEST_F(BookSelfTrade, WorksForBuyersAndSellersAlike) {
  Given("A", For(7, Buy(1, "AAA", 100, 4)));
  EXPECT_EQ(WhenOwn(Sell(9, "AAA", 100, 3), book::pb::DECREMENT),
            (Lines{"A Reduced order_id: 1 size: 3 remaining: 1 reason: SELF_TRADE",
                   "A Cancelled order_id: 9 reason: SELF_TRADE size: 3",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 1"}));
}

TEST_F(BookSelfTrade, ThePolicyOfTheRestingOrderDoesNotCount) {
  Given("A", For(7, Sell(1, "AAA", 100, 4), book::pb::CANCEL_NEWEST));
  EXPECT_EQ(WhenOwn(Buy(9, "AAA", 100, 4), book::pb::CANCEL_OLDEST),
            (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 4"}));
}

TEST_F(BookSelfTrade, OtherOwnersOtherUsersAndNoOwnersTrade) {
  const auto trades = [this](const std::string& maker, std::uint64_t maker_owner,
                             const std::string& taker, std::uint64_t taker_owner) {
    Given(maker, For(maker_owner, Sell(1, "AAA", 100, 1)));
    const Lines lines = When(taker, For(taker_owner, BuyNow(2, "AAA", 100, 1)));
    return lines.size() == 5 && lines[3].find("all Trade") == 0;
  };
  EXPECT_TRUE(trades("A", 7, "A", 8));
  EXPECT_TRUE(trades("A", 7, "A", 0));
  EXPECT_TRUE(trades("A", 0, "A", 7));
  EXPECT_TRUE(trades("A", 0, "A", 0));
  EXPECT_TRUE(trades("A", 7, "B", 7));
  EXPECT_FALSE(trades("A", 7, "A", 7));
}

TEST_F(BookSelfTrade, AMarketOrderIsHeldBackToo) {
  GivenOwnOrders();
  EXPECT_EQ(
      WhenOwn(Order(book::pb::BUY, book::pb::MARKET, 9, "AAA", 0, 20), book::pb::CANCEL_OLDEST),
      (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
             "B Executed order_id: 2 role: MAKER price: 100 size: 5",
             "A Executed order_id: 9 role: TAKER price: 100 size: 5 remaining: 15",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 100 size: 5 "
             "aggressor: BUY",
             "A Cancelled order_id: 3 reason: SELF_TRADE size: 6",
             "A Cancelled order_id: 9 reason: MARKET_REMAINDER size: 15",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookSelfTrade, AFillOrKillOrderThatMeetsItsOwnerTouchesNothing) {
  GivenOwnOrders();
  Given("B", Sell(4, "AAA", 101, 100));
  for (const auto policy :
       {book::pb::NO_POLICY, book::pb::CANCEL_NEWEST, book::pb::CANCEL_BOTH, book::pb::DECREMENT}) {
    EXPECT_EQ(WhenOwn(Order(book::pb::BUY, book::pb::FOK, 9, "AAA", 101, 5), policy),
              (Lines{"A Cancelled order_id: 9 reason: FOK_UNFILLED size: 5"}));
  }
}

TEST_F(BookSelfTrade, AFillOrKillOrderThatCancelsTheOldestCountsTheOthersOnly) {
  GivenOwnOrders();
  Given("B", Sell(4, "AAA", 101, 1));
  EXPECT_EQ(WhenOwn(Order(book::pb::BUY, book::pb::FOK, 9, "AAA", 101, 7), book::pb::CANCEL_OLDEST),
            (Lines{"A Cancelled order_id: 9 reason: FOK_UNFILLED size: 7"}));
  EXPECT_EQ(
      WhenOwn(Order(book::pb::BUY, book::pb::FOK, 9, "AAA", 101, 6), book::pb::CANCEL_OLDEST),
      (Lines{"A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
             "B Executed order_id: 2 role: MAKER price: 100 size: 5",
             "A Executed order_id: 9 role: TAKER price: 100 size: 5 remaining: 1",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 100 size: 5 aggressor: BUY",
             "A Cancelled order_id: 3 reason: SELF_TRADE size: 6",
             "B Executed order_id: 4 role: MAKER price: 101 size: 1",
             "A Executed order_id: 9 role: TAKER price: 101 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 4 taker_id: 9 price: 101 size: 1 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookSelfTrade, AFillOrKillOrderThatIsFilledBeforeItsOwnerStopsThere) {
  Given("B", Sell(2, "AAA", 99, 5));
  Given("A", For(7, Sell(1, "AAA", 100, 4)));
  EXPECT_EQ(
      WhenOwn(Order(book::pb::BUY, book::pb::FOK, 9, "AAA", 101, 5), book::pb::CANCEL_NEWEST),
      (Lines{"B Executed order_id: 2 role: MAKER price: 99 size: 5",
             "A Executed order_id: 9 role: TAKER price: 99 size: 5",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 9 price: 99 size: 5 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 4"}));
}

TEST_F(BookSelfTrade, AReplaceThatCrossesUsesItsOwnPolicy) {
  Given("A", For(7, Sell(1, "AAA", 101, 4)));
  Given("A", For(7, Buy(2, "AAA", 100, 10), book::pb::CANCEL_NEWEST));
  book::pb::Replace replace = Replace(2, 101, 10);
  replace.set_self_trade_policy(book::pb::DECREMENT);
  EXPECT_EQ(When("A", replace),
            (Lines{"A Replaced order_id: 2 new_order_id: 2 kind: LIMIT price: 101 size: 10",
                   "A Cancelled order_id: 1 reason: SELF_TRADE size: 4",
                   "A Reduced order_id: 2 size: 4 remaining: 6 reason: SELF_TRADE",
                   "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 6"}));
  Given("A", For(7, Sell(1, "AAA", 102, 4)));
  EXPECT_EQ(When("A", Replace(2, 102, 10)),  // none: the newest
            (Lines{"A Replaced order_id: 2 new_order_id: 2 kind: LIMIT price: 102 size: 10",
                   "A Cancelled order_id: 2 reason: SELF_TRADE size: 10",
                   "all TopOfBook symbol: \"AAA\" ask_price: 102 ask_size: 4"}));
}

}  // namespace
}  // namespace tandem::tests
