// SPDX-License-Identifier: Apache-2.0
//
// catch_up_bench: how fast an engine catches up with a sequencer that has a long log, while its
// session goes on: from nothing, and after a restart, when it compares what it says with its own
// log; both also with a copy of the input. Beside `tandem replay` of the same inputs, which reads,
// steps and writes in three threads; in turn, in one run.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "replay/log_reader.h"
#include "replay/storage.h"
#include "tests/benchmarks/await_message.h"
#include "tests/benchmarks/measure.h"
#include "tests/benchmarks/open_loop_client.h"
#include "tests/benchmarks/rounds.h"
#include "tools/pair.h"

namespace tandem {
namespace {

using benchmarks::AwaitMessage;
using benchmarks::Clock;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::OpenLoopClient;
using benchmarks::PortOf;
using benchmarks::ProgramBeside;
using benchmarks::Run;
using benchmarks::SecondsSince;
using tools::Pair;
using tools::RoleId;

struct Settings {
  std::uint64_t orders = 8'000'000;
  int rounds = 5;
  std::string folder = std::filesystem::temp_directory_path();
};

struct Case {
  RoleId engine;
  bool is_restart;
  bool keeps_copy;
  const char* name;
  std::vector<double> seconds{};
};

class CatchUp {
 public:
  explicit CatchUp(const Settings& settings)
      : folder_(settings.folder + "/tandem-catch-up-bench-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    Run({"generate", "--orders", std::to_string(settings.orders), "--symbols", "10", "--session",
         "BENCH", "-o", folder_ + "/input"},
        folder_ + "/generate.out");
    (void)ReplaySeconds();
    outputs_ = OutputsIn(folder_ + "/replayed");
    // The sequencer goes on with a copy: the log that is replayed stays as it is.
    std::filesystem::create_directories(folder_ + "/pair");
    std::filesystem::copy(folder_ + "/input", folder_ + "/pair/input");
    pair_ = Must(Pair::Make(ProgramBeside("tandem"), folder_ + "/pair", "BENCH"));
    Must(pair_->Start(RoleId::kSequencer));
  }
  ~CatchUp() {
    pair_.reset();
    std::filesystem::remove_all(folder_);
  }

  double ReplaySeconds() {
    std::filesystem::remove_all(folder_ + "/replayed");
    const auto begin = Clock::now();
    Run({"replay", folder_ + "/input", "-o", folder_ + "/replayed"}, folder_ + "/replay.out");
    return SecondsSince(begin);
  }

  /// From the start of the engine until it has answered an order that came just before.
  double EngineSeconds(const Case& of) {
    const std::string log = pair_->Folder(of.engine);
    if (!of.is_restart) {
      std::filesystem::remove_all(log);
      std::filesystem::remove_all(log + "-input");
    }
    const OpenLoopClient order(PortOf(pair_->submissions()), {}, 0,
                               "LATE" + std::to_string(++orders_));
    const auto begin = Clock::now();
    Must(pair_->Start(of.engine, of.keeps_copy
                                     ? std::vector<std::string>{"--input-log", log + "-input",
                                                                "--input-stream", "0"}
                                     : std::vector<std::string>{}));
    AwaitMessage(PortOf(pair_->stream(of.engine)), outputs_ + 1);
    const double seconds = SecondsSince(begin);
    pair_->Kill(of.engine);
    outputs_ = OutputsIn(log);
    return seconds;
  }

 private:
  std::uint64_t OutputsIn(const std::string& log) {
    return Must(replay::LogReader::FindEnd(storage_, log)).last.number;
  }

  replay::PosixStorage storage_;
  std::string folder_;
  std::uint64_t outputs_ = 0;  ///< of all inputs that were answered
  int orders_ = 0;             ///< submitted here, each by a user of its own
  std::unique_ptr<Pair> pair_;
};

int Main(int argument_count, char** arguments) {
  CLI::App app(
      "How fast an engine catches up with a long log, beside a replay of it.\n"
      "example: tools/bench catch-up --orders 2000000");
  Settings settings;
  app.add_option("--orders", settings.orders, "Of the log")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Of each; medians count")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", settings.folder, "For the logs; below it")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  std::array cases = {
      Case{RoleId::kEngineA, false, false, "engine from nothing"},
      Case{RoleId::kEngineA, true, false, "engine after a kill, with its log"},
      Case{RoleId::kEngineB, false, true, "engine from nothing, keeps a copy of the input"},
      Case{RoleId::kEngineB, true, true, "engine after a kill, with its log and copy"},
  };
  CatchUp bench(settings);
  std::vector<double> floors;
  for (int round = 0; round < settings.rounds; ++round) {
    floors.push_back(bench.ReplaySeconds());
    for (Case& of : cases) of.seconds.push_back(bench.EngineSeconds(of));
  }
  const auto orders = static_cast<double>(settings.orders);
  std::printf("%" PRIu64 " inputs; medians of %d, process start and all\n\n", settings.orders,
              settings.rounds);
  std::printf("%-50s %8s %12s %9s\n", "", "s", "M inputs/s", "of replay");
  const double floor = Median(floors);
  std::printf("%-50s %8.2f %12.2f\n", "floor: tandem replay, which writes its outputs", floor,
              orders / floor / 1e6);
  for (const Case& of : cases) {
    const double seconds = Median(of.seconds);
    std::printf("%-50s %8.2f %12.2f %9.2f\n", of.name, seconds, orders / seconds / 1e6,
                floor / seconds);
  }
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
