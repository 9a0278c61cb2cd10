// SPDX-License-Identifier: Apache-2.0
//
// The intrusive indexes used by hand, and what tables ask of HashIndex beside its own tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "pools/hash_index.h"
#include "pools/list_index.h"
#include "pools/lpool.h"
#include "pools/ordered_index.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Level : OrderedLink, ListLink {
  Level(std::int64_t the_price, int the_id) : price(the_price), id(the_id) {}
  std::int64_t price;
  int id;
};
struct ByPrice {
  static bool Less(const Level& a, const Level& b) { return a.price < b.price; }
  static OrderedLink& LinkOf(Level& level) { return level; }
  static Level& ElementOf(OrderedLink& link) { return static_cast<Level&>(link); }
};
struct InTurn {
  static ListLink& LinkOf(Level& level) { return level; }
  static Level& ElementOf(ListLink& link) { return static_cast<Level&>(link); }
};

template <class Index>
std::vector<int> Forwards(const Index& index) {
  std::vector<int> ids;
  for (Level* level = index.First(); level != nullptr; level = index.Next(*level)) {
    ids.push_back(level->id);
  }
  return ids;
}
template <class Index>
std::vector<int> Backwards(const Index& index) {
  std::vector<int> ids;
  for (Level* level = index.Last(); level != nullptr; level = index.Previous(*level)) {
    ids.push_back(level->id);
  }
  return ids;
}

TEST(OrderedIndex, IsEmptyAtFirst) {
  const OrderedIndex<Level, ByPrice> index;
  EXPECT_TRUE(index.EmptyQ());
  EXPECT_THAT(Forwards(index), IsEmpty());
  EXPECT_THAT(Backwards(index), IsEmpty());
  EXPECT_EQ(index.FirstNot([](const Level&) { return true; }), nullptr);
}

TEST(OrderedIndex, OrdersElementsAndKeepsEqualOnesInTurn) {
  Level levels[] = {{20, 0}, {10, 1}, {20, 2}, {30, 3}, {10, 4}};
  OrderedIndex<Level, ByPrice> index;
  for (Level& level : levels) {
    index.Insert(level);
  }
  EXPECT_THAT(Forwards(index), ElementsAre(1, 4, 0, 2, 3));
  EXPECT_THAT(Backwards(index), ElementsAre(3, 2, 0, 4, 1));
  EXPECT_EQ(index.FirstNot([](const Level& level) { return level.price < 20; }), &levels[0]);
  EXPECT_EQ(index.FirstNot([](const Level& level) { return level.price <= 20; }), &levels[3]);
  EXPECT_EQ(index.FirstNot([](const Level& level) { return level.price <= 30; }), nullptr);
  for (Level& level : levels) {
    index.Remove(level);
  }
  EXPECT_TRUE(index.EmptyQ());
  index.Insert(levels[3]);
  EXPECT_THAT(Forwards(index), ElementsAre(3));
}

TEST(OrderedIndex, AgreesWithMultimapOverManyRandomOperations) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<Level> levels;
  for (int id = 0; id < 2000; ++id) {
    levels.emplace_back(0, id);
  }
  OrderedIndex<Level, ByPrice> index;
  std::multimap<std::int64_t, int> model;
  std::vector<std::multimap<std::int64_t, int>::iterator> places(levels.size(), model.end());
  for (int i = 0; i < 40000; ++i) {
    Level& level = levels[random() % levels.size()];
    auto& place = places[static_cast<std::size_t>(level.id)];
    if (place == model.end()) {
      level.price = static_cast<std::int64_t>(random() % 300);
      index.Insert(level);
      place = model.emplace(level.price, level.id);
    } else {
      index.Remove(level);
      model.erase(place);
      place = model.end();
    }
    if (i % 1000 == 0) {
      std::vector<int> expected;
      for (const auto& [price, id] : model) {
        expected.push_back(id);
      }
      ASSERT_EQ(Forwards(index), expected);
      ASSERT_EQ(Backwards(index), std::vector<int>(expected.rbegin(), expected.rend()));
    }
  }
}

TEST(ListIndex, KeepsElementsAsTheyCameAndTakesThemOutAnywhere) {
  Level levels[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};
  ListIndex<Level, InTurn> list;
  EXPECT_TRUE(list.EmptyQ());
  EXPECT_THAT(Forwards(list), IsEmpty());
  for (const int i : {2, 0, 3, 1}) {
    EXPECT_FALSE(list.Contains(levels[i]));
    list.Insert(levels[i]);
    EXPECT_TRUE(list.Contains(levels[i]));
  }
  EXPECT_THAT(Forwards(list), ElementsAre(2, 0, 3, 1));
  EXPECT_THAT(Backwards(list), ElementsAre(1, 3, 0, 2));
  list.Remove(levels[3]);
  EXPECT_THAT(Forwards(list), ElementsAre(2, 0, 1));
  list.Remove(levels[2]);
  EXPECT_THAT(Forwards(list), ElementsAre(0, 1));
  list.Remove(levels[1]);
  EXPECT_THAT(Forwards(list), ElementsAre(0));
  EXPECT_EQ(list.N(), 1u);
  list.Remove(levels[0]);
  EXPECT_TRUE(list.EmptyQ());
  EXPECT_EQ(list.N(), 0u);
}

struct Row {
  std::uint64_t id;
  Row* next;
};
using ById = MemberKey<&Row::id, &Row::next>;

TEST(HashIndexRoom, LetsOneElementTakeThePlaceOfAnotherWithTheSameKey) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  std::vector<Row> rows(1000);
  HashIndex<Row, ById> index(lpool);
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    rows[id].id = id;
    index.InsertNew(rows[id]);
  }
  std::vector<Row> others = rows;
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    index.Replace(rows[id], others[id]);
  }
  EXPECT_EQ(index.N(), rows.size());
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    EXPECT_EQ(index.Find(id), &others[id]);
  }
}

TEST(HashIndexRoom, NeedsNoMemoryForTheNextElementOnceThereIsRoom) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  std::vector<Row> rows(300);
  HashIndex<Row, ById> index(lpool);
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    rows[id].id = id;
    ASSERT_TRUE(index.TryMakeRoom());
    const std::uint64_t blocks = lpool.N();
    const std::uint64_t buckets = index.buckets();
    ASSERT_TRUE(index.TryMakeRoom()) << "there is room already";
    index.InsertNew(rows[id]);
    ASSERT_EQ(lpool.N(), blocks);
    ASSERT_EQ(index.buckets(), buckets);
  }
}

TEST(HashIndexRoom, SaysThatThereIsNoRoomAndGoesOnWhenThereIs) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  std::vector<Row> rows(65);
  HashIndex<Row, ById> index(lpool);
  zone->sbrk().RefuseAfter(0);
  EXPECT_FALSE(index.TryMakeRoom());
  EXPECT_FALSE(index.TryReserve(1));
  zone->sbrk().RefuseAfter(kNoLimit);
  for (std::uint64_t id = 0; id < 64; ++id) {
    rows[id].id = id;
    index.InsertNew(rows[id]);
  }
  ASSERT_TRUE(lpool.SetLimit({.elements = lpool.N()}).ok());
  EXPECT_FALSE(index.TryMakeRoom());
  EXPECT_EQ(index.Find(63), &rows[63]);
  EXPECT_EQ(index.buckets(), 64u);
  ASSERT_TRUE(lpool.SetLimit({}).ok());
  rows[64].id = 64;
  index.InsertNew(rows[64]);
  EXPECT_EQ(index.Find(64), &rows[64]);
  EXPECT_EQ(index.buckets(), 65u);
}

TEST(HashIndexRoom, ReservesWholeBucketArrays) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  HashIndex<Row, ById> index(lpool);
  std::vector<std::uint64_t> arrays;
  for (const std::uint64_t elements : {0, 1, 64, 65, 128, 129, 256, 257, 1}) {
    ASSERT_TRUE(index.TryReserve(elements));
    arrays.push_back(lpool.N());
  }
  EXPECT_THAT(arrays, ElementsAre(0, 1, 1, 2, 2, 3, 3, 4, 4));
  std::vector<Row> rows(512);
  for (std::uint64_t id = 0; id < rows.size(); ++id) {
    rows[id].id = id;
    index.InsertNew(rows[id]);
  }
  EXPECT_EQ(lpool.N(), 4u);
}

using IndexesDeathTest = ::testing::Test;

TEST(IndexesDeathTest, EndTheProcessWhenAnElementIsInTwiceOrNotIn) {
  Level level(1, 1);
  OrderedIndex<Level, ByPrice> ordered;
  ListIndex<Level, InTurn> list;
  EXPECT_DEATH(ordered.Remove(level), "an ordered index that it is not in");
  EXPECT_DEATH(list.Remove(level), "a list that it is not in");
  ordered.Insert(level);
  list.Insert(level);
  EXPECT_DEATH(ordered.Insert(level), "an ordered index that it is in");
  EXPECT_DEATH(list.Insert(level), "a list that it is in");
}

TEST(IndexesDeathTest, EndTheProcessInCheckedModeWhenAnElementChangedItsPlace) {
  if (!kChecked) {
    GTEST_SKIP() << "looked for in checked mode only";
  }
  Level one(1, 1);
  Level two(2, 2);
  OrderedIndex<Level, ByPrice> index;
  index.Insert(one);
  index.Insert(two);
  one.price = 3;
  EXPECT_DEATH(index.Remove(one), "changed its place in the order");
}

}  // namespace
}  // namespace tandem::pools
