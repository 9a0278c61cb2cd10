// SPDX-License-Identifier: Apache-2.0
//
// Runs the simulated pair over some seeds; `tools/soak simulate` runs many. TANDEM_SEEDS=n chooses
// how many here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/simulation/search.h"

namespace tandem::simulation {
namespace {

std::uint64_t SeedsOr(std::uint64_t otherwise) {
  const char* const text = std::getenv("TANDEM_SEEDS");
  return text == nullptr ? otherwise
                         : std::min<std::uint64_t>(otherwise, std::strtoull(text, nullptr, 10));
}

/// Runs seeds until one fails.
Totals RunSeeds(Options options, std::uint64_t count) {
  std::printf("seeds 1 to %lu\n", count);
  Totals totals;
  for (options.seed = 1; options.seed <= count; ++options.seed) {
    const Outcome outcome = Simulate(options);
    totals.Add(outcome);
    EXPECT_EQ(outcome.failure, "")
        << "seed " << options.seed << ", " << outcome.plan
        << "; to see it again: " << CommandFor(options, Planted::kNone) << "\nthe last events:\n"
        << outcome.trace;
    if (testing::Test::HasFailure()) break;
  }
  std::printf("%s\n", totals.Describe().c_str());
  return totals;
}

TEST(Simulation, MergesWhatOnePerfectEngineWouldSayWhateverFails) {
  const Totals totals = RunSeeds({}, SeedsOr(200));
  EXPECT_GT(totals.sum.outputs, totals.sum.inputs);
  if (totals.runs < 100) return;
  const char* const missing = "this kind of fault has gone missing";
  EXPECT_GT(totals.sum.crashes, totals.runs) << missing;
  EXPECT_GT(totals.sum.breaks, totals.runs / 2) << missing;
  EXPECT_GT(totals.sum.cuts, totals.runs / 4) << missing;
  EXPECT_GT(totals.sum.losses, totals.runs / 4) << missing;
  EXPECT_GT(totals.sum.disk_faults, totals.runs / 4) << missing;
  EXPECT_GT(totals.sum.stalls, totals.runs / 4) << missing;
  EXPECT_GT(totals.sum.jumps, totals.runs / 8) << missing;
  EXPECT_GT(totals.sum.multicasts, totals.runs / 4) << missing;
  EXPECT_GT(totals.sum.skips, totals.runs / 20) << missing;
  EXPECT_GT(totals.sum.taken_back, 0u) << missing;
  EXPECT_GT(totals.sum.forks, 0u) << missing;
}

TEST(Simulation, NamesTheFirstLieOfAnEngineAndAgreesOnNothingBehindIt) {
  const Totals totals = RunSeeds({.engine_b_lies = true}, SeedsOr(200));
  if (totals.runs < 20) return;
  EXPECT_GT(totals.sum.lies_named, totals.runs / 2) << "too few runs had a lie to find";
  EXPECT_GT(totals.sum.rebuilds, totals.runs / 8) << "too few pairs were led back";
}

TEST(Simulation, RunsASeedTwiceInTheSameWay) {
  for (const bool lies : {false, true}) {
    std::vector<Outcome> first;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      first.push_back(Simulate({.seed = seed, .engine_b_lies = lies}));
    }
    // In another order, so that nothing may depend on what ran before.
    for (std::uint64_t seed = 10; seed >= 1; --seed) {
      const Outcome& one = first[seed - 1];
      const Outcome two = Simulate({.seed = seed, .engine_b_lies = lies});
      EXPECT_EQ(one.fingerprint, two.fingerprint) << "seed " << seed;
      EXPECT_EQ(one.steps, two.steps) << "seed " << seed;
      EXPECT_EQ(one.failure, two.failure) << "seed " << seed;
      EXPECT_EQ(one.trace, two.trace) << "seed " << seed;
    }
  }
}

class PlantedBugTest : public testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugTest, IsFound) {
  const PlantedBug& bug = GetParam();
  const Found found =
      Search({.seed = SearchFrom(0), .engine_b_lies = bug.engine_b_lies}, bug.bug, bug.seeds_max);
  ASSERT_GT(found.seeds, 0u) << bug.name << " is not found within " << bug.seeds_max << " seeds";
  // It was this bug and nothing else.
  const Outcome without =
      Simulate({.seed = SearchFrom(0) + found.seeds - 1, .engine_b_lies = bug.engine_b_lies});
  EXPECT_EQ(without.failure, "");
  std::printf("found after %lu seeds: %s\n", found.seeds, found.failure.c_str());
}

INSTANTIATE_TEST_SUITE_P(Simulation, PlantedBugTest, testing::ValuesIn(kPlantedBugs),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tandem::simulation
