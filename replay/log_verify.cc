// SPDX-License-Identifier: Apache-2.0
#include "replay/log_verify.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include "proto/schema.h"
#include "replay/log_blame.h"
#include "replay/log_mark.h"
#include "replay/log_recovery.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

constexpr std::uint64_t kProgressMessages = 1u << 20;

bool BeingWritten(Storage& storage, const std::string& folder) {
  return storage.Locked(folder + "/" + std::string(kMarkFileName));
}

/// Does the mark stand before or behind the reader's message as a whole, as its number says?
bool Agrees(const MarkSlot& mark, const LogReader& reader) {
  const bool is_below = mark.number >= reader.position().number;
  if (mark.segment_id != reader.segment_id()) {
    return is_below == (mark.segment_id > reader.segment_id());
  }
  const std::uint64_t end = reader.offset();
  return is_below ? mark.offset >= end
                  : mark.offset <= end - RecordBytes(reader.message().bytes.size());
}

/// Has the segment in which `reader` stands its end record there?
Result<bool> IsComplete(const LogReader& reader) {
  const Result<LogTail> tail = reader.ReadTail();
  if (!tail) return tail.error();
  return tail->offset > reader.offset();
}

/// Can the first segment be read, and its header is not whole? One of another format is whole for
/// the build that made it.
bool BeginsDamaged(Storage& storage, const std::string& folder) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return false;
  const std::uint64_t first = list->ids.front();
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(SegmentPath(folder, first));
  if (!file || *file == nullptr) return false;
  std::vector<std::byte> bytes(sizeof(SegmentHeader));
  const Result<std::size_t> size = (*file)->Read(0, bytes);
  if (!size) return false;
  bytes.resize(*size);
  SegmentHeader header;
  std::string ignored;
  if (ParseSegmentHeader(bytes, first, &header, &ignored) == HeaderState::kWhole) return false;
  return bytes.size() < sizeof header || header.magic != kSegmentMagic ||
         header.version == kLogFormatVersion;
}

}  // namespace

Result<std::vector<std::string>> EndProblems(Storage& storage, const std::string& folder,
                                             const LogReader& reader) {
  std::vector<std::string> problems;
  if (!reader.error().text.empty()) return std::vector{reader.error().text};
  const Result<LogTail> tail = reader.ReadTail();
  if (!tail) return tail.error();
  if (BeingWritten(storage, folder)) {
    if (tail->whole_follows) {
      problems.push_back(Damage(folder, tail->segment_id, tail->offset,
                                reader.position().number + 1,
                                "no whole message is there, and whole messages or segments follow "
                                "it, so it is none that is just being written")
                             .text);
    }
    return problems;
  }
  const std::string next = SegmentPath(folder, reader.segment_id() + 1);
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(next);
  if (!file) return file.error();
  if (tail->bytes == 0 && !tail->cut && *file == nullptr) return problems;
  const std::string last = std::to_string(reader.position().number);
  const Result<LogRecovery> may = MayRecoverLog(storage, folder);
  if (!may) {
    problems.push_back("the log " + folder + " ends after message " + last +
                       " for who reads it, and cannot be continued: " + may.error().text);
    return problems;
  }
  const std::string place = " in segment " + std::to_string(tail->segment_id) + " at offset " +
                            std::to_string(tail->offset) + " after message " + last;
  if (tail->bytes > 0) {
    problems.push_back("the log " + folder + " ends" + place + " with " +
                       std::to_string(tail->bytes) + " bytes " +
                       (may->messages_cut == 0
                            ? "that are no whole message"
                            : "where no whole message begins" + AmongThemWhole(may->messages_cut)) +
                       "; no mark says that they were synced, and they will be cut when the log is "
                       "continued");
  }
  if (tail->cut) {
    problems.push_back("the log " + folder + " ends" + place +
                       " without an end record, and the file is shorter than it was made: what "
                       "was there was cut off");
  }
  if (*file != nullptr) {
    problems.push_back("the log " + folder + " ends" + place + ", and " + next +
                       " follows with whole messages: " + std::to_string(may->messages_set_aside) +
                       "; it will be set aside when the log is continued");
  }
  return problems;
}

Result<LogReport> VerifyLog(Storage& storage, const std::string& folder,
                            const OnVerifyProgress& on_progress) {
  LogReport report;
  Result<LogReader> opened = LogReader::Open(storage, folder, {.check_digest = true});
  if (!opened) {
    if (!BeginsDamaged(storage, folder)) return opened.error();
    report.problems.push_back(opened.error().text);
    return report;
  }
  LogReader& reader = *opened;
  report.first_number = reader.first_number();
  report.being_written = BeingWritten(storage, folder);
  const Result<MarkState> mark = reader.ReadMark();
  if (!mark) return mark.error();
  if (!mark->text.empty()) report.problems.push_back(mark->text);

  std::uint32_t epoch = 0;
  std::int64_t time_ns = std::numeric_limits<std::int64_t>::min();
  bool mark_is_wrong = false;
  std::uint64_t segment_id = reader.segment_id();
  report.segments = 1;
  for (;;) {
    const ReadOutcome outcome = reader.Next();
    if (reader.segment_id() != segment_id) {
      segment_id = reader.segment_id();
      ++report.segments;
    }
    if (outcome == ReadOutcome::kDamaged) {
      if (reader.unreadable()) {
        Error error = reader.error();
        error.text += report.messages == 0
                          ? "; there is no message before it"
                          : "; messages " + std::to_string(report.first_number) + " to " +
                                std::to_string(reader.position().number) + " before it are good";
        return error;
      }
      const auto rest = report.segments == 1
                            ? FindSoundRest(storage, folder, segment_id, mark->mark)
                            : std::nullopt;
      if (rest) {
        report.problems.push_back(rest->damage.text);
        report.first_number = rest->first_number;
        report.last = rest->last;
        report.messages = rest->last.number + 1 - rest->first_number;
        report.segments = rest->segments;
        if (const std::string text = EmptyBesideSegments(*mark, folder); !text.empty()) {
          report.problems.push_back(text);
        }
        return report;
      }
      report.problems.push_back(reader.error().text);
      break;
    }
    if (outcome == ReadOutcome::kEnd) {
      Result<std::vector<std::string>> problems = EndProblems(storage, folder, reader);
      if (!problems) return problems.error();
      std::ranges::move(*problems, std::back_inserter(report.problems));
      break;
    }
    ++report.messages;
    const std::uint64_t number = reader.position().number;
    if (reader.message().header.epoch < epoch) {
      report.problems.push_back("the log " + folder + " forked at " + std::to_string(number) +
                                ": message " + std::to_string(number) + " is of epoch " +
                                std::to_string(reader.message().header.epoch) + " after epoch " +
                                std::to_string(epoch));
    }
    epoch = reader.message().header.epoch;
    if (const std::int64_t time = reader.message().header.time_ns; time < time_ns) {
      report.problems.push_back("the log " + folder + " goes back in time at message " +
                                std::to_string(number) + ", from " + proto::TimeText(time_ns) +
                                " to " + proto::TimeText(time) +
                                "; a time is not found reliably in it");
    }
    time_ns = std::max(time_ns, reader.message().header.time_ns);
    if (!mark_is_wrong && !Agrees(mark->mark, reader)) {
      mark_is_wrong = true;
      report.problems.push_back("the mark of the log " + folder + " says that message " +
                                std::to_string(mark->mark.number) + " ends at offset " +
                                std::to_string(mark->mark.offset) + " of segment " +
                                std::to_string(mark->mark.segment_id) + ", and it does not");
    }
    if (number == mark->mark.number && reader.position().digest != mark->mark.digest) {
      report.problems.push_back("the log " + folder + " has another digest at message " +
                                std::to_string(number) + " than its mark says");
    }
    if (on_progress && report.messages % kProgressMessages == 0) on_progress(number);
  }
  report.last = reader.position();
  const std::string empty_mark = EmptyBesideSegments(*mark, folder);
  if (empty_mark.empty() || report.being_written) return report;
  const Result<bool> complete = report.segments > 1 ? true : IsComplete(reader);
  if (!complete) return complete.error();
  if (*complete) report.problems.push_back(empty_mark);
  return report;
}

}  // namespace tandem::replay
