// SPDX-License-Identifier: Apache-2.0
//
// Listing symbols, by orders and by Configure.
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

using book::pb::Configure;

class BookConfigure : public BookTest {
 protected:
  static Configure Listing(book::pb::Listing listing) {
    Configure configure;
    configure.set_listing(listing);
    return configure;
  }
  static Configure SymbolsMax(std::uint32_t symbols_max) {
    Configure configure;
    configure.set_symbols_max(symbols_max);
    return configure;
  }
  static Lines Rejected(const std::string& reason) {
    return {"A Rejected reason: " + reason + " input_type: 103"};
  }
  /// What an empty Configure tells.
  Lines Settings() { return When("A", Configure()); }
};

TEST_F(BookConfigure, BeginsOpenAndWithoutSymbols) {
  EXPECT_EQ(Settings(), (Lines{"A Configured listing: OPEN symbols_max: 10000"}));
}

TEST_F(BookConfigure, TheFirstOrderListsItsSymbol) {
  Given("A", Buy(1, "AAA", 100, 10));
  Given("A", BuyNow(2, "BBB", 100, 10));
  Given("A", Buy(3, "AAA", 100, 10));
  EXPECT_EQ(Settings(), (Lines{"A Configured symbols: 2 listing: OPEN symbols_max: 10000"}));
}

TEST_F(BookConfigure, ClosedListingRejectsOrdersForOtherSymbols) {
  Given("A", List({"AAA"}));
  EXPECT_EQ(When("A", Listing(book::pb::CLOSED)),
            (Lines{"A Configured symbols: 1 listing: CLOSED symbols_max: 10000"}));
  EXPECT_EQ(When("B", Buy(1, "BBB", 100, 10)),
            (Lines{"B Rejected order_id: 1 reason: UNKNOWN_SYMBOL input_type: 100"}));
  Given("B", Buy(1, "AAA", 100, 10));
  Given("A", Listing(book::pb::OPEN));
  Given("B", Buy(2, "BBB", 100, 10));
}

TEST_F(BookConfigure, ListsWhileListingIsClosed) {
  Configure configure = List({"AAA", "BBB", "AAA"});
  configure.set_listing(book::pb::CLOSED);
  EXPECT_EQ(When("A", configure),
            (Lines{"A Configured symbols: 2 listing: CLOSED symbols_max: 10000"}));
  EXPECT_EQ(When("A", List({"BBB", "CCC"})),
            (Lines{"A Configured symbols: 3 listing: CLOSED symbols_max: 10000"}));
}

TEST_F(BookConfigure, ListsNoMoreSymbolsThanMayBe) {
  Configure configure = List({"AAA"});
  configure.set_symbols_max(2);
  Given("A", configure);
  EXPECT_EQ(When("A", List({"BBB", "CCC"})), Rejected("TOO_MANY_SYMBOLS"));
  EXPECT_EQ(Settings(), (Lines{"A Configured symbols: 1 listing: OPEN symbols_max: 2"}));
  EXPECT_EQ(When("A", List({"AAA", "BBB", "BBB"})),
            (Lines{"A Configured symbols: 2 listing: OPEN symbols_max: 2"}));
  EXPECT_EQ(When("B", Buy(1, "CCC", 100, 10)),
            (Lines{"B Rejected order_id: 1 reason: TOO_MANY_SYMBOLS input_type: 100"}));
  Given("B", Buy(1, "BBB", 100, 10));
}

TEST_F(BookConfigure, WhatWasListedByARejectedConfigureIsNotListed) {
  Given("A", SymbolsMax(3));
  Given("A", Buy(1, "AAA", 100, 10));
  EXPECT_EQ(When("A", List({"BBB", "CCC", "DDD", "EEE"})), Rejected("TOO_MANY_SYMBOLS"));
  Given("A", Listing(book::pb::CLOSED));
  for (const std::string symbol : {"BBB", "CCC", "DDD", "EEE"}) {
    EXPECT_EQ(When("B", Buy(1, symbol, 100, 10)),
              (Lines{"B Rejected order_id: 1 reason: UNKNOWN_SYMBOL input_type: 100"}));
  }
  Given("B", Buy(1, "AAA", 100, 10));
}

TEST_F(BookConfigure, RejectsAFirstListThatIsTooLong) {
  Configure configure = List({"AAA", "BBB"});
  configure.set_symbols_max(1);
  EXPECT_EQ(When("A", configure), Rejected("TOO_MANY_SYMBOLS"));
  EXPECT_EQ(Settings(), (Lines{"A Configured listing: OPEN symbols_max: 10000"}));
  Given("A", Buy(1, "BBB", 100, 10));
  EXPECT_EQ(Settings(), (Lines{"A Configured symbols: 1 listing: OPEN symbols_max: 10000"}));
}

TEST_F(BookConfigure, RejectsALimitBelowWhatIsListed) {
  Given("A", List({"AAA", "BBB"}));
  EXPECT_EQ(When("A", SymbolsMax(1)), Rejected("TOO_MANY_SYMBOLS"));
  EXPECT_EQ(When("A", SymbolsMax(2)),
            (Lines{"A Configured symbols: 2 listing: OPEN symbols_max: 2"}));
}

TEST_F(BookConfigure, RejectsSettingsThatCannotBe) {
  EXPECT_EQ(When("A", Listing(static_cast<book::pb::Listing>(3))), Rejected("BAD_SETTING"));
  EXPECT_EQ(When("A", SymbolsMax(1'000'001)), Rejected("BAD_SETTING"));
  EXPECT_EQ(When("A", SymbolsMax(1'000'000)),
            (Lines{"A Configured listing: OPEN symbols_max: 1000000"}));
}

TEST_F(BookConfigure, RejectsSymbolsThatAreNone) {
  for (const std::string symbol : {"", "123456789", "A B"}) {
    EXPECT_EQ(When("A", List({"AAA", symbol, "BBB"})), Rejected("BAD_SYMBOL"));
  }
  EXPECT_EQ(Settings(), (Lines{"A Configured listing: OPEN symbols_max: 10000"}));
}

}  // namespace
}  // namespace tandem::tests
