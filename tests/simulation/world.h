// SPDX-License-Identifier: Apache-2.0
//
// World: one run of the whole pair from one seed. A sequencer, two engines in zones at two
// addresses, a deduplicator and clients, each on a host of its own. For a while connections break,
// processes crash (what they hold in memory is gone) and hosts crash (what was not synced is gone,
// or part of it), at any step; then faults stop, and everything submitted must come out at the end.
// The checker looks at everything after every step. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/environment.h"
#include "tests/simulation/process.h"
#include "tests/support/memory_storage.h"

namespace tandem::simulation {

/// What a run did, and what went wrong in it.
struct Outcome {
  std::string failure;  ///< empty: nothing
  std::string trace;    ///< its last lines, for a person
  std::uint64_t fingerprint = 0;
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;
  std::uint64_t breaks = 0;  ///< of connections
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  bool lie_was_named = false;
};

class World {
 public:
  explicit World(const Options& options);
  ~World();

  Outcome Run();

 private:
  enum class Role { kSequencer, kEngineA, kEngineB, kDedup, kClient };

  struct Host {
    Role role;
    std::string name;
    std::unique_ptr<test::MemoryStorage> storage;
    std::unique_ptr<Process> process;  ///< null: it is down
    std::vector<Bytes> flow;           ///< of a client
  };

  void AddHost(Role role, std::string name);
  std::vector<Bytes> MakeFlow(std::uint64_t count);
  void Start(Host& host);
  std::unique_ptr<Process> MakeProcess(Host& host);
  void Crash(Host& host, bool with_host, std::int64_t down_ns);
  [[nodiscard]] bool MayCrash(const Host& host) const;
  void MaybeDoHarm();
  void EndSessionWhenAllIsSubmitted();
  [[nodiscard]] bool IsDone() const;
  [[nodiscard]] std::string DescribeProgress() const;

  Environment environment_;
  Checker checker_;
  std::mt19937_64 disk_random_;
  std::vector<Host> hosts_;
  std::uint64_t segment_bytes_;
  std::uint64_t lie_at_ = 0;
  std::uint64_t harm_one_in_ = 0;  ///< steps
  std::int64_t harm_until_ns_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t breaks_ = 0;
  bool session_is_ended_ = false;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
