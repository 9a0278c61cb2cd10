// SPDX-License-Identifier: Apache-2.0
#include "engine/live/snapshot_schedule.h"

#include <algorithm>

namespace tandem::engine {

void SnapshotSchedule::StartAt(std::uint64_t number, std::int64_t now_ns) {
  last_number_ = number;
  last_ns_ = now_ns;
}

// Told by message n, it is done when it has stepped n and writes nothing. Its status is of one
// moment, so it never says the one without the other.
void SnapshotSchedule::OnStatus(const pb::Status& status) {
  if (status.name() != waits_for_ || status.stepped_number() < waits_number_ ||
      status.image_writing()) {
    return;
  }
  waits_for_.clear();
}

bool SnapshotSchedule::Waits(std::int64_t now_ns) const {
  return !waits_for_.empty() && now_ns - last_ns_ < options_.patience.count();
}

std::optional<std::string> SnapshotSchedule::Due(std::uint64_t number, std::int64_t now_ns) const {
  if (options_.engines.empty() || number <= last_number_ || Waits(now_ns)) return std::nullopt;
  const bool by_messages = options_.every != 0 && number - last_number_ >= options_.every;
  const bool by_time =
      options_.interval.count() != 0 && now_ns - last_ns_ >= options_.interval.count();
  if (!by_messages && !by_time) return std::nullopt;
  return options_.engines[next_];
}

void SnapshotSchedule::Told(const std::string& engine, std::uint64_t number, std::int64_t now_ns) {
  last_number_ = number;
  last_ns_ = now_ns;
  waits_for_ = engine;
  waits_number_ = number;
  const auto found = std::find(options_.engines.begin(), options_.engines.end(), engine);
  if (found == options_.engines.end()) return;
  next_ = static_cast<std::size_t>(found - options_.engines.begin() + 1) % options_.engines.size();
}

Status SnapshotSchedule::MayTell(std::int64_t now_ns) const {
  if (!Waits(now_ns)) return {};
  return Error::BadInput("engine " + waits_for_ + " was told to write an image by input " +
                         std::to_string(waits_number_) +
                         " and has not said that it is done; try again when it has");
}

}  // namespace tandem::engine
