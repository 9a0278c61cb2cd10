// SPDX-License-Identifier: Apache-2.0
//
// Every kind of key that an index of a table may have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/pools_table/table_rows.h"

namespace tandem::pools {

/// A key of another library: what it hashes to is said once, beside it.
struct User {
  std::array<char, 6> text;
  auto operator<=>(const User&) const = default;
};
std::uint64_t HashOf(const User& user) { return HashOf(std::string_view(user.text.data(), 6)); }

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Side : std::uint8_t { kBuy = 1, kSell = 2 };

struct Order {
  std::uint64_t id;
  std::int64_t price;
  std::uint32_t symbol;
  Side side;
  User user;

  [[nodiscard]] std::int64_t Signed() const { return side == Side::kBuy ? -price : price; }
  [[nodiscard]] const User& Owner() const { return user; }
};

constexpr User kAnn{{'a', 'n', 'n'}};
constexpr User kBob{{'b', 'o', 'b'}};

/// By the last digit: its own order and hash.
struct ByDigit {
  using Digit = std::uint64_t;
  Digit operator()(const Order& order) const { return order.id; }
  static bool Less(Digit a, Digit b) { return a % 10 < b % 10; }
};
struct ByHalf {
  std::uint64_t operator()(const Order& order) const { return order.id / 2; }
  static std::uint64_t Hash(std::uint64_t half) { return half % 2; }
};

class Lpools {
 public:
  Lpools() : zone_(MapZone()), lpool("lpool", zone_->sbrk()) {}

 private:
  std::unique_ptr<Zone> zone_;

 public:
  Lpool lpool;
};

template <class... Indexes>
class Orders : public Lpools {
 public:
  Orders() : rows("orders", lpool) {}
  /// Inserts one order after the other.
  explicit Orders(const std::vector<Order>& orders) : Orders() {
    for (const Order& order : orders) {
      EXPECT_NE(rows.Insert(order), nullptr);
    }
    rows.Check();
  }
  Table<Order, Indexes...> rows;
};

const std::vector<Order> kOrders = {{1, 10, 5, Side::kBuy, kAnn}, {2, 30, 5, Side::kSell, kBob},
                                    {3, 20, 5, Side::kBuy, kAnn}, {4, 10, 6, Side::kSell, kAnn},
                                    {5, 20, 6, Side::kBuy, kBob}, {6, 20, 5, Side::kBuy, kBob}};

TEST(TableKeys, MayBeTheSmallestAndTheLargestValue) {
  Orders<Hash<&Order::id>, OrderedMulti<&Order::price>> orders;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr std::int64_t kLow = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kHigh = std::numeric_limits<std::int64_t>::max();
  ASSERT_NE(orders.rows.Insert({0, kHigh, 0, Side::kBuy, kAnn}), nullptr);
  ASSERT_NE(orders.rows.Insert({kMax, kLow, 0, Side::kBuy, kAnn}), nullptr);
  EXPECT_EQ(orders.rows.Find<&Order::id>(0)->price, kHigh);
  EXPECT_EQ(orders.rows.Find<&Order::id>(kMax)->price, kLow);
  EXPECT_EQ(orders.rows.Find<&Order::id>(1), nullptr);
  EXPECT_THAT(Ids(orders.rows.By<&Order::price>()), ElementsAre(kMax, 0));
  EXPECT_EQ(orders.rows.By<&Order::price>().LowerBound(kLow)->id, kMax);
  EXPECT_EQ(orders.rows.By<&Order::price>().UpperBound(kHigh), nullptr);
}

TEST(TableKeys, MayBeAnEnumOrATypeWithAHashOfItsOwn) {
  Orders<HashMulti<&Order::side>, HashMulti<&Order::user>, OrderedMulti<&Order::user>> orders(
      kOrders);
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::side>(Side::kSell)), ElementsAre(2, 4));
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::user>(kBob)), ElementsAre(2, 5, 6));
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::user>(User{})), IsEmpty());
  EXPECT_THAT(Ids(orders.rows.By<&Order::user>()), ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(TableKeys, MayBeWhatAConstMemberFunctionGives) {
  Orders<OrderedMulti<&Order::Signed>, HashMulti<&Order::Owner>> orders(kOrders);
  EXPECT_THAT(Ids(orders.rows.By<&Order::Signed>()), ElementsAre(3, 5, 6, 1, 4, 2));
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::Signed>(-20)), ElementsAre(3, 5, 6));
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::Owner>(kAnn)), ElementsAre(1, 3, 4));
  Order* const best = orders.rows.By<&Order::Signed>().First();
  EXPECT_TRUE(orders.rows.Set<&Order::side>(*best, Side::kSell)) << "the key depends on it";
  EXPECT_THAT(Ids(orders.rows.By<&Order::Signed>()), ElementsAre(5, 6, 1, 4, 3, 2));
  orders.rows.Check();
}

TEST(TableKeys, MayComeFromAFunctionObjectWithAnOrderOrAHashOfItsOwn) {
  Orders<OrderedMulti<ByDigit{}>, Hash<&Order::id>, HashMulti<ByHalf{}>> orders;
  for (const std::uint64_t id : {21, 13, 30, 11, 42}) {
    ASSERT_NE(orders.rows.Insert({id, 0, 0, Side::kBuy, kAnn}), nullptr);
  }
  EXPECT_THAT(Ids(orders.rows.By<ByDigit{}>()), ElementsAre(30, 21, 11, 42, 13));
  EXPECT_THAT(Ids(orders.rows.FindAll<ByDigit{}>(1)), ElementsAre(21, 11));
  EXPECT_THAT(Ids(orders.rows.FindAll<ByHalf{}>(10)), ElementsAre(21));
  EXPECT_THAT(Ids(orders.rows.FindAll<ByHalf{}>(5)), ElementsAre(11));
  EXPECT_THAT(Ids(orders.rows.FindAll<ByHalf{}>(7)), IsEmpty());
  orders.rows.Check();
}

TEST(TableKeys, MayHaveSeveralParts) {
  Orders<Hash<&Order::user, &Order::id>, Ordered<&Order::symbol, &Order::price, &Order::id>> orders(
      kOrders);
  EXPECT_EQ((orders.rows.Find<&Order::user, &Order::id>(kAnn, 3)->id), 3u);
  EXPECT_EQ((orders.rows.Find<&Order::user, &Order::id>(kBob, 3)), nullptr);
  EXPECT_EQ((orders.rows.Find<&Order::symbol, &Order::price, &Order::id>(5, 20, 6)->id), 6u);
  EXPECT_EQ((orders.rows.Find<&Order::symbol, &Order::price, &Order::id>(6, 20, 6)), nullptr);
  const auto by = orders.rows.By<&Order::symbol, &Order::price, &Order::id>();
  EXPECT_THAT(Ids(by), ElementsAre(1, 3, 6, 2, 4, 5));
}

TEST(TableKeys, MayBeCutShortWhereTheyAreOrdered) {
  Orders<OrderedMulti<&Order::symbol, &Order::price>> orders(kOrders);
  const auto all = [&orders](const auto&... parts) {
    return Ids(orders.rows.FindAll<&Order::symbol, &Order::price>(parts...));
  };
  EXPECT_THAT(all(5), ElementsAre(1, 3, 6, 2));
  EXPECT_THAT(all(6), ElementsAre(4, 5));
  EXPECT_THAT(all(7), IsEmpty());
  EXPECT_THAT(all(5, 20), ElementsAre(3, 6));
  EXPECT_THAT(all(5, 25), IsEmpty());
  const auto by = orders.rows.By<&Order::symbol, &Order::price>();
  EXPECT_EQ(by.LowerBound(6)->id, 4u);
  EXPECT_EQ(by.UpperBound(5)->id, 4u);
  EXPECT_EQ(by.UpperBound(6), nullptr);
  EXPECT_THAT(Ids(by.From(5, 21)), ElementsAre(2, 4, 5));
}

TEST(TableKeys, MayDescendInSomeOfTheirParts) {
  Orders<OrderedMulti<&Order::symbol, kDescending<&Order::price>>,
         OrderedMulti<kDescending<ByDigit{}>>>
      orders(kOrders);
  const auto by = orders.rows.By<&Order::symbol, kDescending<&Order::price>>();
  EXPECT_THAT(Ids(by), ElementsAre(2, 3, 6, 1, 5, 4));
  EXPECT_EQ(by.LowerBound(5, 20)->id, 3u);
  EXPECT_EQ(by.UpperBound(5, 20)->id, 1u);
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::symbol, kDescending<&Order::price>>(5, 20)),
              ElementsAre(3, 6));
  EXPECT_THAT(Ids(orders.rows.By<kDescending<ByDigit{}>>()), ElementsAre(6, 5, 4, 3, 2, 1));
}

TEST(TableKeys, MayBePointersWhereNoOrderComesFromThem) {
  struct Child {
    const Order* parent;
    std::uint64_t id;
  };
  Orders<Hash<&Order::id>> orders(kOrders);
  Table<Child, HashMulti<&Child::parent>> children("children", orders.lpool);
  const Order* const parent = orders.rows.Find<&Order::id>(3);
  for (const std::uint64_t id : {8, 7, 9}) {
    ASSERT_NE(children.Insert({id == 7 ? nullptr : parent, id}), nullptr);
  }
  EXPECT_THAT(Ids(children.FindAll<&Child::parent>(parent)), ElementsAre(8, 9));
  EXPECT_THAT(Ids(children.FindAll<&Child::parent>(nullptr)), ElementsAre(7));
  EXPECT_THAT(Ids(children.FindAll<&Child::parent>(parent + 1)), IsEmpty());
}

TEST(TableKeys, AreTextsThatAnyTextFinds) {
  struct Name {
    Str<8> text;
    std::uint64_t id;
  };
  Lpools lpools;
  Table<Name, Hash<&Name::text>, Ordered<&Name::text, &Name::id>> names("names", lpools.lpool);
  std::uint64_t id = 0;
  for (const std::string_view text : {"bob", "", "anna", "bobby", "ann", "12345678"}) {
    Name name{{}, ++id};
    ASSERT_TRUE(name.text.Set(text));
    ASSERT_NE(names.Insert(name), nullptr);
  }
  EXPECT_EQ(names.Find<&Name::text>("bob")->id, 1u);
  EXPECT_EQ(names.Find<&Name::text>(std::string("anna"))->id, 3u);
  EXPECT_EQ(names.Find<&Name::text>(std::string_view())->id, 2u);
  EXPECT_EQ(names.Find<&Name::text>(Str<8>("12345678"))->id, 6u);
  EXPECT_EQ(names.Find<&Name::text>("123456789"), nullptr) << "too long to be in";
  EXPECT_EQ(names.Find<&Name::text>("bo"), nullptr);
  const auto by = names.By<&Name::text, &Name::id>();
  EXPECT_THAT(Ids(by), ElementsAre(2, 6, 5, 3, 1, 4));
  EXPECT_EQ(by.LowerBound("anne")->id, 1u);
  EXPECT_EQ(by.LowerBound(std::string("bobby"), 4)->id, 4u);
  EXPECT_EQ(by.LowerBound(std::string("bobby"), 5), nullptr);
}

struct Client {
  using IsZoneSafe = void;
  Client(PoolRef base, std::string_view text, std::uint64_t number) : name(base), id(number) {
    name.Set(text);
  }
  Text name;
  std::uint64_t id;
};

TEST(TableKeys, AreTextsFromAPoolToo) {
  Lpools lpools;
  {
    Table<Client, Hash<&Client::name>, OrderedMulti<&Client::name>, HashMulti<&Client::id>> clients(
        "clients", lpools.lpool);
    const std::string long_name(100, 'x');
    Client* const first = clients.Emplace(lpools.lpool, "bob", 1u);
    ASSERT_NE(first, nullptr);
    ASSERT_NE(clients.Emplace(lpools.lpool, long_name, 2u), nullptr);
    ASSERT_NE(clients.Emplace(lpools.lpool, "", 3u), nullptr);
    EXPECT_EQ(clients.Emplace(lpools.lpool, std::string("bob"), 4u), nullptr);
    EXPECT_EQ(clients.Find<&Client::name>("bob"), first);
    EXPECT_EQ(clients.Find<&Client::name>(long_name)->id, 2u);
    EXPECT_EQ(clients.Find<&Client::name>("x"), nullptr);
    EXPECT_THAT(Ids(clients.By<&Client::name>()), ElementsAre(3, 1, 2));
    EXPECT_EQ(clients.By<&Client::name>().LowerBound("c")->id, 2u);
    EXPECT_TRUE(clients.Set<&Client::id>(*first, 2));
    EXPECT_THAT(Ids(clients.FindAll<&Client::id>(2)), ElementsAre(2, 2));
    EXPECT_EQ(clients.Find<&Client::name>("bob"), first);
    clients.Check();
  }
  EXPECT_EQ(lpools.lpool.N(), 0u) << "texts of rows must go with the table";
}

TEST(TableKeys, MayBeConstSoThatNobodyChangesThem) {
  struct Fixed {
    const std::uint64_t id;
    std::uint64_t value;
  };
  Lpools lpools;
  Table<Fixed, Hash<&Fixed::id>, Ordered<&Fixed::id>> rows("rows", lpools.lpool);
  Fixed* const row = rows.Insert({3, 4});
  row->value = 5;
  EXPECT_TRUE(rows.Set<&Fixed::value>(*row, 6u));
  EXPECT_EQ(rows.Find<&Fixed::id>(3)->value, 6u);
}

TEST(TableKeys, TellIndexesOnTheSameMembersApart) {
  Orders<Ordered<&Order::id>, Hash<&Order::id>, OrderedMulti<kDescending<&Order::id>>,
         HashMulti<&Order::symbol>, OrderedMulti<&Order::symbol>>
      orders(kOrders);
  EXPECT_EQ(orders.rows.Find<&Order::id>(4)->id, 4u);
  EXPECT_THAT(Ids(orders.rows.By<&Order::id>()), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Ids(orders.rows.By<kDescending<&Order::id>>()), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(Ids(orders.rows.FindAll<&Order::symbol>(6)), ElementsAre(4, 5));
  EXPECT_THAT(Ids(orders.rows.By<&Order::symbol>()), ElementsAre(1, 2, 3, 6, 4, 5));
}

}  // namespace
}  // namespace tandem::pools
