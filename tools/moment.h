// SPDX-License-Identifier: Apache-2.0
//
// Moment: a place in a log as a person names it, by number or by time: 17, 2012-06-21T13:30:00.5,
// 2012-06-21, or 13:30:05 on the day of the log's first message. Times are UTC.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::tools {

class Moment {
 public:
  /// Null: it is neither a number from 1 to 2^64 - 2, the largest one, nor a time.
  static std::optional<Moment> Parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_number() const { return !time_ns_.has_value(); }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  [[nodiscard]] bool is_time_of_day() const { return is_time_of_day_; }
  /// The time; one of day is on the day of `first_ns`, the time of the log's first message. An
  /// error if no message can have it. Not for a number.
  [[nodiscard]] Result<std::int64_t> Time(std::int64_t first_ns) const;
  /// The number of the first message at this moment or later; an error also if the first message,
  /// whose day is needed, cannot be read. One that is given as a number is not looked for.
  Result<std::uint64_t> First(replay::Storage& storage, const std::string& folder) const;

 private:
  std::string text_;
  std::uint64_t number_ = 0;
  std::optional<std::int64_t> time_ns_;
  bool is_time_of_day_ = false;  ///< time_ns_ counts from midnight
};

/// An option whose value must be a moment.
CLI::Option* AddMoment(CLI::App& command, const std::string& name, std::optional<Moment>& moment,
                       const std::string& description);

/// Numbers of a log, both ends within, and the times that say so.
struct NumberRange {
  std::uint64_t first = 0;  ///< 0: whatever the log begins with
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  std::optional<std::int64_t> since_ns = {};
  std::optional<std::int64_t> until_ns = {};
};

/// What --from and --to name; an error if the one is after the other. A number and a time are
/// compared by the time of the message with that number. The end is where damage lets it be told:
/// see LastNumberAt. Where damage hides the first message, a time of day is on the day of the first
/// one that can be read, with a note on standard error.
Result<NumberRange> RangeOf(replay::Storage& storage, const std::string& folder,
                            const std::optional<Moment>& from, const std::optional<Moment>& to);

}  // namespace tandem::tools
