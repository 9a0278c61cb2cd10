// SPDX-License-Identifier: Apache-2.0
//
// How a subcommand of `tandem` is added: one file each, one Register function, which names its
// options and gives a body that runs after the command line was understood.
//
//   void RegisterStat(Commands& commands) {
//     auto options = std::make_shared<Options>();
//     CLI::App& command = commands.Add("stat", "Summarise a log", "  tandem stat demo/merged\n",
//                                      [options] { return Stat(*options); });
//     command.add_option("LOG", options->folder, "Folder of the log")->required();
//   }
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "pools/result.h"

namespace tandem::tools {

/// Does the work; an Error becomes one sentence on stderr and its exit code.
using CommandBody = std::function<Result<ExitCode>()>;

class Commands {
 public:
  explicit Commands(CLI::App& root) : root_(root) {}

  /// `examples`: lines that work, shown at the end of --help.
  CLI::App& Add(const std::string& name, const std::string& description,
                const std::string& examples, CommandBody body);
  /// The same below another command, as in `tandem import lobster`.
  CLI::App& AddBelow(CLI::App& parent, const std::string& name, const std::string& description,
                     const std::string& examples, CommandBody body);
  /// A command that only has commands below it.
  CLI::App& AddGroup(const std::string& name, const std::string& description,
                     const std::string& examples);

  /// What the command line asked for; empty before parsing.
  [[nodiscard]] const CommandBody& chosen() const { return chosen_; }

 private:
  CLI::App& root_;
  CommandBody chosen_;
};

// Roles
void RegisterSequencer(Commands& commands);
void RegisterEngine(Commands& commands);
void RegisterDedup(Commands& commands);
void RegisterControl(Commands& commands);
void RegisterUsers(Commands& commands);
// Flow
void RegisterGenerate(Commands& commands);
void RegisterSubmit(Commands& commands);
void RegisterRecord(Commands& commands);
void RegisterImport(Commands& commands);
// Logs
void RegisterReplay(Commands& commands);
void RegisterDiff(Commands& commands);
void RegisterCat(Commands& commands);
void RegisterStat(Commands& commands);
void RegisterVerify(Commands& commands);
void RegisterTrim(Commands& commands);
void RegisterExport(Commands& commands);
// State
void RegisterPools(Commands& commands);
void RegisterState(Commands& commands);
void RegisterAudit(Commands& commands);
void RegisterBisect(Commands& commands);
void RegisterCheck(Commands& commands);
void RegisterCheckRun(Commands& commands);
// The way back
void RegisterIncident(Commands& commands);
// All of it
void RegisterDemo(Commands& commands);
void RegisterRun(Commands& commands);
void RegisterRestart(Commands& commands);
void RegisterStatus(Commands& commands);

}  // namespace tandem::tools
