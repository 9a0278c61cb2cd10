// SPDX-License-Identifier: Apache-2.0
//
// Times as people read and write them: UTC, in the form of ISO 8601.
#include <charconv>
#include <cstdio>

#include "proto/schema.h"

namespace tandem::proto {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

/// Days from 1970-01-01 to a date of the Gregorian calendar.
std::int64_t DaysOf(int year, int month, int day) {
  const int shifted = month <= 2 ? year - 1 : year;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const std::int64_t year_of_era = shifted - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

/// Takes fixed parts off the front of a text.
class Parts {
 public:
  explicit Parts(std::string_view text) : rest_(text) {}

  /// `digits` digits with a value from `low` to `high`.
  bool Number(std::size_t digits, int low, int high, int* value) {
    if (rest_.size() < digits) return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + digits, *value);
    if (error != std::errc() || end != rest_.data() + digits || rest_[0] == '-') return false;
    rest_.remove_prefix(digits);
    return *value >= low && *value <= high;
  }
  bool Letter(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// 1 to 9 digits after the point, as ns.
  bool Fraction(std::int64_t* ns) {
    std::int64_t scale = kSecond;
    *ns = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      if (scale == 1) return false;
      scale /= 10;
      *ns += (rest_[0] - '0') * scale;
      rest_.remove_prefix(1);
    }
    return scale < kSecond;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::string TimeText(std::int64_t time_ns) {
  // Days since 1970 to a date of the Gregorian calendar, by eras of 400 years from 0000-03-01.
  std::int64_t days = time_ns / kDay;
  std::int64_t rest = time_ns % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  const int year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  const int seconds = static_cast<int>(rest / kSecond);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", year, month, day,
                seconds / 3600, seconds / 60 % 60, seconds % 60, static_cast<int>(rest % kSecond));
  return text;
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  Parts parts(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!parts.Number(4, 1677, 2262, &year) || !parts.Letter('-') ||
      !parts.Number(2, 1, 12, &month) || !parts.Letter('-') || !parts.Number(2, 1, 31, &day)) {
    return std::nullopt;
  }
  const std::int64_t days = DaysOf(year, month, day);
  const std::int64_t next_month = month == 12 ? DaysOf(year + 1, 1, 1) : DaysOf(year, month + 1, 1);
  if (days >= next_month) return std::nullopt;  // the month has no such day
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::int64_t fraction = 0;
  if (parts.Letter('T') || parts.Letter(' ')) {
    if (!parts.Number(2, 0, 23, &hour) || !parts.Letter(':') || !parts.Number(2, 0, 59, &minute)) {
      return std::nullopt;
    }
    if (parts.Letter(':')) {
      if (!parts.Number(2, 0, 59, &second)) return std::nullopt;
      if (parts.Letter('.') && !parts.Fraction(&fraction)) return std::nullopt;
    }
    parts.Letter('Z');
  }
  if (!parts.done()) return std::nullopt;
  std::int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second;
  // Before 1970 from the next second back, or the first times of all would not fit on the way.
  if (seconds < 0) {
    ++seconds;
    fraction -= kSecond;
  }
  std::int64_t time_ns = 0;
  if (__builtin_mul_overflow(seconds, kSecond, &time_ns) ||
      __builtin_add_overflow(time_ns, fraction, &time_ns)) {
    return std::nullopt;
  }
  return time_ns;
}

}  // namespace tandem::proto
