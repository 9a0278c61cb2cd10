// SPDX-License-Identifier: Apache-2.0
//
// The header that poolc makes of table.pools: rows found and walked by their keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "table.pools.h"
#include "tests/pools/test_zone.h"

namespace market {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Market : public ::testing::Test {
 protected:
  std::unique_ptr<pools::Zone> zone_ = pools::MapZone();
  FDb& db_ = zone_->MakeRoot<FDb>(zone_->sbrk());
};

template <class Rows>
std::vector<std::uint64_t> Ids(Rows&& rows) {
  std::vector<std::uint64_t> ids;
  for (const Order& order : rows) ids.push_back(order.id);
  return ids;
}

TEST_F(Market, RowsAreFoundAndWalkedByTheirKeys) {
  for (std::uint64_t id = 1; id <= 4; ++id) {
    Order order{.id = id, .price = static_cast<std::int64_t>(id % 3) * 100};
    ASSERT_TRUE(order.user.Set(id % 2 == 0 ? "ann" : "bob"));
    ASSERT_NE(order_Insert(db_, order), nullptr);
  }
  EXPECT_EQ(order_N(db_), 4u);
  EXPECT_EQ(order_Find_user_id(db_, "ann", 2)->price, 200);
  EXPECT_EQ(order_Find_user_id(db_, "bob", 2), nullptr);
  EXPECT_THAT(Ids(order_FindAll_user(db_, "ann")), ElementsAre(2, 4));
  EXPECT_THAT(Ids(order_FindAll_price(db_, 100)), ElementsAre(1, 4));
  EXPECT_THAT(Ids(order_By_price(db_)), ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(Ids(order_Rows(db_)), ElementsAre(1, 2, 3, 4));
}

TEST_F(Market, AKeyThatIsTakenIsRefused) {
  Order* order = order_Insert(db_, {.id = 7, .user = "ann"});
  ASSERT_NE(order, nullptr);
  EXPECT_EQ(order_Insert(db_, {.id = 7, .user = "ann"}), nullptr);
  EXPECT_EQ(order_InsertMaybe(db_, {.id = 7, .user = "ann"}), nullptr);
  ASSERT_NE(order_Emplace(db_, {.id = 8, .user = "ann"}), nullptr);
  EXPECT_FALSE(order_Set_id(db_, *order, 8));
  EXPECT_TRUE(order_Set_id(db_, *order, 9));
  EXPECT_TRUE(order_Set_user(db_, *order, "bob"));
  EXPECT_EQ(order_Find_user_id(db_, "bob", 9), order);
}

TEST_F(Market, AListHoldsTheRowsForWhichItsKeyIsTrue) {
  Order* order = order_Insert(db_, {.id = 7});
  EXPECT_THAT(Ids(order_Rows_open(db_)), ElementsAre(7));
  EXPECT_TRUE(order_Set_open(db_, *order, false));
  EXPECT_THAT(Ids(order_Rows_open(db_)), IsEmpty());
  order_Delete(db_, *order);
  EXPECT_TRUE(order_EmptyQ(db_));
}

TEST_F(Market, RowsMayHoldPoolsOfTheirOwn) {
  Client* client = client_Emplace(db_);
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(client_Set_number(db_, *client, 5));
  seen_Alloc(*client, 1);
  EXPECT_EQ(client_Find_number(db_, 5), client);
  EXPECT_EQ(db_.Client_seen.GetFigures().live, 1u);
  client_RemoveAll(db_);
  EXPECT_EQ(db_.Client_seen.GetFigures().live, 0u);
}

TEST_F(Market, ATableIsATpoolToTools) {
  const pools::FieldInfo& field = pools::InfoOf<FDb>().fields[2];
  EXPECT_EQ(field.name, "order");
  EXPECT_EQ(field.reftype, "Tpool");
  EXPECT_EQ(field.element(), &pools::InfoOf<Order>());
}

TEST_F(Market, TheStatePrintsItsIndexes) {
  const std::string declarations(kDeclarations);
  EXPECT_THAT(declarations, HasSubstr("kind:Hash  key:user,id\n"));
  EXPECT_THAT(declarations, HasSubstr("kind:OrderedMulti  key:-price\n"));
  EXPECT_THAT(declarations, HasSubstr("kind:List\n"));
}

}  // namespace
}  // namespace market
