// SPDX-License-Identifier: Apache-2.0
//
// Market, fill-or-kill and post-only orders, and how many others one order may trade with: whole
// lists of outputs.
#include "engine/book/state.h"
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using book::pb::NewOrder;

using BookMarketOrder = BookTest;
using BookFillOrKill = BookTest;
using BookPostOnly = BookTest;
using BookTradesMax = BookTest;

NewOrder MarketBuy(std::uint64_t id, std::uint64_t size) {
  return Order(book::pb::BUY, book::pb::MARKET, id, "AAA", 0, size);
}
NewOrder MarketSell(std::uint64_t id, std::uint64_t size) {
  return Order(book::pb::SELL, book::pb::MARKET, id, "AAA", 0, size);
}
NewOrder FillOrKillBuy(std::uint64_t id, std::int64_t price, std::uint64_t size) {
  return Order(book::pb::BUY, book::pb::FOK, id, "AAA", price, size);
}
NewOrder FillOrKillSell(std::uint64_t id, std::int64_t price, std::uint64_t size) {
  return Order(book::pb::SELL, book::pb::FOK, id, "AAA", price, size);
}
NewOrder PostOnlyBuy(std::uint64_t id, std::int64_t price, std::uint64_t size) {
  return Order(book::pb::BUY, book::pb::POST_ONLY, id, "AAA", price, size);
}
NewOrder PostOnlySell(std::uint64_t id, std::int64_t price, std::uint64_t size) {
  return Order(book::pb::SELL, book::pb::POST_ONLY, id, "AAA", price, size);
}

TEST_F(BookMarketOrder, TakesWhateverPricesThereAreBestFirst) {
  Given("A", Sell(1, "AAA", 1'000'000'000'000, 2));
  Given("A", Sell(2, "AAA", 100, 1));
  EXPECT_EQ(
      When("B", MarketBuy(1, 2)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: MARKET size: 2",
             "A Executed order_id: 2 role: MAKER price: 100 size: 1",
             "B Executed order_id: 1 role: TAKER price: 100 size: 1 remaining: 1",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 1 price: 100 size: 1 aggressor: BUY",
             "A Executed order_id: 1 role: MAKER price: 1000000000000 size: 1 remaining: 1",
             "B Executed order_id: 1 role: TAKER price: 1000000000000 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 1000000000000 size: 1 "
             "aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" ask_price: 1000000000000 ask_size: 1"}));
}

TEST_F(BookMarketOrder, SellsDownToTheLowestPrice) {
  Given("A", Buy(1, "AAA", 1, 5));
  EXPECT_EQ(
      When("B", MarketSell(1, 5)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: MARKET size: 5",
             "A Executed order_id: 1 role: MAKER price: 1 size: 5",
             "B Executed order_id: 1 role: TAKER price: 1 size: 5",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 1 size: 5 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookMarketOrder, IsCancelledForWhatThereIsNot) {
  Given("A", Sell(1, "AAA", 100, 3));
  EXPECT_EQ(
      When("B", MarketBuy(1, 10)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: MARKET size: 10",
             "A Executed order_id: 1 role: MAKER price: 100 size: 3",
             "B Executed order_id: 1 role: TAKER price: 100 size: 3 remaining: 7",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 3 aggressor: BUY",
             "B Cancelled order_id: 1 reason: MARKET_REMAINDER size: 7",
             "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookMarketOrder, IsCancelledWholeWhenTheOtherSideIsEmpty) {
  Given("A", Buy(1, "AAA", 100, 3));
  EXPECT_EQ(When("B", MarketBuy(1, 10)),
            (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: MARKET size: 10",
                   "B Cancelled order_id: 1 reason: MARKET_REMAINDER size: 10"}));
}

TEST_F(BookMarketOrder, NeverRests) {
  Given("B", MarketBuy(1, 10));
  EXPECT_EQ(When("B", Cancel(1)),
            (Lines{"B Rejected order_id: 1 reason: UNKNOWN_ORDER input_type: 101"}));
  EXPECT_EQ(book::StateOf(driver_.book()).symbol.N(), 1u);  // but it lists its symbol
}

TEST_F(BookFillOrKill, TradesWhenItsPriceHoldsExactlyItsSize) {
  Given("A", Sell(1, "AAA", 100, 4));
  Given("A", Sell(2, "AAA", 101, 6));
  Given("A", Sell(3, "AAA", 102, 1));
  EXPECT_EQ(
      When("B", FillOrKillBuy(1, 101, 10)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: FOK price: 101 size: 10",
             "A Executed order_id: 1 role: MAKER price: 100 size: 4",
             "B Executed order_id: 1 role: TAKER price: 100 size: 4 remaining: 6",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 4 aggressor: BUY",
             "A Executed order_id: 2 role: MAKER price: 101 size: 6",
             "B Executed order_id: 1 role: TAKER price: 101 size: 6",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 1 price: 101 size: 6 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" ask_price: 102 ask_size: 1"}));
}

TEST_F(BookFillOrKill, TouchesNothingWhenOneUnitIsMissing) {
  Given("A", Sell(1, "AAA", 100, 4));
  Given("A", Sell(2, "AAA", 101, 6));
  Given("A", Sell(3, "AAA", 102, 1));
  EXPECT_EQ(When("B", FillOrKillBuy(1, 101, 11)),
            (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: FOK price: 101 size: 11",
                   "B Cancelled order_id: 1 reason: FOK_UNFILLED size: 11"}));
  EXPECT_EQ(When("A", Cancel(1)),
            (Lines{"A Cancelled order_id: 1 reason: REQUESTED size: 4",
                   "all TopOfBook symbol: \"AAA\" ask_price: 101 ask_size: 6"}));
}

TEST_F(BookFillOrKill, TakesPartOfTheLastOrderItNeeds) {
  Given("A", Buy(1, "AAA", 100, 4));
  Given("A", Buy(2, "AAA", 100, 6));
  EXPECT_EQ(
      When("B", FillOrKillSell(1, 99, 5)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: FOK price: 99 size: 5",
             "A Executed order_id: 1 role: MAKER price: 100 size: 4",
             "B Executed order_id: 1 role: TAKER price: 100 size: 4 remaining: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 4 aggressor: SELL",
             "A Executed order_id: 2 role: MAKER price: 100 size: 1 remaining: 5",
             "B Executed order_id: 1 role: TAKER price: 100 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 2 taker_id: 1 price: 100 size: 1 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 5"}));
}

TEST_F(BookFillOrKill, IsCancelledWhenNothingCrossesIt) {
  const Lines unfilled{
      "B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: FOK price: 99 size: 1",
      "B Cancelled order_id: 1 reason: FOK_UNFILLED size: 1"};
  EXPECT_EQ(When("B", FillOrKillBuy(1, 99, 1)), unfilled);  // the book is empty
  Given("A", Sell(1, "AAA", 100, 4));
  EXPECT_EQ(When("B", FillOrKillBuy(1, 99, 1)), unfilled);  // the best price is worse
}

TEST_F(BookPostOnly, JoinsTheBookAsALimitOrder) {
  Given("A", Sell(1, "AAA", 101, 4));
  EXPECT_EQ(
      When("B", PostOnlyBuy(1, 100, 7)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: POST_ONLY price: 100 size: 7",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 7 ask_price: 101 "
             "ask_size: 4"}));
  EXPECT_EQ(
      When("A", SellNow(2, "AAA", 100, 7)),  // and trades as one, resting
      (Lines{"A Accepted order_id: 2 symbol: \"AAA\" side: SELL kind: IOC price: 100 size: 7",
             "B Executed order_id: 1 role: MAKER price: 100 size: 7",
             "A Executed order_id: 2 role: TAKER price: 100 size: 7",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 2 price: 100 size: 7 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" ask_price: 101 ask_size: 4"}));
}

TEST_F(BookPostOnly, IsCancelledWhenItWouldTrade) {
  Given("A", Sell(1, "AAA", 101, 4));
  EXPECT_EQ(
      When("B", PostOnlyBuy(1, 101, 7)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: BUY kind: POST_ONLY price: 101 size: 7",
             "B Cancelled order_id: 1 reason: WOULD_TRADE size: 7"}));
  Given("A", Buy(2, "AAA", 100, 4));
  EXPECT_EQ(
      When("B", PostOnlySell(1, 99, 7)),
      (Lines{"B Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: POST_ONLY price: 99 size: 7",
             "B Cancelled order_id: 1 reason: WOULD_TRADE size: 7"}));
}

TEST_F(BookPostOnly, IsCancelledWhoeverOwnsWhatItWouldMeet) {
  Given("A", For(7, Sell(1, "AAA", 101, 4)));
  EXPECT_EQ(When("A", For(7, PostOnlyBuy(2, 101, 7), book::pb::CANCEL_OLDEST)),
            (Lines{"A Accepted order_id: 2 symbol: \"AAA\" side: BUY kind: POST_ONLY price: 101 "
                   "size: 7 owner: 7 self_trade_policy: CANCEL_OLDEST",
                   "A Cancelled order_id: 2 reason: WOULD_TRADE size: 7"}));
}

/// The last lines of what was answered.
Lines Last(const Lines& lines, std::size_t count) {
  return {lines.end() - static_cast<std::ptrdiff_t>(std::min(count, lines.size())), lines.end()};
}

TEST_F(BookTradesMax, AnOrderTradesWithSoManyOthersAndNoMore) {
  constexpr std::uint64_t kMost = 200'000;
  for (std::uint64_t id = 1; id <= kMost + 2; ++id)
    driver_.Take(AsInput("A", Sell(id, "AAA", 100, 1)));
  EXPECT_EQ(Last(When("B", FillOrKillBuy(1, 100, kMost + 1)), 1),
            (Lines{"B Cancelled order_id: 1 reason: FOK_UNFILLED size: 200001"}));
  const Lines limit = When("B", Buy(1, "AAA", 100, kMost + 1));
  EXPECT_EQ(limit.size(), 1 + 3 * kMost + 2);
  EXPECT_EQ(Last(limit, 2), (Lines{"B Cancelled order_id: 1 reason: TOO_MANY_TRADES size: 1",
                                   "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 2"}));
  EXPECT_EQ(Last(When("B", Buy(1, "AAA", 100, 3)), 1),
            (Lines{"all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 1"}));
}

TEST_F(BookTradesMax, AFillOrKillOrderMayTradeWithAsMany) {
  constexpr std::uint64_t kMost = 200'000;
  for (std::uint64_t id = 1; id <= kMost + 1; ++id)
    driver_.Take(AsInput("A", Sell(id, "AAA", 100, 1)));
  const Lines filled = When("B", FillOrKillBuy(1, 100, kMost));
  EXPECT_EQ(filled.size(), 1 + 3 * kMost + 1);
  EXPECT_EQ(filled.back(), "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 1");
}

}  // namespace
}  // namespace tandem::tests
