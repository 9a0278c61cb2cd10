// SPDX-License-Identifier: Apache-2.0
//
// tandem incident resolve: which copy is kept.
#include <chrono>
#include <limits>
#include <memory>
#include <thread>

#include "replay/log_reader.h"
#include "tools/incident.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using engine::Incident;
using engine::NameOfSide;

struct Options {
  std::string folder;
  std::string keep;
  std::string because;
  bool take_back = false;
  std::uint64_t wait_seconds = 0;
};

std::string Unconfirmed(const Incident& incident) {
  return incident.number == incident.published
             ? "output " + std::to_string(incident.number) + " is"
             : "outputs " + std::to_string(incident.number) + " to " +
                   std::to_string(incident.published) + " are";
}

Status CheckTakeBack(const engine::IncidentRecord& record, std::size_t keep, bool accepted) {
  const Incident& incident = record.incident;
  const std::string kept = NameOfSide(keep);
  if (!NeedsTakeBack(incident, keep)) {
    if (!accepted) return {};
    return Error::BadInput("nothing has to be taken back to keep " + kept +
                           "; leave --take-back away");
  }
  if (!incident.is_first) {
    return Error::BadInput(
        "the copies differ at output " + std::to_string(incident.number) +
        " or before it, so it is not known what would have to be taken back; keep " +
        NameOfSide(1 - keep) + ", or begin a new session with new logs everywhere");
  }
  if (accepted) return {};
  return Error::BadInput(
      Unconfirmed(incident) + " published as engine " + NameOfSide(1 - keep) +
      " said, so to keep " + kept +
      " the merged log has to be cut before them; clients that have taken them stop, for what "
      "follows does not follow from what they hold, and must be set back to output " +
      std::to_string(incident.number - 1) +
      " by a person; give --take-back if that is what you want, or keep " + NameOfSide(1 - keep));
}

/// The list that the deduplicator made is bounded; whoever decides must have all of it.
Status CompleteUnconfirmed(replay::Storage& storage, const engine::IncidentRecord& record) {
  const Incident& incident = record.incident;
  if (!incident.has_unconfirmed() ||
      incident.published - incident.number < engine::kUnconfirmedMax) {
    return {};
  }
  const auto merged = engine::MergedFolderOf(record.folder);
  if (!merged) return merged.error();
  const auto schema = engine::ReadIncidentSchema(storage, record.folder);
  if (!schema) return schema.error();
  return engine::WriteUnconfirmed(storage, record.folder, *merged, incident, *schema,
                                  std::numeric_limits<std::uint64_t>::max());
}

Result<ExitCode> AwaitApplied(replay::Storage& storage, const Options& options) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  CatchInterrupts();
  while (!Interrupted() && std::chrono::steady_clock::now() < deadline) {
    const auto record = engine::ReadIncident(storage, options.folder);
    if (!record) return record.error();
    if (record->applied) return ExitCode::kYes;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return Error::Failure("the decision is written, but no deduplicator has taken it up within " +
                        std::to_string(options.wait_seconds) + " s; is it running?");
}

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  const auto record = engine::ReadIncident(storage, options.folder);
  if (!record) return record.error();
  const std::size_t keep = *engine::SideOf(options.keep);
  if (record->decision && record->decision->keep != keep) {
    return Error::BadInput(record->folder + " is decided already: engine " +
                           NameOfSide(record->decision->keep) +
                           " is kept; a decision is never changed");
  }
  Output output;
  if (!record->decision) {
    if (Status status = CheckTakeBack(*record, keep, options.take_back); !status) {
      return status.error();
    }
    if (Status status = CompleteUnconfirmed(storage, *record); !status) return status.error();
    if (Status status = engine::WriteDecision(storage, record->folder,
                                              {.keep = keep,
                                               .takes_back = options.take_back,
                                               .because = options.because,
                                               .time_ns = ClockNow()});
        !status) {
      return status.error();
    }
  }
  if (options.wait_seconds > 0) {
    auto applied = AwaitApplied(storage, options);
    if (!applied) return applied.error();
  }
  const auto now = engine::ReadIncident(storage, options.folder);
  if (!now) return now.error();
  output.text = StateText(*now) + "\n";
  const Incident& incident = record->incident;
  if (options.take_back) {
    output.text += Unconfirmed(incident) + " taken back, listed in " + record->folder +
                   "/unconfirmed.jsonl; tell every client that has taken them\n";
  } else if (incident.has_unconfirmed()) {
    output.text += Unconfirmed(incident) + " confirmed by this decision only; listed in " +
                   record->folder + "/unconfirmed.jsonl\n";
  }
  output.text += NextSteps(*now, "");
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void AddIncidentResolve(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.AddBelow(
      group, "resolve",
      "Decide which copy is kept; the deduplicator fences the other engine and goes on",
      "  tandem incident resolve day/merged.incidents/1234 --keep A --because \"judged\"\n"
      "  tandem incident resolve day/merged.incidents/1234 --keep B --take-back\n",
      [options] { return Run(*options); });
  command.add_option("FOLDER", options->folder, "Folder of the incident")->required();
  command.add_option("--keep", options->keep, "A or B")
      ->required()
      ->check(CLI::IsMember({"A", "B"}));
  command.add_option("--because", options->because, "Why, for whoever reads it later");
  command.add_flag("--take-back", options->take_back,
                   "Cut what was published of the other copy out of the merged log; clients that "
                   "have taken it stop");
  command
      .add_option("--wait", options->wait_seconds,
                  "Wait this long for the deduplicator to take it up; 0: do not wait")
      ->check(WholeNumber(0, 86'400))
      ->capture_default_str()
      ->type_name("SECONDS");
}

}  // namespace tandem::tools
