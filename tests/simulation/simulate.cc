// SPDX-License-Identifier: Apache-2.0
//
// simulate: many seeds of the simulated pair, for tools/soak. Exit code 0: nothing was found; 1: a
// seed failed, or a planted bug was not found; 2: wrong usage.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/simulation/search.h"

namespace tandem::simulation {
namespace {

constexpr const char* kUsage =
    "usage: tools/soak simulate [--seed S | --minutes M | --seeds N] [--from S] [--lies]\n"
    "                           [--full] [--plant BUG | --bugs]\n"
    "  --seed S     runs this seed and prints the end of its trace and its fingerprint\n"
    "  --minutes M  runs seeds for so long, with and without a lying engine\n"
    "  --seeds N    runs so many seeds (default 2000), with and without a lying engine\n"
    "  --from S     the first seed of these (default 1)\n"
    "  --lies       with --seed: engine B lies in it\n"
    "  --full       with --seed: the whole trace, on stderr\n"
    "  --plant BUG  with --seed: with this planted bug in the product\n"
    "  --bugs       after how many seeds each planted bug is found, median of five searches\n";

struct Arguments {
  std::uint64_t seed = 0, minutes = 0, seeds = 2000, from = 1;
  bool lies = false, bugs = false, full = false;
  Planted plant = Planted::kNone;
};

bool ParseNumber(const char* text, std::uint64_t& number) {
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end && number > 0;
}

bool ParseBug(const char* text, Planted& bug) {
  for (const PlantedBug& planted_bug : kPlantedBugs) {
    if (std::strcmp(planted_bug.name, text) == 0) bug = planted_bug.bug;
  }
  return bug != Planted::kNone;
}

bool Parse(int count, char** arguments, Arguments& parsed) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--lies") {
      parsed.lies = true;
    } else if (name == "--full") {
      parsed.full = true;
    } else if (name == "--bugs") {
      parsed.bugs = true;
    } else if (i + 1 == count) {
      return false;
    } else if (name == "--plant") {
      if (!ParseBug(arguments[++i], parsed.plant)) return false;
    } else {
      std::uint64_t* const number = name == "--seed"      ? &parsed.seed
                                    : name == "--minutes" ? &parsed.minutes
                                    : name == "--seeds"   ? &parsed.seeds
                                    : name == "--from"    ? &parsed.from
                                                          : nullptr;
      if (number == nullptr || !ParseNumber(arguments[++i], *number)) return false;
    }
  }
  return true;
}

int RunOne(const Arguments& arguments) {
  planted = arguments.plant;
  const Options options{
      .seed = arguments.seed, .engine_b_lies = arguments.lies, .echoes = arguments.full};
  std::printf("seed %lu\n", options.seed);
  std::fflush(stdout);
  const Outcome outcome = Simulate(options);
  std::printf("%s\n", outcome.plan.c_str());
  std::fputs(outcome.trace.c_str(), stdout);
  std::printf("%lu steps, %.1f simulated seconds, fingerprint %016lx: %s\n", outcome.steps,
              static_cast<double>(outcome.simulated_ns) / 1e9, outcome.fingerprint,
              outcome.failure.empty() ? "nothing wrong" : outcome.failure.c_str());
  return outcome.failure.empty() ? 0 : 1;
}

int RunMany(const Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  auto said = began;
  Totals totals;
  const auto say = [&](Clock::time_point now) {
    const double seconds = std::chrono::duration<double>(now - began).count();
    std::printf("%.1f runs a second, %lu million steps, %.1f simulated hours: %s\n",
                static_cast<double>(totals.runs) / std::max(seconds, 0.001),
                totals.sum.steps / 1'000'000, static_cast<double>(totals.sum.simulated_ns) / 3.6e12,
                totals.Describe().c_str());
    std::fflush(stdout);
  };
  std::printf("seeds from %lu on\n", arguments.from);
  for (std::uint64_t seed = arguments.from;; ++seed) {
    for (const bool lies : {false, true}) {
      const Options options{.seed = seed, .engine_b_lies = lies};
      const Outcome outcome = Simulate(options);
      totals.Add(outcome);
      if (outcome.failure.empty()) continue;
      std::printf("%sseed %lu (%s) failed: %s\nto see it again: %s\n", outcome.trace.c_str(), seed,
                  outcome.plan.c_str(), outcome.failure.c_str(),
                  CommandFor(options, Planted::kNone).c_str());
      say(Clock::now());
      return 1;
    }
    const auto now = Clock::now();
    const bool is_over = arguments.minutes != 0
                             ? now - began >= std::chrono::minutes(arguments.minutes)
                             : seed + 1 >= arguments.from + arguments.seeds;
    if (is_over) break;
    if (now - said < std::chrono::seconds(10)) continue;
    said = now;
    say(now);
  }
  say(Clock::now());
  return 0;
}

int FindBugs() {
  constexpr std::uint64_t kSearches = 5;
  std::printf("%-24s %6s  %-24s %s\n", "planted bug", "median", "seeds", "how it showed");
  bool all_found = true;
  for (const PlantedBug& bug : kPlantedBugs) {
    std::vector<std::uint64_t> seeds;
    std::string list, failure;
    for (std::uint64_t n = 0; n < kSearches; ++n) {
      const Found found = Search({.seed = SearchFrom(n), .engine_b_lies = bug.engine_b_lies},
                                 bug.bug, 5 * bug.seeds_max);
      all_found = all_found && found.seeds > 0;
      seeds.push_back(found.seeds > 0 ? found.seeds : 5 * bug.seeds_max + 1);
      list += (n == 0 ? "" : " ") + std::to_string(seeds.back());
      if (failure.empty()) failure = found.failure;
    }
    std::sort(seeds.begin(), seeds.end());
    std::printf("%-24s %6lu  %-24s %s\n", bug.name, seeds[kSearches / 2], list.c_str(),
                failure.substr(0, 100).c_str());
    std::fflush(stdout);
  }
  return all_found ? 0 : 1;
}

}  // namespace
}  // namespace tandem::simulation

int main(int count, char** arguments) {
  using namespace tandem::simulation;
  Arguments parsed;
  if (!Parse(count, arguments, parsed)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (parsed.bugs) return FindBugs();
  return parsed.seed != 0 ? RunOne(parsed) : RunMany(parsed);
}
