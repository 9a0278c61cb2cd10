// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/search.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

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
