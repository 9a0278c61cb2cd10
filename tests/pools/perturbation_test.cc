// SPDX-License-Identifier: Apache-2.0
//
// What `tandem check` changes of a zone: it changes where things lie, and nothing else.
#include "pools/perturbation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "pools/blkpool.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

struct Row {
  std::uint64_t id;
  std::uint64_t rest[7];
};

struct State {
  explicit State(PoolRef base)
      : lpool("db.lpool", base),
        other("db.other", base),
        rows("db.row", lpool),
        messages("db.message", lpool),
        levels("db.level", lpool) {}
  Lpool lpool;
  Lpool other;
  Tpool<Row> rows;
  Blkpool messages;
  Lary<Row> levels;
};

std::unique_ptr<Zone> MapPerturbed(const Perturbation& perturbation) {
  auto zone = Zone::Map({.reserve_bytes = kGiB, .perturbation = perturbation});
  ENSURE(zone.ok(), "%s", zone.error().text.c_str());
  return std::move(zone).value();
}

std::vector<std::string> BasesOf(const Zone& zone) {
  std::vector<std::string> bases;
  for (const PoolInfo& pool : zone.Pools()) bases.push_back(pool.base);
  return bases;
}

TEST(Perturbation, FreeElementsComeInAnotherOrderAndAreTheSameOnes) {
  const auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  std::vector<Row*> rows;
  for (std::uint64_t i = 0; i < 1000; ++i) rows.push_back(&state.rows.Alloc(Row{i, {}}));
  std::vector<Row*> freed;
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    freed.push_back(rows[i]);
    state.rows.Delete(*rows[i]);
  }
  EXPECT_GE(zone->ShuffleFree(7), freed.size());
  EXPECT_EQ(state.rows.N(), 500u);
  std::vector<Row*> again;
  for (std::size_t i = 0; i < freed.size(); ++i) again.push_back(&state.rows.Alloc(Row{i, {}}));
  EXPECT_EQ(state.rows.N(), 1000u);
  const std::vector<Row*> last_in_first_out(freed.rbegin(), freed.rend());
  EXPECT_NE(again, last_in_first_out);
  for (std::size_t i = 1; i < rows.size(); i += 2) EXPECT_EQ(rows[i]->id, i);
  again.insert(again.end(), rows.begin(), rows.end());
  for (std::size_t i = 0; i < rows.size(); i += 2) std::erase(again, rows[i]);
  EXPECT_TRUE(std::is_permutation(again.begin(), again.end(), again.begin()));
}

TEST(Perturbation, FreshElementsAreNotInTheOrderOfTheirAddresses) {
  const auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  std::vector<Row*> rows;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    zone->ShuffleFree(i);
    rows.push_back(&state.rows.Alloc(Row{}));
  }
  for (auto at = rows.begin(); at != rows.end(); at += 50) {
    EXPECT_FALSE(std::is_sorted(at, at + 50));
  }
  EXPECT_EQ(std::set<Row*>(rows.begin(), rows.end()).size(), rows.size());
}

TEST(Perturbation, AShuffledPoolKeepsItsLimit) {
  const auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  ASSERT_TRUE(zone->SetLimit("db.row", {.elements = 5}).ok());
  std::vector<Row*> rows;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    zone->ShuffleFree(seed);
    rows.push_back(state.rows.AllocMaybe(Row{}));
    ASSERT_NE(rows.back(), nullptr);
  }
  zone->ShuffleFree(5);
  EXPECT_EQ(state.rows.AllocMaybe(Row{}), nullptr);
  state.rows.Delete(*rows[2]);
  EXPECT_NE(state.rows.AllocMaybe(Row{}), nullptr);
}

TEST(Perturbation, PoolsServeAndAccountAsEverUnderShuffles) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  struct Piece {
    char* text;
    std::uint64_t bytes;
    bool is_message;
    Row* row;
  };
  std::vector<Piece> pieces;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 100 == 0) zone->ShuffleFree(random());
    if (pieces.size() < 300 || random() % 2 == 0) {
      const std::uint64_t bytes = 1 + random() % (random() % 50 == 0 ? 200'000 : 500);
      const bool is_message = random() % 2 == 0;
      auto* text = static_cast<char*>(is_message ? state.messages.AllocMem(bytes)
                                                 : state.lpool.AllocMem(bytes));
      std::memset(text, static_cast<int>(i), bytes);
      pieces.push_back({text, bytes, is_message, &state.rows.Alloc(Row{bytes, {}})});
    } else {
      std::swap(pieces[random() % pieces.size()], pieces.back());
      const Piece& piece = pieces.back();
      ASSERT_EQ(piece.row->id, piece.bytes);
      ASSERT_EQ(std::memcmp(piece.text, piece.text + 1, piece.bytes - 1), 0);
      piece.is_message ? state.messages.FreeMem(piece.text, piece.bytes)
                       : state.lpool.FreeMem(piece.text, piece.bytes);
      state.rows.Delete(*piece.row);
      pieces.pop_back();
    }
    ASSERT_EQ(state.rows.N(), pieces.size());
  }
}

TEST(Perturbation, FreshMemoryHoldsTheFill) {
  const auto zone = MapPerturbed({.fill = 0xb7});
  struct Root {
    explicit Root(Sbrk& sbrk) : sbrk(sbrk) {}
    Sbrk& sbrk;
    std::uint64_t never_set;
  };
  EXPECT_EQ(zone->MakeRoot<Root>(zone->sbrk()).never_set, 0xb7b7b7b7b7b7b7b7u);
  auto* memory = static_cast<unsigned char*>(zone->sbrk().AllocMem(3 * kMiB));
  EXPECT_EQ(std::count(memory, memory + 3 * kMiB, 0xb7), std::ptrdiff_t{3} << 20);
}

TEST(Perturbation, ChainsAreDrawnByTheSeedAndLegal) {
  std::vector<std::string> built;
  {
    const auto zone = MapZone();
    zone->MakeRoot<State>(zone->sbrk());
    built = BasesOf(*zone);
  }
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::vector<std::string> bases;
    for (int time = 0; time < 2; ++time) {
      const auto zone = MapPerturbed({.chain_seed = seed});
      State& state = zone->MakeRoot<State>(zone->sbrk());
      ASSERT_TRUE(zone->Settle().ok());
      (void)state.rows.Alloc(Row{});
      (void)state.levels.Alloc(Row{});
      if (time == 1) {
        EXPECT_EQ(BasesOf(*zone), bases) << "seed " << seed;
      }
      bases = BasesOf(*zone);
    }
    EXPECT_NE(bases[5], "sbrk") << "levels of a few elements would take a page each";
    seen.insert(bases);
  }
  EXPECT_GT(seen.size(), 10u);
  seen.erase(built);
  EXPECT_GT(seen.size(), 10u);
}

}  // namespace
}  // namespace tandem::pools
