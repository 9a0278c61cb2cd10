// SPDX-License-Identifier: Apache-2.0
#include "pools/hash_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <vector>

#include "pools/lpool.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

struct Row {
  std::uint64_t id;
  Row* next_by_id;
};
using ById = MemberKey<&Row::id, &Row::next_by_id>;

// A poor hash: every key ends up in one of four chains.
struct Crowded : ById {
  static std::uint64_t Hash(std::uint64_t id) { return id % 4; }
};

template <class Policy>
class Rows {
 public:
  Rows() : zone_(MapZone()), lpool_("lpool", zone_->sbrk()), rows_("rows", lpool_), by_id(lpool_) {}
  Row& Make(std::uint64_t id) { return rows_.Alloc(id, nullptr); }
  void Delete(Row& row) { rows_.Delete(row); }
  Lpool& lpool() { return lpool_; }

 private:
  std::unique_ptr<Zone> zone_;
  Lpool lpool_;
  Tpool<Row> rows_;

 public:
  HashIndex<Row, Policy> by_id;
};

TEST(HashIndex, FindsNothingBeforeTheFirstInsertAndTakesNoMemory) {
  Rows<ById> rows;
  EXPECT_EQ(rows.by_id.Find(0), nullptr);
  EXPECT_EQ(rows.by_id.RemoveKey(0), nullptr);
  EXPECT_EQ(rows.by_id.N(), 0u);
  EXPECT_EQ(rows.lpool().N(), 0u);
}

// Counts how often an element is looked at.
struct Counted : ById {
  static std::uint64_t KeyOf(const Row& row) {
    ++looks;
    return row.id;
  }
  static inline std::uint64_t looks = 0;
};

TEST(HashIndex, LooksAtFewElementsForAKeyThatIsNotIn) {
  constexpr std::uint64_t kRows = 10'000;
  Rows<Counted> rows;
  std::vector<Row*> made;
  for (std::uint64_t id = 0; id < kRows; ++id)
    rows.by_id.InsertNew(*made.emplace_back(&rows.Make(id)));
  Counted::looks = 0;
  for (std::uint64_t id = kRows; id < 2 * kRows; ++id) ASSERT_EQ(rows.by_id.Find(id), nullptr);
  EXPECT_LT(Counted::looks, kRows / 5);
  // What was removed is forgotten where a bucket becomes empty, so many generations later it is the
  // same.
  std::uint64_t next_id = 2 * kRows;
  for (int generation = 0; generation < 20; ++generation) {
    for (Row* row : made) rows.by_id.Remove(*row);
    for (Row* row : made) {
      row->id = next_id++;
      rows.by_id.InsertNew(*row);
    }
  }
  Counted::looks = 0;
  for (std::uint64_t id = 0; id < kRows; ++id) ASSERT_EQ(rows.by_id.Find(id), nullptr);
  EXPECT_LT(Counted::looks, kRows / 5);
  for (const Row* row : made) ASSERT_EQ(rows.by_id.Find(row->id), row);
}

TEST(HashIndex, FindsWhatIsInAndNothingElse) {
  Rows<ById> rows;
  Row& zero = rows.Make(0);
  Row& max = rows.Make(kNoLimit);
  EXPECT_TRUE(rows.by_id.Insert(zero));
  EXPECT_TRUE(rows.by_id.Insert(max));
  EXPECT_EQ(rows.by_id.Find(0), &zero);
  EXPECT_EQ(rows.by_id.Find(kNoLimit), &max);
  EXPECT_EQ(rows.by_id.Find(1), nullptr);
  EXPECT_EQ(rows.by_id.N(), 2u);
  EXPECT_EQ(rows.by_id.RemoveKey(0), &zero);
  EXPECT_EQ(rows.by_id.Find(0), nullptr);
  EXPECT_EQ(rows.by_id.Find(kNoLimit), &max);
  EXPECT_EQ(rows.by_id.N(), 1u);
}

TEST(HashIndex, RefusesASecondElementWithTheSameKey) {
  Rows<ById> rows;
  Row& first = rows.Make(7);
  Row& second = rows.Make(7);
  EXPECT_TRUE(rows.by_id.Insert(first));
  EXPECT_FALSE(rows.by_id.Insert(second));
  EXPECT_EQ(rows.by_id.Find(7), &first);
  EXPECT_EQ(rows.by_id.N(), 1u);
}

TEST(HashIndex, SplitsAtMostOneBucketAnInsert) {
  Rows<ById> rows;
  std::uint64_t buckets = 64;
  for (std::uint64_t id = 0; id < 100000; ++id) {
    rows.by_id.InsertNew(rows.Make(id));
    ASSERT_LE(rows.by_id.buckets(), buckets + 1);
    ASSERT_GE(rows.by_id.buckets(), rows.by_id.N());
    buckets = rows.by_id.buckets();
  }
  EXPECT_EQ(buckets, 100000u);
}

TEST(HashIndex, NeverMovesABucketArray) {
  Rows<ById> rows;
  for (std::uint64_t id = 0; id < 100000; ++id) {
    rows.by_id.InsertNew(rows.Make(id));
  }
  // Elements' blocks apart, the base saw one allocation a segment: 64, 64, 128 ... 65536 buckets.
  EXPECT_EQ(rows.lpool().GetFigures().live, rows.lpool().GetFigures().live_peak);
}

TEST(HashIndex, KeepsChainsShort) {
  Rows<ById> rows;
  for (std::uint64_t i = 0; i < 50000; ++i) {
    rows.by_id.InsertNew(rows.Make(i << 20));  // keys that differ in high bits only
  }
  std::uint64_t passed = 0;
  rows.by_id.ForEach([&passed](const Row& row) {
    for (const Row* next = &row; next != nullptr; next = next->next_by_id) {
      ++passed;
    }
  });
  EXPECT_LT(passed, 50000u * 2) << "1.5 is what a random hash gives at load 1";
}

TEST(HashIndex, VisitsEachElementOnceAndLetsItBeRemoved) {
  Rows<ById> rows;
  for (std::uint64_t id = 0; id < 1000; ++id) {
    rows.by_id.InsertNew(rows.Make(id));
  }
  std::vector<std::uint64_t> seen;
  rows.by_id.ForEach([&](Row& row) {
    seen.push_back(row.id);
    rows.by_id.Remove(row);
    rows.Delete(row);
  });
  std::sort(seen.begin(), seen.end());
  std::vector<std::uint64_t> all(1000);
  for (std::uint64_t id = 0; id < 1000; ++id) {
    all[id] = id;
  }
  EXPECT_EQ(seen, all);
  EXPECT_EQ(rows.by_id.N(), 0u);
}

template <class Policy>
void CompareWithUnorderedMap(int operations, std::uint64_t keys) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Rows<Policy> rows;
  std::unordered_map<std::uint64_t, Row*> model;
  for (int i = 0; i < operations; ++i) {
    const std::uint64_t id = random() % keys;
    const auto found = model.find(id);
    Row* const expected = found == model.end() ? nullptr : found->second;
    switch (random() % 4) {
      case 0:
      case 1: {
        Row& row = rows.Make(id);
        ASSERT_EQ(rows.by_id.Insert(row), expected == nullptr);
        if (expected == nullptr) {
          model.emplace(id, &row);
        } else {
          rows.Delete(row);
        }
        break;
      }
      case 2:
        ASSERT_EQ(rows.by_id.RemoveKey(id), expected);
        if (expected != nullptr) {
          model.erase(found);
          rows.Delete(*expected);
        }
        break;
      default:
        ASSERT_EQ(rows.by_id.Find(id), expected);
    }
    ASSERT_EQ(rows.by_id.N(), model.size());
  }
  std::uint64_t visited = 0;
  rows.by_id.ForEach([&](Row& row) {
    ++visited;
    EXPECT_EQ(model.at(row.id), &row);
  });
  EXPECT_EQ(visited, model.size());
}

TEST(HashIndex, AgreesWithUnorderedMapOverGrowth) { CompareWithUnorderedMap<ById>(400000, 200000); }

TEST(HashIndex, AgreesWithUnorderedMapWhenEveryKeyCollides) {
  CompareWithUnorderedMap<Crowded>(20000, 500);
}

TEST(HashIndex, GivesItsBucketArraysBackWhenItIsDestroyed) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  std::vector<Row> rows(10000);
  {
    HashIndex<Row, ById> index(lpool);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].id = i;
      index.InsertNew(rows[i]);
    }
    EXPECT_EQ(lpool.N(), 9u);  // 64, 64, 128 ... 8192: room for 16384
  }
  EXPECT_EQ(lpool.N(), 0u);
}

using HashIndexDeathTest = ::testing::Test;

TEST(HashIndexDeathTest, EndsTheProcessWhenWhatIsNotInIsRemoved) {
  Rows<ById> rows;
  Row& row = rows.Make(1);
  EXPECT_DEATH(rows.by_id.Remove(row), "removed from an empty index");
  rows.by_id.InsertNew(rows.Make(2));
  EXPECT_DEATH(rows.by_id.Remove(row), "that it is not in");
}

TEST(HashIndexDeathTest, EndsTheProcessWhenThereIsNoMemoryForBuckets) {
  Rows<ById> rows;
  ASSERT_TRUE(rows.lpool().SetLimit({.elements = 0}).ok());
  Row row{1, nullptr};
  EXPECT_EXIT(rows.by_id.InsertNew(row), ::testing::ExitedWithCode(3),
              "out of memory in pool lpool: 512 bytes were asked for");
}

}  // namespace
}  // namespace tandem::pools
