// SPDX-License-Identifier: Apache-2.0
//
// Every reason for which book rejects, each at its boundary, and the order of the checks. A
// rejected input changes nothing.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using book::pb::NewOrder;

constexpr std::int64_t kPriceMax = 1'000'000'000'000;
constexpr std::uint64_t kSizeMax = 1'000'000'000'000;

class BookRejects : public BookTest {
 protected:
  static std::string Rejected(const std::string& reason, int type, std::uint64_t id = 1) {
    return "A Rejected " + (id != 0 ? "order_id: " + std::to_string(id) + " " : "") +
           "reason: " + reason + " input_type: " + std::to_string(type);
  }
  Lines NewOrderRejected(const std::string& reason) { return {Rejected(reason, 100)}; }
};

TEST_F(BookRejects, SymbolsThatAreEmptyTooLongOrNotPrintable) {
  for (const std::string symbol : {"", "123456789", "A B", " A", "A ", "A\t", "A\n", "A\x7f",
                                   "\xc3\xa9", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_EQ(When("A", Buy(1, symbol, 100, 10)), NewOrderRejected("BAD_SYMBOL")) << symbol;
  }
  EXPECT_EQ(When("A", Buy(1, std::string("A\0B", 3), 100, 10)), NewOrderRejected("BAD_SYMBOL"));
  EXPECT_EQ(When("A", Buy(1, std::string("A\0", 2), 100, 10)), NewOrderRejected("BAD_SYMBOL"));
}

TEST_F(BookRejects, SidesThatAreNone) {
  for (const int side : {0, 3, -1, 1 << 30}) {
    NewOrder order = Buy(1, "AAA", 100, 10);
    order.set_side(static_cast<book::pb::Side>(side));
    EXPECT_EQ(When("A", order), NewOrderRejected("BAD_SIDE")) << side;
  }
}

TEST_F(BookRejects, KindsThatItDoesNotKnow) {
  for (const int kind : {0, 6, -1, 1 << 30}) {
    NewOrder order = Buy(1, "AAA", 100, 10);
    order.set_kind(static_cast<book::pb::Kind>(kind));
    EXPECT_EQ(When("A", order), NewOrderRejected("UNKNOWN_KIND")) << kind;
  }
  for (const int kind : {0, 2, 3, 4, 6, -1}) {  // before it looks for the order
    EXPECT_EQ(When("A", Replace(1, 100, 10, static_cast<book::pb::Kind>(kind))),
              (Lines{Rejected("UNKNOWN_KIND", 104)}))
        << kind;
  }
}

TEST_F(BookRejects, PricesOutOfRange) {
  for (const std::int64_t price :
       {std::int64_t{0}, std::int64_t{-1}, kPriceMax + 1, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(When("A", Buy(1, "AAA", price, 10)), NewOrderRejected("BAD_PRICE")) << price;
    EXPECT_EQ(When("A", SellNow(1, "AAA", price, 10)), NewOrderRejected("BAD_PRICE")) << price;
    EXPECT_EQ(When("A", Order(book::pb::BUY, book::pb::FOK, 1, "AAA", price, 10)),
              NewOrderRejected("BAD_PRICE"));
    EXPECT_EQ(When("A", Order(book::pb::BUY, book::pb::POST_ONLY, 1, "AAA", price, 10)),
              NewOrderRejected("BAD_PRICE"));
    EXPECT_EQ(When("A", Replace(1, price, 10)), (Lines{Rejected("BAD_PRICE", 104)}));
  }
}

TEST_F(BookRejects, MarketOrdersWithAPrice) {
  for (const std::int64_t price : {std::int64_t{1}, std::int64_t{-1}, kPriceMax}) {
    EXPECT_EQ(When("A", Order(book::pb::BUY, book::pb::MARKET, 1, "AAA", price, 10)),
              NewOrderRejected("BAD_PRICE"));
  }
}

TEST_F(BookRejects, SizesOutOfRange) {
  for (const std::uint64_t size : {std::uint64_t{0}, kSizeMax + 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(When("A", Buy(1, "AAA", 100, size)), NewOrderRejected("BAD_SIZE")) << size;
    EXPECT_EQ(When("A", Order(book::pb::BUY, book::pb::MARKET, 1, "AAA", 0, size)),
              NewOrderRejected("BAD_SIZE"));
    EXPECT_EQ(When("A", Replace(1, 100, size)), (Lines{Rejected("BAD_SIZE", 104)}));
  }
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Reduce(1, 0)), (Lines{Rejected("BAD_SIZE", 102)}));
}

TEST_F(BookRejects, SelfTradePoliciesThatItDoesNotKnow) {
  for (const int policy : {5, -1, 1 << 30}) {
    const auto unknown = static_cast<book::pb::SelfTradePolicy>(policy);
    EXPECT_EQ(When("A", For(7, Buy(1, "AAA", 100, 10), unknown)), NewOrderRejected("BAD_POLICY"));
    book::pb::Replace replace = Replace(1, 100, 10);
    replace.set_self_trade_policy(unknown);
    EXPECT_EQ(When("A", replace), (Lines{Rejected("BAD_POLICY", 104)}));
  }
}

TEST_F(BookRejects, SelfTradePoliciesWithoutAnOwner) {
  for (const auto policy : {book::pb::CANCEL_NEWEST, book::pb::CANCEL_OLDEST, book::pb::CANCEL_BOTH,
                            book::pb::DECREMENT}) {
    EXPECT_EQ(When("A", For(0, Buy(1, "AAA", 100, 10), policy)), NewOrderRejected("BAD_OWNER"));
  }
  Given("A", Buy(1, "AAA", 100, 10));
  book::pb::Replace replace = Replace(1, 100, 10);
  replace.set_self_trade_policy(book::pb::CANCEL_NEWEST);
  EXPECT_EQ(When("A", replace), (Lines{Rejected("BAD_OWNER", 104)}));
  Given("A", For(7, Buy(2, "AAA", 100, 10)));
  replace.set_order_id(2);
  Given("A", replace);
}

TEST_F(BookRejects, AnIdWhoseOrderIsLive) {
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Buy(1, "AAA", 100, 10)), NewOrderRejected("DUPLICATE_ID"));
  EXPECT_EQ(When("A", Sell(1, "BBB", 200, 10)), NewOrderRejected("DUPLICATE_ID"));
  EXPECT_EQ(When("A", SellNow(1, "AAA", 100, 10)), NewOrderRejected("DUPLICATE_ID"));
  EXPECT_EQ(When("A", Cancel(1)), (Lines{"A Cancelled order_id: 1 reason: REQUESTED size: 10",
                                         "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookRejects, CancelsAndReducesOfOrdersThatAreNotLive) {
  const Lines cancel{Rejected("UNKNOWN_ORDER", 101)};
  const Lines reduce{Rejected("UNKNOWN_ORDER", 102)};
  EXPECT_EQ(When("A", Cancel(1)), cancel);  // never was
  EXPECT_EQ(When("A", Reduce(1, 1)), reduce);
  Given("B", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", Cancel(1)), cancel);  // somebody else's
  EXPECT_EQ(When("A", Reduce(1, 1)), reduce);
  Given("A", SellNow(1, "AAA", 100, 3));
  EXPECT_EQ(When("A", Cancel(1)), cancel);  // done at once
  Given("A", Sell(1, "AAA", 100, 7));
  EXPECT_EQ(When("A", Cancel(1)), cancel);  // filled
  Given("A", Sell(1, "AAA", 100, 7));
  Given("A", Cancel(1));
  EXPECT_EQ(When("A", Cancel(1)), cancel);  // cancelled
}

TEST_F(BookRejects, MoreAtOnePriceThanALevelHolds) {
  for (std::uint64_t id = 1; id <= 1000; ++id) Given("B", Buy(id, "AAA", 100, kSizeMax));
  EXPECT_EQ(When("A", Buy(1, "AAA", 100, 1)), NewOrderRejected("LEVEL_FULL"));
  Given("A", BuyNow(1, "AAA", 100, 1));  // it would not join the level
  Given("A", Buy(1, "AAA", 99, 1));      // another level
  Given("A", Cancel(1));
  Given("B", Reduce(1000, 5));
  EXPECT_EQ(When("A", Buy(1, "AAA", 100, 6)), NewOrderRejected("LEVEL_FULL"));
  EXPECT_EQ(When("A", Order(book::pb::BUY, book::pb::POST_ONLY, 1, "AAA", 100, 6)),
            NewOrderRejected("LEVEL_FULL"));
  Given("A", Buy(1, "AAA", 100, 5));
  EXPECT_EQ(When("A", Reduce(1, 1)),
            (Lines{"A Reduced order_id: 1 size: 1 remaining: 4",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 999999999999999"}));
}

TEST_F(BookRejects, ReplacesThatMakeALevelTooLarge) {
  for (std::uint64_t id = 1; id <= 999; ++id) Given("B", Buy(id, "AAA", 100, kSizeMax));
  Given("A", Buy(1, "AAA", 100, kSizeMax - 5));
  Given("A", Buy(2, "AAA", 99, 10));
  const Lines full_1{Rejected("LEVEL_FULL", 104, 1)};
  const Lines full_2{Rejected("LEVEL_FULL", 104, 2)};
  EXPECT_EQ(When("A", Replace(2, 100, 6)), full_2);  // comes from another level
  Given("A", Replace(1, 100, kSizeMax));             // fills it: what it had there counts no more
  EXPECT_EQ(When("A", Replace(2, 100, 1)), full_2);
  Given("B", Reduce(1, 3));
  Given("A", Reduce(1, 3));
  Given("A", Replace(2, 100, 5));
  EXPECT_EQ(When("A", Replace(1, 100, kSizeMax - 1)), full_1);
  Given("A", Replace(1, 100, kSizeMax - 2));
}

TEST_F(BookRejects, FieldsThatItDoesNotKnow) {
  const std::string unknown = "\x78\x05";  // field 15
  EXPECT_EQ(WhenPayload("A", 100, Buy(1, "AAA", 100, 10).SerializeAsString() + unknown),
            NewOrderRejected("UNKNOWN_FIELD"));
  EXPECT_EQ(WhenPayload("A", 101, Cancel(1).SerializeAsString() + unknown),
            (Lines{Rejected("UNKNOWN_FIELD", 101)}));
  EXPECT_EQ(WhenPayload("A", 102, Reduce(1, 1).SerializeAsString() + unknown),
            (Lines{Rejected("UNKNOWN_FIELD", 102)}));
  EXPECT_EQ(WhenPayload("A", 104, Replace(1, 1, 1).SerializeAsString() + unknown),
            (Lines{Rejected("UNKNOWN_FIELD", 104)}));
  for (const std::uint16_t type : {103, 105, 106, 107}) {
    EXPECT_EQ(WhenPayload("A", type, unknown), (Lines{Rejected("UNKNOWN_FIELD", type, 0)}));
  }
}

TEST_F(BookRejects, TheFirstThingThatIsWrong) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", List({"BBB"}));
  NewOrder order = Order(book::pb::NO_SIDE, book::pb::NO_KIND, 1, "", 0, 0);
  order.set_self_trade_policy(static_cast<book::pb::SelfTradePolicy>(5));
  EXPECT_EQ(WhenPayload("A", 100, order.SerializeAsString() + "\x78\x05"),
            NewOrderRejected("UNKNOWN_FIELD"));
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_SYMBOL"));
  order.set_symbol("NEW");
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_SIDE"));
  order.set_side(book::pb::BUY);
  EXPECT_EQ(When("A", order), NewOrderRejected("UNKNOWN_KIND"));
  order.set_kind(book::pb::LIMIT);
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_PRICE"));
  order.set_price(1);
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_SIZE"));
  order.set_size(1);
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_POLICY"));
  order.set_self_trade_policy(book::pb::CANCEL_BOTH);
  EXPECT_EQ(When("A", order), NewOrderRejected("BAD_OWNER"));
  order.set_owner(7);
  EXPECT_EQ(When("A", order), NewOrderRejected("DUPLICATE_ID"));
  book::pb::Configure configure;
  configure.set_listing(book::pb::CLOSED);
  configure.set_symbols_max(2);
  Given("A", configure);
  Given("A", HaltAll());
  order.set_order_id(2);
  EXPECT_EQ(When("A", order), (Lines{Rejected("UNKNOWN_SYMBOL", 100, 2)}));
  configure.set_listing(book::pb::OPEN);
  Given("A", configure);
  EXPECT_EQ(When("A", order), (Lines{Rejected("TOO_MANY_SYMBOLS", 100, 2)}));
  configure.set_symbols_max(3);
  Given("A", configure);
  EXPECT_EQ(When("A", order), (Lines{Rejected("HALTED", 100, 2)}));
}

TEST_F(BookRejects, TheFirstThingThatIsWrongWithAReplace) {
  for (std::uint64_t id = 1; id <= 1000; ++id) Given("A", Sell(id, "AAA", 200, kSizeMax));
  Given("A", Buy(2001, "AAA", 100, 10));
  Given("A", Sell(2002, "AAA", 110, 10));
  Given("A", HaltAll());
  book::pb::Replace replace = Replace(1, 0, 0, book::pb::NO_KIND);
  replace.set_order_id(2003);
  replace.set_new_order_id(2001);
  replace.set_if_left(9);
  replace.set_self_trade_policy(static_cast<book::pb::SelfTradePolicy>(5));
  const auto rejected = [](const std::string& reason, std::uint64_t id = 2002) {
    return Lines{Rejected(reason, 104, id)};
  };
  EXPECT_EQ(WhenPayload("A", 104, replace.SerializeAsString() + "\x78\x05"),
            rejected("UNKNOWN_FIELD", 2003));
  EXPECT_EQ(When("A", replace), rejected("UNKNOWN_KIND", 2003));
  replace.set_kind(book::pb::POST_ONLY);
  EXPECT_EQ(When("A", replace), rejected("BAD_PRICE", 2003));
  replace.set_price(100);
  EXPECT_EQ(When("A", replace), rejected("BAD_SIZE", 2003));
  replace.set_size(1);
  EXPECT_EQ(When("A", replace), rejected("BAD_POLICY", 2003));
  replace.set_self_trade_policy(book::pb::DECREMENT);
  EXPECT_EQ(When("A", replace), rejected("UNKNOWN_ORDER", 2003));
  replace.set_order_id(2002);
  EXPECT_EQ(When("A", replace), rejected("DUPLICATE_ID"));
  replace.set_new_order_id(2002);  // its own
  EXPECT_EQ(When("A", replace), rejected("CHANGED"));
  replace.set_if_left(10);
  EXPECT_EQ(When("A", replace), rejected("BAD_OWNER"));
  replace.set_self_trade_policy(book::pb::NO_POLICY);
  EXPECT_EQ(When("A", replace), rejected("HALTED"));
  Given("A", ResumeAll());
  EXPECT_EQ(When("A", replace), rejected("WOULD_TRADE"));
  replace.set_price(200);
  EXPECT_EQ(When("A", replace), rejected("LEVEL_FULL"));
  replace.set_price(199);
  Given("A", replace);
}

TEST_F(BookRejects, ARejectedOrderListsNoSymbol) {
  EXPECT_EQ(When("A", Buy(1, "AAA", 0, 10)), NewOrderRejected("BAD_PRICE"));
  EXPECT_EQ(When("A", List({})), (Lines{"A Configured listing: OPEN symbols_max: 10000"}));
}

TEST_F(BookRejects, PayloadsThatAreNoMessagesAreRefusedByTheLayerBelow) {
  EXPECT_EQ(WhenPayload("A", 100, "\xff"), (Lines{"A type 10"}));
  std::string garbled = Buy(1, "AAA", 100, 10).SerializeAsString();
  garbled.resize(garbled.size() - 1);
  EXPECT_EQ(WhenPayload("A", 100, garbled), (Lines{"A type 10"}));
  EXPECT_EQ(WhenPayload("A", 104, "\xff"), (Lines{"A type 10"}));
  EXPECT_EQ(WhenPayload("A", 108, ""), (Lines{"A type 10"}));
  EXPECT_EQ(WhenPayload("A", 100, ""), (Lines{"A Rejected reason: BAD_SYMBOL input_type: 100"}));
}

}  // namespace
}  // namespace tandem::tests
