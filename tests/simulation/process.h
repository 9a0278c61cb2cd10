// SPDX-License-Identifier: Apache-2.0
//
// Process: what runs on a simulated host, a main function that owns everything the process has in
// memory. It runs on a fiber until it blocks in io_context::run; from then on its handlers are run
// by the scheduler. To crash it is to unwind it by an exception that nobody in the product catches:
// what it held in memory is gone, its connections are closed as a kernel would, nothing is flushed.
// What its host keeps is in the host's storage, which outlives it. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pools/result.h"
#include "tests/simulation/environment.h"
#include "tests/simulation/fiber.h"

namespace tandem::simulation {

/// Ends a process where it stands. Thrown by the simulated disk and by Process::Block.
struct ProcessCrash {};

class Process {
 public:
  /// `host`: where it runs. `stop`: asks it to end, as SIGTERM does; it is ready once main blocks.
  Process(Environment& environment, HostId host, std::string name, std::int64_t clock_error_ns,
          std::function<ExitCode()> main);
  /// Crashes it if it has not ended.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Runs main until it blocks or ends.
  void Start() { Resume(); }
  /// Unwinds it.
  void Crash();
  /// As SIGTERM: the handler that main has set is called.
  void Terminate();
  /// Its handlers wait until then, as those of a stopped or starved process do.
  void StallUntil(std::int64_t time_ns) { stalled_until_ns_ = time_ns; }
  [[nodiscard]] std::int64_t stalled_until_ns() const { return stalled_until_ns_; }

  [[nodiscard]] bool ended() const { return fiber_.ended(); }
  /// It is to be destroyed: a simulated failure ended it.
  [[nodiscard]] bool crashed() const { return crashed_; }
  /// Once it has ended.
  [[nodiscard]] ExitCode exit_code() const { return exit_code_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] HostId host() const { return host_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Environment& environment() { return environment_; }
  [[nodiscard]] std::int64_t clock_error_ns() const { return clock_error_ns_; }
  void JumpClock(std::int64_t by_ns) { clock_error_ns_ += by_ns; }

  // What the simulated Asio needs.

  /// The one that is running now; null outside.
  [[nodiscard]] static Process* current() { return current_; }
  /// Called by main: returns when Unblock was called and the handler that did it has returned.
  void Block();
  void Unblock() { is_unblocked_ = true; }
  /// Runs a handler; one that crashes the process ends there.
  void Execute(std::function<void()> handler);
  [[nodiscard]] bool is_crashing() const { return is_crashing_; }
  std::function<void()> on_terminate;

 private:
  void Resume();
  void Main();

  Environment& environment_;
  HostId host_;
  std::string name_;
  std::uint64_t id_;
  std::int64_t clock_error_ns_;
  std::function<ExitCode()> main_;
  Fiber fiber_;
  std::int64_t stalled_until_ns_ = 0;
  bool is_blocked_ = false;
  bool is_unblocked_ = false;
  bool is_crashing_ = false;
  bool crashed_ = false;
  ExitCode exit_code_ = ExitCode::kYes;

  static inline Process* current_ = nullptr;
};

}  // namespace tandem::simulation
