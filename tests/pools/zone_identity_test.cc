// SPDX-License-Identifier: Apache-2.0
//
// Equal calls make equal zones, byte for byte; what configuration changes is not among the bytes.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "pools/hash_index.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "pools/zone.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

struct Row {
  std::uint64_t id;
  Row* next_by_id;
  char* text;
  std::uint64_t text_bytes;
};

struct State {
  explicit State(PoolRef base) : lpool("db.lpool", base), rows("db.row", lpool), by_id(lpool) {}
  Lpool lpool;
  Tpool<Row> rows;
  HashIndex<Row, MemberKey<&Row::id, &Row::next_by_id>> by_id;
};

// Random inserts and removals of rows with texts; a function of the seed.
void Churn(State& state, std::uint64_t seed, int operations) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < operations; ++i) {
    const std::uint64_t id = random() % 5000;
    Row* row = state.by_id.Find(id);
    if (row == nullptr) {
      const std::uint64_t bytes = random() % 300;
      row = &state.rows.Alloc(id, nullptr, static_cast<char*>(state.lpool.AllocMem(bytes)), bytes);
      std::memset(row->text, static_cast<int>(id), bytes);
      state.by_id.InsertNew(*row);
    } else {
      state.by_id.Remove(*row);
      state.lpool.FreeMem(row->text, row->text_bytes);
      state.rows.Delete(*row);
    }
  }
}

struct Copy {
  std::uint64_t hash;
  std::vector<std::byte> bytes;
};

Copy RunOnce(std::uint64_t seed, int operations, bool with_limits = false) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  if (with_limits) {
    EXPECT_TRUE(zone->SetLimit("db.row", {.elements = 5000}).ok());
    EXPECT_TRUE(zone->SetLimit("sbrk", {.bytes = 64 * kMiB}).ok());
  }
  Churn(state, seed, operations);
  const auto bytes = zone->state_bytes();
  Copy copy{zone->Hash(), std::vector<std::byte>(bytes.size())};
  for (std::size_t i = 0; !kPoisoned && i < bytes.size(); ++i) {
    copy.bytes[i] = bytes[i];
  }
  return copy;
}

TEST(ZoneIdentity, EqualCallsMakeEqualBytesAndHashes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  const Copy first = RunOnce(seed, 30000);
  const std::vector<std::byte> heap_noise(12345, std::byte{1});
  const Copy second = RunOnce(seed, 30000);
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_TRUE(first.bytes == second.bytes);
}

TEST(ZoneIdentity, OneMoreCallMakesAnotherHash) {
  EXPECT_NE(RunOnce(1, 1000).hash, RunOnce(1, 1001).hash);
  EXPECT_NE(RunOnce(1, 1000).hash, RunOnce(2, 1000).hash);
}

TEST(ZoneIdentity, LimitsAreNotPartOfTheState) {
  EXPECT_EQ(RunOnce(7, 20000, false).hash, RunOnce(7, 20000, true).hash);
}

TEST(ZoneIdentity, TheHashSeesEveryByte) {
  auto zone = MapZone();
  auto* memory = static_cast<char*>(zone->sbrk().AllocMem(100000));
  const std::uint64_t before = zone->Hash();
  for (const std::size_t i : {0, 1, 50000, 99999, 102399}) {
    memory[i] = 1;
    EXPECT_NE(zone->Hash(), before) << i;
    memory[i] = 0;
    EXPECT_EQ(zone->Hash(), before) << i;
  }
}

TEST(ZoneIdentity, TheHashIsTakenInTheMiddleOfWorkWithoutDisturbingIt) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  Churn(state, 3, 10000);
  const std::uint64_t middle = zone->Hash();
  EXPECT_EQ(zone->Hash(), middle);
  Churn(state, 4, 10000);
  const std::uint64_t end = zone->Hash();
  zone.reset();

  auto again = MapZone();
  State& same = again->MakeRoot<State>(again->sbrk());
  Churn(same, 3, 10000);
  EXPECT_EQ(again->Hash(), middle);
  Churn(same, 4, 10000);
  EXPECT_EQ(again->Hash(), end);
}

}  // namespace
}  // namespace tandem::pools
