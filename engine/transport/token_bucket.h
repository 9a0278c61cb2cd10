// SPDX-License-Identifier: Apache-2.0
//
// TokenBucket: so many a second, and as many at once as one second gives. Time is an argument.
#pragma once

#include <algorithm>
#include <chrono>

namespace tandem::engine {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  /// Full at the beginning. `burst`: what is there at most, from 1.
  TokenBucket(double per_second, double burst, Clock::time_point now)
      : per_second_(per_second), burst_(std::max(burst, 1.0)), tokens_(burst_), at_(now) {}

  /// False: there is none; WaitFrom says how long for the next.
  [[nodiscard]] bool Take(Clock::time_point now) {
    Fill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  [[nodiscard]] bool HasOne(Clock::time_point now) {
    Fill(now);
    return tokens_ >= 1;
  }
  [[nodiscard]] bool full(Clock::time_point now) {
    Fill(now);
    return tokens_ >= burst_;
  }
  /// Until there is one; at least a millisecond.
  [[nodiscard]] std::chrono::milliseconds WaitFrom(Clock::time_point now) {
    Fill(now);
    const double seconds = std::max(0.0, 1 - tokens_) / per_second_;
    return std::chrono::milliseconds(1 + static_cast<std::int64_t>(seconds * 1000));
  }

 private:
  void Fill(Clock::time_point now) {
    const std::chrono::duration<double> passed = now - at_;
    at_ = std::max(at_, now);
    if (passed.count() > 0) tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
  }

  double per_second_;
  double burst_;
  double tokens_;
  Clock::time_point at_;
};

}  // namespace tandem::engine
