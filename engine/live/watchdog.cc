// SPDX-License-Identifier: Apache-2.0
#include "engine/live/watchdog.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

#include "pools/result.h"

namespace tandem::engine {

namespace {

constexpr int kTurns = 10;

}  // namespace

Watchdog::Watchdog(const Progress& progress, std::chrono::milliseconds limit, std::string who)
    : progress_(progress), limit_(limit), who_(std::move(who)) {
  if (limit_.count() > 0) thread_ = std::thread([this] { Watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::Watch() {
  const auto turn = std::max(limit_ / kTurns, std::chrono::milliseconds(1));
  std::uint64_t last = 0;
  int turns = 0;
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, turn, [this] { return stopped_; })) {
    const Progress::Step step = progress_.current();
    turns = step.number != 0 && step.number == last ? turns + 1 : 0;
    last = step.number;
    if (turns >= kTurns) End(step);
  }
}

void Watchdog::End(const Progress::Step& step) {
  spdlog::error(
      "{}: the step of input {} (type {}{}) has not ended within {} s (--step-limit), so the "
      "process ends; started again, it names the content and stops when the same input has "
      "ended it too often",
      who_, step.number, step.type, step.user.empty() ? std::string() : " from " + step.user.str(),
      static_cast<double>(limit_.count()) / 1000);
  spdlog::default_logger()->flush();
  std::_Exit(static_cast<int>(ExitCode::kFailure));
}

}  // namespace tandem::engine
