// SPDX-License-Identifier: Apache-2.0
//
// tandem incident rebuild: sets the log of the fenced engine aside, so that it starts anew, and
// waits until the deduplicator has let it in again.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "engine/live/log_folder.h"
#include "proto/schema.h"
#include "replay/diff.h"
#include "replay/log_mark.h"
#include "tools/incident.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/process.h"

namespace tandem::tools {
namespace {

namespace fs = std::filesystem;
using engine::NameOfSide;

struct Options {
  std::string folder;
  std::string log;
  std::uint64_t wait_seconds = 0;
  std::vector<std::string> arguments;  ///< of the engine
};

/// By another name, or, on another file system, as a copy that is on the disk before the original
/// goes.
Status Move(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  if (error != std::errc::cross_device_link) {
    return Error::Failure("cannot rename " + from + " to " + to + ": " + error.message());
  }
  const std::string partial = to + ".partial";
  fs::remove_all(partial, error);
  fs::copy(from, partial, fs::copy_options::recursive, error);
  if (!error) {
    ::sync();
    fs::rename(partial, to, error);
  }
  if (!error) fs::remove_all(from, error);
  if (!error) return {};
  return Error::Failure("cannot copy " + from + " to " + to + ": " + error.message());
}

class Job {
 public:
  explicit Job(const Options& options) : options_(options), log_(options.log) {
    while (log_.size() > 1 && log_.back() == '/') log_.pop_back();
  }

  Result<ExitCode> Run() {
    auto record = engine::ReadIncident(storage_, options_.folder);
    if (!record) return record.error();
    record_ = std::move(*record);
    if (Status status = CheckState(); !status) return status.error();
    fenced_ = NameOfSide(1 - record_.decision->keep);
    if (Status status = SetAside(); !status) return status.error();
    Output output;
    output.text = text_;
    if (options_.arguments.empty() && options_.wait_seconds == 0) {
      output.text += "next: start engine " + fenced_ + " as before, with " + log_ +
                     " for its log; it is let in when its outputs have proven equal from 1 on\n";
    }
    if (Status status = output.Flush(); !status) return status.error();
    if (!options_.arguments.empty()) return StartEngine();
    return options_.wait_seconds > 0 ? Await() : ExitCode::kYes;
  }

 private:
  Status CheckState() {
    if (!record_.decision) {
      return Error::BadInput("nothing is decided in " + record_.folder +
                             " yet; see `tandem incident resolve --help`");
    }
    if (record_.readmission) {
      return Error::BadInput(record_.folder + " is closed: " + StateText(record_));
    }
    if (record_.applied) return {};
    return Error::BadInput("the deduplicator has not taken up the decision in " + record_.folder +
                           " yet, so what its merged log will hold is not settled; start it, and "
                           "try again");
  }

  Status SetAside() {
    const auto holds = engine::HoldsLog(storage_, log_);
    if (!holds) return holds.error();
    if (!*holds) {
      text_ = "there is no log in " + log_ + ": nothing to set aside\n";
      return {};
    }
    // Nobody may begin to write it between the look and the rename.
    const auto lock = storage_.Lock(log_ + "/" + std::string(replay::kMarkFileName));
    if (!lock) return lock.error();
    if (*lock == nullptr) {
      const auto before = engine::ReadSheet(storage_, record_.folder + "/" + kRebuildFile);
      if (options_.wait_seconds > 0 && before && *before && (*before)->Text("log") == log_) {
        text_ = "engine " + fenced_ + " is at it\n";
        return {};
      }
      return Error::BadInput("somebody writes the log " + log_ + "; stop engine " + fenced_ +
                             " and try again");
    }
    const auto differs_at = DiffersAt();
    if (!differs_at) return differs_at.error();
    if (*differs_at == 0) {
      text_ = "the log " + log_ + " agrees with the merged log as far as both go: it stays\n";
      return {};
    }
    std::string aside = record_.folder + "/set-aside";
    for (int again = 2; fs::exists(aside); ++again) {
      aside = record_.folder + "/set-aside-" + std::to_string(again);
    }
    if (Status status = Move(log_, aside); !status) return status;
    text_ = "the log of engine " + fenced_ + ", which differs at output " +
            std::to_string(*differs_at) + ", is in " + aside + " now\n";
    engine::Sheet sheet;
    sheet.Add("engine", fenced_);
    sheet.Add("log", log_);
    sheet.Add("differs at output", *differs_at);
    sheet.Add("set aside", aside);
    sheet.Add("time", proto::TimeText(ClockNow()));
    return engine::WriteWhole(storage_, record_.folder, kRebuildFile, sheet.Print());
  }

  /// 0: nowhere. An error if it cannot be the log of an engine of this pair.
  Result<std::uint64_t> DiffersAt() {
    const auto log = replay::LogReader::Open(storage_, log_, {.check_digest = false});
    if (!log) return log.error();
    const std::string role = log->role().str();
    if (log->role() != replay::kOutputRole) {
      return Error::BadInput("the log " + log_ + " is no output log of an engine: its role is \"" +
                             role + "\"");
    }
    if (log->session() != record_.incident.session) {
      return Error::BadInput("the log " + log_ + " is of session " + log->session().str() +
                             ", and the incident of session " + record_.incident.session.str());
    }
    const auto merged = engine::MergedFolderOf(record_.folder);
    if (!merged) return merged.error();
    const auto difference = replay::DiffLogs(storage_, log_, *merged);
    if (!difference) return difference.error();
    switch (difference->verdict) {
      case replay::DiffVerdict::kSame:
      case replay::DiffVerdict::kLonger:
        return std::uint64_t{0};
      case replay::DiffVerdict::kDiffers:
      case replay::DiffVerdict::kDiffersEarlier:
        return difference->number;
      default:
        return Error::BadInput(difference->text);
    }
  }

  Result<ExitCode> StartEngine() {
    std::vector<std::string> arguments = {ThisProgram(), "engine", "--log", log_};
    arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv(pointers[0], pointers.data());
    return Error::Failure("cannot start " + arguments[0]);
  }

  Result<ExitCode> Await() {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(options_.wait_seconds);
    CatchInterrupts();
    while (!Interrupted() && std::chrono::steady_clock::now() < deadline) {
      const auto now = engine::ReadIncident(storage_, record_.folder);
      if (!now) return now.error();
      if (now->readmission) {
        Output output;
        output.text = StateText(*now) + "\n";
        if (Status status = output.Flush(); !status) return status.error();
        return ExitCode::kYes;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::fprintf(stderr, "tandem: engine %s has not proven equal yet\n", fenced_.c_str());
    return ExitCode::kNo;
  }

  const Options& options_;
  replay::PosixStorage storage_;
  std::string log_;
  engine::IncidentRecord record_;
  std::string fenced_;
  std::string text_;
};

}  // namespace

void AddIncidentRebuild(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.AddBelow(
      group, "rebuild",
      "Set the fenced engine's log aside as evidence, so that it starts anew; it is let in again "
      "once its outputs have proven equal",
      "  tandem incident rebuild day/merged.incidents/1234 --engine day/b\n"
      "  tandem incident rebuild day/merged.incidents/1234 --engine day/b --wait 60\n"
      "  tandem incident rebuild day/merged.incidents/1234 --engine day/b -- \\\n"
      "      --name B --input 127.0.0.1:9001 --stream 9003\n",
      [options] { return Job(*options).Run(); });
  command.add_option("FOLDER", options->folder, "Folder of the incident")->required();
  command.add_option("--engine", options->log, "Output log of the fenced engine, which is stopped")
      ->required()
      ->type_name("LOG");
  command
      .add_option("--wait", options->wait_seconds,
                  "Wait this long until it has proven equal; exit code 1 if it has not")
      ->check(WholeNumber(0, 86'400))
      ->capture_default_str()
      ->type_name("SECONDS");
  command.add_option("ARGUMENTS", options->arguments,
                     "After --: become `tandem engine --log LOG ARGUMENTS` when that is done");
}

}  // namespace tandem::tools
