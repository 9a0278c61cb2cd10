// SPDX-License-Identifier: Apache-2.0
//
// How a typed application comes to be: only with a state whose memory is all in its zone.
#include "engine/application.h"

#include <gmock/gmock.h>

#include "pools/malloc_pool.h"
#include "tests/support/counter_application.h"

namespace tandem::engine {
namespace {

using counter::CounterApplication;
using ::testing::HasSubstr;

pools::ZoneOptions Small() { return {.reserve_bytes = std::uint64_t{64} << 20}; }

struct HeapState {
  using IsZoneSafe = void;
  explicit HeapState(pools::Sbrk& sbrk) : lpool("test.lpool", sbrk), rows("test.row", heap) {}
  pools::Malloc heap{"test.heap"};
  pools::Lpool lpool;
  pools::Tpool<std::uint64_t> rows;
};

struct HeapApplication final : Application<HeapApplication, HeapState, counter::pb::Add> {
  using Application::Application;
  void On(const counter::pb::Add&, Context&) {}
};

struct SbrkState {
  explicit SbrkState(pools::Sbrk& sbrk) : numbers("test.number", sbrk) {}
  pools::Tpool<std::uint64_t> numbers;
};

struct SbrkApplication final : Application<SbrkApplication, SbrkState, counter::pb::Add> {
  using Application::Application;
  void On(const counter::pb::Add&, Context&) {}
};

TEST(Application, MayHaveAStateThatTakesTheSbrkItself) {
  const auto made = SbrkApplication::Make("sbrk", 3, Small());
  ASSERT_TRUE(made.ok()) << made.error().text;
  EXPECT_EQ((*made)->info().name, "sbrk");
  EXPECT_EQ((*made)->info().behaviour_version, 3u);
  EXPECT_EQ((*made)->zone().Pools().back().base, "sbrk");
}

TEST(Application, IsRefusedWithTheReasonIfAChainOfItsStateEndsOnTheHeap) {
  const auto made = HeapApplication::Make("heap", 1, Small());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ExitCode::kBadInput);
  EXPECT_THAT(made.error().text,
              AllOf(HasSubstr("test."), HasSubstr("on the heap, so an image would not hold what is "
                                                  "in it; give it a base whose chain ends in the "
                                                  "zone's sbrk.")));
}

TEST(Application, IsRefusedWithTheReasonIfASettingFitsNoPool) {
  pools::ZoneOptions options = Small();
  options.pools = {{.pool = "counters", .base = "", .limit = {}}};
  const auto made = CounterApplication::Make("counter", 1, options);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().text,
            "There is no pool counters in the state of this program; leave it out.");
}

TEST(Application, HasThePoolsAsTheSettingsSay) {
  pools::ZoneOptions options = Small();
  options.pools = {{.pool = "counter", .base = "sbrk", .limit = {.elements = 7}}};
  const auto made = CounterApplication::Make("counter", 1, options);
  ASSERT_TRUE(made.ok()) << made.error().text;
  const pools::PoolInfo pool = (*made)->zone().Pools().back();
  EXPECT_EQ(pool.name, "counter");
  EXPECT_EQ(pool.base, "sbrk");
  EXPECT_EQ(pool.limit.elements, 7u);
}

TEST(Application, HasNoZoneWhereOneIs) {
  const auto first = CounterApplication::Make("counter", 1, Small());
  ASSERT_TRUE(first.ok());
  const auto second = CounterApplication::Make("counter", 1, Small());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().text, HasSubstr("the range is taken in this process"));
}

}  // namespace
}  // namespace tandem::engine
