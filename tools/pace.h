// SPDX-License-Identifier: Apache-2.0
//
// SpeedPace: takes inputs at the pace at which they were recorded, times a factor. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "replay/replay.h"

namespace tandem::tools {

class SpeedPace final : public replay::ReplayPace {
 public:
  /// `speed` above 0; 10: what was recorded in ten seconds takes one.
  explicit SpeedPace(double speed) : speed_(speed) {}

  [[nodiscard]] bool IsDue(std::int64_t time_ns) override { return Left(time_ns).count() <= 0; }

  void Wait(std::int64_t time_ns) override {
    std::this_thread::sleep_for(
        std::min<std::chrono::duration<double>>(Left(time_ns), std::chrono::milliseconds(100)));
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  /// Until an input of this time. The first one that is asked about is due at once.
  Seconds Left(std::int64_t time_ns) {
    if (!first_ns_) {
      first_ns_ = time_ns;
      begin_ = Clock::now();
    }
    const Seconds recorded(static_cast<double>(time_ns - *first_ns_) / 1e9);
    return recorded / speed_ - (Clock::now() - begin_);
  }

  double speed_;
  std::optional<std::int64_t> first_ns_;
  Clock::time_point begin_;
};

}  // namespace tandem::tools
