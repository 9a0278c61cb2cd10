// SPDX-License-Identifier: Apache-2.0
//
// pair_bench: round trips from client to client through a whole pair (sequencer, two engines,
// deduplicator: five processes with the client), beside the same hops made of plain C relays
// (pair_relay). Both run at the same time and are measured in turn. Then the claim that two copies
// hide each other's stalls: engines are stopped for 10 ms in every 100 ms.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/latency_svg.h"
#include "tests/benchmarks/measure.h"
#include "tests/benchmarks/open_loop_client.h"
#include "tests/benchmarks/rounds.h"
#include "tools/pair.h"
#include "tools/process.h"

namespace tandem {
namespace {

using benchmarks::Curve;
using benchmarks::DrawDistributions;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::OpenLoopClient;
using benchmarks::PortOf;
using benchmarks::PrintHead;
using benchmarks::PrintRow;
using benchmarks::ProgramBeside;
using benchmarks::Rounds;
using tools::Pair;
using tools::Process;
using tools::RoleId;

struct Settings {
  double rate = 2'000;
  double seconds = 3;
  int rounds = 5;
  std::uint64_t burst = 100'000;
  std::string folder = std::filesystem::temp_directory_path();
  std::string svg_folder;
  std::uint64_t seed = 1;
};

/// A pair with a client that reads the merged stream.
class TandemPair {
 public:
  explicit TandemPair(const std::string& folder) {
    std::filesystem::create_directories(folder);
    pair_ = Must(Pair::Make(ProgramBeside("tandem"), folder, "BENCH"));
    Must(pair_->StartAll());
  }
  [[nodiscard]] std::uint16_t submissions() const { return PortOf(pair_->submissions()); }
  [[nodiscard]] std::uint16_t stream(RoleId role) const { return PortOf(pair_->stream(role)); }
  [[nodiscard]] pid_t pid(RoleId role) const { return pair_->pid(role); }

 private:
  std::unique_ptr<Pair> pair_;
};

class RelayPair {
 public:
  explicit RelayPair(const std::string& folder) : ports_(Must(tools::FreePorts(5))) {
    std::filesystem::create_directories(folder);
    const auto start = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), ProgramBeside("pair_relay"));
      processes_.push_back(Must(Process::Start(arguments, folder + "/relay.out")));
    };
    const auto port = [&](std::size_t i) { return std::to_string(ports_[i]); };
    start({"sequencer", port(0), port(1)});
    start({"engine", port(1), port(2)});
    start({"engine", port(1), port(3)});
    start({"dedup", port(2), port(3), port(4)});
    // A relay keeps nothing for readers that come late.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  [[nodiscard]] std::uint16_t submissions() const { return ports_[0]; }
  [[nodiscard]] std::uint16_t merged() const { return ports_[4]; }

 private:
  std::vector<std::uint16_t> ports_;
  std::vector<Process> processes_;
};

/// Stops two processes for 10 ms in every 100 ms until it is destroyed.
class Stalls {
 public:
  /// When B is stopped, A being stopped as each period of 100 ms begins.
  enum class Phase {
    kNone,      ///< neither is stopped
    kOpposite,  ///< half a period later
    kApart,     ///< at a moment that is drawn anew in each period, never together with A
    kRandom,    ///< at a moment that is drawn anew in each period
    kSame,      ///< together with A
  };

  Stalls(Phase phase, pid_t a, pid_t b, std::uint64_t seed) {
    if (phase == Phase::kNone) return;
    thread_a_ = std::thread([=, this] { Run(a, Phase::kSame, seed); });
    thread_b_ = std::thread([=, this] { Run(b, phase, seed); });
  }
  ~Stalls() {
    ends_ = true;
    if (thread_a_.joinable()) thread_a_.join();
    if (thread_b_.joinable()) thread_b_.join();
  }

 private:
  static std::chrono::microseconds Wait(Phase phase, std::mt19937_64& random) {
    if (phase == Phase::kOpposite) return std::chrono::milliseconds(50);
    if (phase == Phase::kApart) return std::chrono::microseconds(15'000 + random() % 70'000);
    if (phase == Phase::kRandom) return std::chrono::microseconds(random() % 90'000);
    return std::chrono::microseconds(0);
  }

  void Run(pid_t process, Phase phase, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (auto period = begin_; !ends_; period += std::chrono::milliseconds(100)) {
      std::this_thread::sleep_until(period + Wait(phase, random));
      ::kill(process, SIGSTOP);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      ::kill(process, SIGCONT);
    }
  }

  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<bool> ends_ = false;
  std::thread thread_a_;
  std::thread thread_b_;
};

void WriteSvg(const Settings& settings, const std::string& name, const std::string& svg) {
  if (settings.svg_folder.empty()) return;
  std::filesystem::create_directories(settings.svg_folder);
  const std::string path = settings.svg_folder + "/" + name;
  std::ofstream(path) << svg;
  std::printf("drawn in %s\n", path.c_str());
}

void MeasureRoundTrips(const Settings& settings, const std::string& folder) {
  TandemPair pair(folder + "/round-trips");
  RelayPair relay(folder + "/relay");
  OpenLoopClient pair_client(pair.submissions(), {pair.stream(RoleId::kDedup)});
  OpenLoopClient relay_client(relay.submissions(), {relay.merged()});
  Rounds of_pair, of_relay;
  std::vector<double> pair_rates, relay_rates, ratios;
  for (int round = 0; round < settings.rounds; ++round) {
    const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(round);
    // The client that waits is silent meanwhile, less long than a pair lets a peer be.
    of_pair.Add(pair_client.RoundTrips(settings.rate, settings.seconds, seed)[0]);
    of_relay.Add(relay_client.RoundTrips(settings.rate, settings.seconds, seed)[0]);
    const auto count = static_cast<double>(settings.burst);
    pair_rates.push_back(count / pair_client.Seconds(settings.burst));
    relay_rates.push_back(count / relay_client.Seconds(settings.burst));
    ratios.push_back(pair_rates.back() / relay_rates.back());
  }
  std::printf(
      "Round trips at %.0f orders a second, random arrivals, us; medians of %d rounds of %g s\n\n",
      settings.rate, settings.rounds, settings.seconds);
  PrintHead("");
  PrintRow("pair", of_pair.Medians());
  PrintRow("floor: plain C relays", of_relay.Medians());
  PrintRow("ratio", of_pair.Medians(&of_relay));
  std::printf("\nThroughput, %lu orders as fast as they are taken; medians\n\n",
              static_cast<unsigned long>(settings.burst));
  std::printf("%-34s %9.0f messages/s\n", "pair", Median(pair_rates));
  std::printf("%-34s %9.0f messages/s\n", "floor: plain C relays", Median(relay_rates));
  std::printf("%-34s %9.2f\n\n", "ratio", Median(ratios));
  WriteSvg(settings, "round-trips.svg",
           DrawDistributions("Round trips, client to client",
                             {of_pair.ToCurve("pair"), of_relay.ToCurve("plain C relays")}));
}

void MeasureStalls(const Settings& settings, const std::string& folder) {
  TandemPair pair(folder + "/stalls");
  OpenLoopClient client(
      pair.submissions(),
      {pair.stream(RoleId::kDedup), pair.stream(RoleId::kEngineA), pair.stream(RoleId::kEngineB)});
  struct Case {
    Stalls::Phase phase;
    const char* name;
    std::array<Rounds, 3> rounds{};  ///< merged, A, B
  };
  std::array<Case, 5> cases = {Case{Stalls::Phase::kNone, "undisturbed"},
                               Case{Stalls::Phase::kOpposite, "B half a period later"},
                               Case{Stalls::Phase::kApart, "B at random, never with A"},
                               Case{Stalls::Phase::kRandom, "B at random"},
                               Case{Stalls::Phase::kSame, "both at once"}};
  for (int round = 0; round < settings.rounds; ++round) {
    const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(round);
    for (Case& of : cases) {
      const Stalls stalls(of.phase, pair.pid(RoleId::kEngineA), pair.pid(RoleId::kEngineB), seed);
      const auto round_trips = client.RoundTrips(settings.rate, settings.seconds, seed);
      for (std::size_t stream = 0; stream < 3; ++stream) of.rounds[stream].Add(round_trips[stream]);
    }
  }
  std::printf("Each engine stopped for 10 ms in every 100 ms; us\n\n");
  PrintHead("");
  for (const Case& of : cases) {
    PrintRow(of.name + std::string(": merged"), of.rounds[0].Medians());
    PrintRow("  engine A alone", of.rounds[1].Medians());
    PrintRow("  engine B alone", of.rounds[2].Medians());
    if (of.phase != Stalls::Phase::kNone) {
      PrintRow("  merged to undisturbed", of.rounds[0].Medians(&cases[0].rounds[0]));
    }
  }
  for (const Case& of : cases) {
    if (of.phase == Stalls::Phase::kNone) continue;
    std::string file = std::string("stalls-") + of.name + ".svg";
    std::erase(file, ',');
    std::replace(file.begin(), file.end(), ' ', '-');
    WriteSvg(
        settings, file,
        DrawDistributions(
            "Engines stopped 10 ms in every 100 ms: " + std::string(of.name),
            {cases[0].rounds[0].ToCurve("merged, nothing stopped"), of.rounds[0].ToCurve("merged"),
             of.rounds[1].ToCurve("engine A alone"), of.rounds[2].ToCurve("engine B alone")}));
  }
}

int Main(int argument_count, char** arguments) {
  CLI::App app(
      "Round trips through a pair beside plain C relays, and with engines that stall.\n"
      "example: tools/bench pair --rate 5000 --svg docs/figures");
  Settings settings;
  app.add_option("--rate", settings.rate, "Orders a second")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "For each measurement")
      ->check(CLI::Range(0.1, 8.0))
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Of each; medians count")->capture_default_str();
  app.add_option("--burst", settings.burst, "Orders of a throughput run")->capture_default_str();
  app.add_option("--folder", settings.folder, "For the logs; below it")->capture_default_str();
  app.add_option("--svg", settings.svg_folder, "Draw the distributions into this folder");
  app.add_option("--seed", settings.seed, "Of arrivals and phases")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  const std::string folder = settings.folder + "/tandem-pair-bench-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  MeasureRoundTrips(settings, folder);
  MeasureStalls(settings, folder);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
