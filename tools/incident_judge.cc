// SPDX-License-Identifier: Apache-2.0
//
// tandem incident judge: replays a third copy and says who is right.
#include <cinttypes>
#include <filesystem>
#include <memory>

#include "engine/live/host_facts.h"
#include "engine/live/log_folder.h"
#include "proto/schema.h"
#include "replay/diff.h"
#include "tools/incident.h"
#include "tools/interrupt.h"
#include "tools/json_text.h"
#include "tools/judgement.h"
#include "tools/library_digest.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/process.h"
#include "tools/third_copies.h"

namespace tandem::tools {
namespace {

using engine::Incident;
using engine::kSideNames;
using engine::NameOfSide;
using replay::LogReader;

constexpr std::size_t kSides = engine::Deduplicator::kEngines;

struct Options {
  std::string folder;
  std::string input;
  std::array<std::string, kSides> logs;
  std::array<std::string, kSides> programs;
  std::array<std::string, kSides> applications;
  std::uint64_t runs = 3;
  std::vector<std::string> other_pools;
  bool json = false;
  ApplicationOptions application;
};

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// A folder for the logs of replays, gone at the end.
class WorkFolder {
 public:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  ~WorkFolder() { Remove(); }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  Status Make() {
    Remove();
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (!error) return {};
    return Error::Failure("cannot make the folder " + path_ + ": " + error.message());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void Remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path_;
};

class Job {
 public:
  explicit Job(const Options& options) : options_(options) {}

  Result<ExitCode> Run() {
    auto record = engine::ReadIncident(storage_, options_.folder);
    if (!record) return record.error();
    record_ = std::move(*record);
    if (Status status = ReadSchema(); !status) return status.error();
    if (Status status = ReadEnginesLogs(); !status) return status.error();
    if (Status status = CheckInput(); !status) return status.error();
    CatchInterrupts();
    WorkFolder work(record_.folder + "/judge.partial");
    if (Status status = work.Make(); !status) return status.error();
    const bool one_program =
        options_.programs[0] == options_.programs[1] && ApplicationOf(0) == ApplicationOf(1);
    std::array<Replayed, kSides> replayed;
    for (std::size_t side = 0; side < kSides; ++side) {
      if (side > 0 && one_program) {
        replayed[side] = replayed[0];
        break;
      }
      auto of_program = ReplayWith(side, one_program, work.path());
      if (!of_program) return of_program.error();
      replayed[side] = std::move(*of_program);
    }
    const Judgement judgement = Judge(incident(), replayed, one_program);
    if (Status status = Write(judgement); !status) return status.error();
    Output output;
    output.text = options_.json ? Json(judgement) : Text(judgement);
    if (Status status = output.Flush(); !status) return status.error();
    return judgement.verdict == Verdict::kUndecided ? ExitCode::kNo : ExitCode::kYes;
  }

 private:
  [[nodiscard]] Incident& incident() { return record_.incident; }

  Status ReadSchema() {
    const auto bytes = engine::ReadIncidentSchema(storage_, record_.folder);
    if (!bytes) return bytes.error();
    auto schema = proto::Schema::Parse(*bytes);
    if (!schema) schema = proto::Schema::Parse("");
    schema_.emplace(std::move(*schema));
    return {};
  }

  /// An engine's log can say more than the deduplicator saw: where the copies differ first, and
  /// what it had itself in the place of what came.
  Status ReadEnginesLogs() {
    for (std::size_t side = 0; side < kSides; ++side) {
      if (options_.logs[side].empty()) continue;
      if (Status status = CheckEnginesLog(options_.logs[side]); !status) return status;
    }
    if (!incident().is_first && !options_.logs[0].empty() && !options_.logs[1].empty()) {
      return FindFirst();
    }
    for (std::size_t side = 0; side < kSides; ++side) {
      if (options_.logs[side].empty()) continue;
      const auto own = engine::ReadOne(storage_, options_.logs[side], incident().number);
      const std::string log = "the log " + options_.logs[side] + " of engine " + NameOfSide(side);
      if (!own) {
        evidence_.push_back(log + " has no output " + Plain(incident().number));
      } else if (*own == incident().copies[side]) {
        evidence_.push_back(log + " has the copy that the deduplicator got");
      } else {
        evidence_.push_back(log + " has another output " + Plain(incident().number) +
                            " than the deduplicator got of it");
      }
    }
    return {};
  }

  Status CheckEnginesLog(const std::string& folder) {
    const auto log = LogReader::Open(storage_, folder, {.check_digest = false});
    if (!log) return log.error();
    if (log->role() == replay::kInputRole) {
      return Error::BadInput("the log " + folder +
                             " holds inputs; give the output log of an engine");
    }
    if (log->session() == incident().session) return {};
    return Error::BadInput("the log " + folder + " is of session " + log->session().str() +
                           ", and the incident of session " + incident().session.str());
  }

  Status FindFirst() {
    const auto difference = replay::DiffLogs(storage_, options_.logs[0], options_.logs[1]);
    if (!difference) return difference.error();
    if (difference->verdict != replay::DiffVerdict::kDiffers) {
      evidence_.push_back("the engines' logs do not show where the copies differ first: " +
                          difference->text);
      return {};
    }
    evidence_.push_back("the engines' logs differ first at output " + Plain(difference->number));
    incident().number = difference->number;
    incident().is_first = true;
    incident().copies = {difference->a, difference->b};
    incident().cause = 0;
    for (const auto& copy : incident().copies) {
      const auto message = proto::ParseMessage(copy);
      if (message) incident().cause = std::max(incident().cause, message->header.origin);
    }
    incident().last_equal = {};
    if (difference->number == 1) return {};
    const auto before = engine::ReadOne(storage_, options_.logs[0], difference->number - 1);
    if (!before) return before.error();
    const auto message = proto::ParseMessage(*before);
    ENSURE(message.has_value(), "the log gave something that is no message");
    incident().last_equal = {.number = message->header.number, .digest = message->header.digest};
    return {};
  }

  Status CheckInput() {
    const std::string& folder = options_.input;
    const auto log = LogReader::Open(storage_, folder, {.check_digest = false});
    if (!log) return log.error();
    if (Status status = CheckIsInput(log->role(), folder); !status) return status;
    if (log->session() != incident().session) {
      return Error::BadInput("the input log " + folder + " is of session " + log->session().str() +
                             ", and the incident of session " + incident().session.str() +
                             "; give the input log of that session");
    }
    if (log->first_number() > 1) {
      return Error::BadInput("the input log " + folder + " begins at message " +
                             Plain(log->first_number()) +
                             ", for it was trimmed, and a third copy needs it from message 1 on; "
                             "put the segments that were taken back into the folder");
    }
    const auto end = LogReader::LastPosition(storage_, folder);
    if (!end) return end.error();
    if (end->number >= incident().cause) return {};
    return Error::BadInput("the input log " + folder + " ends at message " + Plain(end->number) +
                           ", before input " + Plain(incident().cause) +
                           ", where the copies differ; give a log that has it, the sequencer's or "
                           "an engine's replica");
  }

  [[nodiscard]] const std::string& ApplicationOf(std::size_t side) const {
    const std::string& own = options_.applications[side];
    return own.empty() ? options_.application.name : own;
  }

  Result<Replayed> ReplayWith(std::size_t side, bool one_program, const std::string& work) {
    const std::string& program = options_.programs[side];
    ApplicationOptions application = options_.application;
    application.name = ApplicationOf(side);
    const auto copies =
        MakeThirdCopies({.program = program.empty() ? ThisProgram() : program,
                         .input = options_.input,
                         .last = incident().cause,
                         .runs = options_.runs,
                         .application = application,
                         .other_pools = options_.other_pools,
                         .work = work,
                         .name = one_program ? "replay" : "replay-" + NameOfSide(side)});
    if (!copies) return copies.error();
    Replayed replayed;
    if (program.empty()) {
      const auto library = LibraryDigest(application.name);
      if (!library) return library.error();
      replayed.build = engine::BuildOf({.application = "", .library = *library, .pools = ""});
    }
    replayed.runs = copies->size();
    for (const ThirdCopy& copy : *copies) runs_.push_back(copy.how);
    for (std::size_t run = 1; run < copies->size(); ++run) {
      if (Status status = CompareReplays(*copies, run, &replayed); !status) return status.error();
    }
    if (Status status = ReadAnswer(copies->front().folder, &replayed); !status) {
      return status.error();
    }
    return replayed;
  }

  /// Of all replays that differ from the first one, the one that does so earliest counts.
  Status CompareReplays(const std::vector<ThirdCopy>& copies, std::size_t run, Replayed* replayed) {
    const auto difference = replay::DiffLogs(storage_, copies[0].folder, copies[run].folder);
    if (!difference) return difference.error();
    if (difference->verdict == replay::DiffVerdict::kSame) return {};
    if (difference->last_a == 0 && difference->last_b == 0) return {};
    if (replayed->differ && replayed->differ->number <= difference->number) return {};
    ReplaysDiffer differ;
    differ.number = difference->number;
    differ.second = run;
    differ.how_first = copies[0].how;
    differ.how_second = copies[run].how;
    const auto a = proto::ParseMessage(difference->a);
    const auto b = proto::ParseMessage(difference->b);
    if (a || b) differ.input = (a ? a : b)->header.origin;
    if (a && b) {
      const auto fields = schema_->Compare(*a, *b);
      if (!fields.empty()) {
        differ.field = fields[0].path + " is " + fields[0].a + " and " + fields[0].b;
      }
    }
    replayed->differ = std::move(differ);
    return {};
  }

  Status ReadAnswer(const std::string& replay, Replayed* replayed) {
    const auto end = LogReader::LastPosition(storage_, replay);
    if (!end) return end.error();
    if (end->number >= incident().number) {
      auto answer = engine::ReadOne(storage_, replay, incident().number);
      if (!answer) return answer.error();
      replayed->answer = std::move(*answer);
    }
    const proto::StreamPosition& equal = incident().last_equal;
    if (equal.number == 0) return {};
    if (end->number >= equal.number) {
      const auto last = engine::ReadOne(storage_, replay, equal.number);
      if (!last) return last.error();
      const auto message = proto::ParseMessage(*last);
      if (message && message->header.digest == equal.digest) return {};
    }
    replayed->departs_at = std::min(end->number + 1, equal.number);
    const auto merged = engine::MergedFolderOf(record_.folder);
    if (!merged) return {};
    const auto difference = replay::DiffLogs(storage_, replay, *merged);
    if (difference && difference->number != 0 && difference->number <= equal.number) {
      replayed->departs_at = difference->number;
    }
    return {};
  }

  Status Write(const Judgement& judgement) {
    engine::Sheet sheet;
    sheet.Add("verdict", judgement.text);
    sheet.Add("kind", NameOf(judgement.verdict));
    if (judgement.keep) sheet.Add("keep", NameOfSide(*judgement.keep));
    sheet.Add("why", judgement.why);
    sheet.Add("output", incident().number);
    sheet.Add("input", incident().cause);
    sheet.Add("input log", options_.input);
    AddEach("replay ", runs_, &sheet);
    AddEach("evidence ", evidence_, &sheet);
    sheet.Add("build", engine::BuildId());
    sheet.Add("time", proto::TimeText(ClockNow()));
    return engine::WriteWhole(storage_, record_.folder, kJudgementFile, sheet.Print());
  }

  static void AddEach(const std::string& key, const std::vector<std::string>& texts,
                      engine::Sheet* sheet) {
    for (std::size_t i = 0; i < texts.size(); ++i) sheet->Add(key + Plain(i + 1), texts[i]);
  }

  std::string Text(const Judgement& judgement) {
    std::string text = "VERDICT: " + judgement.text + "\n  " + judgement.why + "\n";
    for (const std::string& line : evidence_) text += "  " + line + "\n";
    text += "  replayed: inputs 1 to " + Plain(incident().cause) + " of " + options_.input + "\n";
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      text += "    replay " + Plain(run + 1) + ": " + runs_[run] + "\n";
    }
    if (judgement.keep) text += NextSteps(record_, NameOfSide(*judgement.keep));
    return text;
  }

  std::string Json(const Judgement& judgement) {
    std::string json = "{\"verdict\":\"" + std::string(NameOf(judgement.verdict)) + "\",\"keep\":";
    json += judgement.keep ? "\"" + NameOfSide(*judgement.keep) + "\"" : "null";
    json += ",\"number\":" + Plain(incident().number) + ",\"input\":" + Plain(incident().cause);
    json += ",\"text\":";
    AppendJsonText(judgement.text, &json);
    json += ",\"why\":";
    AppendJsonText(judgement.why, &json);
    json += ",\"evidence\":" + ListOf(evidence_) + ",\"replays\":" + ListOf(runs_);
    return json + "}\n";
  }

  static std::string ListOf(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) {
      list += list.empty() ? "" : ",";
      AppendJsonText(text, &list);
    }
    return "[" + list + "]";
  }

  const Options& options_;
  replay::PosixStorage storage_;
  engine::IncidentRecord record_;
  std::optional<proto::Schema> schema_;
  std::vector<std::string> runs_;
  std::vector<std::string> evidence_;
};

}  // namespace

void AddIncidentJudge(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.AddBelow(
      group, "judge",
      "Replay a third copy several times and say which it is: one copy was damaged or lied, the "
      "software has a defect that both copies have, or it is not deterministic",
      "  tandem incident judge day/merged.incidents/1234 --input day/input\n"
      "  tandem incident judge day/merged.incidents/1234 --input day/input --runs 5 \\\n"
      "      --a day/a --b day/b --other-pools site.pools\n",
      [options] { return Job(*options).Run(); });
  command.footer(command.get_footer() +
                 "Exit codes: 0 a clear verdict, 1 undecided, 2 bad input, 5 a replay failed.");
  command.add_option("FOLDER", options->folder, "Folder of the incident")->required();
  command.add_option("--input", options->input, "Log of the inputs, from message 1 on")->required();
  command.add_option("--runs", options->runs, "How many replays, each under other circumstances")
      ->check(WholeNumber(2, 64))
      ->capture_default_str();
  command
      .add_option("--other-pools", options->other_pools,
                  "One replay more, with the pools of this file; may be given again")
      ->allow_extra_args(false)
      ->type_name("FILE");
  for (std::size_t side = 0; side < kSides; ++side) {
    const std::string name = NameOfSide(side);
    const std::string option = side == 0 ? "a" : "b";
    command.add_option("--" + option, options->logs[side],
                       "Output log of engine " + name + ", for what it has in its own log");
    command
        .add_option("--program-" + option, options->programs[side],
                    "The `tandem` that engine " + name + " ran, if the engines ran two builds")
        ->check(CLI::ExistingFile);
    command
        .add_option(
            "--app-" + option, options->applications[side],
            "The application that engine " + name + " ran, if it was another one than --app")
        ->type_name("APP");
  }
  command.add_flag("--json", options->json, "One JSON object");
  options->application.AddTo(command);
}

}  // namespace tandem::tools
