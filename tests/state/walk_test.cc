// SPDX-License-Identifier: Apache-2.0
//
// A state with every kind of pool, walked and compared by declared names, in place and as a copy
// that lies elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ledger.pools.h"
#include "pools/layout_text.h"
#include "pools/table.h"
#include "tests/pools/test_zone.h"
#include "tests/state/state_copy.h"

namespace tandem::state::hand {

// Rows of plain C++, and a pool whose type nobody has named.
struct Plain {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
};
struct Named {
  std::uint64_t key = 0;
  Plain* plain = nullptr;
};
TANDEM_FIELDS(Plain, "hand.Plain", a, b)
TANDEM_FIELDS(Named, "hand.Named", key, plain)
struct Unnamed {
  std::uint16_t x[4] = {};
};
struct HandState {
  explicit HandState(pools::PoolRef base)
      : lpool("hand.lpool", base), plain("hand.plain", lpool), named("hand.named", lpool) {}
  pools::Lpool lpool;
  pools::Tpool<Plain> plain;
  pools::Table<Named, pools::Hash<&Named::key>, pools::Ordered<pools::kDescending<&Named::key>>>
      named;
  pools::Tpool<Unnamed> hidden{"hand.hidden", lpool};
};
TANDEM_FIELDS(HandState, "hand.State", lpool, plain, named)

}  // namespace tandem::state::hand

namespace tandem::state {

namespace {

using pools::MapZone;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Walk : public ::testing::Test {
 protected:
  Walk() {
    zone_->Describe(pools::LayoutText(pools::InfoOf<ledger::FDb>()));
    ledger::Account& first = account_Alloc(db_);
    first.id = 7;
    first.held.cents = -5;
    limits_Alloc(first) = 100;
    limits_Alloc(first) = 200;
    booked_Alloc(first) = {.time_ns = 1};
    booked_Alloc(first) = {.time_ns = 2};
    first.note.Set("a note");
    ledger::Account& second = account_Alloc(db_);
    second.id = 8;
    audit_Access(second).time_ns = 9;
    account_Delete(db_, account_Alloc(db_));
    for (std::uint64_t i = 1; i <= 3; ++i) entry_Alloc(db_, {.time_ns = i});
    recent_Alloc(db_) = 11;
    recent_Alloc(db_) = 22;
    last_Access(db_).time_ns = 33;
    db_.count = 4;
  }
  std::unique_ptr<pools::Zone> zone_ = MapZone();
  ledger::FDb& db_ = zone_->MakeRoot<ledger::FDb>(zone_->sbrk());
};

TEST_F(Walk, FindsLiveElementsOfEveryKindOfPoolAndTheirFields) {
  const Copy copy(*zone_);
  const ZoneWalk walk = copy.Walk();
  EXPECT_THAT(walk.problems(), IsEmpty());
  EXPECT_EQ(RecordOf(walk.RootValues()), "count:4");
  EXPECT_THAT(
      Lines(walk, "ledger.FDb.account"),
      ElementsAre(
          "0 id:7  open:Y  kind:c  held.cents:-5  held.currency:EUR  limits.0:100  limits.1:200  "
          "digest.0:0  digest.1:0  digest.2:0  booked.0.time_ns:1  booked.0.amount.cents:0  "
          "booked.0.amount.currency:EUR  booked.1.time_ns:2  booked.1.amount.cents:0  "
          "booked.1.amount.currency:EUR  note:\"a note\"",
          "1 id:8  open:Y  kind:c  held.cents:0  held.currency:EUR  digest.0:0  digest.1:0  "
          "digest.2:0  note:\"\"  audit.time_ns:9  audit.amount.cents:0  "
          "audit.amount.currency:EUR"));
  EXPECT_THAT(Lines(walk, "ledger.FDb.entry"),
              ElementsAre("0 time_ns:1  amount.cents:0  amount.currency:EUR",
                          "1 time_ns:2  amount.cents:0  amount.currency:EUR",
                          "2 time_ns:3  amount.cents:0  amount.currency:EUR"));
  EXPECT_THAT(Lines(walk, "ledger.FDb.recent"), ElementsAre("0 value:11", "1 value:22"));
  EXPECT_THAT(Lines(walk, "ledger.FDb.last"),
              ElementsAre("0 time_ns:33  amount.cents:0  amount.currency:EUR"));
}

TEST_F(Walk, GivesTheFiguresThatTheZoneGives) {
  const Copy copy(*zone_);
  const ZoneWalk walk = copy.Walk();
  std::vector<std::string> of_walk;
  for (const StatePool& pool : walk.pools()) {
    of_walk.push_back(
        pool.name + " " + pool.base + " " + std::to_string(pool.figures.live) + " " +
        std::to_string(pool.figures.live_peak) + " " + std::to_string(pool.figures.live_bytes) +
        " " + std::to_string(pool.figures.taken_bytes) + " " + std::to_string(pool.limit.elements));
  }
  std::vector<std::string> of_zone;
  for (const pools::PoolInfo& pool : zone_->Pools()) {
    of_zone.push_back(
        pool.name + " " + pool.base + " " + std::to_string(pool.figures.live) + " " +
        std::to_string(pool.figures.live_peak) + " " + std::to_string(pool.figures.live_bytes) +
        " " + std::to_string(pool.figures.taken_bytes) + " " + std::to_string(pool.limit.elements));
  }
  EXPECT_EQ(of_walk, of_zone);
}

TEST_F(Walk, IsTheSameOfALiveZoneAndOfACopy) {
  const Copy copy(*zone_);
  const auto live = ZoneWalk::Of(StateView::Of(*zone_));
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(Lines(*live, "ledger.FDb.account"), Lines(copy.Walk(), "ledger.FDb.account"));
}

TEST_F(Walk, NamesTheFieldThatDiffers) {
  const Copy before(*zone_);
  Copy after(*zone_);
  EXPECT_TRUE(Compare(before.Walk(), after.Walk(), 100).same());
  after.At(*db_.entry.Find(1)).time_ns ^= 1u << 4;
  Comparison comparison = Compare(before.Walk(), after.Walk(), 100);
  EXPECT_THAT(Texts(comparison), ElementsAre("ledger.FDb.entry#1 time_ns: 2 | 18"));
  EXPECT_TRUE(comparison.by_bytes);
  EXPECT_EQ(comparison.bytes, 1u);
}

TEST_F(Walk, NamesElementsThatComeAndGo) {
  const Copy before(*zone_);
  ledger::Entry& entry = entry_Alloc(db_, {.time_ns = 5});
  const Copy after(*zone_);
  const Comparison comparison = Compare(before.Walk(), after.Walk(), 100);
  EXPECT_EQ(entry.time_ns, 5u);
  EXPECT_EQ(comparison.fields, 1u);
  EXPECT_EQ(TextOf(comparison.differences[0]),
            "ledger.FDb.entry#3 only in B: time_ns:5  amount.cents:0  amount.currency:EUR");
}

// Whatever is damaged has a name, and what is compared by bytes misses nothing.
TEST_F(Walk, NamesEveryBitOfTheStateThatIsFlipped) {
  const Copy before(*zone_);
  Copy after(*zone_);
  const ZoneWalk walk_before = before.Walk();
  std::set<std::string> seen;
  std::uint64_t seed = 1;
  for (int i = 0; i < 1000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const std::span<std::byte> bytes = after.bytes();
    // The root and what is behind it; the first pages are checked when an image is opened.
    const std::size_t at =
        4096 + (seed >> 20) % std::min<std::size_t>(bytes.size() - 4096, 1 << 16);
    const auto bit = static_cast<std::byte>(1u << (seed >> 60) % 8);
    bytes[at] ^= bit;
    const Comparison comparison = Compare(walk_before, after.Walk(), 10);
    EXPECT_GE(comparison.count, 1u) << "byte " << at;
    EXPECT_EQ(comparison.bytes, 1u) << "byte " << at;
    for (const Difference& one : comparison.differences) seen.insert(one.pool);
    bytes[at] ^= bit;
  }
  EXPECT_TRUE(seen.contains("ledger.FDb.lpool")) << ::testing::PrintToString(seen);
}

TEST_F(Walk, FollowsNoDamagedPointerOutOfTheState) {
  Copy copy(*zone_);
  std::uint64_t seed = 7;
  for (int i = 0; i < 3000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const std::size_t at = 4096 + (seed >> 20) % 8192 / 8 * 8;
    std::uint64_t before = 0;
    std::memcpy(&before, copy.bytes().data() + at, sizeof before);
    const std::uint64_t wild = i % 3 == 0   ? seed
                               : i % 3 == 1 ? zone_->address() + (seed >> 40)
                                            : ~std::uint64_t{0} - (seed >> 56);
    std::memcpy(copy.bytes().data() + at, &wild, sizeof wild);
    const ZoneWalk walk = copy.Walk();
    for (const StatePool& pool : walk.pools()) (void)Lines(walk, pool.name);
    std::memcpy(copy.bytes().data() + at, &before, sizeof before);
  }
}

using hand::HandState;
using hand::Named;
using hand::Plain;

TEST(WalkByHand, KnowsFieldsThatAreDeclaredAndShowsTheBytesOfOthers) {
  const auto zone = MapZone();
  HandState& state = zone->MakeRoot<HandState>(zone->sbrk());
  zone->Describe(pools::LayoutText(pools::InfoOf<HandState>()));
  (void)state.plain.Alloc();
  Plain& plain = state.plain.Alloc(Plain{.a = 1, .b = 2});
  Named& row = state.named.InsertNew({.key = 5, .plain = &plain});
  state.hidden.Alloc().x[1] = 0x0102;
  Copy copy(*zone);
  const ZoneWalk walk = copy.Walk();
  EXPECT_THAT(Lines(walk, "hand.named"), ElementsAre("0 key:5  plain:hand.plain#1"));
  EXPECT_THAT(Lines(walk, "hand.hidden"), ElementsAre(StartsWith("0 value:0000020100000000")));
  const StatePool& named = *walk.FindPool("hand.named");
  EXPECT_EQ(walk.FieldOf(named, 0, "plain.b"), "2");
  EXPECT_EQ(walk.FieldOf(named, 0, "plain.c"), std::nullopt);
  EXPECT_EQ(named.field->indexes[1].name, "Ordered(-key)");

  const Copy before(*zone);
  auto* const links = reinterpret_cast<std::uint64_t*>(&copy.At(row) + 1);
  links[0] ^= 64;  // of the hash index
  EXPECT_THAT(Texts(Compare(before.Walk(), copy.Walk(), 10)),
              ElementsAre("hand.named#0 link of index Hash(key): null | 0x40  (1 bytes)"));
}

TEST(WalkByHand, ComparesStatesAtOtherAddressesByTheNamesOfElements) {
  const auto zone = MapZone();
  const auto other = MapZone(pools::kGiB, pools::kOtherAddress);
  std::vector<HandState*> states;
  for (pools::Zone* one : {zone.get(), other.get()}) {
    HandState& state = one->MakeRoot<HandState>(one->sbrk());
    one->Describe(pools::LayoutText(pools::InfoOf<HandState>()));
    for (std::uint64_t i = 0; i < 100; ++i) {
      Plain& plain = state.plain.Alloc(Plain{.a = 1, .b = 2});
      state.named.InsertNew({.key = i, .plain = &plain});
    }
    for (std::uint64_t i = 0; i < 100; i += 3) state.named.Erase(*state.named.Find<&Named::key>(i));
    states.push_back(&state);
  }
  EXPECT_TRUE(Compare(Copy(*zone).Walk(), Copy(*other).Walk(), 10).same());
  Named& moved = *states[1]->named.Find<&Named::key>(50);
  moved.plain = states[1]->named.Find<&Named::key>(52)->plain;
  const Comparison comparison = Compare(Copy(*zone).Walk(), Copy(*other).Walk(), 10);
  EXPECT_FALSE(comparison.by_bytes);
  EXPECT_THAT(Texts(comparison), ElementsAre("hand.named#50 plain: hand.plain#50 | hand.plain#52"));
}

// The free list of a Tpool in all its forms: many freed, in any order, some taken again.
TEST(WalkByHand, TellsLiveElementsFromFreeOnesHoweverManyAreFree) {
  const auto zone = MapZone();
  HandState& state = zone->MakeRoot<HandState>(zone->sbrk());
  zone->Describe(pools::LayoutText(pools::InfoOf<HandState>()));
  std::vector<Plain*> live;
  std::uint64_t seed = 3;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 100; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const bool grow = (seed >> 33) % 100 < (round % 20 < 10 ? 80 : 25);
      if (grow || live.empty()) {
        live.push_back(&state.plain.Alloc(Plain{.a = static_cast<std::uint32_t>(seed >> 32)}));
      } else {
        std::swap(live[(seed >> 20) % live.size()], live.back());
        state.plain.Delete(*live.back());
        live.pop_back();
      }
    }
    const Copy copy(*zone);
    const ZoneWalk walk = copy.Walk();
    const StatePool& pool = *walk.FindPool("hand.plain");
    EXPECT_THAT(walk.problems(), IsEmpty());
    std::set<std::uint64_t> found;
    for (std::uint64_t i = 0; i < pool.count; ++i) {
      if (pool.IsLive(i)) found.insert(pool.AddressOf(i));
    }
    std::set<std::uint64_t> expected;
    for (const Plain* one : live) expected.insert(reinterpret_cast<std::uintptr_t>(one));
    ASSERT_EQ(found, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace tandem::state
