// SPDX-License-Identifier: Apache-2.0
#include "pools/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>
#include <vector>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/tpool.h"
#include "pools/zone_safe.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Row {
  std::uint64_t id;
};
struct State {
  explicit State(PoolRef base) : lpool("db.lpool", base), rows("db.row", lpool) {}
  Lpool lpool;
  Tpool<Row> rows;
};

TEST(Zone, MapsAtTheAddressItIsGiven) {
  auto zone = MapZone(4 * kMiB, kOtherAddress);
  EXPECT_EQ(zone->address(), kOtherAddress);
  EXPECT_EQ(zone->used_bytes(), 0u);
  EXPECT_TRUE(zone->Contains(reinterpret_cast<void*>(kOtherAddress)));
  EXPECT_TRUE(zone->Contains(reinterpret_cast<void*>(kOtherAddress + 4 * kMiB - 1)));
  EXPECT_FALSE(zone->Contains(reinterpret_cast<void*>(kOtherAddress + 4 * kMiB)));
  EXPECT_FALSE(zone->Contains(reinterpret_cast<void*>(kOtherAddress - 1)));
}

TEST(Zone, MapsTheDefaultReserveOfSixtyFourGibibytes) {
  auto zone = Zone::Map({});
  ASSERT_TRUE(zone.ok()) << zone.error().text;
  EXPECT_EQ((*zone)->address(), kZoneAddressDefault);
}

TEST(Zone, SaysThatTheRangeIsTakenByAnotherZone) {
  auto zone = MapZone(4 * kMiB);
  const auto second = Zone::Map({.reserve_bytes = 4 * kMiB});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ExitCode::kBadInput);
  EXPECT_EQ(second.error().text,
            "Cannot map the zone at 0x7e8000000000 to 0x7e8000400000: the range is taken in this "
            "process; choose another zone address.");
}

TEST(Zone, SaysThatTheRangeIsTakenInPartAndTouchesNothing) {
  void* const middle = reinterpret_cast<void*>(kOtherAddress + kMiB);
  ASSERT_EQ(mmap(middle, 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
            middle);
  *static_cast<char*>(middle) = 'x';
  const auto zone = Zone::Map({.address = kOtherAddress, .reserve_bytes = 4 * kMiB});
  ASSERT_FALSE(zone.ok());
  EXPECT_THAT(zone.error().text, HasSubstr("is taken in this process"));
  EXPECT_EQ(*static_cast<char*>(middle), 'x');
  munmap(middle, 4096);
}

TEST(Zone, GivesItsRangeBackWhenItIsDestroyed) {
  for (int i = 0; i < 3; ++i) {
    auto zone = MapZone();
    State& state = zone->MakeRoot<State>(zone->sbrk());
    state.rows.Delete(state.rows.Alloc());  // leaves poisoned memory under AddressSanitizer
  }
}

TEST(Zone, RefusesAnAddressOrReserveThatCannotBe) {
  EXPECT_EQ(Zone::Map({.address = 0}).error().text,
            "The zone address 0x0 is not a multiple of 2 MiB above 0; choose one, such as "
            "0x7e8000000000.");
  EXPECT_THAT(Zone::Map({.address = kZoneAddressDefault + 4096}).error().text,
              HasSubstr("zone address 0x7e8000001000 is not a multiple of 2 MiB"));
  EXPECT_EQ(Zone::Map({.reserve_bytes = 4 * kMiB - 4096}).error().text,
            "The zone reserve of 4190208 bytes is not a whole number of 4096-byte pages from 4 MiB "
            "on that fits behind the zone address; choose one.");
  EXPECT_THAT(Zone::Map({.reserve_bytes = 4 * kMiB + 1}).error().text, HasSubstr("4096-byte"));
  EXPECT_THAT(Zone::Map({.reserve_bytes = kNoLimit - 4095}).error().text, HasSubstr("fits behind"));
}

TEST(Zone, SaysWhenTheSystemRefusesTheReserve) {
  if (tests::UnderValgrind()) GTEST_SKIP() << "valgrind refuses it before the system can";
  const auto zone = Zone::Map({.reserve_bytes = std::uint64_t{1} << 47});
  ASSERT_FALSE(zone.ok());
  EXPECT_EQ(zone.error().code, ExitCode::kOutOfMemory);
  EXPECT_THAT(zone.error().text, HasSubstr("choose another zone address or a smaller reserve"));
}

TEST(Zone, HoldsTwoInOneProcessAtDifferentAddresses) {
  auto first = MapZone(kGiB, kZoneAddressDefault);
  auto second = MapZone(kGiB, kOtherAddress);
  State& a = first->MakeRoot<State>(first->sbrk());
  State& b = second->MakeRoot<State>(second->sbrk());
  std::vector<Row*> rows;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Row& in_a = a.rows.Alloc(i);
    Row& in_b = b.rows.Alloc(i + 1);
    EXPECT_TRUE(first->Contains(&in_a) && !second->Contains(&in_a));
    EXPECT_TRUE(second->Contains(&in_b) && !first->Contains(&in_b));
    EXPECT_EQ(in_a.id + 1, in_b.id);
  }
  ASSERT_TRUE(first->SetLimit("db.row", {.elements = 1000}).ok());
  EXPECT_EQ(a.rows.AllocMaybe(), nullptr);
  EXPECT_NE(b.rows.AllocMaybe(), nullptr);
}

TEST(Zone, FindsTheRootAgain) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  EXPECT_EQ(&zone->root<State>(), &state);
  EXPECT_TRUE(zone->Contains(&state));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&state), zone->address() + 2 * kMiB);
}

TEST(Zone, ListsItsPoolsInTheOrderInWhichTheyWereMade) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  (void)state.rows.Alloc(1u);
  (void)state.rows.Alloc(2u);
  std::vector<std::string> lines;
  for (const PoolInfo& pool : zone->Pools()) {
    lines.push_back(pool.name + " " + KindName(pool.kind) + " <" + pool.base + "> " +
                    std::to_string(pool.figures.live));
  }
  EXPECT_THAT(
      lines, ElementsAre("sbrk Sbrk <> 2", "db.lpool Lpool <sbrk> 1", "db.row Tpool <db.lpool> 2"));
}

TEST(Zone, ForgetsAPoolThatIsDestroyedAndUsesItsPlaceAgain) {
  auto zone = MapZone();
  Lpool first("first", zone->sbrk());
  { Lpool second("second", zone->sbrk()); }
  Lpool third("third", first);
  Lpool second("second", first);
  std::vector<std::string> names;
  for (const PoolInfo& pool : zone->Pools()) {
    names.push_back(pool.name);
  }
  EXPECT_THAT(names, ElementsAre("sbrk", "first", "third", "second"));
  for (int i = 0; i < 100000; ++i) {  // many times what a zone has room for
    Lpool passing("passing", zone->sbrk());
  }
  EXPECT_EQ(zone->Pools().size(), 4u);
}

TEST(Zone, BoundsAPoolByName) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  ASSERT_TRUE(zone->SetLimit("db.row", {.elements = 1}).ok());
  EXPECT_NE(state.rows.AllocMaybe(), nullptr);
  EXPECT_EQ(state.rows.AllocMaybe(), nullptr);
  EXPECT_EQ(zone->SetLimit("db.rows", {.elements = 1}).error().text,
            "There is no pool db.rows in the zone; choose one of sbrk, db.lpool, db.row.");
}

TEST(Zone, RelinksAPoolByNameBeforeItHoldsMemory) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  ASSERT_TRUE(zone->SetBase("db.row", "sbrk").ok());
  (void)state.rows.Alloc(1u);
  EXPECT_EQ(state.lpool.GetFigures().taken_bytes, 0u);
  EXPECT_EQ(zone->SetBase("db.row", "db.lpool").error().text,
            "Pool db.row cannot take its memory from db.lpool: it already holds memory of sbrk; "
            "set the base before the first message.");
}

TEST(Zone, RefusesABaseThatCannotBe) {
  auto zone = MapZone();
  zone->MakeRoot<State>(zone->sbrk());
  EXPECT_THAT(zone->SetBase("db.lpool", "db.row").error().text, HasSubstr("one size only"));
  EXPECT_THAT(zone->SetBase("db.lpool", "db.lpool").error().text, HasSubstr("lead back to it"));
  EXPECT_THAT(zone->SetBase("sbrk", "db.lpool").error().text, HasSubstr("it has no base"));
  EXPECT_THAT(zone->SetBase("db.lpool", "x").error().text, HasSubstr("There is no pool x"));
  EXPECT_THAT(zone->SetBase("x", "db.lpool").error().text, HasSubstr("There is no pool x"));
  Lpool upper("upper", PoolRef(zone->root<State>().lpool));
  EXPECT_THAT(zone->SetBase("db.lpool", "upper").error().text, HasSubstr("lead back to it"));
}

TEST(Zone, TellsAChainOfStateFromAChainOfScratch) {
  auto zone = MapZone();
  Malloc heap;
  Lpool scratch("db.lpool", heap);
  Lpool state("db.lpool", zone->sbrk());
  EXPECT_EQ(scratch.control().zone, nullptr);
  EXPECT_TRUE(zone->Contains(&state.control()));
}

TEST(ZoneSafe, IsTrueOfPlainTypesAndOfThoseThatOptIn) {
  EXPECT_TRUE(ZoneSafe<Row>::value);
  EXPECT_TRUE(ZoneSafe<Counted>::value);
  EXPECT_TRUE(ZoneSafe<Lpool>::value);
  EXPECT_TRUE(ZoneSafe<Tpool<Row>>::value);
  EXPECT_TRUE(ZoneSafe<PoolRef>::value);
  EXPECT_FALSE(ZoneSafe<std::string>::value);
  EXPECT_FALSE(ZoneSafe<std::vector<int>>::value);
  EXPECT_FALSE(ZoneSafe<std::unique_ptr<int>>::value);
}

using ZoneDeathTest = ::testing::Test;

TEST(ZoneDeathTest, EndsTheProcessOnWhatOnlyABugCanDo) {
  auto zone = MapZone();
  EXPECT_DEATH((void)zone->root<State>(), "no root yet");
  zone->MakeRoot<State>(zone->sbrk());
  EXPECT_DEATH(zone->MakeRoot<State>(zone->sbrk()), "has it already");
  EXPECT_DEATH((void)zone->root<Row>(), "the root of this zone has");
  EXPECT_DEATH(Lpool("db.lpool", zone->sbrk()), "two pools of one zone are named db.lpool");
  EXPECT_DEATH(Lpool("", zone->sbrk()), "a pool's name has 1 to 63 characters");
  EXPECT_DEATH(Lpool(std::string(64, 'x').c_str(), zone->sbrk()), "1 to 63 characters");
}

TEST(ZoneDeathTest, EndsTheProcessOnATouchOfMemoryThatWasNotHandedOut) {
  auto zone = MapZone();
  auto* memory = static_cast<volatile char*>(zone->sbrk().AllocMem(1));
  EXPECT_DEATH(memory[64 * kMiB] = 1, "");
}

}  // namespace
}  // namespace tandem::pools
