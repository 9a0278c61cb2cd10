// SPDX-License-Identifier: Apache-2.0
//
// World: one run of the whole pair from one seed, as its plan says. A sequencer, two engines in
// zones at two addresses, one or two deduplicators, clients and an observer, each a process on a
// host of its own; an operator, who skips a deadly input and leads the pair back after a lie
// (operator.cc). For a while everything fails that may (faults.cc); then faults stop, and all that
// was submitted must come out at the end within kPatienceNs of simulated time. The checker looks at
// everything after every step.
//
// The roles are the product's own (engine/live and engine/transport, whole), compiled against a
// simulated Asio; the disk is MemoryStorage; clocks and process ids are simulated. One thread, and
// one World at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/client.h"
#include "tests/simulation/environment.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/process.h"
#include "tests/simulation/stock_client.h"
#include "tests/support/memory_storage.h"

namespace tandem::simulation {

struct Options {
  std::uint64_t seed = 1;
  bool engine_b_lies = false;  ///< a field of its state is damaged in mid-flow
  bool echoes = false;         ///< the whole trace goes to stderr
};

/// What a run did, and what went wrong in it.
struct Outcome {
  std::string failure;  ///< empty: nothing
  std::string plan;     ///< of what it consisted
  std::string trace;    ///< its last lines, for a person
  std::uint64_t fingerprint = 0;
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;      ///< of processes and hosts
  std::uint64_t breaks = 0;       ///< of connections
  std::uint64_t cuts = 0;         ///< of paths between hosts
  std::uint64_t losses = 0;       ///< packets that had to be sent again
  std::uint64_t disk_faults = 0;  ///< errors, full disks, crashes in the middle of an operation
  std::uint64_t stalls = 0;       ///< of processes
  std::uint64_t jumps = 0;        ///< of the sequencer's clock
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  std::uint64_t lies_named = 0;
  std::uint64_t rebuilds = 0;    ///< of engine B after a lie
  std::uint64_t deaths = 0;      ///< of engines, in a deadly input
  std::uint64_t skips = 0;       ///< of deadly inputs
  std::uint64_t forks = 0;       ///< runs that ended with two truths, noticed
  std::uint64_t taken_back = 0;  ///< runs in which the sequencer took inputs back
  std::uint64_t multicasts = 0;  ///< runs in which something went by multicast
  std::int64_t simulated_ns = 0;
};

/// Where a host keeps its logs.
inline constexpr const char* kDisk = "d";
inline constexpr const char* kFolder = "d/log";
inline constexpr const char* kCopyFolder = "d/input";

class World {
 public:
  explicit World(const Options& options);
  ~World();

  Outcome Run();

 private:
  enum class Role {
    kSequencer,
    kEngineA,
    kEngineB,
    kDedup1,
    kDedup2,
    kClient,
    kStockClient,
    kObserver,
    kOperator
  };

  struct Host {
    Role role;
    HostId id = 0;
    std::string name;
    std::unique_ptr<test::MemoryStorage> storage;
    std::unique_ptr<Process> process;  ///< null: it is down
    std::int64_t clock_error_ns = 0;
    bool is_starting = false;        ///< a start is planned
    bool disk_may_fail = false;      ///< a fault of the disk is planned, so code 5 is no surprise
    bool is_told_to_end = false;     ///< SIGTERM was sent
    std::vector<Bytes> flow;         ///< of a client
    proto::StreamPosition position;  ///< of a client's merged stream
    ClientOptions client;
    const Client* running_client = nullptr;
    const StockClient* running_stock_client = nullptr;
    bool may_die = true;  ///< an engine: no Skip was there yet when it started
    std::string errors;   ///< that its process logged, a line each
  };

  /// Which faults this run has, and how often.
  struct Weather {
    std::uint64_t harm_one_in = 0;  ///< steps
    std::int64_t until_ns = 0;
    bool crashes = false, host_crashes = false, breaks = false, cuts = false, losses = false,
         disk_crashes = false, disk_errors = false, full_disks = false, stalls = false,
         clock_jumps = false, stops = false;
  };

  Outcome RunToTheEnd();
  void MakeWeather();
  Host& AddHost(Role role, const std::string& name);
  void AddClients();
  std::vector<Bytes> MakeFlow(std::uint64_t count);
  void Start(Host& host);
  void StartLater(Host& host, std::int64_t down_ns);
  ExitCode Main(Host& host);
  ExitCode RunSequencer(Host& host);
  ExitCode RunEngine(Host& host);
  ExitCode RunDedup(Host& host);
  ExitCode RunClient(Host& host);
  static bool IsEngine(const Host& host) {
    return host.role == Role::kEngineA || host.role == Role::kEngineB;
  }
  static bool IsDedup(const Host& host) {
    return host.role == Role::kDedup1 || host.role == Role::kDedup2;
  }
  static bool HasLog(const Host& host) { return host.role <= Role::kDedup2; }
  static Log LogOf(const Host& host) { return static_cast<Log>(host.role); }
  static Log CopyOf(const Host& host) {
    return host.role == Role::kEngineA ? Log::kCopyA : Log::kCopyB;
  }
  [[nodiscard]] Host& HostOf(Role role) { return *hosts_[static_cast<std::size_t>(role)]; }
  /// An operator with nothing to do is not there.
  static bool IsWanted(const Host& host) {
    return host.role != Role::kOperator || !host.flow.empty();
  }

  void CrashProcess(Host& host, std::int64_t down_ns);
  void CrashHost(Host& host, std::int64_t down_ns);
  void LoseProcess(Host& host);
  void Reap(Host& host);
  void CheckExit(Host& host, ExitCode code);
  [[nodiscard]] bool IsNoSurprise(const Host& host, ExitCode code);
  void OnLine(const std::string& process, const std::string& line, bool is_error);
  void AfterStep();

  [[nodiscard]] bool MayCrash(const Host& host) const;
  void MaybeDoHarm();
  void DoHarm();
  void CrashInDiskOperation(Host& host);
  void FailDisk(Host& host);
  void FillDisk(Host& host);
  void CutPath();
  void Heal();

  // operator.cc
  void Die(Host& host);
  void SkipDeadlyInput();
  void LeadBackLater();
  void LeadBack();
  [[nodiscard]] bool Decide(Host& dedup);
  void RebuildEngineB();
  void CheckTakeBack();

  void EndSessionWhenAllIsSubmitted();
  [[nodiscard]] bool IsDone() const;
  [[nodiscard]] std::string DescribeProgress() const;
  [[nodiscard]] std::int64_t DownNs() {
    return environment_.scheduler.Between(0,
                                          environment_.scheduler.OneIn(8) ? 900 * kMs : 100 * kMs);
  }

  Environment environment_;
  Plan plan_;
  Checker checker_;
  std::mt19937_64 disk_random_;
  std::vector<std::unique_ptr<Host>> hosts_;
  Weather weather_;
  bool is_healed_ = false;
  std::array<proto::StreamPosition, 2> observed_;
  bool session_is_ending_ = false;
  bool lies_ = false;                ///< engine B does, and is not rebuilt
  bool is_led_ = false;              ///< the operator is at it
  std::uint64_t deadly_number_ = 0;  ///< input that is to be skipped
  std::int64_t fork_ns_ = 0;         ///< when it was noticed
  /// What the sequencer has to take back, when it starts: how far each copy goes.
  std::array<std::uint64_t, 2> copied_{};
  bool replica_was_left_out_ = false;
  bool take_back_is_over_ = false;
  bool sequencer_serves_ = false;
  std::string progress_files_;  ///< of engines, in the real file system
  Outcome outcome_;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
