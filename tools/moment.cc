// SPDX-License-Identifier: Apache-2.0
#include "tools/moment.h"

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_seek.h"
#include "replay/log_segment.h"

namespace tandem::tools {
namespace {

constexpr std::int64_t kDay = 86'400'000'000'000;
/// The number after it means "the end" to a reader of a log.
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

/// Number and time of a message.
struct Dated {
  std::uint64_t number = 0;
  std::int64_t time_ns = 0;
};

/// Message `number`; null: it is not there, or cannot be read, which is for the log's reader to
/// say.
std::optional<Dated> DatedAt(replay::Storage& storage, const std::string& folder,
                             std::uint64_t number) {
  auto reader =
      replay::LogReader::Open(storage, folder, {.from_number = number, .check_digest = false});
  if (!reader || reader->Next() != replay::ReadOutcome::kMessage) return std::nullopt;
  return Dated{.number = number, .time_ns = reader->message().header.time_ns};
}

/// The last message of the log, if its number is less; null also as above.
std::optional<Dated> LastDatedBefore(replay::Storage& storage, const std::string& folder,
                                     std::uint64_t number) {
  const auto end = replay::LogReader::FindEnd(storage, folder);
  if (!end || end->last.number == 0 || end->last.number >= number) return std::nullopt;
  return DatedAt(storage, folder, end->last.number);
}

/// The first message behind damage at the beginning of a log; null: there is none.
std::optional<Dated> FirstSound(replay::Storage& storage, const std::string& folder) {
  const auto segments = replay::ListSegments(storage, folder);
  if (!segments) return std::nullopt;
  for (const std::uint64_t id : segments->ids) {
    const auto header = replay::ReadSegmentHeader(storage, folder, id);
    if (!header) continue;
    if (const auto first = DatedAt(storage, folder, header->first_number)) return first;
  }
  return std::nullopt;
}

/// The time of the first message; an error that names the `moment` which needs it if there is none.
Result<std::int64_t> FirstTime(replay::Storage& storage, const std::string& folder,
                               const Moment& moment) {
  auto reader = replay::LogReader::Open(storage, folder, {.check_digest = false});
  if (!reader) return reader.error();
  switch (reader->Next()) {
    case replay::ReadOutcome::kDamaged:
      return reader->error();
    case replay::ReadOutcome::kEnd:
      return Error::BadInput("the log " + folder + " is empty, so " + moment.text() +
                             " is on no day; give the date too");
    case replay::ReadOutcome::kMessage:
      break;
  }
  return reader->message().header.time_ns;
}

/// The same, or the time of the first message that can be read.
Result<std::int64_t> FirstSoundTime(replay::Storage& storage, const std::string& folder,
                                    const Moment& moment) {
  const auto time = FirstTime(storage, folder, moment);
  if (time) return time;
  const auto sound = FirstSound(storage, folder);
  if (!sound) return time;
  std::fprintf(stderr,
               "tandem: note: %s; %s is taken to be on the day of message %" PRIu64
               ", the first that can be read\n",
               time.error().text.c_str(), moment.text().c_str(), sound->number);
  return sound->time_ns;
}

/// An error if `from` is after `to`, whose times are in `range`. Two moments with nothing between
/// them are no contradiction.
Status CheckOrder(replay::Storage& storage, const std::string& folder, const Moment& from,
                  const Moment& to, const NumberRange& range) {
  const auto contradiction = [&](const std::string& why) {
    return Error::BadInput("--from " + from.text() + " is after --to " + to.text() + why);
  };
  if (range.since_ns && range.until_ns) {
    return *range.since_ns > *range.until_ns ? Status(contradiction("")) : Status();
  }
  if (!range.since_ns && !range.until_ns) {
    return from.number() > to.number() ? Status(contradiction("")) : Status();
  }
  const std::uint64_t number = (from.is_number() ? from : to).number();
  std::optional<Dated> at = DatedAt(storage, folder, number);
  // What is still to come is no earlier than the last message.
  if (!at && from.is_number()) at = LastDatedBefore(storage, folder, number);
  if (!at || (from.is_number() ? at->time_ns <= *range.until_ns : at->time_ns >= *range.since_ns)) {
    return {};
  }
  return contradiction(": message " + std::to_string(at->number) + " is of " +
                       proto::TimeText(at->time_ns));
}

}  // namespace

std::optional<Moment> Moment::Parse(std::string_view text) {
  Moment moment;
  moment.text_ = text;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, moment.number_);
  if (parsed.ec == std::errc() && parsed.ptr == end) {
    if (moment.number_ == 0 || moment.number_ > kNumberMax) return std::nullopt;
    return moment;
  }
  moment.time_ns_ = proto::ParseTime(text);
  if (!moment.time_ns_) {
    moment.time_ns_ = proto::ParseTime("1970-01-01T" + moment.text_);
    moment.is_time_of_day_ = true;
  }
  if (!moment.time_ns_) return std::nullopt;
  return moment;
}

Result<std::int64_t> Moment::Time(std::int64_t first_ns) const {
  if (!is_time_of_day_) return *time_ns_;
  const std::int64_t into_day = first_ns % kDay;
  std::int64_t time_ns = 0;
  if (__builtin_add_overflow(first_ns, *time_ns_ - (into_day < 0 ? into_day + kDay : into_day),
                             &time_ns)) {
    return Error::BadInput(text_ + " on the day of the log's first message, " +
                           proto::TimeText(first_ns) + ", is no time that a message can have");
  }
  return time_ns;
}

Result<std::uint64_t> Moment::First(replay::Storage& storage, const std::string& folder) const {
  if (is_number()) return number_;
  Result<std::int64_t> first = std::int64_t{0};
  if (is_time_of_day_) first = FirstTime(storage, folder, *this);
  if (!first) return first.error();
  const auto time = Time(*first);
  if (!time) return time.error();
  return replay::FirstNumberAt(storage, folder, *time);
}

CLI::Option* AddMoment(CLI::App& command, const std::string& name, std::optional<Moment>& moment,
                       const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&moment, name](const std::string& text) {
            moment = Moment::Parse(text);
            if (moment) return;
            const bool is_number =
                text.size() >= 20 && text.find_first_not_of("0123456789") == std::string::npos;
            throw CLI::ValidationError(
                name + ": \"" + text +
                (is_number ? "\" is more than the largest number, 18446744073709551614"
                           : "\" is neither a number from 1 on nor a time as "
                             "2012-06-21T13:30:00.5 or 13:30:00"));
          },
          description)
      ->type_name("NUMBER|TIME");
}

Result<NumberRange> RangeOf(replay::Storage& storage, const std::string& folder,
                            const std::optional<Moment>& from, const std::optional<Moment>& to) {
  NumberRange range;
  if (from && from->is_number()) range.first = from->number();
  if (to && to->is_number()) range.last = to->number();
  Result<std::int64_t> day = std::int64_t{0};
  if (from && from->is_time_of_day()) {
    day = FirstSoundTime(storage, folder, *from);
  } else if (to && to->is_time_of_day()) {
    day = FirstSoundTime(storage, folder, *to);
  }
  if (!day) return day.error();
  for (const auto& [moment, time_ns] :
       {std::pair{&from, &range.since_ns}, std::pair{&to, &range.until_ns}}) {
    if (!*moment || (*moment)->is_number()) continue;
    const auto time = (*moment)->Time(*day);
    if (!time) return time.error();
    *time_ns = *time;
  }
  if (from && to) {
    if (Status status = CheckOrder(storage, folder, *from, *to, range); !status) {
      return status.error();
    }
  }
  if (range.since_ns) {
    const auto first = replay::FirstNumberAt(storage, folder, *range.since_ns);
    if (!first) return first.error();
    range.first = *first;
  }
  if (range.until_ns) {
    const auto last = replay::LastNumberAt(storage, folder, *range.until_ns);
    if (!last) return last.error();
    range.last = *last;
  }
  return range;
}

}  // namespace tandem::tools
