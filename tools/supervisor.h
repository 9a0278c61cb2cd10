// SPDX-License-Identifier: Apache-2.0
//
// Supervisor: keeps the roles of a topology running. Restarts what dies, with growing pauses and
// not for ever; leaves alone what ended for a reason that a restart does not cure; restarts on
// request, one role at a time, each proven before the next; stops all, the last one first. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tools/roles.h"
#include "tools/run_control.h"

namespace tandem::tools {

struct SupervisorOptions {
  std::uint64_t restarts_max = 10;  ///< of one role that does not run for kLasting in between
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds longest_pause{10'000};
};

class Supervisor {
 public:
  /// A role that ran as long has recovered from what ended it before.
  static constexpr std::chrono::seconds kLasting{60};

  Supervisor(Roles& roles, RunControl& control, SupervisorOptions options);

  /// Until SIGINT or SIGTERM (CatchInterrupts was called), or until no role is left. SIGHUP
  /// restarts the engines, one after the other.
  ExitCode Run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Watched {
    std::uint64_t failures = 0;  ///< since it last ran for kLasting
    Clock::time_point started;
    Clock::time_point restart_at;  ///< zero: it runs, or is left alone
    bool left_alone = false;
    int last_code = 0;
  };

  void Start(std::size_t role);
  void Step();
  void OnEnd(std::size_t role, int code);
  void Leave(std::size_t role, const std::string& why);
  void TellWhenReady();
  [[nodiscard]] bool AnyLeft() const;
  ExitCode StopAll();

  [[nodiscard]] Result<std::string> Restart(const std::vector<std::string>& names);
  [[nodiscard]] Result<std::vector<std::size_t>> RolesNamed(const std::vector<std::string>& names);
  [[nodiscard]] Status RestartOne(std::size_t role);
  [[nodiscard]] Status AwaitAgreement(std::size_t role);
  [[nodiscard]] Status AwaitProof(std::size_t role);
  void Say(const std::string& text);

  Roles& roles_;
  RunControl& control_;
  SupervisorOptions options_;
  std::vector<Watched> watched_;
  bool ready_ = false;
  ExitCode exit_code_ = ExitCode::kYes;
};

}  // namespace tandem::tools
