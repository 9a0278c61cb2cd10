// SPDX-License-Identifier: Apache-2.0
//
// Chains that are none of state are refused with the reason; what is left at the end is listed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pools/blkpool.h"
#include "pools/delptr.h"
#include "pools/hash_index.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/tary.h"
#include "pools/text.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Row {
  std::uint64_t id;
  Row* next;
};
using Rows = HashIndex<Row, MemberKey<&Row::id, &Row::next>>;

struct State {
  explicit State(PoolRef base)
      : lpool("db.lpool", base),
        rows("db.row", lpool),
        legs("db.leg", lpool),
        notes("db.note", lpool),
        messages("db.message", base),
        above("db.above", messages) {}
  Lpool lpool;
  Tpool<Row> rows;
  Tary<Row> legs;
  Lary<Row> notes;
  Blkpool messages;
  Tpool<Row> above;
};

TEST(CheckChains, AcceptsAStateThatEndsInTheSbrkOfItsZone) {
  auto zone = MapZone();
  EXPECT_TRUE(zone->CheckChains().ok()) << "without a root too";
  Malloc scratch("scratch");
  Tpool<Row> scratch_rows("scratch.row", scratch);
  zone->MakeRoot<State>(zone->sbrk());
  EXPECT_TRUE(zone->CheckChains().ok());
}

TEST(CheckChains, RefusesPoolsInTheStateWhoseChainEndsOnTheHeap) {
  struct OnHeap {
    explicit OnHeap(Malloc& heap) : lpool("db.lpool", heap), rows("db.row", lpool) {}
    Lpool lpool;
    Tpool<Row> rows;
  };
  Malloc heap("heap");
  auto zone = MapZone();
  auto& state = zone->MakeRoot<OnHeap>(heap);
  EXPECT_EQ(
      zone->CheckChains().error().text,
      "The chain db.row (Tpool) > db.lpool (Lpool) > heap (Malloc) is part of the state but "
      "ends on the heap, so an image would not hold what is in it; give it a base whose chain "
      "ends in the zone's sbrk.");
  state.~OnHeap();
  EXPECT_TRUE(zone->CheckChains().ok()) << "they are gone";
}

TEST(CheckChains, RefusesAMallocAmongTheState) {
  auto zone = MapZone();
  auto& heap = zone->MakeRoot<Malloc>("db.malloc");
  EXPECT_EQ(zone->CheckChains().error().code, ExitCode::kBadInput);
  EXPECT_THAT(zone->CheckChains().error().text,
              ::testing::StartsWith("The chain db.malloc (Malloc) is part of the state but ends on "
                                    "the heap"));
  heap.~Malloc();
}

TEST(CheckChains, RefusesReferencesInTheStateToPoolsOnTheHeap) {
  struct Refers {
    explicit Refers(PoolRef base, PoolRef other) : lpool("db.lpool", base), name(other) {}
    Lpool lpool;
    Text name;
  };
  Malloc heap("heap");
  Lpool other("other", heap);
  auto zone = MapZone();
  zone->MakeRoot<Refers>(zone->sbrk(), other);
  EXPECT_EQ(zone->CheckChains().error().text,
            "The state refers to the pool other (Lpool) > heap (Malloc) on the heap, so an image "
            "would not hold what is in it; let it refer to a pool whose chain ends in the zone's "
            "sbrk.");
}

TEST(CheckChains, RefusesPoolsElsewhereThatTakeMemoryFromTheZone) {
  auto zone = MapZone();
  zone->MakeRoot<State>(zone->sbrk());
  {
    const Lpool lpool("scratch", zone->sbrk());
    EXPECT_EQ(zone->CheckChains().error().text,
              "Pool scratch takes its memory from the zone but is no part of the state in it; make "
              "it a member of the state, or give it a base outside.");
  }
  EXPECT_TRUE(zone->CheckChains().ok());
}

TEST(CheckChains, RefusesAPoolInOneZoneWithABaseInAnother) {
  auto zone = MapZone();
  auto other = MapZone(kGiB, kOtherAddress);
  zone->MakeRoot<Lpool>("db.lpool", PoolRef(other->sbrk()));
  EXPECT_TRUE(zone->CheckChains().ok()) << "it has no pools but sbrk";
  EXPECT_FALSE(other->CheckChains().ok()) << "a pool elsewhere takes its memory";
}

TEST(Leaks, AreNoneWhenEverythingWasDeleted) {
  auto zone = MapZone();
  EXPECT_THAT(zone->Leaks(), IsEmpty());
  State& state = zone->MakeRoot<State>(zone->sbrk());
  EXPECT_THAT(zone->Leaks(), IsEmpty()) << "the root is none";
  Row& row = state.rows.Alloc();
  Row& above = state.above.Alloc();
  void* message = state.messages.AllocMem(100);
  state.legs.AllocN(10);
  state.notes.Alloc();
  state.rows.Delete(row);
  state.above.Delete(above);
  state.messages.FreeMem(message, 100);
  state.legs.RemoveAll();
  state.notes.RemoveLast();
  EXPECT_THAT(zone->Leaks(), IsEmpty());
}

TEST(Leaks, NameEachPoolWithWhatIsLeft) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  (void)state.rows.Alloc();
  state.rows.Delete(state.rows.Alloc());
  (void)state.rows.Alloc();
  state.legs.AllocN(10);
  state.notes.Alloc();
  (void)state.messages.AllocMem(100);
  (void)state.above.Alloc();
  (void)state.lpool.AllocMem(1000);
  (void)zone->sbrk().AllocMem(5000);
  constexpr std::uint64_t kStride = Tpool<Row>::kStride;
  EXPECT_THAT(zone->Leaks(), ElementsAre(Leak{"sbrk", PoolKind::kSbrk, 0, 8192},
                                         Leak{"db.lpool", PoolKind::kLpool, 0, 1024},
                                         Leak{"db.row", PoolKind::kTpool, 2, 2 * kStride},
                                         Leak{"db.leg", PoolKind::kTary, 10, 160},
                                         Leak{"db.note", PoolKind::kLary, 1, 16},
                                         Leak{"db.message", PoolKind::kBlkpool, 0, 112},
                                         Leak{"db.above", PoolKind::kTpool, 1, kStride}));
}

TEST(Leaks, ShowTheBucketsOfAnIndexUntilItIsDestroyed) {
  auto zone = MapZone();
  State& state = zone->MakeRoot<State>(zone->sbrk());
  {
    Rows index(state.lpool);
    Row row{1, nullptr};
    index.InsertNew(row);
    EXPECT_THAT(zone->Leaks(), ElementsAre(Leak{"db.lpool", PoolKind::kLpool, 0, 512}));
  }
  EXPECT_THAT(zone->Leaks(), IsEmpty());
}

TEST(Leaks, ArePrintedAtTheEndOfTheZoneWhenAskedFor) {
  for (const bool asked : {false, true}) {
    auto zone = Zone::Map({.reserve_bytes = kGiB, .report_leaks = asked});
    ASSERT_TRUE(zone.ok());
    State& state = (*zone)->MakeRoot<State>((*zone)->sbrk());
    state.notes.Alloc();
    ::testing::internal::CaptureStderr();
    zone->reset();
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              asked ? "tandem: leak in pool db.note (Lary): 1 elements, 16 bytes\n" : "");
  }
}

}  // namespace
}  // namespace tandem::pools
