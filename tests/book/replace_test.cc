// SPDX-License-Identifier: Apache-2.0
//
// What a replace does to an order and its place in the queue: whole lists of outputs.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

class BookReplace : public BookTest {
 protected:
  /// Who is first in the queue of AAA's best bid, by the maker of a trade of one unit.
  std::string FirstBid() {
    const Lines lines = When("Z", SellNow(1, "AAA", 1, 1));
    return lines.size() < 2 ? "" : lines[1].substr(0, lines[1].find(" role"));
  }
};

TEST_F(BookReplace, WithLessAtTheSamePriceKeepsItsPlace) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Replace(1, 100, 4)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 100 size: 4 "
                   "kept_place: true",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 14"}));
  EXPECT_EQ(FirstBid(), "A Executed order_id: 1");
}

TEST_F(BookReplace, WithAsMuchAtTheSamePriceChangesNothing) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Replace(1, 100, 10)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 100 size: 10 "
                   "kept_place: true"}));
  EXPECT_EQ(FirstBid(), "A Executed order_id: 1");
}

TEST_F(BookReplace, WithMoreAtTheSamePriceGoesToTheEndOfTheQueue) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Replace(1, 100, 11)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 100 size: 11",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 21"}));
  EXPECT_EQ(FirstBid(), "B Executed order_id: 1");
}

TEST_F(BookReplace, WithMoreAloneAtItsPriceMakesItsLevelAnew) {
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Replace(1, 100, 11)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 100 size: 11",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 11"}));
}

TEST_F(BookReplace, AtAnotherPriceGoesToTheEndOfTheQueueThere) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 101, 10));
  EXPECT_EQ(When("A", Replace(1, 101, 5)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 101 size: 5",
                   "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 15"}));
  EXPECT_EQ(FirstBid(), "B Executed order_id: 1");
}

TEST_F(BookReplace, ThereAndBackLosesThePlace) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  Given("A", Replace(1, 99, 10));
  Given("A", Replace(1, 100, 10));
  EXPECT_EQ(FirstBid(), "B Executed order_id: 1");
}

TEST_F(BookReplace, FromTheBestPriceToAWorseOneChangesTheTop) {
  Given("A", Sell(1, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 101, 3));
  EXPECT_EQ(When("A", Replace(1, 102, 10)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 102 size: 10",
                   "all TopOfBook symbol: \"AAA\" ask_price: 101 ask_size: 3"}));
}

TEST_F(BookReplace, BehindTheBestPriceChangesNoTop) {
  Given("A", Sell(1, "AAA", 100, 10));
  Given("A", Sell(2, "AAA", 102, 10));
  EXPECT_EQ(When("A", Replace(2, 101, 20)),
            (Lines{"A Replaced order_id: 2 new_order_id: 2 kind: LIMIT price: 101 size: 20"}));
  EXPECT_EQ(When("A", Replace(2, 101, 5)),
            (Lines{"A Replaced order_id: 2 new_order_id: 2 kind: LIMIT price: 101 size: 5 "
                   "kept_place: true"}));
}

TEST_F(BookReplace, AtAPriceThatCrossesTradesAndTheRestJoinsTheBook) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 101, 4));
  EXPECT_EQ(
      When("A", Replace(1, 102, 10)),
      (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 102 size: 10",
             "B Executed order_id: 1 role: MAKER price: 101 size: 4",
             "A Executed order_id: 1 role: TAKER price: 101 size: 4 remaining: 6",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 101 size: 4 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" bid_price: 102 bid_size: 6"}));
}

TEST_F(BookReplace, ThatIsFilledIsGone) {
  Given("A", Sell(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 99, 10));
  EXPECT_EQ(
      When("A", Replace(1, 99, 10)),
      (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 99 size: 10",
             "B Executed order_id: 1 role: MAKER price: 99 size: 10",
             "A Executed order_id: 1 role: TAKER price: 99 size: 10",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 99 size: 10 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\""}));
  EXPECT_EQ(When("A", Replace(1, 99, 10)),
            (Lines{"A Rejected order_id: 1 reason: UNKNOWN_ORDER input_type: 104"}));
}

TEST_F(BookReplace, ToPostOnlyThatWouldTradeIsRejectedAndTheOrderStays) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 101, 4));
  EXPECT_EQ(When("A", Replace(1, 101, 5, book::pb::POST_ONLY)),
            (Lines{"A Rejected order_id: 1 reason: WOULD_TRADE input_type: 104"}));
  EXPECT_EQ(FirstBid(), "A Executed order_id: 1");
  EXPECT_EQ(When("A", Replace(1, 99, 5, book::pb::POST_ONLY)),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: POST_ONLY price: 99 size: 5",
                   "all TopOfBook symbol: \"AAA\" bid_price: 99 bid_size: 5 ask_price: 101 "
                   "ask_size: 4"}));
}

TEST_F(BookReplace, SaysWhatIsLeftWhateverWasTradedBefore) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", SellNow(1, "AAA", 100, 6));
  EXPECT_EQ(When("A", Replace(1, 100, 10)),  // 4 are left
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 100 size: 10",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10"}));
}

TEST_F(BookReplace, IsRejectedWhenAnotherSizeIsLeftThanItExpects) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", SellNow(1, "AAA", 100, 6));
  book::pb::Replace replace = Replace(1, 101, 10);
  replace.set_if_left(10);
  EXPECT_EQ(When("A", replace), (Lines{"A Rejected order_id: 1 reason: CHANGED input_type: 104"}));
  replace.set_if_left(4);
  EXPECT_EQ(When("A", replace),
            (Lines{"A Replaced order_id: 1 new_order_id: 1 kind: LIMIT price: 101 size: 10",
                   "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 10"}));
}

TEST_F(BookReplace, MayGiveTheOrderAnotherIdInItsPlace) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  book::pb::Replace replace = Replace(1, 100, 10);
  replace.set_new_order_id(0);
  EXPECT_EQ(When("A", replace), (Lines{"A Replaced order_id: 1 kind: LIMIT price: 100 size: 10 "
                                       "kept_place: true"}));
  EXPECT_EQ(FirstBid(), "A Executed");  // id 0
  EXPECT_EQ(When("A", Cancel(1)),
            (Lines{"A Rejected order_id: 1 reason: UNKNOWN_ORDER input_type: 101"}));
  EXPECT_EQ(When("A", Cancel(0)),
            (Lines{"A Cancelled reason: REQUESTED size: 9",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 10"}));
}

TEST_F(BookReplace, MayGiveTheOrderAnotherIdAtAnotherPrice) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 101, 4));
  book::pb::Replace replace = Replace(1, 101, 10);
  replace.set_new_order_id(2);
  EXPECT_EQ(
      When("A", replace),
      (Lines{"A Replaced order_id: 1 new_order_id: 2 kind: LIMIT price: 101 size: 10",
             "B Executed order_id: 1 role: MAKER price: 101 size: 4",
             "A Executed order_id: 2 role: TAKER price: 101 size: 4 remaining: 6",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 2 price: 101 size: 4 aggressor: BUY",
             "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 6"}));
  Given("A", Buy(1, "AAA", 90, 10));  // the old id is free
}

TEST_F(BookReplace, IsRejectedWhenTheNewIdIsLive) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", Buy(2, "BBB", 100, 10));
  Given("B", Buy(3, "AAA", 100, 10));
  book::pb::Replace replace = Replace(1, 100, 10);
  replace.set_new_order_id(2);
  EXPECT_EQ(When("A", replace),
            (Lines{"A Rejected order_id: 1 reason: DUPLICATE_ID input_type: 104"}));
  replace.set_new_order_id(1);  // its own
  Given("A", replace);
  replace.set_new_order_id(3);  // somebody else's
  Given("A", replace);
}

TEST_F(BookReplace, OfAnOrderThatIsNotLiveIsRejected) {
  const Lines unknown{"A Rejected order_id: 1 reason: UNKNOWN_ORDER input_type: 104"};
  EXPECT_EQ(When("A", Replace(1, 100, 10)), unknown);
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Replace(1, 100, 10)), unknown);
}

}  // namespace
}  // namespace tandem::tests
