// SPDX-License-Identifier: Apache-2.0
//
// ProgressLine: how far long work is, with its rate and the time left, on one line of standard
// error that is rewritten in place and gone at the end. Says nothing where standard error is not a
// terminal. One thread.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>

namespace tandem::tools {

class ProgressLine {
 public:
  /// `what` is counted, "messages"; it must live as long. `total`: 0 if it is not known.
  explicit ProgressLine(const char* what, std::uint64_t total = 0) : what_(what), total_(total) {}
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Cheap: rewrites the line ten times a second at most, and looks at the clock once for many
  /// calls. The work is done when `done` is the total.
  void Show(std::uint64_t done) {
    if (!is_terminal_ || done < next_look_) return;
    next_look_ = done + kLookEvery;
    const auto now = Clock::now();
    if (is_shown_ && now - shown_ < kShowEvery) return;
    shown_ = now;
    is_shown_ = true;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double rate = static_cast<double>(done) / seconds;
    std::fprintf(stderr, "\r%" PRIu64, done);
    if (total_ != 0) std::fprintf(stderr, " of %" PRIu64, total_);
    std::fprintf(stderr, " %s, %.2f M/s", what_, rate / 1e6);
    if (total_ > done) {
      std::fprintf(stderr, ", %.0f s left ", static_cast<double>(total_ - done) / rate);
    }
    std::fputs("\033[K", stderr);
  }

  /// Takes the line away, before anything else is said.
  void Clear() {
    if (is_shown_) std::fputs("\r\033[K", stderr);
    is_shown_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kLookEvery = 1 << 14;
  static constexpr auto kShowEvery = std::chrono::milliseconds(100);

  const char* what_;
  std::uint64_t total_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_;
  std::uint64_t next_look_ = kLookEvery;
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_shown_ = false;
};

}  // namespace tandem::tools
