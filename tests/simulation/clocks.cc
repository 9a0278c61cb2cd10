// SPDX-License-Identifier: Apache-2.0
//
// The clocks and the process id that the product asks for are those of the simulated process that
// runs: definitions in the program come before those of the shared libraries. Outside of a run they
// are the real ones.
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <ctime>

#include "tests/simulation/process.h"

namespace {

using tandem::simulation::Environment;
using tandem::simulation::Process;
using tandem::simulation::Scheduler;

std::chrono::nanoseconds Real(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

namespace std::chrono {

steady_clock::time_point steady_clock::now() noexcept {
  const Environment* const environment = Environment::current();
  if (environment == nullptr) return time_point(Real(CLOCK_MONOTONIC));
  return time_point(nanoseconds(environment->scheduler.now_ns() - Scheduler::kBeginNs +
                                1'000'000 * tandem::simulation::kSecond));
}

system_clock::time_point system_clock::now() noexcept {
  const Environment* const environment = Environment::current();
  if (environment == nullptr) return time_point(Real(CLOCK_REALTIME));
  const Process* const process = Process::current();
  return time_point(nanoseconds(environment->scheduler.now_ns() +
                                (process == nullptr ? 0 : process->clock_error_ns())));
}

}  // namespace std::chrono

extern "C" pid_t getpid() noexcept {
  const Process* const process = Process::current();
  if (process != nullptr) return static_cast<pid_t>(process->id());
  return static_cast<pid_t>(::syscall(SYS_getpid));
}
