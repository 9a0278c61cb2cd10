// SPDX-License-Identifier: Apache-2.0
//
// What every simulated process lives in: time, network, and the one failure that ends the run. One
// at a time exists; the clocks of the process (clocks.cc) tell its time. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pools/result.h"
#include "proto/header.h"
#include "tests/simulation/network.h"
#include "tests/simulation/scheduler.h"

namespace tandem::simulation {

class Environment {
 public:
  explicit Environment(std::uint64_t seed) : scheduler(seed), network(scheduler) {
    current_ = this;
  }
  ~Environment() { current_ = nullptr; }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Null: real time goes on.
  [[nodiscard]] static Environment* current() { return current_; }

  /// The first failure counts and ends the run.
  void Fail(const std::string& text) {
    if (!failure.empty()) return;
    failure = text;
    scheduler.Trace("FAILED: " + text);
  }
  /// Fails if there is an error. True if there is none.
  bool Check(const std::string& who, const Status& status) {
    if (!status) Fail(who + ": " + status.error().text);
    return status.ok();
  }
  std::uint64_t NextProcessId() { return ++processes_; }

  Scheduler scheduler;
  Network network;
  std::string failure;  ///< empty: none
  /// Told each line that a process logs, and whether it is an error.
  std::function<void(const std::string& process, const std::string& line, bool is_error)> on_line;

 private:
  std::uint64_t processes_ = 100;
  static inline Environment* current_ = nullptr;
};

}  // namespace tandem::simulation
