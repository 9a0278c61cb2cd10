// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/process.h"

#include <utility>

#include "pools/ensure.h"

namespace tandem::simulation {

Process::Process(Environment& environment, HostId host, std::string name,
                 std::int64_t clock_error_ns, std::function<ExitCode()> main)
    : environment_(environment),
      host_(host),
      name_(std::move(name)),
      id_(environment.NextProcessId()),
      clock_error_ns_(clock_error_ns),
      main_(std::move(main)),
      fiber_([this] { Main(); }) {}

Process::~Process() {
  if (!ended()) Crash();
}

void Process::Main() {
  try {
    exit_code_ = main_();
  } catch (const ProcessCrash&) {
    crashed_ = true;
  }
  main_ = nullptr;
}

void Process::Resume() {
  Process* const before = std::exchange(current_, this);
  fiber_.Resume();
  current_ = before;
}

void Process::Crash() {
  if (ended()) return;
  is_crashing_ = true;
  crashed_ = true;
  Resume();
  ENSURE(ended(), "a crashed process goes on");
}

void Process::Terminate() {
  if (on_terminate) on_terminate();
}

void Process::Block() {
  ENSURE(current_ == this && !is_blocked_, "a process blocks twice");
  if (is_crashing_) throw ProcessCrash();
  is_blocked_ = true;
  fiber_.Yield();
  is_blocked_ = false;
  is_unblocked_ = false;
  if (is_crashing_) throw ProcessCrash();
}

void Process::Execute(std::function<void()> handler) {
  if (crashed_ || ended()) return;
  Process* const before = std::exchange(current_, this);
  try {
    handler();
  } catch (const ProcessCrash&) {
    crashed_ = true;
  }
  handler = nullptr;  // before what it refers to
  current_ = before;
  if (crashed_) return Crash();
  if (is_blocked_ && is_unblocked_) Resume();
}

}  // namespace tandem::simulation
