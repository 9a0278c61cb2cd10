// SPDX-License-Identifier: Apache-2.0
//
// tandem check: do an application's outputs depend on anything but its input?
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <random>

#include "replay/log_reader.h"
#include "tools/check_child.h"
#include "tools/check_plan.h"
#include "tools/check_report.h"
#include "tools/command.h"
#include "tools/held_clock.h"
#include "tools/interrupt.h"
#include "tools/moment.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using Clock = std::chrono::steady_clock;

/// What the wall clock says in every run but those that change it: 5 January 2026, 9:30 UTC.
constexpr std::int64_t kHeldClock = 1'767'605'400'000'000'000;

struct Options {
  std::string input;
  std::uint64_t runs = 3;
  std::uint64_t run = 0;  ///< only that one, from 1; 0: all
  std::optional<std::uint64_t> seed;
  std::vector<std::string> only;
  std::vector<std::string> other_applications;
  std::vector<std::string> other_pools;
  std::optional<Moment> to;
  std::string keep;
  bool json = false;
  ApplicationOptions application;
};

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// As a shell takes it for one word.
std::string Quoted(const std::string& word) {
  constexpr std::string_view kPlainMarks = "/._-+=:,@%";
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlainMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (is_plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

/// A library's place; the name of what is linked in stays.
std::string AbsoluteApplication(const std::string& name) {
  return IsSharedApplication(name) ? Absolute(name) : name;
}

void MakeAbsolute(std::vector<std::string>& paths) {
  std::ranges::transform(paths, paths.begin(), Absolute);
}

/// Where the runs work: gone at the end, unless it was asked for.
class WorkFolder {
 public:
  WorkFolder() = default;
  ~WorkFolder() {
    std::error_code ignored;
    if (is_ours_) std::filesystem::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  Status Make(const std::string& keep) {
    std::error_code error;
    if (!keep.empty()) {
      path_ = Absolute(keep);
      if (std::filesystem::exists(path_) && !std::filesystem::is_empty(path_, error)) {
        return Error::BadInput("the folder " + keep + " is not empty; give --keep a new folder");
      }
      std::filesystem::create_directories(path_, error);
      if (!error) return {};
      return Error::Failure("cannot make the folder " + keep + ": " + error.message());
    }
    path_ = std::filesystem::temp_directory_path(error).string() + "/tandem-check-XXXXXX";
    if (error || ::mkdtemp(path_.data()) == nullptr) {
      return Error::Failure("cannot make a folder for temporary files, " + path_ +
                            "; set TMPDIR, or give --keep");
    }
    is_ours_ = true;
    return {};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_ours_ = false;
};

class Job {
 public:
  explicit Job(const Options& options) : options_(options) {}

  Result<ExitCode> Run() {
    if (Status status = OpenInput(); !status) return status.error();
    CatchInterrupts();  // before there is anything to clear away
    if (Status status = work_.Make(options_.keep); !status) return status.error();
    if (Status status = MakePlan(); !status) return status.error();
    if (Status status = RunFirst(); !status) return status.error();
    for (const CheckPerturbation& perturbation : plan_) {
      Result<CheckFinding> finding = Try(perturbation);
      ClearProgress();
      if (!finding) return finding.error();
      summary_.findings.push_back(std::move(*finding));
      if (Status status = Say(TextOf(summary_.findings.back())); !status) return status.error();
    }
    if (summary_.runs() == 0) {
      return Error::BadInput("nothing was checked: " + summary_.findings.front().name +
                             " cannot run here, for " + summary_.findings.front().why);
    }
    if (Status status = Say(TextOf(summary_)); !status) return status.error();
    if (options_.json) {
      output_.text = JsonOf(summary_);
      if (Status status = output_.Flush(); !status) return status.error();
    }
    return summary_.Exposed().empty() ? ExitCode::kYes : ExitCode::kNo;
  }

 private:
  Status OpenInput() {
    const auto input = replay::LogReader::Open(storage_, options_.input, {.check_digest = false});
    if (!input) return input.error();
    if (Status status = CheckIsInput(input->role(), options_.input); !status) return status;
    if (input->first_number() > 1) {
      return Error::BadInput("the input log " + options_.input + " begins at message " +
                             Plain(input->first_number()) + "; a check needs it from message 1 on");
    }
    const auto range = RangeOf(storage_, options_.input, {}, options_.to);
    if (!range) return range.error();
    child_.input = Absolute(options_.input);
    child_.last = range->last;
    child_.session = input->session();
    return {};
  }

  Status MakePlan() {
    summary_.seed = options_.seed ? *options_.seed : std::random_device{}();
    child_.application = options_.application;
    child_.application.name = AbsoluteApplication(options_.application.name);
    MakeAbsolute(child_.application.pools);
    child_.work = work_.path();
    child_.fixes_addresses = CanFixAddresses();
    if (CanHoldWallClock()) child_.clock_ns = kHeldClock;
    CheckPlanOptions options{.application = child_.application,
                             .other_applications = options_.other_applications,
                             .other_pools = options_.other_pools,
                             .work = work_.path(),
                             .fixes_addresses = child_.fixes_addresses,
                             .holds_clock = child_.clock_ns.has_value()};
    std::ranges::transform(options.other_applications, options.other_applications.begin(),
                           AbsoluteApplication);
    MakeAbsolute(options.other_pools);
    if (!options.other_pools.empty() && IsSharedApplication(options_.application.name)) {
      return Error::BadInput("--other-pools does not reach into the shared library " +
                             options_.application.name + "; leave it out");
    }
    auto plan = CheckPlan(options);
    if (!plan) return plan.error();
    for (const std::string& name : options_.only) {
      if (std::ranges::none_of(*plan, [&](const auto& one) { return one.name == name; })) {
        return Error::BadInput("there is no perturbation \"" + name +
                               "\"; there is: " + CheckPerturbationNames());
      }
    }
    for (CheckPerturbation& perturbation : *plan) {
      if (!options_.only.empty() &&
          std::ranges::find(options_.only, perturbation.name) == options_.only.end()) {
        continue;
      }
      if (perturbation.why_not.empty()) runs_to_come_ += RunsOf(perturbation);
      plan_.push_back(std::move(perturbation));
    }
    return {};
  }

  [[nodiscard]] std::uint64_t RunsOf(const CheckPerturbation& perturbation) const {
    if (options_.run > 0) return 1;
    return perturbation.runs_max == 0 ? options_.runs
                                      : std::min(options_.runs, perturbation.runs_max);
  }

  Status RunFirst() {
    const auto begin = Clock::now();
    const auto result = RunCheckChild(child_, {}, true, std::chrono::hours(24 * 365));
    if (!result) return result.error();
    if (Interrupted()) return Error::Failure("interrupted in the first run");
    if (!result->report) {
      return Error{result->code, "the first run, with nothing changed, " + result->end};
    }
    summary_.first = *result->report;
    constexpr auto kPatience = std::chrono::seconds(60);
    limit_ = std::chrono::duration_cast<std::chrono::milliseconds>((Clock::now() - begin) * 20 +
                                                                   kPatience);
    char digest[24];
    std::snprintf(digest, sizeof digest, "%016" PRIx64, summary_.first.digest);
    return Say("first run     " + Plain(summary_.first.inputs) + " inputs, " +
               Plain(summary_.first.outputs) + " outputs, digest " + digest + "; seed " +
               Plain(summary_.seed) + "\n");
  }

  Result<CheckFinding> Try(const CheckPerturbation& perturbation) {
    CheckFinding finding{.name = perturbation.name, .what = perturbation.what};
    finding.why = perturbation.why_not;
    if (finding.why.empty() && WildAlready()) {
      finding.why = "outputs change with nothing changed";
    }
    if (!finding.why.empty()) {
      finding.outcome = CheckOutcome::kNotRun;
      return finding;
    }
    const std::uint64_t first = options_.run > 0 ? options_.run - 1 : 0;
    for (std::uint64_t run = first; run < first + RunsOf(perturbation); ++run) {
      const Circumstances circumstances = perturbation.make(summary_.seed, run);
      ShowProgress(perturbation.name);
      const auto result = RunCheckChild(child_, circumstances, false, limit_);
      if (!result) return result.error();
      if (Interrupted()) {
        return Error::Failure("interrupted in " + perturbation.name + ", after " +
                              Plain(runs_done_) + " runs were compared");
      }
      ++runs_done_;
      ++finding.runs;
      finding.how = circumstances.how;
      if (IsSame(*result)) continue;
      const bool is_given = finding.name == "other-build" || finding.name == "other-pools";
      if (is_given && !result->report && result->code == ExitCode::kBadInput) {
        return Error::BadInput(finding.name + " cannot be tried with " + finding.how +
                               ": the process " + result->end);
      }
      finding.again = Again(perturbation.name, run);
      if (result->report) {
        finding.outcome = CheckOutcome::kDiffers;
        finding.report = *result->report;
      } else {
        finding.outcome = CheckOutcome::kEnded;
        finding.why = result->end;
      }
      const Result<bool> by_chance = IsByChance(circumstances, *result);
      if (!by_chance) return by_chance.error();
      finding.by_chance = *by_chance;
      break;
    }
    return finding;
  }

  static bool IsSame(const CheckChildResult& result) {
    return result.report && result.report->same;
  }

  /// A run has differed: is that of its circumstances, or would it differ without them? Where they
  /// can be had again, the same must come of them; else nothing may come of none of them.
  Result<bool> IsByChance(const Circumstances& circumstances, const CheckChildResult& before) {
    const int runs = circumstances.is_fixed ? 1 : 3;
    for (int i = 0; i < runs; ++i) {
      const auto again = RunCheckChild(
          child_, circumstances.is_fixed ? circumstances : Circumstances(), false, limit_);
      if (!again) return again.error();
      if (Interrupted()) return Error::Failure("interrupted");
      const bool is_likely =
          circumstances.is_fixed
              ? again->end == before.end &&
                    again->report.has_value() == before.report.has_value() &&
                    (!again->report || ToText(*again->report) == ToText(*before.report))
              : IsSame(*again);
      if (!is_likely) return true;
    }
    return false;
  }

  /// If outputs change with nothing changed, whatever else is changed says nothing.
  [[nodiscard]] bool WildAlready() const {
    return std::ranges::any_of(summary_.findings, [](const CheckFinding& finding) {
      return finding.Exposes() == "repeat";
    });
  }

  /// The command that makes that run again, and the first one before it.
  [[nodiscard]] std::string Again(const std::string& name, std::uint64_t run) const {
    const ApplicationOptions& ours = options_.application;
    const ApplicationOptions defaults;
    std::string command = "tandem check " + Quoted(options_.input) + " --app " + Quoted(ours.name);
    const auto add = [&command](const std::string& option, const std::string& value) {
      command += " " + option + " " + Quoted(value);
    };
    for (const std::string& file : ours.pools) add("--pools", file);
    if (ours.zone_address != defaults.zone_address) add("--zone-address", ours.zone_address);
    if (ours.zone_limit_bytes != 0) add("--zone-limit", Plain(ours.zone_limit_bytes));
    if (ours.zone_reserve_bytes != defaults.zone_reserve_bytes) {
      add("--zone-reserve", Plain(ours.zone_reserve_bytes));
    }
    if (ours.heap_guard) command += " --heap-guard";
    if (options_.to) add("--to", options_.to->text());
    for (const std::string& other : options_.other_applications) add("--other", other);
    for (const std::string& other : options_.other_pools) add("--other-pools", other);
    add("--only", name);
    add("--seed", Plain(summary_.seed));
    add("--run", Plain(run + 1));
    return command;
  }

  /// A piece of the text for a person.
  Status Say(const std::string& text) {
    if (options_.json) return {};
    output_.text = text;
    return output_.Flush();
  }

  void ShowProgress(const std::string& name) {
    if (!is_terminal_) return;
    std::fprintf(stderr, "\rrun %" PRIu64 " of %" PRIu64 ", %s", runs_done_ + 1, runs_to_come_,
                 name.c_str());
    if (runs_done_ > 0) {
      const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
      const double left = static_cast<double>(runs_to_come_ - std::min(runs_done_, runs_to_come_));
      std::fprintf(stderr, ", %.0f s left", seconds / static_cast<double>(runs_done_ + 1) * left);
    }
    std::fputs(" \033[K", stderr);
  }
  void ClearProgress() const {
    if (is_terminal_) std::fputs("\r\033[K", stderr);
  }

  const Options& options_;
  replay::PosixStorage storage_;
  WorkFolder work_;
  CheckChildOptions child_;
  std::vector<CheckPerturbation> plan_;
  std::uint64_t runs_to_come_ = 0;
  std::uint64_t runs_done_ = 0;
  std::chrono::milliseconds limit_{};
  CheckSummary summary_;
  Output output_;
  Clock::time_point begin_ = Clock::now();
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
};

}  // namespace

void RegisterCheck(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "check", "Look for anything but the input that an application's outputs depend on",
      "  tandem generate --orders 5000 -o flow\n"
      "  tandem check flow --app book\n"
      "  tandem check flow --only free-order,chain --runs 10 --seed 7\n"
      "  tandem check flow --to 1000 --runs 1 --json\n",
      [options] { return Job(*options).Run(); });
  command.add_option("INPUT", options->input, "Folder of the input log")->required();
  command.add_option("--runs", options->runs, "How often with each perturbation")
      ->check(WholeNumber(1))
      ->capture_default_str();
  command.add_option("--seed", options->seed, "Of what is drawn; one that is printed unless given")
      ->check(WholeNumber());
  command
      .add_option("--only", options->only,
                  "What to change; unless given, all: " + CheckPerturbationNames())
      ->delimiter(',')
      ->type_name("PERTURBATION");
  command.add_option("--run", options->run, "Only that run of each, from 1: to repeat one")
      ->check(WholeNumber(1));
  command
      .add_option("--other", options->other_applications,
                  "Another build of the application, as ./libmy.so; may be given again")
      ->check(NotEmpty("application"))
      ->allow_extra_args(false)
      ->type_name("APP");
  command
      .add_option("--other-pools", options->other_pools,
                  "Other settings of the pools, as for --pools; may be given again")
      ->check(NotEmpty("file"))
      ->allow_extra_args(false)
      ->type_name("FILE");
  AddMoment(command, "--to", options->to, "Stop after this input; default: the last");
  command.add_option("--keep", options->keep,
                     "New folder for the first run's outputs and the runs' last words, which are "
                     "temporary files otherwise");
  command.add_flag("--json", options->json, "One JSON object");
  options->application.AddTo(command);
}

}  // namespace tandem::tools
