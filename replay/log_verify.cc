// SPDX-License-Identifier: Apache-2.0
#include "replay/log_verify.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

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

/// Does the mark stand where message `mark.number` ends, with its digest? `digest`: the log's. By a
/// reader that is opened there. Null: nobody knows.
std::optional<bool> StandsBehindItsMessage(Storage& storage, const std::string& folder,
                                           const MarkSlot& mark, std::uint64_t first_number,
                                           std::uint64_t* digest) {
  const auto place = std::pair(mark.segment_id, mark.offset);
  auto log = LogReader::Open(
      storage, folder, {.from_number = std::max(mark.number, first_number), .check_digest = false});
  if (!log) return std::nullopt;
  *digest = log->position().digest;
  if (mark.number >= first_number) {
    if (log->Next() != ReadOutcome::kMessage) return std::nullopt;
    *digest = log->position().digest;
    if (place < std::pair(log->segment_id(), log->offset())) return false;
  }
  if (log->Next() != ReadOutcome::kMessage) return true;
  const std::uint64_t begins = log->offset() - RecordBytes(log->message().bytes.size());
  return place <= std::pair(log->segment_id(), begins);
}

/// What the mark says of a message that `reader` has passed, or of the end that it has found, and
/// is not so, as a sentence; empty: nothing.
std::string MarkContradiction(Storage& storage, const std::string& folder, const MarkSlot& mark,
                              const LogReader& reader) {
  const proto::StreamPosition last = reader.position();
  const std::string of_mark = "the mark of the log " + folder + " says that ";
  if (mark.generation == 0) return "";
  if (mark.number > last.number) {
    // A writer that is at work may be further on by now.
    if (!reader.error().text.empty() || BeingWritten(storage, folder)) return "";
    const Result<LogEnd> now = LogReader::FindEnd(storage, folder);
    if (now && now->last.number >= mark.number) return "";  // it was closed meanwhile
    return of_mark + "it was synced up to message " + std::to_string(mark.number) +
           ", and it ends at message " + std::to_string(last.number);
  }
  std::uint64_t digest = last.digest;
  bool stands = mark.number + 1 >= reader.first_number();
  const bool is_at_end =
      mark.number == last.number && mark.segment_id == reader.segment_id() &&
      (mark.offset == reader.offset() || mark.offset == reader.offset() + RecordBytes(0));
  if (stands && !is_at_end) {
    const auto found =
        StandsBehindItsMessage(storage, folder, mark, reader.first_number(), &digest);
    if (!found) return "";
    stands = *found;
  }
  if (!stands) {
    return of_mark + "message " + std::to_string(mark.number) + " ends at offset " +
           std::to_string(mark.offset) + " of segment " + std::to_string(mark.segment_id) +
           ", and it does not";
  }
  if (digest == mark.digest) return "";
  return "the log " + folder + " has another digest at message " + std::to_string(mark.number) +
         " than its mark says";
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

/// EndProblems but for the mark.
Result<std::vector<std::string>> TailProblems(Storage& storage, const std::string& folder,
                                              const LogReader& reader) {
  std::vector<std::string> problems;
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

/// The message before a segment, as far as it was read.
struct Before {
  std::int64_t time_ns = 0;
  std::uint32_t epoch = 0;
  bool is_known = false;  ///< false: it is none of this log
};

/// What is wrong with the header of a segment that follows by role, number and digest; null:
/// nothing.
const char* WrongHeader(const SegmentHeader& header, const Before& before) {
  if (!before.is_known && header.first_number > 1) return nullptr;
  if (header.time_before_ns != before.time_ns) {
    return "its header names another time of the message before it";
  }
  return header.epoch == before.epoch ? nullptr
                                      : "its header names another epoch of the message before it";
}

/// Looks at the headers of the segments that the reader has entered since the last time.
class Headers {
 public:
  Headers(Storage& storage, const std::string& folder, const LogReader& reader)
      : storage_(storage), folder_(folder), next_(reader.segment_id()) {}

  void Look(std::uint64_t up_to, const Before& before, LogReport* report) {
    for (; next_ <= up_to; ++next_) {
      ++report->segments;
      // What cannot be read any more was trimmed meanwhile.
      const Result<SegmentHeader> header = ReadSegmentHeader(storage_, folder_, next_);
      if (!header) continue;
      const char* wrong = WrongHeader(*header, before);
      // All have the role of the first one.
      if (report->segments == 1 && std::ranges::find(kLogRoles, header->role) == kLogRoles.end()) {
        wrong = "its header names a role that there is not";
      }
      if (wrong == nullptr) continue;
      report->problems.push_back(Damage(folder_, next_, 0, header->first_number, wrong).text);
    }
  }

 private:
  Storage& storage_;
  const std::string& folder_;
  std::uint64_t next_;
};

/// The report on a log whose first segment is of another one; null: it is not.
std::optional<LogReport> WithoutForeignFirst(Storage& storage, const std::string& folder) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  const Result<MarkState> mark = ReadMarkFile(storage, folder);
  if (!list || !mark) return std::nullopt;
  const auto rest = FindSoundRest(storage, folder, list->ids.front(), mark->mark);
  if (!rest) return std::nullopt;
  LogReport report;
  if (!mark->text.empty()) report.problems.push_back(mark->text);
  report.problems.push_back(rest->damage.text);
  report.first_number = rest->first_number;
  report.last = rest->last;
  report.messages = rest->last.number + 1 - rest->first_number;
  report.segments = rest->segments;
  report.being_written = BeingWritten(storage, folder);
  if (std::string text = EmptyBesideSegments(*mark, folder); !text.empty()) {
    report.problems.push_back(std::move(text));
  }
  return report;
}

}  // namespace

Result<std::vector<std::string>> EndProblems(Storage& storage, const std::string& folder,
                                             const LogReader& reader) {
  if (!reader.error().text.empty()) return std::vector{reader.error().text};
  Result<std::vector<std::string>> problems = TailProblems(storage, folder, reader);
  if (!problems) return problems;
  const Result<MarkState> mark = reader.ReadMark();
  if (!mark) return mark.error();
  std::string text = MarkContradiction(storage, folder, mark->mark, reader);
  if (!text.empty()) problems->push_back(std::move(text));
  return problems;
}

Result<LogReport> VerifyLog(Storage& storage, const std::string& folder,
                            const OnVerifyProgress& on_progress) {
  LogReport report;
  Result<LogReader> opened = LogReader::Open(storage, folder, {.check_digest = true});
  if (!opened) {
    if (auto rest = WithoutForeignFirst(storage, folder)) return std::move(*rest);
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
  Headers headers(storage, folder, reader);
  Before before;
  headers.Look(reader.segment_id(), before, &report);
  for (;;) {
    const ReadOutcome outcome = reader.Next();
    headers.Look(reader.segment_id(), before, &report);
    if (outcome == ReadOutcome::kDamaged) {
      if (reader.unreadable()) {
        Error error = reader.error();
        error.text += report.messages == 0
                          ? "; there is no message before it"
                          : "; messages " + std::to_string(report.first_number) + " to " +
                                std::to_string(reader.position().number) + " before it are good";
        return error;
      }
      if (report.segments == 1) {
        if (auto rest = WithoutForeignFirst(storage, folder)) return std::move(*rest);
      }
      if (std::string text = MarkContradiction(storage, folder, mark->mark, reader);
          !text.empty()) {
        report.problems.push_back(std::move(text));
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
    before = {.time_ns = reader.message().header.time_ns, .epoch = epoch, .is_known = true};
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
