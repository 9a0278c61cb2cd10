// SPDX-License-Identifier: Apache-2.0
#include "tools/check_child.h"

#include <sched.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/live/progress.h"
#include "tools/interrupt.h"
#include "tools/process.h"

namespace tandem::tools {
namespace {

constexpr unsigned long kAsk = 0xffffffff;

bool FixAddresses() {
  const int now = ::personality(kAsk);
  return now != -1 && ::personality(static_cast<unsigned>(now) | ADDR_NO_RANDOMIZE) != -1;
}

void ChangeEnvironment(const Circumstances& run) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    variables.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  ::clearenv();
  for (const auto& [name, value] : variables) {
    const auto changed = run.change_variable ? run.change_variable(name, value) : value;
    if (changed) ::setenv(name.c_str(), changed->c_str(), 1);
  }
  for (const auto& [name, value] : run.variables) ::setenv(name.c_str(), value.c_str(), 1);
}

/// In the new process, before the program.
void Enter(const CheckChildOptions& options, const Circumstances& run) {
  ChangeEnvironment(run);
  if (options.fixes_addresses && !run.draws_addresses) FixAddresses();
  if (!run.folder.empty() && ::chdir(run.folder.c_str()) != 0) ::_exit(126);
  if (run.umask) ::umask(*run.umask);
  if (!run.processors.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int processor : run.processors) CPU_SET(static_cast<unsigned>(processor), &set);
    ::sched_setaffinity(0, sizeof set, &set);  // where it is not allowed, it runs where it may
  }
  if (run.is_background) {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
    (void)!::nice(19);
  }
}

std::vector<std::string> Arguments(const CheckChildOptions& options, const Circumstances& run,
                                   bool is_first, const std::string& report) {
  const ApplicationOptions& application = options.application;
  std::vector<std::string> arguments = {
      ThisProgram(),
      "check-run",
      options.input,
      "--outputs",
      options.work + "/first",
      "--report",
      report,
      "--states",
      options.work + "/states",
      "--progress",
      options.work + "/progress",
      "--to",
      std::to_string(options.last),
      "--app",
      run.application.empty() ? application.name : run.application,
      "--zone-limit",
      std::to_string(application.zone_limit_bytes),
      "--zone-reserve",
      std::to_string(application.zone_reserve_bytes)};
  if (is_first) arguments.push_back("--first");
  if (run.keeps_state) arguments.push_back("--same-state");
  if (application.heap_guard) arguments.push_back("--heap-guard");
  if (options.clock_ns && run.holds_clock) {
    arguments.insert(arguments.end(), {"--clock", std::to_string(*options.clock_ns)});
  }
  for (const std::string& file : run.pools.empty() ? application.pools : run.pools) {
    arguments.insert(arguments.end(), {"--pools", file});
  }
  const auto moves_zone = std::find(run.arguments.begin(), run.arguments.end(), "--zone-address");
  if (moves_zone == run.arguments.end()) {
    arguments.insert(arguments.end(), {"--zone-address", application.zone_address});
  }
  arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
  return arguments;
}

std::string LastLine(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  constexpr std::string_view kOurs = "tandem: ";
  return last.starts_with(kOurs) ? last.substr(kOurs.size()) : last;
}

/// In which input the process died; empty: in none.
std::string WhereItDied(const CheckChildOptions& options) {
  engine::Progress progress;
  if (!progress.Open(options.work + "/progress", options.session)) return "";
  return progress.died_at() == 0 ? "" : " in input " + std::to_string(progress.died_at());
}

}  // namespace

bool CanFixAddresses() {
  const int before = ::personality(kAsk);
  const bool can = FixAddresses();
  if (before != -1) ::personality(static_cast<unsigned>(before));
  return can;
}

Result<CheckChildResult> RunCheckChild(const CheckChildOptions& options, const Circumstances& run,
                                       bool is_first, std::chrono::milliseconds limit) {
  const std::string report = options.work + "/report";
  const std::string words = options.work + "/words";
  for (const std::string& old : {report, words, options.work + "/progress"}) {
    std::error_code ignored;
    std::filesystem::remove(old, ignored);
  }
  auto process = Process::Start(Arguments(options, run, is_first, report), words,
                                [&] { Enter(options, run); });
  if (!process) return process.error();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::optional<int> code;
  while (!code && !Interrupted() && std::chrono::steady_clock::now() < deadline) {
    code = process->Wait(std::chrono::milliseconds(100));
  }
  CheckChildResult result;
  if (Interrupted()) return result;
  process->Kill();
  if (code && *code <= static_cast<int>(ExitCode::kNo)) {
    result.report = ReadCheckRunReport(report);
    if (result.report) return result;
  }
  const std::string said = LastLine(words);
  if (!code) {
    result.code = ExitCode::kFailure;
    result.end = "did not end within " + std::to_string(limit.count() / 1000) +
                 " s and was killed" + WhereItDied(options);
  } else if (*code > 128) {
    result.code = ExitCode::kFailure;
    result.end = "was ended by signal " + std::to_string(*code - 128) + " (" +
                 ::strsignal(*code - 128) + ")" + WhereItDied(options);
  } else {
    result.code =
        *code <= static_cast<int>(ExitCode::kFailure) ? ExitCode(*code) : ExitCode::kFailure;
    result.end = "ended with exit code " + std::to_string(*code) + WhereItDied(options);
  }
  if (!said.empty()) result.end += ": " + said;
  return result;
}

}  // namespace tandem::tools
