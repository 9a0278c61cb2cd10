// SPDX-License-Identifier: Apache-2.0
#include "tools/replay_against.h"

#include <algorithm>

#include "replay/log_seek.h"
#include "tools/cause_log.h"
#include "tools/field_filter.h"
#include "tools/json_text.h"
#include "tools/log_end.h"
#include "tools/log_schema.h"

namespace tandem::tools {
namespace {

using replay::LogReader;

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// "1 input", "2 inputs"
std::string Counted(std::uint64_t number, const std::string& what) {
  return Plain(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

Result<ReplayAgainst> ReplayAgainst::Open(replay::Storage& storage, const std::string& folder,
                                          proto::Session session, proto::StreamPosition position) {
  auto log = LogReader::Open(storage, folder, {.check_digest = false});
  if (!log) return log.error();
  if (log->role() == replay::kInputRole) {
    return Error::BadInput("the log " + folder +
                           " holds inputs; give --against a log of outputs: an engine's, a "
                           "deduplicator's, or that of a replay");
  }
  if (log->session() != session) {
    return Error::BadInput("the log " + folder + " is of session " + log->session().str() +
                           " and the inputs are of session " + session.str() +
                           ": it does not hold their outputs");
  }
  const std::uint64_t first = std::max(log->first_number(), position.number + 1);
  auto placed = LogReader::Open(storage, folder, {.from_number = first, .check_digest = false});
  if (!placed) return placed.error();
  if (Status status = replay::CheckBelongs(storage, folder, first); !status) return status.error();
  ReplayAgainst against(storage, folder, std::move(*placed));
  against.begin_ = position.number + 1;
  against.first_ = first;
  return against;
}

Status ReplayAgainst::Judge(const replay::ReplayResult& result, const std::string& input,
                            const std::string& application_schema, bool whole) {
  const std::string compared = result.compared == 0
                                   ? "no output was compared"
                                   : "outputs " + Plain(first_) + " to " +
                                         Plain(first_ + result.compared - 1) + " are the same";
  json_ = "\"against\":{\"first\":" + Plain(first_) + ",\"compared\":" + Plain(result.compared);
  if (result.difference) {
    same_ = false;
    const replay::ReplayDifference& difference = *result.difference;
    if (difference.is_before) {
      json_ += ",\"result\":\"differs_before\",\"number\":" + Plain(difference.number) + "}";
      text_ = "the replay differs from " + folder_ + " before output " + Plain(difference.number) +
              ", where that begins or --from does: their running digests say so\n";
      return {};
    }
    if (difference.recorded.empty()) {
      json_ += ",\"result\":\"recorded_ends\"";
      text_ = folder_ + " ends before output " + Plain(difference.number) + ", of input " +
              Plain(difference.input) + "; " + compared + "\n";
    } else {
      json_ += ",\"result\":\"differs\"";
      text_ = "the replay differs from " + folder_ + " first at output " +
              Plain(difference.number) + ", of input " + Plain(difference.input) + "\n";
    }
    json_ += ",\"number\":" + Plain(difference.number) + ",\"input\":" + Plain(difference.input);
    if (Status status = Show(difference, input, application_schema); !status) return status;
  } else if (result.recorded_goes_on_with != 0 && whole) {
    same_ = false;
    json_ += ",\"result\":\"recorded_goes_on\",\"input\":" + Plain(result.recorded_goes_on_with);
    text_ = folder_ + " goes on with outputs of input " + Plain(result.recorded_goes_on_with) +
            ", and " + input + " ends before it; " + compared + "\n";
  } else if (const std::uint64_t next = begin_ + result.progress.outputs;
             first_ > begin_ && first_ >= next) {
    same_ = false;
    json_ += ",\"result\":\"nothing_compared\"";
    text_ = "nothing was compared: " + folder_ + " begins at output " + Plain(first_) +
            ", and the replay ends before output " + Plain(next) + "\n";
  } else if (result.progress.inputs == 0) {
    same_ = false;
    json_ += ",\"result\":\"nothing_compared\"";
    text_ = "nothing was compared: no input was replayed\n";
  } else {
    json_ += ",\"result\":\"same\"";
    text_ = "the replay gives what " + folder_ + " has: ";
    text_ += result.compared == 0 ? "no output of " + Counted(result.progress.inputs, "input")
                                  : compared;
    text_ += '\n';
  }
  json_ += '}';
  return {};
}

Status ReplayAgainst::NoteEnd(const replay::ReplayResult& result) {
  const bool is_at_end = result.difference
                             ? !result.difference->is_before && result.difference->recorded.empty()
                             : result.recorded_goes_on_with == 0;
  if (!is_at_end) return {};
  auto problems = replay::EndProblems(storage_, folder_, log_);
  if (!problems) return problems.error();
  end_problems_ = std::move(*problems);
  NoteAll(end_problems_);
  return {};
}

Status ReplayAgainst::Show(const replay::ReplayDifference& difference, const std::string& input,
                           const std::string& application_schema) {
  CauseLog causes(storage_, input);
  const auto known = causes.GoTo(difference.input);
  if (!known) return known.error();
  const auto recorded = proto::ParseMessage(difference.recorded);
  const auto replayed = proto::ParseMessage(difference.replayed);
  auto of_replay = proto::Schema::Parse(application_schema);
  if (!of_replay) return of_replay.error();
  // Where the recorded log knows its schema by now; without the message there is none to decode.
  LogSchema schema;
  std::optional<LogReader> reader;
  if (recorded) {
    auto opened = LogReader::Open(storage_, folder_,
                                  {.from_number = difference.number, .check_digest = false});
    if (!opened) return opened.error();
    reader.emplace(std::move(*opened));
    reader->Next();
  }
  if (*known) {
    text_ += "  cause:     " + causes.schema().Text(causes.message()) + "\n";
    json_ += ",\"cause\":" + causes.schema().Json(causes.message());
  }
  text_ += "  recorded:  " + (recorded ? schema.For(*reader).Text(*recorded) : "(no such output)") +
           "\n";
  text_ += "  replayed:  " + (replayed ? of_replay->Text(*replayed) : "(no such output)") + "\n";
  json_ += ",\"recorded\":" + (recorded ? schema.For(*reader).Json(*recorded) : "null");
  json_ += ",\"replayed\":" + (replayed ? of_replay->Json(*replayed) : "null");
  std::vector<proto::FieldDifference> fields;
  if (recorded && replayed) {
    fields = FieldFilter().Differences(schema.For(*reader), *recorded, *of_replay, *replayed);
  }
  text_ += TextOf(fields, "  ", "recorded", "replayed");
  json_ += ",\"fields\":" + JsonOf(fields);
  return {};
}

}  // namespace tandem::tools
