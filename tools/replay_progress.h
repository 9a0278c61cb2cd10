// SPDX-License-Identifier: Apache-2.0
//
// What a replay shows on a terminal while it runs: inputs, rate, time left. One thread.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/replay.h"
#include "tools/moment.h"

namespace tandem::tools {

/// On standard error, one line that is rewritten; nothing if that is no terminal.
class ReplayProgressLine {
 public:
  /// `seconds`: how long it will take, if a pace says so; else 0.
  ReplayProgressLine(std::uint64_t total, double seconds) : total_(total), seconds_(seconds) {}

  void Show(const replay::ReplayProgress& progress);
  void Clear() const;
  /// Since it was made.
  [[nodiscard]] double Seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t total_;
  double seconds_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_shown_ = false;
};

/// How long inputs `range` take at the pace at which they were recorded.
Result<double> RecordedSeconds(replay::Storage& storage, const std::string& folder,
                               NumberRange range);

}  // namespace tandem::tools
