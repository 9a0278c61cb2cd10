// SPDX-License-Identifier: Apache-2.0
//
// Halting and resuming, and who may do it: whole lists of outputs.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

class BookHalt : public BookTest {
 protected:
  static Lines Halted(std::uint64_t id, int type) {
    return {"A Rejected order_id: " + std::to_string(id) +
            " reason: HALTED input_type: " + std::to_string(type)};
  }
  static Lines Rejected(const std::string& reason, int type) {
    return {"A Rejected reason: " + reason + " input_type: " + std::to_string(type)};
  }
  /// Does the book take an order of this symbol?
  bool Trades(const std::string& symbol) {
    const Lines lines = When("T", Order(book::pb::BUY, book::pb::MARKET, 1, symbol, 0, 1));
    if (lines.front().find("T Accepted") == 0) return true;
    EXPECT_EQ(lines, (Lines{"T Rejected order_id: 1 reason: HALTED input_type: 100"}));
    return false;
  }
};

TEST_F(BookHalt, IsToldToAll) {
  Given("A", List({"AAA"}));
  EXPECT_EQ(When("A", Halt("AAA")), (Lines{"all TradingStatus symbol: \"AAA\" status: HALTED"}));
  EXPECT_EQ(When("A", Resume("AAA")), (Lines{"all TradingStatus symbol: \"AAA\" status: TRADING"}));
  EXPECT_EQ(When("A", HaltAll()), (Lines{"all TradingStatus status: HALTED"}));
  EXPECT_EQ(When("A", ResumeAll()), (Lines{"all TradingStatus status: TRADING"}));
}

TEST_F(BookHalt, RejectsNewOrdersAndReplacesOfItsSymbolOnly) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", Buy(2, "BBB", 100, 10));
  Given("A", Halt("AAA"));
  for (const auto kind : {book::pb::LIMIT, book::pb::IOC, book::pb::FOK, book::pb::POST_ONLY}) {
    EXPECT_EQ(When("A", Order(book::pb::SELL, kind, 3, "AAA", 100, 1)), Halted(3, 100));
  }
  EXPECT_EQ(When("A", Order(book::pb::SELL, book::pb::MARKET, 3, "AAA", 0, 1)), Halted(3, 100));
  EXPECT_EQ(When("A", Replace(1, 100, 9)), Halted(1, 104));
  Given("A", Sell(3, "BBB", 100, 1));
  Given("A", Replace(2, 100, 8));
}

TEST_F(BookHalt, LetsEverybodyLeave) {
  for (const std::uint64_t id : {1, 2, 3}) Given("A", Buy(id, "AAA", 100, 10));
  Given("A", Halt("AAA"));
  EXPECT_EQ(When("A", Reduce(1, 4)),
            (Lines{"A Reduced order_id: 1 size: 4 remaining: 6",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 26"}));
  EXPECT_EQ(When("A", Cancel(2)),
            (Lines{"A Cancelled order_id: 2 reason: REQUESTED size: 10",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 16"}));
  EXPECT_EQ(When("A", MassCancel()),
            (Lines{"A Cancelled order_id: 1 reason: MASS_CANCEL size: 6",
                   "A Cancelled order_id: 3 reason: MASS_CANCEL size: 10",
                   "A MassCancelled orders: 2", "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookHalt, AfterAResumeTheBookIsAsItWas) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("B", Buy(1, "AAA", 100, 10));
  Given("A", Halt("AAA"));
  Given("A", Resume("AAA"));
  EXPECT_EQ(
      When("C", SellNow(1, "AAA", 100, 1)),
      (Lines{"C Accepted order_id: 1 symbol: \"AAA\" side: SELL kind: IOC price: 100 size: 1",
             "A Executed order_id: 1 role: MAKER price: 100 size: 1 remaining: 9",
             "C Executed order_id: 1 role: TAKER price: 100 size: 1",
             "all Trade symbol: \"AAA\" maker_id: 1 taker_id: 1 price: 100 size: 1 aggressor: SELL",
             "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 19"}));
}

TEST_F(BookHalt, OfAllIsASwitchBesideThoseOfTheSymbols) {
  Given("A", List({"AAA", "BBB"}));
  Given("A", Halt("AAA"));
  Given("A", HaltAll());
  EXPECT_FALSE(Trades("AAA"));
  EXPECT_FALSE(Trades("BBB"));
  Given("A", Resume("BBB"));  // it was not what halted it
  EXPECT_FALSE(Trades("BBB"));
  Given("A", ResumeAll());
  EXPECT_FALSE(Trades("AAA"));
  EXPECT_TRUE(Trades("BBB"));
  Given("A", Resume("AAA"));
  EXPECT_TRUE(Trades("AAA"));
}

TEST_F(BookHalt, OfAllListsNoSymbols) {
  Given("A", HaltAll());
  EXPECT_EQ(When("A", Buy(1, "NEW", 100, 10)), Halted(1, 100));
  EXPECT_EQ(When("A", book::pb::Configure()),
            (Lines{"A Configured listing: OPEN symbols_max: 10000"}));
  Given("A", List({"NEW"}));  // as Configure may
  EXPECT_EQ(When("A", Buy(1, "NEW", 100, 10)), Halted(1, 100));
}

TEST_F(BookHalt, AgainChangesNothingAndIsAnswered) {
  Given("A", List({"AAA"}));
  Given("A", Halt("AAA"));
  EXPECT_EQ(When("A", Halt("AAA")), (Lines{"all TradingStatus symbol: \"AAA\" status: HALTED"}));
  Given("A", Resume("AAA"));  // one is enough
  EXPECT_TRUE(Trades("AAA"));
  EXPECT_EQ(When("A", Resume("AAA")), (Lines{"all TradingStatus symbol: \"AAA\" status: TRADING"}));
}

TEST_F(BookHalt, RejectsSymbolsThatAreNoneOrNotListed) {
  Given("A", List({"AAA"}));
  for (const std::string symbol : {"", "123456789", "A B"}) {
    EXPECT_EQ(When("A", Halt(symbol)), Rejected("BAD_SYMBOL", 106));
    EXPECT_EQ(When("A", Resume(symbol)), Rejected("BAD_SYMBOL", 107));
  }
  book::pb::Halt both = HaltAll();
  both.set_symbol("AAA");
  EXPECT_EQ(When("A", both), Rejected("BAD_SYMBOL", 106));
  EXPECT_EQ(When("A", Halt("BBB")), Rejected("UNKNOWN_SYMBOL", 106));
  EXPECT_EQ(When("A", Resume("BBB")), Rejected("UNKNOWN_SYMBOL", 107));
  EXPECT_TRUE(Trades("AAA"));
}

class BookOperator : public BookHalt {};

TEST_F(BookOperator, IsTheOnlyOneWhoConfiguresHaltsAndResumes) {
  Given("A", List({"AAA"}));  // while there is none, anybody
  Given("B", Halt("AAA"));
  Given("A", Resume("AAA"));
  EXPECT_EQ(When("B", NameOperator("OP")),
            (Lines{"B Configured symbols: 1 listing: OPEN symbols_max: 10000 operator_user: "
                   "\"OP\""}));
  EXPECT_EQ(When("A", List({"BBB"})), Rejected("NOT_OPERATOR", 103));
  EXPECT_EQ(When("A", book::pb::Configure()), Rejected("NOT_OPERATOR", 103));
  EXPECT_EQ(When("A", NameOperator("A")), Rejected("NOT_OPERATOR", 103));
  EXPECT_EQ(When("A", Halt("AAA")), Rejected("NOT_OPERATOR", 106));
  EXPECT_EQ(When("A", HaltAll()), Rejected("NOT_OPERATOR", 106));
  EXPECT_EQ(When("A", Resume("AAA")), Rejected("NOT_OPERATOR", 107));
  EXPECT_TRUE(Trades("AAA"));
  Given("OP", List({"BBB"}));
  Given("OP", Halt("AAA"));
  EXPECT_FALSE(Trades("AAA"));
  Given("OP", Resume("AAA"));
  EXPECT_TRUE(Trades("AAA"));
}

TEST_F(BookOperator, HandsOverToAnother) {
  Given("A", NameOperator("A"));
  Given("A", NameOperator("LONGER"));
  EXPECT_EQ(When("A", HaltAll()), Rejected("NOT_OPERATOR", 106));
  EXPECT_EQ(When("LONGER", book::pb::Configure()),  // an empty name changes nothing
            (Lines{"LONGER Configured listing: OPEN symbols_max: 10000 operator_user: "
                   "\"LONGER\""}));
}

TEST_F(BookOperator, IsNamedOnlyByAConfigureThatIsApplied) {
  book::pb::Configure configure = NameOperator("OP");
  configure.add_list("A B");
  EXPECT_EQ(When("A", configure), Rejected("BAD_SYMBOL", 103));
  configure.set_list(0, "AAA");
  configure.add_list("BBB");
  configure.set_symbols_max(1);
  EXPECT_EQ(When("A", configure), Rejected("TOO_MANY_SYMBOLS", 103));
  Given("A", HaltAll());
}

TEST_F(BookOperator, MustHaveANameThatAUserCanHave) {
  for (const std::string user : {"TOOLONG", "A B", " ", "A ", "\xc3\xa9", "A\n"}) {
    EXPECT_EQ(When("A", NameOperator(user)), Rejected("BAD_SETTING", 103)) << user;
  }
  EXPECT_EQ(When("A", NameOperator(std::string("A\0", 2))), Rejected("BAD_SETTING", 103));
  Given("A", NameOperator("a-_09Z"));
}

TEST_F(BookOperator, IsAskedForBeforeTheRestOfTheInput) {
  Given("A", NameOperator("OP"));
  const std::string unknown = "\x78\x05";
  for (const std::uint16_t type : {103, 106, 107}) {
    EXPECT_EQ(WhenPayload("A", type, unknown), Rejected("UNKNOWN_FIELD", type));
  }
  EXPECT_EQ(When("A", NameOperator("TOOLONG")), Rejected("NOT_OPERATOR", 103));
  EXPECT_EQ(When("A", Halt("A B")), Rejected("NOT_OPERATOR", 106));
  EXPECT_EQ(When("A", Resume("A B")), Rejected("NOT_OPERATOR", 107));
}

}  // namespace
}  // namespace tandem::tests
