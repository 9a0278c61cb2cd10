// SPDX-License-Identifier: Apache-2.0
//
// Runs the simulated pair over many seeds. TANDEM_SEED=n runs that seed only (it prints the end of
// the trace), TANDEM_SEEDS=n chooses how many.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/simulation/world.h"

namespace tandem::simulation {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Says which seed it was when a broken ENSURE ends the process in the middle of a run.
class SayTheSeedOnAbort {
 public:
  explicit SayTheSeedOnAbort(const Options& options) {
    seed_ = options.seed;
    std::signal(SIGABRT, [](int) { std::fprintf(stderr, "in the run of seed %lu\n", seed_); });
  }
  ~SayTheSeedOnAbort() { std::signal(SIGABRT, SIG_DFL); }
  SayTheSeedOnAbort(const SayTheSeedOnAbort&) = delete;
  SayTheSeedOnAbort& operator=(const SayTheSeedOnAbort&) = delete;

 private:
  static inline std::uint64_t seed_ = 0;
};

Outcome Simulate(const Options& options) {
  const SayTheSeedOnAbort on_abort(options);
  return World(options).Run();
}

/// Fails the test if the run failed, and says how to see it again.
void Expect(const Outcome& outcome, const Options& options) {
  EXPECT_EQ(outcome.failure, "") << "seed " << options.seed << " (TANDEM_SEED=" << options.seed
                                 << " runs it again); the last events:\n"
                                 << outcome.trace;
}

struct Totals {
  std::uint64_t runs = 0, steps = 0, crashes = 0, breaks = 0, inputs = 0, outputs = 0, lies = 0;

  void Add(const Outcome& outcome) {
    ++runs;
    steps += outcome.steps;
    crashes += outcome.crashes;
    breaks += outcome.breaks;
    inputs += outcome.inputs;
    outputs += outcome.outputs;
    lies += outcome.lie_was_named ? 1 : 0;
  }
  void Print() const {
    std::printf(
        "%lu runs: %lu steps, %lu crashes, %lu broken connections, %lu inputs, %lu outputs, "
        "%lu lies named\n",
        runs, steps, crashes, breaks, inputs, outputs, lies);
  }
};

/// Runs seeds until one fails.
Totals RunSeeds(Options options, std::uint64_t count) {
  const std::uint64_t only = FromEnvironment("TANDEM_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : FromEnvironment("TANDEM_SEEDS", count);
  std::printf("seeds %lu to %lu\n", first, last);
  Totals totals;
  for (options.seed = first; options.seed <= last; ++options.seed) {
    const Outcome outcome = Simulate(options);
    totals.Add(outcome);
    Expect(outcome, options);
    if (only != 0) std::fputs(outcome.trace.c_str(), stdout);
    if (testing::Test::HasFailure()) break;
  }
  totals.Print();
  return totals;
}

TEST(Simulation, MergesWhatOnePerfectEngineWouldSayWhateverFails) {
  const Totals totals = RunSeeds({}, 1000);
  if (totals.runs < 20) return;
  EXPECT_GT(totals.crashes, totals.runs) << "the faults have gone missing";
  EXPECT_GT(totals.breaks, totals.runs) << "the faults have gone missing";
  EXPECT_GT(totals.outputs, totals.inputs);
}

TEST(Simulation, NamesTheFirstLieOfAnEngineAndAgreesOnNothingBehindIt) {
  const Totals totals = RunSeeds({.engine_b_lies = true}, 500);
  if (totals.runs < 20) return;
  EXPECT_GT(totals.lies, totals.runs / 2) << "too few runs had a lie to find";
}

TEST(Simulation, RunsASeedTwiceInTheSameWay) {
  for (const Bug bug : {Bug::kNone, Bug::kSequencerAcknowledgesEarly}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const Options options{.seed = seed, .bug = bug};
      const Outcome one = Simulate(options);
      const Outcome two = Simulate(options);
      EXPECT_EQ(one.fingerprint, two.fingerprint) << "seed " << seed;
      EXPECT_EQ(one.steps, two.steps) << "seed " << seed;
      EXPECT_EQ(one.failure, two.failure) << "seed " << seed;
      EXPECT_EQ(one.trace, two.trace) << "seed " << seed;
    }
  }
}

struct PlantedBug {
  const char* name;
  Bug bug;
  bool engine_b_lies;
  std::uint64_t seeds_max;  ///< it is found within so many
};

class PlantedBugTest : public testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugTest, IsFound) {
  const PlantedBug& planted = GetParam();
  for (std::uint64_t seed = 1; seed <= planted.seeds_max; ++seed) {
    const Options options{.seed = seed, .bug = planted.bug, .engine_b_lies = planted.engine_b_lies};
    const Outcome outcome = Simulate(options);
    if (outcome.failure.empty()) continue;
    std::printf("found by seed %lu, step %lu: %s\n", seed, outcome.steps, outcome.failure.c_str());
    return;
  }
  FAIL() << planted.name << " is not found within " << planted.seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, PlantedBugTest,
    testing::Values(PlantedBug{"DedupSkipsComparison", Bug::kDedupSkipsComparison, true, 50},
                    PlantedBug{"ClientRenumbers", Bug::kClientRenumbers, false, 50},
                    PlantedBug{"EngineEmitsAgain", Bug::kEngineEmitsAgain, false, 50},
                    PlantedBug{"SequencerAcknowledgesEarly", Bug::kSequencerAcknowledgesEarly,
                               false, 50},
                    PlantedBug{"SequencerSkipsSync", Bug::kSequencerSkipsSync, false, 50},
                    PlantedBug{"EngineAsksForOneTooMany", Bug::kEngineAsksForOneTooMany, false, 50},
                    PlantedBug{"AddressReachesAnOutput", Bug::kAddressReachesAnOutput, false, 1}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tandem::simulation
