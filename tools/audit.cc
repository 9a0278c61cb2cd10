// SPDX-License-Identifier: Apache-2.0
//
// tandem audit: proves the states of the engines of a pair, from their images and the input log.
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "engine/live/incident.h"
#include "engine/live/sheet.h"
#include "tools/auditor.h"
#include "tools/command.h"
#include "tools/incident.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/state_incident.h"
#include "tools/state_text.h"

namespace tandem::tools {
namespace {

struct Options {
  AuditOptions audit;
  std::string incidents = "audit.incidents";
  std::string status_file;
  std::chrono::milliseconds every{1000};
  bool follow = false;
  bool json = false;
};

/// What is left over by others is enough: engines come first.
void StepBack() {
  (void)::setpriority(PRIO_PROCESS, 0, 19);
  const sched_param none{};
  (void)::sched_setscheduler(0, SCHED_BATCH, &none);
}

class Job {
 public:
  explicit Job(const Options& options) : options_(options), auditor_(options.audit) {}

  Result<ExitCode> Run() {
    StepBack();
    CatchInterrupts();
    const auto on_step = [this](const AuditStep& step) { Tell(step); };
    const auto ask = [] { return !Interrupted(); };
    std::string waiting_for;
    while (true) {
      waiting_for = options_.follow ? WaitsFor() : "";
      if (waiting_for.empty()) {
        const auto finding = auditor_.Round(on_step, ask);
        if (!finding) return finding.error();
        if (*finding) return Report(**finding);
      }
      if (Status status = WriteStatus(waiting_for.empty() ? "audits" : "waits for " + waiting_for);
          !status) {
        return status.error();
      }
      if (Status status = output_.Flush(); !status) return status.error();
      if (Interrupted() || !options_.follow) break;
      Wait();
    }
    return End();
  }

 private:
  /// Roles are started in any order: a folder or log that is not there yet will come.
  [[nodiscard]] std::string WaitsFor() const {
    const AuditOptions& audit = options_.audit;
    for (const std::string& path : {audit.images[0], audit.images[1], audit.input}) {
      if (!path.empty() && !storage_.FolderExists(path)) return path;
    }
    return "";
  }

  void Wait() const {
    const auto until = std::chrono::steady_clock::now() + options_.every;
    while (!Interrupted() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void Tell(const AuditStep& step) {
    const char* const events[] = {"start", "same", "differs", "passed by"};
    const char* const event = events[static_cast<std::size_t>(step.what)];
    compared_ += step.what == AuditStep::What::kSame || step.what == AuditStep::What::kDiffers;
    std::string& out = output_.text;
    const std::string number = std::to_string(step.label.input.number);
    if (options_.json) {
      out += std::string("{\"event\":\"") + event + "\",\"engine\":\"" +
             engine::NameOfSide(step.side) + "\",\"input\":" + number +
             ",\"from\":" + std::to_string(step.from) + ",\"bytes\":" + std::to_string(step.bytes) +
             ",\"image\":";
      AppendJsonBytes(step.path, &out);
      out += ",\"why\":";
      AppendJsonBytes(step.why, &out);
      out += "}\n";
    } else if (step.what == AuditStep::What::kPassedBy) {
      out += "passed by: " + step.path + ": " + step.why + "\n";
    } else {
      out += std::string(event) + ": engine " + engine::NameOfSide(step.side) + " after input " +
             number + ", " + std::to_string(step.bytes) + " bytes";
      if (step.what != AuditStep::What::kStart) {
        out += ", replayed from input " + std::to_string(step.from);
      }
      out += "\n";
    }
    (void)output_.Flush();  // a full disk is reported at the end of the round
  }

  /// `incident`: folder of what was found.
  Status WriteStatus(const std::string& state, const std::string& incident = "") {
    if (options_.status_file.empty()) return {};
    std::string json = "{\"role\":\"audit\",\"state\":";
    AppendJsonBytes(state, &json);
    json += ",\"incident\":";
    AppendJsonBytes(incident, &json);
    json += ",\"process\":" + std::to_string(::getpid()) +
            ",\"input\":" + std::to_string(auditor_.position());
    for (std::size_t side = 0; side < 2; ++side) {
      const std::string name = side == 0 ? "a" : "b";
      json += ",\"same_" + name + "\":" + std::to_string(auditor_.same(side)) + ",\"same_" + name +
              "_at\":" + std::to_string(auditor_.same_at(side)) + ",\"images_" + name +
              "\":" + std::to_string(auditor_.looked_at(side)) + ",\"passed_by_" + name +
              "\":" + std::to_string(auditor_.passed_by(side));
    }
    const auto unproven = auditor_.begins_unproven();
    json += ",\"begins_unproven_at\":" + (unproven ? std::to_string(*unproven) : "null");
    json += ",\"time_ns\":" + std::to_string(ClockNow()) + "}\n";
    const std::filesystem::path path(options_.status_file);
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
    return engine::WriteWhole(storage_, folder, path.filename().string(), json);
  }

  Result<ExitCode> Report(const AuditFinding& finding) {
    const auto folder =
        WriteStateIncident(storage_, options_.incidents, finding, options_.audit.input);
    if (!folder) return folder.error();
    if (options_.json) {
      output_.text +=
          "{\"event\":\"incident\",\"engine\":\"" + engine::NameOfSide(finding.side) +
          "\",\"input\":" + std::to_string(finding.image.label.input.number) +
          ",\"equal_at\":" + std::to_string(finding.equal_at) + ",\"own_equal_at\":" +
          (finding.own_equal_with.empty() ? "null" : std::to_string(finding.own_equal_at)) +
          ",\"verdict\":\"" + NameOf(finding.verdict) + "\",\"folder\":";
      AppendJsonBytes(*folder, &output_.text);
      output_.text += "," + ComparisonJson(finding.comparison) + "}\n";
    } else {
      output_.text += DescribeFinding(finding, *folder, options_.audit.input) +
                      "all that is known is in " + *folder + "\n";
    }
    if (Status status = output_.Flush(); !status) return status.error();
    if (Status status = WriteStatus("found a difference, see " + *folder, *folder); !status) {
      return status.error();
    }
    return ExitCode::kDivergence;
  }

  Result<ExitCode> End() {
    if (compared_ == 0 && !options_.follow) {
      (void)output_.Flush();
      return Error::BadInput(
          "there was nothing to compare: it takes an image to begin with and another one, which "
          "the input log has reached; or --from-start, and one image");
    }
    if (!options_.json) {
      output_.text += "audited up to input " + std::to_string(auditor_.position()) +
                      ": images that were the same: " + std::to_string(auditor_.same(0)) +
                      " of A, " + std::to_string(auditor_.same(1)) + " of B\n";
      if (auditor_.beyond_log() != 0) {
        output_.text +=
            "images that the input log has not reached: " + std::to_string(auditor_.beyond_log()) +
            "\n";
      }
    }
    if (const auto unproven = auditor_.begins_unproven()) {
      const std::string name = engine::NameOfSide(auditor_.start_side());
      output_.text += options_.json
                          ? "{\"event\":\"begins unproven\",\"engine\":\"" + name +
                                "\",\"input\":" + std::to_string(*unproven) + "}\n"
                          : "not proven: what was wrong after input " + std::to_string(*unproven) +
                                " already, in the image of engine " + name +
                                " that it began with; --from-start proves that, too\n";
    }
    ExitCode code = ExitCode::kYes;
    for (std::size_t side = 0; side < 2; ++side) {
      if (options_.audit.images[side].empty() || auditor_.has_proven(side)) continue;
      const std::string name = engine::NameOfSide(side);
      if (!options_.follow) code = ExitCode::kNo;
      output_.text += options_.json
                          ? "{\"event\":\"unproven\",\"engine\":\"" + name + "\"}\n"
                          : "nothing is proven of engine " + name + ": no image of it in " +
                                options_.audit.images[side] + " was compared\n";
    }
    if (Status status = output_.Flush(); !status) return status.error();
    return code;
  }

  const Options& options_;
  Auditor auditor_;
  Output output_;
  mutable replay::PosixStorage storage_;
  std::uint64_t compared_ = 0;
};

}  // namespace

void RegisterAudit(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "audit", "Prove by replay that the states of both engines are what the input makes of them",
      "  tandem generate --orders 3000 -o flow\n"
      "  tandem state flow --at 1000 --save images-a/1000 > a.txt\n"
      "  tandem state flow --at 2000 --save images-b/2000 > b.txt\n"
      "  tandem audit --a images-a --b images-b --input flow\n"
      "Exit code 0 if all images are what a replay makes, 4 if one is not: then all that is known "
      "is in a\nfolder of --incidents; 1 if no image of an engine that was given could be "
      "compared. "
      "Runs at the\nlowest priority.\n",
      [options] { return Job(*options).Run(); });
  command.add_option("--a", options->audit.images[0], "Folder with images of engine A")
      ->check(NotEmpty())
      ->required()
      ->type_name("FOLDER");
  command
      .add_option("--b", options->audit.images[1],
                  "Folder with images of engine B; without it, A alone is proven")
      ->check(NotEmpty())
      ->type_name("FOLDER");
  command
      .add_option("--input", options->audit.input,
                  "The input log: the sequencer's, or an engine's copy")
      ->check(NotEmpty())
      ->required()
      ->type_name("LOG");
  command.add_flag("--from-start", options->audit.from_nothing,
                   "Replay from input 1, not from the oldest image: this proves that one, too");
  CLI::Option* const follow = command.add_flag("--follow", options->follow,
                                               "Go on with images that come, until told to stop");
  AddSeconds(command, "--every", options->every, "With --follow: look for new images that often")
      ->needs(follow);
  command.add_option("--incidents", options->incidents, "Where a folder is made for what differs")
      ->check(NotEmpty())
      ->capture_default_str()
      ->type_name("FOLDER");
  command
      .add_option("--status", options->status_file,
                  "A file that always says, as JSON, how far the audit is")
      ->check(NotEmpty("file"))
      ->type_name("FILE");
  command.add_flag("--json", options->json, "JSON, a line for each image");
  options->audit.application.AddTo(command);
}

}  // namespace tandem::tools
