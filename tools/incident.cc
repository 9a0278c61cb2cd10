// SPDX-License-Identifier: Apache-2.0
//
// tandem incident: list and show.
#include "tools/incident.h"

#include <chrono>
#include <memory>

#include "engine/live/incident_report.h"
#include "engine/transport/printable.h"
#include "proto/schema.h"
#include "tools/cause_log.h"
#include "tools/field_filter.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/state_incident.h"

namespace tandem::tools {

using engine::Incident;
using engine::IncidentRecord;
using engine::kSideNames;
using engine::NameOfSide;

std::int64_t ClockNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

const char* StateOf(const IncidentRecord& record) {
  if (record.readmission) return "closed";
  if (record.applied) return "fenced";
  return record.decision ? "decided" : "open";
}

std::string StateText(const IncidentRecord& record) {
  if (record.readmission && !record.applied) {
    return "closed: the merged log has lost what led to it, and both engines were compared again "
           "from output " +
           std::to_string(record.readmission->proven.number + 1);
  }
  if (!record.decision) return "open: nothing is published until it is resolved";
  const std::string kept = NameOfSide(record.decision->keep);
  const std::string other = NameOfSide(1 - record.decision->keep);
  if (record.readmission) {
    return "closed: " + kept + " was kept, and " + other + " has proven equal up to output " +
           std::to_string(record.readmission->proven.number);
  }
  if (record.applied) {
    return "resolved: the merged stream goes on with " + kept + ", and " + other +
           " is fenced until it has proven equal";
  }
  return "decided: " + kept + " is kept; the deduplicator has not taken it up yet";
}

std::string NextSteps(const IncidentRecord& record, const std::string& judged_keep) {
  const std::string incident = "tandem incident ";
  if (record.readmission) return "";
  if (!record.decision) {
    if (judged_keep.empty()) {
      return "next: " + incident + "judge " + record.folder + " --input LOG\n" +
             "      LOG: the sequencer's log, or an engine's replica of it\n";
    }
    const auto keep = engine::SideOf(judged_keep);
    return "next: " + incident + "resolve " + record.folder + " --keep " + judged_keep +
           (keep && NeedsTakeBack(record.incident, *keep) ? " --take-back" : "") + "\n";
  }
  if (!record.applied) return "next: start the deduplicator, if it does not run\n";
  const std::string fenced = NameOfSide(1 - record.decision->keep);
  return "next: stop engine " + fenced + ", then " + incident + "rebuild " + record.folder +
         " --engine LOG\n      LOG: the output log of engine " + fenced + "\n";
}

namespace {

struct ListOptions {
  std::string merged;
  bool json = false;
};

struct ShowOptions {
  std::string folder;
  std::string input;
  bool unconfirmed = false;
  bool json = false;
};

Result<ExitCode> List(const ListOptions& options) {
  replay::PosixStorage storage;
  if (!storage.FolderExists(options.merged) &&
      !storage.FolderExists(engine::IncidentsFolderOf(options.merged))) {
    return Error::BadInput("there is no folder " + options.merged +
                           "; give the folder of a merged log");
  }
  const auto folders = engine::ListIncidents(storage, options.merged);
  if (!folders) return folders.error();
  Output output;
  std::string json;
  ExitCode code = ExitCode::kYes;
  for (const std::string& folder : *folders) {
    const auto record = engine::ReadIncident(storage, folder);
    if (!record) code = ExitCode::kBadInput;
    json += std::string(json.empty() ? "" : ",") + "{\"folder\":";
    AppendJsonText(folder, &json);
    json += ",\"state\":\"" + std::string(record ? StateOf(*record) : "damaged") + "\"";
    if (record) {
      json += ",\"number\":" + std::to_string(record->incident.number) +
              ",\"input\":" + std::to_string(record->incident.cause);
      output.text += folder + ": output " + std::to_string(record->incident.number) + ", found " +
                     proto::TimeText(record->incident.found_ns) + "; " + StateText(*record) + "\n";
    } else {
      json += ",\"error\":";
      AppendJsonText(record.error().text, &json);
      output.text += folder + ": " + record.error().text + "\n";
    }
    json += '}';
  }
  if (folders->empty()) output.text = "there are no incidents of " + options.merged + "\n";
  if (options.json) output.text = "[" + json + "]\n";
  if (Status status = output.Flush(); !status) return status.error();
  return code;
}

class Show {
 public:
  explicit Show(const ShowOptions& options) : options_(options) {}

  Result<ExitCode> Run() {
    const auto of_state = ReadStateIncident(storage_, options_.folder);
    if (!of_state) return of_state.error();
    if (*of_state) return ShowStateIncident(**of_state);
    auto record = engine::ReadIncident(storage_, options_.folder);
    if (!record) return record.error();
    record_ = std::move(*record);
    const auto schema = engine::ReadIncidentSchema(storage_, record_.folder);
    if (!schema) return schema.error();
    schema_ = *schema;
    const auto judgement =
        engine::ReadSheet(storage_, record_.folder + "/" + std::string(kJudgementFile));
    if (!judgement) return judgement.error();
    judgement_ = *judgement;
    if (Status status = ReadCause(); !status) return status.error();
    Output output;
    if (options_.unconfirmed) {
      auto list = engine::ReadWhole(storage_, record_.folder + "/unconfirmed.jsonl",
                                    std::uint64_t{1} << 36);
      if (!list) return list.error();
      output.text = list->value_or("");
    } else {
      output.text = options_.json ? Json() : Text();
    }
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kYes;
  }

 private:
  /// One that `tandem audit` found; its folder says all there is.
  Result<ExitCode> ShowStateIncident(const std::string& report) {
    if (options_.json || options_.unconfirmed) {
      return Error::BadInput(options_.folder +
                             " is an incident of a state, of which nothing was published; see "
                             "differences.jsonl in it for JSON");
    }
    Output output;
    output.text = report;
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kYes;
  }

  Status ReadCause() {
    if (options_.input.empty()) return {};
    const auto reader = replay::LogReader::Open(storage_, options_.input, {.check_digest = false});
    if (!reader) return reader.error();
    if (Status status = CheckIsInput(reader->role(), options_.input); !status) return status;
    if (reader->session() != record_.incident.session) {
      return Error::BadInput("the log " + options_.input + " is of session " +
                             reader->session().str() + " and the incident of session " +
                             record_.incident.session.str() + ": it does not hold the cause");
    }
    CauseLog causes(storage_, options_.input);
    const auto known = causes.GoTo(record_.incident.cause);
    if (!known) return known.error();
    if (!*known && record_.incident.cause != 0) {
      return Error::BadInput("the log " + options_.input + " has no message " +
                             std::to_string(record_.incident.cause) +
                             ", which is named as the cause");
    }
    if (!*known) return {};
    cause_ = causes.schema().Text(causes.message());
    cause_json_ = causes.schema().Json(causes.message());
    return {};
  }

  std::string Text() {
    std::string text = engine::DescribeIncident(record_.incident, schema_, cause_);
    text += "\nstate: " + StateText(record_) + "\n";
    if (judgement_) text += "judged: " + judgement_->Text("verdict") + "\n";
    if (record_.decision && !record_.decision->because.empty()) {
      text += "because: " + engine::Printable(record_.decision->because) + "\n";
    }
    return text + NextSteps(record_, judgement_ ? judgement_->Text("keep") : "");
  }

  std::string Json() {
    const Incident& incident = record_.incident;
    std::string json = "{\"folder\":";
    AppendJsonText(record_.folder, &json);
    Add("state", StateOf(record_), &json);
    Add("session", incident.session.str(), &json);
    json += ",\"number\":" + std::to_string(incident.number);
    json += std::string(",\"is_first\":") + (incident.is_first ? "true" : "false");
    Add("what", incident.what, &json);
    json += ",\"input\":" + std::to_string(incident.cause);
    json += ",\"last_equal\":{\"number\":" + std::to_string(incident.last_equal.number) +
            ",\"digest\":\"" + proto::DigestText(incident.last_equal.digest) + "\"}";
    json += ",\"published\":" + std::to_string(incident.published);
    Add("published_side", NameOfSide(incident.published_side), &json);
    Add("policy", incident.policy, &json);
    Add("found", proto::TimeText(incident.found_ns), &json);
    AppendCopies(&json);
    json += ",\"cause\":" + (cause_json_.empty() ? "null" : cause_json_);
    for (std::size_t side = 0; side < kSideNames.size(); ++side) AppendEngine(side, &json);
    AppendSteps(&json);
    return json + "}\n";
  }

  static void Add(const char* key, const std::string& value, std::string* json) {
    *json += std::string(",\"") + key + "\":";
    AppendJsonText(value, json);
  }

  void AppendCopies(std::string* json) {
    auto schema = proto::Schema::Parse(schema_);
    if (!schema) schema = proto::Schema::Parse("");
    const auto a = proto::ParseMessage(record_.incident.copies[0]);
    const auto b = proto::ParseMessage(record_.incident.copies[1]);
    *json += ",\"a\":" + (a ? schema->Json(*a) : "null");
    *json += ",\"b\":" + (b ? schema->Json(*b) : "null");
    std::vector<proto::FieldDifference> fields;
    if (a && b) fields = schema->Compare(*a, *b);
    *json += ",\"fields\":" + JsonOf(fields);
  }

  void AppendEngine(std::size_t side, std::string* json) {
    const engine::EngineFacts& engine = record_.incident.engines[side];
    *json += ",\"engine_" + std::string(side == 0 ? "a" : "b") + "\":{\"name\":";
    AppendJsonText(engine.name, json);
    Add("address", engine.address, json);
    *json += std::string(",\"connected\":") + (engine.connected ? "true" : "false");
    *json += ",\"taken\":" + std::to_string(engine.taken) +
             ",\"process\":" + std::to_string(engine.process) +
             ",\"input_number\":" + std::to_string(engine.input_number);
    Add("build", engine.build, json);
    Add("cpu", engine.cpu, json);
    Add("host", engine.host, json);
    Add("application", engine.application, json);
    Add("pools", engine.pools, json);
    *json += ",\"zone_address\":" + std::to_string(engine.zone_address) + "}";
  }

  void AppendSteps(std::string* json) {
    *json += ",\"judgement\":";
    if (judgement_) {
      std::string lines;
      for (const auto& [key, value] : judgement_->lines()) {
        lines += lines.empty() ? "" : ",";
        AppendJsonText(key, &lines);
        lines += ':';
        AppendJsonText(value, &lines);
      }
      *json += "{" + lines + "}";
    } else {
      *json += "null";
    }
    *json += ",\"decision\":";
    if (record_.decision) {
      *json += "{\"keep\":\"" + NameOfSide(record_.decision->keep) +
               "\",\"take_back\":" + (record_.decision->takes_back ? "true" : "false");
      Add("because", record_.decision->because, json);
      Add("time", proto::TimeText(record_.decision->time_ns), json);
      *json += "}";
    } else {
      *json += "null";
    }
    *json += ",\"applied\":" +
             (record_.applied ? std::to_string(record_.applied->published.number) : "null");
    *json += ",\"closed\":" +
             (record_.readmission ? std::to_string(record_.readmission->proven.number) : "null");
  }

  const ShowOptions& options_;
  replay::PosixStorage storage_;
  IncidentRecord record_;
  std::string schema_;
  std::optional<engine::Sheet> judgement_;
  std::string cause_;
  std::string cause_json_;
};

}  // namespace

void RegisterIncident(Commands& commands) {
  CLI::App& group = commands.AddGroup(
      "incident", "From a divergence back to a healthy pair: list, show, judge, resolve, rebuild",
      "  tandem incident list day/merged\n"
      "  tandem incident show day/merged.incidents/1234 --input day/input\n"
      "  tandem incident judge day/merged.incidents/1234 --input day/input\n"
      "  tandem incident resolve day/merged.incidents/1234 --keep A --because \"judged\"\n"
      "  tandem incident rebuild day/merged.incidents/1234 --engine day/b\n");
  auto list = std::make_shared<ListOptions>();
  CLI::App& list_command =
      commands.AddBelow(group, "list", "Name the incidents of a merged log, oldest first",
                        "  tandem incident list day/merged\n", [list] { return List(*list); });
  list_command.add_option("MERGED", list->merged, "Folder of the merged log")->required();
  list_command.add_flag("--json", list->json, "One JSON array");

  auto show = std::make_shared<ShowOptions>();
  CLI::App& show_command = commands.AddBelow(
      group, "show", "Both answers side by side, the engines, what was published, what to do next",
      "  tandem incident show day/merged.incidents/1234 --input day/input\n"
      "  tandem incident show day/merged.incidents/1234 --unconfirmed\n",
      [show] { return Show(*show).Run(); });
  show_command.add_option("FOLDER", show->folder, "Folder of the incident")->required();
  show_command.add_option("--input", show->input,
                          "Log of the inputs, to show the message that caused it: the sequencer's, "
                          "or an engine's replica");
  show_command.add_flag("--unconfirmed", show->unconfirmed,
                        "Only what was published and never confirmed, a line of JSON each");
  show_command.add_flag("--json", show->json, "One JSON object");

  AddIncidentJudge(commands, group);
  AddIncidentResolve(commands, group);
  AddIncidentRebuild(commands, group);
}

}  // namespace tandem::tools
