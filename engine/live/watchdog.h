// SPDX-License-Identifier: Apache-2.0
//
// Watchdog: ends the process when one step has not ended within a limit, with a sentence that names
// the input. A thread that only looks; it counts its own turns, so that time in which the whole
// process stood still (SIGSTOP, a host that was paused) does not count.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "engine/live/progress.h"

namespace tandem::engine {

class Watchdog {
 public:
  /// `progress` outlives it. `who`: as "engine A".
  Watchdog(const Progress& progress, std::chrono::milliseconds limit, std::string who);
  ~Watchdog();

 private:
  void Watch();
  [[noreturn]] void End(const Progress::Step& step);

  const Progress& progress_;
  std::chrono::milliseconds limit_;
  std::string who_;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stopped_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace tandem::engine
