// SPDX-License-Identifier: Apache-2.0
#include "tools/replay_progress.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "replay/log_reader.h"

namespace tandem::tools {

double ReplayProgressLine::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void ReplayProgressLine::Show(const replay::ReplayProgress& progress) {
  if (!is_terminal_) return;
  const auto now = Clock::now();
  if (now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  const double seconds = Seconds();
  const double rate = static_cast<double>(progress.inputs) / seconds;
  const double left = seconds_ > 0 ? std::max(0.0, seconds_ - seconds)
                      : rate > 0   ? static_cast<double>(total_ - progress.inputs) / rate
                                   : 0;
  std::fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " inputs, ", progress.inputs, total_);
  std::fprintf(stderr, rate < 100'000 ? "%.0f/s" : "%.2f M/s", rate < 100'000 ? rate : rate / 1e6);
  std::fprintf(stderr, ", %.0f s left \033[K", left);
  is_shown_ = true;
}

void ReplayProgressLine::Clear() const {
  if (is_shown_) std::fputs("\r\033[K", stderr);
}

Result<double> RecordedSeconds(replay::Storage& storage, const std::string& folder,
                               NumberRange range) {
  if (range.first > range.last) return 0.0;
  std::int64_t times[2] = {0, 0};
  for (const int i : {0, 1}) {
    auto reader = replay::LogReader::Open(
        storage, folder, {.from_number = i == 0 ? range.first : range.last, .check_digest = false});
    if (!reader) return reader.error();
    if (reader->Next() != replay::ReadOutcome::kMessage) return 0.0;
    times[i] = reader->message().header.time_ns;
  }
  return static_cast<double>(times[1] - times[0]) / 1e9;
}

}  // namespace tandem::tools
