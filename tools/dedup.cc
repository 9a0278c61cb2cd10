// SPDX-License-Identifier: Apache-2.0
#include "engine/live/dedup_role.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/ports.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::DedupRoleOptions role;
  std::string policy = "first";
};

Result<ExitCode> Run(const Options& options) {
  if (options.role.engines[0] == options.role.engines[1]) {
    return Error::BadInput("--a and --b are both " + options.role.engines[0].text() +
                           ": one engine proves nothing about itself; give two");
  }
  for (const auto& [option, engine] :
       {std::pair{"--a", options.role.engines[0]}, std::pair{"--b", options.role.engines[1]}}) {
    if (const Status two = CheckTwoPorts(option, engine, "--stream", options.role.stream); !two) {
      return two.error();
    }
  }
  replay::PosixStorage storage;
  return engine::DedupRole(options.role, storage).Run();
}

}  // namespace

void RegisterDedup(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "dedup", "Merge the output streams of a pair and check that the copies are identical",
      "  tandem dedup --a 127.0.0.1:9002 --b 127.0.0.1:9003 --log day/merged --stream 9004\n",
      [options] { return Run(*options); });
  AddEndpoint(command, "--a", options->role.engines[0], "Output stream of engine A");
  AddEndpoint(command, "--b", options->role.engines[1], "Output stream of engine B");
  command.add_option("--log", options->role.folder, "Folder of the merged log; made if missing")
      ->required();
  AddEndpoint(command, "--stream", options->role.stream, "Where the merged stream is served");
  command
      .add_option("--policy", options->policy,
                  "first: publish the first copy at once, stop at the first difference")
      ->check(CLI::IsMember({"first"}))
      ->capture_default_str();
  command.add_flag("--exit-on-divergence", options->role.exit_on_divergence,
                   "End with exit code 4 at the first difference instead of serving on");
}

}  // namespace tandem::tools
