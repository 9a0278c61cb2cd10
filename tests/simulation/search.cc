// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/search.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "pools/ensure.h"

namespace tandem::simulation {

namespace {

/// Says which seed it was when a broken ENSURE ends the process in the middle of a run.
class SayTheSeedOnAbort {
 public:
  explicit SayTheSeedOnAbort(std::uint64_t seed) {
    seed_ = seed;
    std::signal(SIGABRT, [](int) { std::fprintf(stderr, "in the run of seed %lu\n", seed_); });
  }
  ~SayTheSeedOnAbort() { std::signal(SIGABRT, SIG_DFL); }
  SayTheSeedOnAbort(const SayTheSeedOnAbort&) = delete;
  SayTheSeedOnAbort& operator=(const SayTheSeedOnAbort&) = delete;

 private:
  static inline std::uint64_t seed_ = 0;
};

/// What a child says to its parent.
struct Shared {
  std::uint64_t seeds = 0;
  bool failed = false;
  char failure[500] = "";
};

}  // namespace

Outcome Simulate(const Options& options) {
  const SayTheSeedOnAbort on_abort(options.seed);
  return World(options).Run();
}

void Totals::Add(const Outcome& outcome) {
  ++runs;
  for (const auto member :
       {&Outcome::steps, &Outcome::crashes, &Outcome::breaks, &Outcome::cuts, &Outcome::losses,
        &Outcome::disk_faults, &Outcome::stalls, &Outcome::jumps, &Outcome::inputs,
        &Outcome::outputs, &Outcome::lies_named, &Outcome::rebuilds, &Outcome::deaths,
        &Outcome::skips, &Outcome::forks, &Outcome::taken_back, &Outcome::multicasts}) {
    sum.*member += outcome.*member;
  }
  sum.simulated_ns += outcome.simulated_ns;
}

std::string Totals::Describe() const {
  std::string text = std::to_string(runs) + " runs";
  for (const auto& [number, what] :
       {std::pair{sum.inputs, "inputs"}, std::pair{sum.outputs, "outputs"},
        std::pair{sum.crashes, "crashes"}, std::pair{sum.disk_faults, "faults of disks"},
        std::pair{sum.lies_named, "lies named"}, std::pair{sum.rebuilds, "engines rebuilt"},
        std::pair{sum.deaths, "deaths in an input"}, std::pair{sum.skips, "skips"},
        std::pair{sum.taken_back, "take-backs"}, std::pair{sum.forks, "forks noticed"},
        std::pair{sum.multicasts, "with multicast"}}) {
    text += ", " + std::to_string(number) + " " + what;
  }
  return text;
}

std::string CommandFor(const Options& options, Planted bug) {
  std::string command = "tools/soak simulate --seed " + std::to_string(options.seed);
  if (options.engine_b_lies) command += " --lies";
  for (const PlantedBug& planted_bug : kPlantedBugs) {
    if (planted_bug.bug == bug) command += std::string(" --plant ") + planted_bug.name;
  }
  return command;
}

Found Search(Options options, Planted bug, std::uint64_t count) {
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ENSURE(memory != MAP_FAILED, "no memory to share with a child");
  auto* const shared = new (memory) Shared;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ENSURE(child >= 0, "no child");
  if (child == 0) {
    std::fclose(stderr);
    planted = bug;
    for (; shared->seeds < count && !shared->failed; ++options.seed) {
      ++shared->seeds;
      const std::string failure = World(options).Run().failure;
      std::strncpy(shared->failure, failure.c_str(), sizeof shared->failure - 1);
      shared->failed = !failure.empty();
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Found found;
  if (!WIFEXITED(status)) {
    found = {.seeds = shared->seeds, .failure = "aborted"};
  } else if (shared->failed) {
    found = {.seeds = shared->seeds, .failure = shared->failure};
  }
  ::munmap(memory, sizeof(Shared));
  return found;
}

}  // namespace tandem::simulation
