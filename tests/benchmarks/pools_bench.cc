// SPDX-License-Identifier: Apache-2.0
//
// pools_bench: six works (W1 to W6), done by the pools, by hand-written floors and by what others
// offer. In each round every contestant does the same work once, in an order that rotates; printed
// are medians of the rounds, and the median of the ratios to the floor of the same round. The peak
// of memory is that of a process of its own that does the work once.
//
//   pools_bench [--work W2] [--rounds N] [--scale N] [--only NAME]
//
// Exit code 1: two contestants disagree on what was read back from memory.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/benchmarks/pools_bench_libraries.h"
#include "tests/benchmarks/pools_bench_works.h"

namespace tandem::pools_bench {
namespace {

struct Contestant {
  std::string name;
  bool ours;
  std::function<std::unique_ptr<Runner>(std::uint64_t scale)> make;
};

/// The first contestant is the floor.
struct Work {
  std::string name;
  std::string what;
  bool cold;  ///< each round in a new process
  std::vector<Contestant> contestants;
};

struct Result {
  double nanoseconds = 0;
  double ratio = 0;       ///< median of the ratios to the floor of the same round
  double ratio_best = 0;  ///< best round to best round
  std::uint64_t hash = 0;
  std::uint64_t bytes = 0;  ///< by which a process grew
};

struct Options {
  std::string work;
  std::string only;
  std::string alone;
  std::size_t rounds = 9;
  std::uint64_t scale = 1;
};

template <template <class> class WorkOf, class Subject, class... Args>
Contestant Make(const char* name, bool ours, Args... args) {
  return {name, ours, [=](std::uint64_t scale) -> std::unique_ptr<Runner> {
            return std::make_unique<WorkOf<Subject>>(scale, args...);
          }};
}

template <template <class> class WorkOf>
void AddLibraries(const std::vector<Library>& libraries, Work& work) {
  for (const Library& library : libraries) {
    work.contestants.push_back(
        Make<WorkOf, Plain<LibraryMalloc>>(library.name.c_str(), false, library.functions));
  }
}

template <template <class> class WorkOf>
Work OfOneSize(const char* name, const char* what, const std::vector<Library>& libraries) {
  Work work{name, what, false, {}};
  work.contestants = {Make<WorkOf, Plain<FloorList>>("floor: a free list", false),
                      Make<WorkOf, InZone<TpoolState>>("Tpool", true),
                      Make<WorkOf, InZone<VariableState<pools::Lpool>>>("Lpool", true),
                      Make<WorkOf, Plain<BoostPool>>("Boost.Pool", false),
                      Make<WorkOf, Plain<Pmr>>("std::pmr", false)};
  AddLibraries<WorkOf>(libraries, work);
  return work;
}

template <template <class> class WorkOf>
Work OfManySizes(const char* name, const char* what, const std::vector<Library>& libraries) {
  Work work{name, what, false, {}};
  work.contestants = {Make<WorkOf, Plain<FloorClasses>>("floor: a list per 16 bytes", false),
                      Make<WorkOf, InZone<VariableState<pools::Lpool>>>("Lpool", true),
                      Make<WorkOf, InZone<VariableState<pools::Blkpool>>>("Blkpool", true),
                      Make<WorkOf, Plain<Pmr>>("std::pmr", false)};
  AddLibraries<WorkOf>(libraries, work);
  return work;
}

template <class Subject>
using Queue = Blocks<Subject, kQueue>;
template <class Subject>
using RandomFrees = Blocks<Subject, kRandomFrees>;

template <template <class> class WorkOf>
Work OfArrays(const char* name, const char* what, bool cold) {
  return {
      name,
      what,
      cold,
      {Make<WorkOf, FloorArray>("floor: an array", false), Make<WorkOf, LaryArray>("Lary", true),
       Make<WorkOf, VectorArray<true>>("std::vector, reserved", false),
       Make<WorkOf, VectorArray<false>>("std::vector", false),
       Make<WorkOf, DequeArray>("std::deque", false)}};
}

std::vector<Work> MakeWorks(const std::vector<Library>& libraries) {
  return {
      OfOneSize<HotPair>("W1", "64 bytes: allocate, write 8 bytes, free; hot", libraries),
      OfOneSize<FillAndDrain>(
          "W2", "64 bytes: allocate 1 M and write 8 bytes each, free all in random order",
          libraries),
      OfOneSize<RandomReplacement>(
          "W3", "64 bytes: 100 k live; free a random one, allocate one; 1 in 8 is written",
          libraries),
      OfManySizes<Queue>("W4", "32 to 512 bytes: a queue of 1,000; free the oldest, allocate one",
                         libraries),
      OfManySizes<RandomFrees>(
          "W5", "16 to 4,096 bytes: 10 k live; free a random one, allocate one", libraries),
      OfArrays<Append>("W6 refill", "append 10 M of 16 bytes to an array that was as long before",
                       false),
      OfArrays<Append>("W6 cold", "append 10 M of 16 bytes to a new array", true),
  };
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Bytes of a line such as "VmHWM:  1234 kB" of this process.
std::uint64_t OwnMemory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) {
      return std::stoull(line.substr(field.size() + 1)) * 1024;
    }
  }
  return 0;
}

/// What one round is in a new process: its time, and by how many bytes the process grew, pages of
/// the system counted.
struct Alone {
  double nanoseconds = 0;
  std::uint64_t bytes = 0;
};

Alone MeasureHere(const Contestant& contestant, std::uint64_t scale) {
  const std::unique_ptr<Runner> runner = contestant.make(scale);
  const std::uint64_t before = OwnMemory("VmRSS:");
  Alone alone;
  alone.nanoseconds = runner->Round();
  alone.bytes = OwnMemory("VmHWM:") - before;
  return alone;
}

/// Lets a new process of this program do MeasureHere and write the result to its standard output.
Alone MeasureAlone(const Work& work, const Contestant& contestant, std::uint64_t scale) {
  std::string arguments[] = {"pools_bench", "--alone", contestant.name,      "--work",
                             work.name,     "--scale", std::to_string(scale)};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  int ends[2];
  ENSURE(pipe(ends) == 0, "no pipe");
  const pid_t child = fork();
  ENSURE(child >= 0, "no process");
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execv("/proc/self/exe", pointers.data());
    _exit(1);
  }
  close(ends[1]);
  Alone alone;
  const bool read_all = read(ends[0], &alone, sizeof alone) == sizeof alone;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ENSURE(read_all && status == 0, "%s: its process ended early", contestant.name.c_str());
  return alone;
}

std::vector<Result> RunRounds(const Work& work, const Options& options) {
  const std::size_t count = work.contestants.size();
  std::vector<Result> results(count);
  std::vector<std::vector<double>> times(count);
  std::vector<std::unique_ptr<Runner>> runners;
  for (std::size_t i = 0; i < count; ++i) {
    const Alone alone = MeasureAlone(work, work.contestants[i], options.scale);
    results[i].bytes = alone.bytes;
    runners.push_back(work.contestants[i].make(options.scale));
    results[i].hash = runners[i]->CheckedRound();  // and fetches memory from the system
    if (work.cold) {
      runners[i].reset();
    }
  }
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t which = (i + round) % count;
      times[which].push_back(
          work.cold ? MeasureAlone(work, work.contestants[which], options.scale).nanoseconds
                    : runners[which]->Round());
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < options.rounds; ++round) {
      ratios.push_back(times[i][round] / times[0][round]);
    }
    results[i].nanoseconds = Median(times[i]);
    results[i].ratio = Median(ratios);
    results[i].ratio_best = *std::min_element(times[i].begin(), times[i].end()) /
                            *std::min_element(times[0].begin(), times[0].end());
  }
  return results;
}

bool RunWork(const Work& work, const Options& options) {
  constexpr std::uint64_t kPageNoise = 1u << 20;
  const std::uint64_t live = work.contestants[0].make(options.scale)->live_bytes_max();
  const std::vector<Result> results = RunRounds(work, options);
  bool agree = true;
  std::printf("%s   %s   (hash %016" PRIx64 ")\n", work.name.c_str(), work.what.c_str(),
              results[0].hash);
  std::printf("  %-28s %10s %10s %12s %10s %10s\n", "", "ns", "of floor", "best/best", "MiB",
              "of live");
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto mebibytes = static_cast<double>(results[i].bytes) / (1u << 20);
    std::printf("%s %-28s %10.2f %10.2f %12.2f %10.1f", work.contestants[i].ours ? " *" : "  ",
                work.contestants[i].name.c_str(), results[i].nanoseconds, results[i].ratio,
                results[i].ratio_best, mebibytes);
    if (live > kPageNoise) {
      std::printf(" %10.2f", static_cast<double>(results[i].bytes) / static_cast<double>(live));
    }
    if (results[i].hash != results[0].hash) {
      std::printf("   read back something else: %016" PRIx64, results[i].hash);
      agree = false;
    }
    std::printf("\n");
  }
  std::printf("\n");
  std::fflush(stdout);
  return agree;
}

int RunAlone(const std::vector<Work>& works, const Options& options) {
  for (const Work& work : works) {
    for (const Contestant& contestant : work.contestants) {
      if (work.name == options.work && contestant.name == options.alone) {
        const Alone alone = MeasureHere(contestant, options.scale);
        return write(STDOUT_FILENO, &alone, sizeof alone) == sizeof alone ? 0 : 1;
      }
    }
  }
  return 2;
}

int Main(int argument_count, char** arguments) {
  CLI::App app("The pools beside hand-written floors and beside what others offer");
  Options options;
  app.add_option("--work", options.work, "Only works whose name begins so, as W2");
  app.add_option("--only", options.only, "Beside the floor, only contestants of that name");
  app.add_option("--alone", options.alone, "Used by the program itself")->group("");
  app.add_option("--rounds", options.rounds, "Rounds of each; medians count")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--scale", options.scale, "Do a part of the work only, one in that many")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  CLI11_PARSE(app, argument_count, arguments);

  std::vector<std::string> missing;
  const std::vector<Library> libraries = LoadLibraries(missing);
  std::vector<Work> works = MakeWorks(libraries);
  if (!options.alone.empty()) {
    return RunAlone(works, options);
  }
  for (const std::string& sentence : missing) {
    std::printf("not here: %s\n", sentence.c_str());
  }
  std::printf(
      "medians of %zu rounds; ns for each operation; * is ours, with limits, figures and "
      "checks on\n\n",
      options.rounds);
  bool agree = true;
  for (Work& work : works) {
    if (!work.name.starts_with(options.work)) {
      continue;
    }
    if (!options.only.empty()) {
      std::erase_if(work.contestants, [&](const Contestant& contestant) {
        return contestant.name != options.only && &contestant != &work.contestants[0];
      });
    }
    agree = RunWork(work, options) && agree;
  }
  return agree ? 0 : 1;
}

}  // namespace
}  // namespace tandem::pools_bench

int main(int argument_count, char** arguments) {
  tandem::pools_bench::RestartWithRoomForLibraries(arguments);
  return tandem::pools_bench::Main(argument_count, arguments);
}
