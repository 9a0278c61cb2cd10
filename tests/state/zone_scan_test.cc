// SPDX-License-Identifier: Apache-2.0
//
// Elements that promised to be safe in a zone and are not.
#include "pools/state/zone_scan.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pools/layout_text.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "tests/book/book_driver.h"
#include "tests/book/random_flow.h"
#include "tests/pools/test_zone.h"
#include "tests/state/state_copy.h"
#include "tests/support/instrumented.h"

namespace tandem::state::scan {

/// Trivially copyable, so the compiler has no objection.
struct Careless {
  std::uint64_t id = 0;
  const void* where = nullptr;
};
TANDEM_FIELDS(Careless, "scan.Careless", id)  // `where` is not named

struct Inner {
  std::uint64_t number = 0;
  std::uint64_t other = 0;
};
TANDEM_FIELDS(Inner, "scan.Inner", number, other)
struct Outer {
  std::uint64_t id = 0;
  Inner inner[2] = {};
};
TANDEM_FIELDS(Outer, "scan.Outer", id, inner)

/// Promises what it does not keep.
struct Liar {
  using IsZoneSafe = void;
  std::vector<int> numbers;
};

struct State {
  explicit State(pools::PoolRef base)
      : lpool("scan.lpool", base), careless("scan.careless", lpool), outer("scan.outer", lpool) {}
  pools::Lpool lpool;
  pools::Tpool<Careless> careless;
  pools::Tpool<Outer> outer;
  pools::Tpool<Liar> liars{"scan.liar", lpool};
  std::uint64_t last = 0;
};
TANDEM_FIELDS(State, "scan.State", lpool, careless, outer, last)

}  // namespace tandem::state::scan

namespace tandem::state {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class ZoneScan : public ::testing::Test {
 protected:
  ZoneScan() { zone_->Describe(pools::LayoutText(pools::InfoOf<scan::State>())); }
  void SetUp() override {
    if (tests::UnderValgrind()) GTEST_SKIP() << "its programs lie where small numbers lead";
  }

  /// What is found, as text.
  static std::vector<std::string> Found(const ZoneWalk& walk, const ProcessMemory& memory) {
    std::vector<std::string> texts;
    for (const StrayWord& stray : ScanZone(walk, memory)) texts.push_back(TextOf(stray));
    return texts;
  }
  std::vector<std::string> FoundLive() {
    const auto memory = ProcessMemory::OfThisProcess();
    ENSURE(memory.ok(), "%s", memory.error().text.c_str());
    const auto walk = ZoneWalk::Of(StateView::Of(*zone_));
    ENSURE(walk.ok(), "%s", walk.error().text.c_str());
    return Found(*walk, *memory);
  }
  static std::uint64_t AddressOf(const void* memory) {
    return reinterpret_cast<std::uintptr_t>(memory);
  }

  std::unique_ptr<pools::Zone> zone_ = pools::MapZone();
  scan::State& state_ = zone_->MakeRoot<scan::State>(zone_->sbrk());
};

TEST_F(ZoneScan, FindsNothingInAStateThatKeepsToItself) {
  scan::Careless& row = state_.careless.Alloc();
  row.where = &state_;
  row.id = 12'345'678'901'234;
  state_.careless.Delete(state_.careless.Alloc());
  EXPECT_THAT(FoundLive(), IsEmpty());
}

TEST_F(ZoneScan, NamesPoolElementOffsetAndWhatIsThere) {
  const auto heap = std::make_unique<std::uint64_t>(7);
  const std::uint64_t stack = 8;
  static const std::uint64_t data = 9;
  (void)state_.careless.Alloc();
  state_.careless.Alloc() = {.id = 1, .where = heap.get()};
  state_.careless.Alloc() = {.id = 2, .where = &stack};
  state_.careless.Alloc() = {.id = 3, .where = &data};
  state_.careless.Alloc() = {.id = 4, .where = reinterpret_cast<const void*>(&std::malloc)};
  EXPECT_THAT(
      FoundLive(),
      ElementsAre(
          MatchesRegex("scan.careless#1\\+8 holds 0x[0-9a-f]+, an address of the heap.*"),
          MatchesRegex("scan.careless#2\\+8 holds 0x[0-9a-f]+, an address of .*stack.*"),
          MatchesRegex("scan.careless#3\\+8 holds 0x[0-9a-f]+, an address of data of /.*"),
          MatchesRegex("scan.careless#4\\+8 holds 0x[0-9a-f]+, an address of code of /.*")));
}

TEST_F(ZoneScan, NamesTheFieldAlsoInsideOfAnotherAndOfTheRoot) {
  const auto heap = std::make_unique<std::uint64_t>(7);
  state_.outer.Alloc().inner[1].other = AddressOf(heap.get());
  state_.last = AddressOf(heap.get());
  EXPECT_THAT(FoundLive(), ElementsAre(AllOf(StartsWith("root+"), HasSubstr(" (last) holds 0x")),
                                       StartsWith("scan.outer#0+32 (inner.other) holds 0x")));
}

TEST_F(ZoneScan, FindsWhatATypeOwnsThatPromisedToOwnNothing) {
  scan::Liar& liar = state_.liars.Alloc();
  liar.numbers = {1, 2, 3};
  const std::vector<std::string> found = FoundLive();
  EXPECT_EQ(found.size(), 3u) << "begin, end and end of memory of the vector";
  for (const std::string& text : found) EXPECT_THAT(text, HasSubstr("the heap"));
  state_.liars.Delete(liar);
}

TEST_F(ZoneScan, SaysThatAnElementIsDeleted) {
  if (pools::kChecked) GTEST_SKIP() << "what is freed is filled in this build";
  const auto heap = std::make_unique<std::uint64_t>(7);
  (void)state_.outer.Alloc();
  scan::Outer& row = state_.outer.Alloc();
  // Kept, though nobody may read it any more.
  const_cast<volatile std::uint64_t&>(row.inner[1].other) = AddressOf(heap.get());
  state_.outer.Delete(row);
  EXPECT_THAT(FoundLive(), ElementsAre(StartsWith("scan.outer#1+32 (inner.other), which is "
                                                  "deleted, holds 0x")));
}

TEST_F(ZoneScan, FindsTheSameInACopyThatLiesElsewhere) {
  const auto heap = std::make_unique<std::uint64_t>(7);
  state_.careless.Alloc().where = heap.get();
  state_.outer.Alloc().inner[0].number = AddressOf(&state_);
  const Copy copy(*zone_);
  EXPECT_EQ(Found(copy.Walk(), *ProcessMemory::OfThisProcess()), FoundLive());
}

TEST_F(ZoneScan, KnowsWhereOtherProcessesHaveTheirMemory) {
  const std::uint64_t addresses[] = {0x555555554000, 0x5648c0ffee00, 0x7ffff7dd0000, 0x7f3a00000000,
                                     0x7ffe12345678, 0x602000000010, 0x7b0400000000};
  for (const std::uint64_t address : addresses) {
    EXPECT_NE(ProcessMemory::OfAnyProcess().Find(address), nullptr) << std::hex << address;
    state_.outer.Alloc().id = address;
  }
  const std::uint64_t numbers[] = {0,
                                   1,
                                   1'000'000'000'000,
                                   1'767'225'600'000'000'000,
                                   0x414141414141,
                                   ~std::uint64_t{0},
                                   0x800000000000};
  for (const std::uint64_t number : numbers) {
    EXPECT_EQ(ProcessMemory::OfAnyProcess().Find(number), nullptr) << std::hex << number;
    state_.outer.Alloc().id = number;
  }
  const Copy copy(*zone_);
  EXPECT_EQ(Found(copy.Walk(), ProcessMemory::OfAnyProcess()).size(), std::size(addresses));
}

TEST_F(ZoneScan, KnowsWhereThisProcessHasItsHeap) {
  const auto heap = std::make_unique<std::uint64_t>(7);
  EXPECT_NE(ProcessMemory::OfAnyProcess().Find(AddressOf(heap.get())), nullptr) << heap.get();
}

TEST_F(ZoneScan, FindsNoMoreThanIsAskedFor) {
  const auto heap = std::make_unique<std::uint64_t>(7);
  for (int i = 0; i < 10; ++i) state_.careless.Alloc().where = heap.get();
  const auto walk = ZoneWalk::Of(StateView::Of(*zone_));
  EXPECT_EQ(ScanZone(*walk, *ProcessMemory::OfThisProcess(), 3).size(), 3u);
}

TEST(ZoneScanOfBook, FindsNothingInAFullBookLiveAndAsACopy) {
  tests::BookDriver driver;
  tests::RandomFlow flow(5);
  for (int i = 0; i < 20'000; ++i) driver.Take(flow.Next());
  const Copy copy(book::ZoneOf(driver.book()));
  const auto walk = ZoneWalk::Of(StateView::Of(book::ZoneOf(driver.book())));
  if (!tests::UnderValgrind()) {  // whose programs lie where small numbers lead
    for (const StrayWord& stray : ScanZone(*walk, *ProcessMemory::OfThisProcess())) {
      ADD_FAILURE() << TextOf(stray);
    }
  }
  for (const StrayWord& stray : ScanZone(copy.Walk(), ProcessMemory::OfAnyProcess())) {
    ADD_FAILURE() << TextOf(stray);
  }
}

}  // namespace
}  // namespace tandem::state
