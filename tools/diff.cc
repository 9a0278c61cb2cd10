// SPDX-License-Identifier: Apache-2.0
//
// tandem diff: the first difference of two logs, decoded; or all of them, summed up.
#include "replay/diff.h"

#include <algorithm>

#include "replay/log_reader.h"
#include "tools/cause_log.h"
#include "tools/command.h"
#include "tools/diff_all.h"
#include "tools/diff_live.h"
#include "tools/field_filter.h"
#include "tools/json_text.h"
#include "tools/log_end.h"
#include "tools/log_schema.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/range_schemas.h"

namespace tandem::tools {
namespace {

using replay::DiffVerdict;
using replay::LogReader;
using replay::ReadOutcome;

struct Options {
  DiffAllOptions logs;
  bool all = false;
  bool follow = false;
  std::uint64_t context = 3;
  std::vector<std::string> ignored;
  replay::DiffOptions compare;
};

/// One log around a number.
class Around {
 public:
  static Result<Around> Open(replay::Storage& storage, const std::string& folder,
                             std::uint64_t first, std::uint64_t last) {
    first = std::min(first, last + 1);  // at most just behind the end
    auto reader = LogReader::Open(storage, folder, {.from_number = first, .check_digest = false});
    if (!reader) return reader.error();
    return Around(std::move(*reader));
  }

  /// The next message; false at the end of the log.
  bool Next() { return reader_.Next() == ReadOutcome::kMessage; }
  [[nodiscard]] std::uint64_t next_number() const { return reader_.position().number + 1; }
  [[nodiscard]] const proto::MessageView& message() const { return reader_.message(); }
  [[nodiscard]] proto::Schema& schema() { return schema_.For(reader_); }
  [[nodiscard]] std::string Text() { return schema().Text(message()); }
  [[nodiscard]] std::string Json() { return schema().Json(message()); }

 private:
  explicit Around(LogReader reader) : reader_(std::move(reader)) {}
  LogReader reader_;
  LogSchema schema_;
};

/// What there is to show of a difference, as text and as JSON.
class Report {
 public:
  Report(const Options& options, const replay::LogDifference& difference)
      : options_(options), difference_(difference) {}

  Status Read(replay::Storage& storage, const FieldFilter& filter) {
    const std::uint64_t first = std::max(
        difference_.first, difference_.number - std::min(difference_.number, options_.context));
    auto a = Around::Open(storage, options_.logs.a, first, difference_.last_a);
    if (!a) return a.error();
    auto b = Around::Open(storage, options_.logs.b, first, difference_.last_b);
    if (!b) return b.error();
    while (a->next_number() < difference_.number && a->Next() && b->Next()) {
      text_ += "      " + a->Text() + "\n";
      before_json_ += (before_json_.empty() ? "" : ",") + a->Json();
    }
    has_a_ = a->Next();
    has_b_ = b->Next();
    if (Status status = ReadCause(storage, has_a_ ? *a : *b); !status) return status;
    text_ += "  A:  " + (has_a_ ? a->Text() : "(the log ends here)") + "\n";
    text_ += "  B:  " + (has_b_ ? b->Text() : "(the log ends here)") + "\n";
    json_ = ",\"a\":" + (has_a_ ? a->Json() : "null") + ",\"b\":" + (has_b_ ? b->Json() : "null");
    if (has_a_ && has_b_) {
      const auto fields = filter.Differences(a->schema(), a->message(), b->schema(), b->message());
      text_ += TextOf(fields, "  ");
      json_ += ",\"fields\":" + JsonOf(fields);
    } else {
      json_ += ",\"fields\":[]";
    }
    ReadAfter(*a, *b);
    return {};
  }

  [[nodiscard]] std::string Text() const { return difference_.text + "\n" + text_; }

  [[nodiscard]] std::string Json() const {
    std::string text = std::string("{\"result\":\"") + VerdictName(difference_.verdict) + "\"";
    text += ",\"first\":" + std::to_string(difference_.first);
    text += std::string(",\"differs_before\":") + (difference_.differs_before ? "true" : "false");
    text += ",\"number\":" + std::to_string(difference_.number);
    text += ",\"last_a\":" + std::to_string(difference_.last_a);
    text += ",\"last_b\":" + std::to_string(difference_.last_b);
    text += ",\"ignored\":" + std::to_string(difference_.ignored) + ",\"text\":";
    AppendJsonText(difference_.text, &text);
    text += json_;
    if (!json_.empty()) {
      text += ",\"cause\":" + (cause_json_.empty() ? "null" : cause_json_);
      text += ",\"before\":[" + before_json_ + "],\"after_a\":[" + after_json_[0] +
              "],\"after_b\":[" + after_json_[1] + "]";
    }
    return text + "}\n";
  }

 private:
  /// The input message that a differing output comes from.
  Status ReadCause(replay::Storage& storage, Around& side) {
    if (options_.logs.input.empty()) return {};
    CauseLog causes(storage, options_.logs.input);
    const std::uint64_t origin = side.message().header.origin;
    const auto known = causes.GoTo(origin);
    if (!known) return known.error();
    if (!*known) {
      text_ += "  cause: " + causes.NotThere(origin) + "\n";
      return {};
    }
    text_ += "  cause: " + causes.schema().Text(causes.message()) + "\n";
    cause_json_ = causes.schema().Json(causes.message());
    return {};
  }

  /// What follows: one line where both are alike, else one each.
  void ReadAfter(Around& a, Around& b) {
    for (std::uint64_t i = 0; i < options_.context && (has_a_ || has_b_); ++i) {
      has_a_ = has_a_ && a.Next();
      has_b_ = has_b_ && b.Next();
      if (has_a_) after_json_[0] += (i == 0 ? "" : ",") + a.Json();
      if (has_b_) after_json_[1] += (i == 0 ? "" : ",") + b.Json();
      if (has_a_ && has_b_ && a.Text() == b.Text()) {
        text_ += "      " + a.Text() + "\n";
        continue;
      }
      if (has_a_) text_ += "  A:  " + a.Text() + "\n";
      if (has_b_) text_ += "  B:  " + b.Text() + "\n";
    }
  }

  const Options& options_;
  const replay::LogDifference& difference_;
  bool has_a_ = false;
  bool has_b_ = false;
  std::string text_;
  std::string json_;
  std::string before_json_;
  std::string after_json_[2];
  std::string cause_json_;
};

/// --input must be the log of the inputs, or every cause would be another message.
Status CheckInput(replay::Storage& storage, const std::string& folder) {
  if (folder.empty()) return {};
  const auto reader = LogReader::Open(storage, folder, {.check_digest = false});
  if (!reader) return reader.error();
  return CheckIsInput(reader->role(), folder);
}

/// And of the session of one of the logs at least, which hold outputs.
Status CheckIsOfOutputs(replay::Storage& storage, const DiffAllOptions& logs) {
  if (logs.input.empty()) return {};
  std::vector<std::string> sessions;
  for (const std::string* folder : {&logs.input, &logs.a, &logs.b}) {
    const auto reader = LogReader::Open(storage, *folder, {.check_digest = false});
    if (!reader) return reader.error();
    sessions.push_back(reader->session().str());
  }
  if (sessions[0] != sessions[1] && sessions[0] != sessions[2]) {
    return Error::BadInput("the log " + logs.input + " is of session " + sessions[0] + ", and " +
                           logs.name_a + " of session " + sessions[1] +
                           ": it does not hold the causes of its messages");
  }
  const auto hold_inputs = HoldInputs(storage, logs);
  if (!hold_inputs) return hold_inputs.error();
  if (!*hold_inputs) return {};
  return Error::BadInput("--input shows the causes of outputs, and " + logs.name_a +
                         " holds inputs, which have none; leave it away");
}

/// An error that names a field which no schema of the two logs knows.
Status CheckFields(replay::Storage& storage, const Options& options, const FieldFilter& filter) {
  if (filter.empty()) return {};
  SchemaTexts texts;
  for (const std::string* folder : {&options.logs.a, &options.logs.b}) {
    const auto reader = LogReader::Open(storage, *folder, {.check_digest = false});
    if (!reader) return reader.error();
    texts.merge(SchemasAtEnds(storage, *folder, *reader));
  }
  if (filter.Check(ParseSchemas(texts))) return {};
  // What is not known there may be known in between.
  for (const std::string* folder : {&options.logs.a, &options.logs.b}) {
    auto all = SchemasOfRange(storage, *folder);
    if (!all) return all.error();
    texts.merge(*all);
  }
  return filter.Check(ParseSchemas(texts));
}

/// What there is to say of live streams that were found to be the same, or no copies at all.
Result<ExitCode> SayLive(const Options& options, const LiveDiff& live) {
  Output output;
  if (options.logs.json) {
    output.text = std::string("{\"result\":\"") + (live.same ? "same" : "differs") +
                  "\",\"number\":" + std::to_string(live.number) +
                  ",\"last_a\":" + std::to_string(live.last_a) +
                  ",\"last_b\":" + std::to_string(live.last_b) + ",\"text\":";
    AppendJsonText(live.text, &output.text);
    output.text += "}\n";
  } else {
    output.text = live.text + "\n";
  }
  if (Status status = output.Flush(); !status) return status.error();
  return live.same ? ExitCode::kYes : ExitCode::kNo;
}

Result<ExitCode> RunOnLogs(replay::Storage& storage, const Options& options);

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
  return text;
}

Result<ExitCode> Run(const Options& given) {
  Options options = given;
  options.logs.name_a = options.compare.name_a = options.logs.a;
  options.logs.name_b = options.compare.name_b = options.logs.b;
  replay::PosixStorage storage;
  if (!options.follow && !IsStream(options.logs.a) && !IsStream(options.logs.b)) {
    return RunOnLogs(storage, options);
  }
  if (options.follow && (options.all || !options.ignored.empty())) {
    return Error::BadInput("--follow ends at the first difference, whatever it is; leave " +
                           std::string(options.all ? "--all" : "--ignore") + " away");
  }
  if (Status status = CheckInput(storage, options.logs.input); !status) return status.error();
  const auto live = CompareLive(
      storage,
      {.a = options.logs.a,
       .b = options.logs.b,
       .follow = options.follow,
       .ignore_session = options.compare.ignore_session ||
                         std::ranges::find(options.ignored, "session") != options.ignored.end(),
       .ignores = !options.ignored.empty(),
       .to_the_end = options.all || !options.ignored.empty(),
       .context = options.context});
  if (!live) return live.error();
  if (!live->text.empty()) return SayLive(options, *live);
  Options recorded = options;
  recorded.logs.a = live->a;
  recorded.logs.b = live->b;
  const auto code = RunOnLogs(storage, recorded);
  if (code) return code;
  // What was recorded is not what a person has asked about.
  std::string text = Replaced(code.error().text, live->a, options.logs.name_a);
  text = Replaced(std::move(text), live->b, options.logs.name_b);
  return Error{code.error().code, std::move(text)};
}

Result<ExitCode> RunOnLogs(replay::Storage& storage, const Options& options) {
  if (Status status = CheckInput(storage, options.logs.input); !status) return status.error();
  if (Status status = CheckIsOfOutputs(storage, options.logs); !status) return status.error();
  std::vector<std::string> ignored = options.ignored;
  const bool ignores_session = std::erase(ignored, "session") > 0;
  replay::DiffOptions compare = options.compare;
  compare.ignore_session |= ignores_session;
  if (compare.ignore_session && !ignored.empty()) ignored.emplace_back("session");
  const FieldFilter filter(ignored);
  if (Status status = CheckFields(storage, options, filter); !status) return status.error();
  LogSchema schema_a;
  LogSchema schema_b;
  if (!filter.empty()) {
    compare.matters = [&](const LogReader& a, const LogReader& b) {
      return !filter.Differences(schema_a.For(a), a.message(), schema_b.For(b), b.message())
                  .empty();
    };
  }
  const auto difference = replay::DiffLogs(storage, options.logs.a, options.logs.b, compare);
  if (!difference) return difference.error();
  NoteAll(difference->notes);
  if (options.all && (!difference->a.empty() || !difference->b.empty())) {
    return DiffAll(storage, options.logs, filter, *difference);
  }
  Report report(options, *difference);
  if (!difference->a.empty() || !difference->b.empty()) {
    if (Status status = report.Read(storage, filter); !status) return status.error();
  }
  Output output;
  output.text = options.logs.json ? report.Json() : report.Text();
  if (Status status = output.Flush(); !status) return status.error();
  return difference->verdict == DiffVerdict::kSame ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void RegisterDiff(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "diff", "Find the first difference of two logs, or live streams, of one stream",
      "  tandem generate --orders 10000 --seed 1 -o one\n"
      "  tandem generate --orders 10000 --seed 2 -o two\n"
      "  tandem diff one two\n"
      "  tandem diff one two --all --ignore price --ignore size\n"
      "  tandem diff 127.0.0.1:9002 127.0.0.1:9003\n"
      "  tandem diff 127.0.0.1:9004 day/b --follow\n"
      "Exit code: 0 the same, 1 different. It is 1 too where they are the same but for "
      "what --ignore names as\nfar back as both go, and differ before: in what, only "
      "what lies before could tell.\n",
      [options] { return Run(*options); });
  command.add_option("A", options->logs.a, "Folder of one log, or HOST:PORT of a stream")
      ->required()
      ->check(Named("folder or stream"));
  command.add_option("B", options->logs.b, "Folder of the other, or HOST:PORT")
      ->required()
      ->check(Named("folder or stream"));
  CLI::Option* const context = command
                                   .add_option("--context", options->context,
                                               "Messages to show before and after the difference")
                                   ->check(WholeNumber(0, 1'000'000))
                                   ->capture_default_str();
  command
      .add_option("--input", options->logs.input,
                  "Log of the inputs, to show the message that caused a differing output")
      ->check(NotEmpty());
  command
      .add_option("--ignore", options->ignored,
                  "A field that may differ, of payload or header, as price or Trade.price; may be "
                  "given again")
      ->allow_extra_args(false)
      ->type_name("FIELD");
  CLI::Option* const all =
      command
          .add_flag("--all", options->all,
                    "Align the outputs of each input and sum up every difference by type")
          ->excludes(context);
  command.add_option("--examples", options->logs.examples, "With --all: examples of each kind")
      ->check(WholeNumber())
      ->needs(all)
      ->capture_default_str();
  command.add_flag("--follow", options->follow,
                   "Go on comparing as they grow, until they differ or Ctrl-C");
  command.add_flag("--ignore-session", options->compare.ignore_session,
                   "Compare logs of two sessions");
  command.add_flag("--trust-digests", options->compare.trust_digests,
                   "Take equal running digests for equal messages and do not read them");
  command.add_flag("--json", options->logs.json, "One JSON object");
}

}  // namespace tandem::tools
