// SPDX-License-Identifier: Apache-2.0
//
// `tandem run`: a whole topology from one file. `tandem restart`: parts of it, one at a time.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/process.h"
#include "tools/run_config.h"
#include "tools/run_control.h"
#include "tools/supervisor.h"

namespace tandem::tools {

namespace {

struct RunOptions {
  std::string config;
  bool check = false;
  bool rolling = false;
  std::string only;
  SupervisorOptions supervisor;
};

struct RestartOptions {
  std::string config;
  std::vector<std::string> roles;
};

/// As a shell would be given it.
std::string CommandLine(const RoleSpec& spec) {
  std::string line = "tandem " + spec.kind;
  for (const std::string& word : spec.arguments) {
    const bool plain = !word.empty() && word.find_first_of(" '\"\\$&|;<>()*?#~`") == word.npos;
    line += " " + (plain ? word : "'" + word + "'");
  }
  return line;
}

Status MakeFoldersFor(const Topology& topology) {
  std::error_code error;
  std::filesystem::create_directories(topology.folder, error);
  if (!error) return {};
  return Error::BadInput("cannot make the folder " + topology.folder + ": " + error.message());
}

/// Becomes the role: for systemd, which restarts roles itself.
Result<ExitCode> Become(const Topology& topology, const std::string& name) {
  for (const RoleSpec& spec : topology.roles) {
    if (spec.name != name) continue;
    const std::string program = ThisProgram();
    std::vector<std::string> words = {program, spec.kind};
    words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::fflush(stdout);
    ::execv(program.c_str(), pointers.data());
    return Error::Failure("cannot start " + program + ": " + std::strerror(errno));
  }
  std::string names;
  for (const RoleSpec& spec : topology.roles) names += (names.empty() ? "" : ", ") + spec.name;
  return Error::BadInput("there is no role \"" + name + "\"; the file has " + names);
}

Result<ExitCode> Run(const RunOptions& options) {
  const auto topology = LoadTopology(options.config);
  if (!topology) return topology.error();
  if (options.check) {
    for (const RoleSpec& spec : topology->roles) {
      std::printf("%-12s %s\n", spec.name.c_str(), CommandLine(spec).c_str());
    }
    std::printf("%s: %zu roles, nothing wrong\n", options.config.c_str(), topology->roles.size());
    return ExitCode::kYes;
  }
  if (Status status = EnterFolderOf(options.config); !status) return status.error();
  if (options.rolling) return AskForRestart(topology->folder, {});
  if (Status status = MakeFoldersFor(*topology); !status) return status.error();
  if (!options.only.empty()) return Become(*topology, options.only);
  CatchInterrupts();
  RunControl control;
  if (Status status = control.Listen(topology->folder); !status) return status.error();
  Roles roles(ThisProgram(), topology->roles);
  return Supervisor(roles, control, options.supervisor).Run();
}

Result<ExitCode> Restart(const RestartOptions& options) {
  const auto topology = LoadTopology(options.config);
  if (!topology) return topology.error();
  if (Status status = EnterFolderOf(options.config); !status) return status.error();
  return AskForRestart(topology->folder, options.roles);
}

}  // namespace

void RegisterRun(Commands& commands) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& command = commands.Add(
      "run", "Run a whole topology from one file: sequencer, engines, deduplicators, recorders",
      "  tandem run pair.toml\n"
      "with, in pair.toml:\n"
      "  session = \"DAY1\"\n"
      "  folder = \"day\"\n"
      "  [sequencer]\n"
      "  submissions = 9000\n"
      "  stream = 9001\n"
      "  [engine.A]\n"
      "  stream = 9002\n"
      "  [engine.B]\n"
      "  stream = 9003\n"
      "  [dedup]\n"
      "  stream = 9004\n"
      "Keys are the options of the roles' own commands; keys above the tables count for all roles\n"
      "that have them. Relative paths count from the file's folder. What the roles say goes to\n"
      "FOLDER/ROLE.out. A role that dies is restarted; one that ends with 0, 2, 3 or 4 is not.\n"
      "Ctrl-C stops all, the last role first; SIGHUP restarts the engines, one after the other.\n",
      [options] { return Run(*options); });
  command.add_option("CONFIG", options->config, "The file, in TOML")->required();
  CLI::Option* const check = command.add_flag("--check", options->check,
                                              "Only check the file, and print what would be run");
  command
      .add_flag("--rolling", options->rolling,
                "Ask the `tandem run` of this file to restart its engines, one at a time")
      ->excludes(check);
  command
      .add_option("--only", options->only,
                  "Become this one role, for systemd, which restarts it itself")
      ->type_name("ROLE")
      ->excludes(check);
  command
      .add_option("--restarts", options->supervisor.restarts_max,
                  "Of a role that dies again within a minute, before it is left alone")
      ->check(WholeNumber(0, 1'000'000))
      ->capture_default_str();
}

void RegisterRestart(Commands& commands) {
  auto options = std::make_shared<RestartOptions>();
  CLI::App& command = commands.Add(
      "restart", "Restart roles of a running topology, one at a time, each proven before the next",
      "  tandem restart pair.toml              both engines, in turn\n"
      "  tandem restart pair.toml engine.B     one role, also one that was left alone\n"
      "An engine is stopped only while the other one has proven all that is published, and the\n"
      "next role is touched only when the restarted one has caught up and both agree again.\n"
      "Exit codes: 0 done; 1 not done, with why; 2 no such role; 4 the copies differ.\n",
      [options] { return Restart(*options); });
  command.add_option("CONFIG", options->config, "The file of `tandem run`")->required();
  command.add_option("ROLE", options->roles, "As engine.A; default: all engines of the file");
}

}  // namespace tandem::tools
