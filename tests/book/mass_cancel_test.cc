// SPDX-License-Identifier: Apache-2.0
//
// Which orders a mass cancel takes, and in which order it answers: whole lists of outputs.
#include "engine/book/state.h"
#include "tests/book/book_driver.h"

namespace tandem::tests {
namespace {

class BookMassCancel : public BookTest {
 protected:
  /// Orders of A over two symbols, entered in an order that is none of their ids, prices or names.
  void GivenOrders() {
    Given("A", For(7, Sell(5, "BBB", 210, 1)));
    Given("A", For(8, Buy(9, "AAA", 100, 2)));
    Given("B", Buy(1, "AAA", 100, 50));
    Given("A", For(7, Buy(2, "AAA", 101, 3)));
    Given("A", Buy(8, "BBB", 190, 4));
    Given("A", For(7, Sell(1, "AAA", 110, 5)));
  }
};

std::string Gone(std::uint64_t id, std::uint64_t size) {
  return "A Cancelled order_id: " + std::to_string(id) +
         " reason: MASS_CANCEL size: " + std::to_string(size);
}

TEST_F(BookMassCancel, TakesAllOrdersOfItsSenderOldestFirst) {
  GivenOrders();
  EXPECT_EQ(When("A", MassCancel()),
            (Lines{Gone(5, 1), Gone(9, 2), Gone(2, 3), Gone(8, 4), Gone(1, 5),
                   "A MassCancelled orders: 5", "all TopOfBook symbol: \"BBB\"",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 50"}));
  EXPECT_EQ(When("A", MassCancel()), (Lines{"A MassCancelled"}));
}

TEST_F(BookMassCancel, TakesThoseOfOneSymbol) {
  GivenOrders();
  EXPECT_EQ(When("A", MassCancel("AAA")),
            (Lines{Gone(9, 2), Gone(2, 3), Gone(1, 5), "A MassCancelled orders: 3",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 50"}));
}

TEST_F(BookMassCancel, TakesThoseOfOneSide) {
  GivenOrders();
  EXPECT_EQ(When("A", MassCancel("", book::pb::SELL)),
            (Lines{Gone(5, 1), Gone(1, 5), "A MassCancelled orders: 2",
                   "all TopOfBook symbol: \"BBB\" bid_price: 190 bid_size: 4",
                   "all TopOfBook symbol: \"AAA\" bid_price: 101 bid_size: 3"}));
}

TEST_F(BookMassCancel, TakesThoseOfOneOwner) {
  GivenOrders();
  EXPECT_EQ(When("A", MassCancel("", book::pb::NO_SIDE, 7)),
            (Lines{Gone(5, 1), Gone(2, 3), Gone(1, 5), "A MassCancelled orders: 3",
                   "all TopOfBook symbol: \"BBB\" bid_price: 190 bid_size: 4",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 52"}));
}

TEST_F(BookMassCancel, TakesThoseToWhichAllThatIsGivenApplies) {
  GivenOrders();
  EXPECT_EQ(When("A", MassCancel("AAA", book::pb::BUY, 7)),
            (Lines{Gone(2, 3), "A MassCancelled orders: 1",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 52 ask_price: 110 "
                   "ask_size: 5"}));
  EXPECT_EQ(When("A", MassCancel("BBB", book::pb::BUY, 7)), (Lines{"A MassCancelled"}));
}

TEST_F(BookMassCancel, BehindTheBestPriceChangesNoTop) {
  Given("B", Buy(1, "AAA", 100, 50));
  Given("A", Buy(1, "AAA", 99, 1));
  EXPECT_EQ(When("A", MassCancel()), (Lines{Gone(1, 1), "A MassCancelled orders: 1"}));
}

TEST_F(BookMassCancel, TellsTopsInTheOrderInWhichTheyChangedFirst) {
  Given("A", Buy(1, "AAA", 99, 1));
  Given("A", Buy(2, "BBB", 100, 1));
  Given("B", Buy(1, "AAA", 100, 1));
  Given("A", Buy(3, "AAA", 100, 1));
  Given("A", Buy(4, "BBB", 100, 1));
  EXPECT_EQ(When("A", MassCancel()),
            (Lines{Gone(1, 1), Gone(2, 1), Gone(3, 1), Gone(4, 1), "A MassCancelled orders: 4",
                   "all TopOfBook symbol: \"BBB\"",
                   "all TopOfBook symbol: \"AAA\" bid_price: 100 bid_size: 1"}));
}

TEST_F(BookMassCancel, AReplaceThatLosesItsPlaceMakesAnOrderTheNewest) {
  for (const std::uint64_t id : {1, 2, 3}) Given("A", Buy(id, "AAA", 100, 10));
  Given("A", Replace(1, 100, 11));
  Given("A", Replace(2, 100, 9));  // keeps its place
  EXPECT_EQ(When("A", MassCancel()),
            (Lines{Gone(2, 9), Gone(3, 10), Gone(1, 11), "A MassCancelled orders: 3",
                   "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookMassCancel, LeavesOutWhatIsGoneAlready) {
  for (const std::uint64_t id : {1, 2, 3, 4, 5}) Given("A", Buy(id, "AAA", 100, 10));
  Given("B", Sell(1, "AAA", 100, 13));  // fills 1, a part of 2
  Given("A", Cancel(3));
  Given("A", Reduce(5, 10));
  EXPECT_EQ(When("A", MassCancel()), (Lines{Gone(2, 7), Gone(4, 10), "A MassCancelled orders: 2",
                                            "all TopOfBook symbol: \"AAA\""}));
  Given("A", Buy(1, "AAA", 100, 10));  // and the client may go on
  EXPECT_EQ(When("A", MassCancel()).front(), Gone(1, 10));
}

TEST_F(BookMassCancel, OfAUserWithoutOrdersTakesNone) {
  Given("B", Buy(1, "AAA", 100, 50));
  EXPECT_EQ(When("A", MassCancel()), (Lines{"A MassCancelled"}));
}

TEST_F(BookMassCancel, RejectsWhatNamesNoOrders) {
  Given("A", Buy(1, "AAA", 100, 10));
  const auto rejected = [](const std::string& reason) {
    return Lines{"A Rejected reason: " + reason + " input_type: 105"};
  };
  const auto side = static_cast<book::pb::Side>(3);
  for (const std::string symbol : {"123456789", "A B"}) {
    EXPECT_EQ(When("A", MassCancel(symbol, side)), rejected("BAD_SYMBOL"));
  }
  EXPECT_EQ(When("A", MassCancel("BBB", side)), rejected("BAD_SIDE"));
  EXPECT_EQ(When("A", MassCancel("BBB")), rejected("UNKNOWN_SYMBOL"));
  EXPECT_EQ(book::StateOf(driver_.book()).order.N(), 1u);
}

TEST_F(BookMassCancel, StopsAfterSoManyOrdersAndSaysThatThereAreMore) {
  constexpr std::uint64_t kMost = 200'000;
  for (std::uint64_t id = 1; id <= kMost + 2; ++id)
    driver_.Take(AsInput("A", Sell(id, "AAA", 100, 1)));
  Lines lines = When("A", MassCancel());
  ASSERT_EQ(lines.size(), kMost + 2);
  EXPECT_EQ(lines[0], Gone(1, 1));
  EXPECT_EQ(lines[kMost - 1], Gone(kMost, 1));
  EXPECT_EQ(lines[kMost], "A MassCancelled orders: 200000 more: true");
  EXPECT_EQ(lines[kMost + 1], "all TopOfBook symbol: \"AAA\" ask_price: 100 ask_size: 2");
  EXPECT_EQ(When("A", MassCancel()),
            (Lines{Gone(kMost + 1, 1), Gone(kMost + 2, 1), "A MassCancelled orders: 2",
                   "all TopOfBook symbol: \"AAA\""}));
}

TEST_F(BookMassCancel, OfExactlyAsManyAsMayBeLeavesNoMore) {
  constexpr std::uint64_t kMost = 200'000;
  Given("A", Buy(1, "BBB", 100, 1));
  for (std::uint64_t id = 2; id <= kMost + 1; ++id)
    driver_.Take(AsInput("A", Sell(id, "AAA", 100, 1)));
  EXPECT_EQ(When("A", MassCancel("AAA"))[kMost], "A MassCancelled orders: 200000");
}

}  // namespace
}  // namespace tandem::tests
