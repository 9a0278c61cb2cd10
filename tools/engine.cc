// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include "engine/live/engine_role.h"
#include "tools/command.h"
#include "tools/mold_options.h"
#include "tools/options.h"
#include "tools/port_options.h"
#include "tools/ports.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::EngineRoleOptions role;
  ApplicationOptions application;
  std::string password_file;
};

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : "; ") + text;
  return joined;
}

Result<ExitCode> Run(Options& options) {
  if (const Status whole =
          CheckMoldClient("input-", options.role.input_mold, "--input", options.role.input);
      !whole) {
    return whole.error();
  }
  if (const Status two =
          CheckTwoPorts("--input", options.role.input, "--stream", options.role.stream);
      !two) {
    return two.error();
  }
  auto password = PasswordOf(options.role.name, options.password_file);
  if (!password) return password.error();
  options.role.password = std::move(*password);
  const auto made = options.application.Make();
  if (!made) return made.error();
  for (const std::string& change : made->pool_changes) {
    spdlog::info("engine {}: pool {}", options.role.name, change);
  }
  engine::EngineRoleOptions role = options.role;
  role.about = {.application = made->application->info().name,
                .zone_address = made->zone_address,
                .pools = Joined(made->pool_changes)};
  replay::PosixStorage storage;
  const ExitCode code = engine::EngineRole(role, *made->application, storage).Run();
  WarnOfHeapAllocations();
  return code;
}

}  // namespace

void RegisterEngine(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("engine", "Run one copy of a pair: input stream in, output stream out",
                   "  tandem engine --name A --input 127.0.0.1:9001 --log day/a --stream 9002\n"
                   "  tandem engine --name B --input 127.0.0.1:9001 --log day/b --stream 9003\n"
                   "By multicast: --input-multicast 239.1.1.1:9101@eth0,239.1.1.2:9101@eth1 "
                   "--input-requests 10.0.0.5:9102\n",
                   [options] { return Run(*options); });
  command
      .add_option_function<std::string>(
          "--name",
          [options](const std::string& name) {
            if (!proto::IsName(name, proto::kUserSizeMax)) {
              throw CLI::ValidationError("\"" + name +
                                         "\" is no name; use 1 to 6 letters, digits, '-', '_'");
            }
            options->role.name = name;
          },
          "Name of this copy, as A or B")
      ->required()
      ->type_name("NAME");
  command.add_option("--log", options->role.folder, "Folder of the output log; made if missing")
      ->required();
  AddEndpoint(command, "--input", options->role.input,
              "The sequencer's stream; with --input-multicast for the start, and for what nobody "
              "else brings")
      ->required(false);
  AddMoldClient(command, "input-", options->role.input_mold);
  AddEndpoint(command, "--stream", options->role.stream, "Where the output stream is served");
  AddPasswordFile(command, options->password_file);
  AddStreamPortOptions(command, options->role.users, options->role.limits);
  AddMoldServer(command, options->role.mold);
  options->application.AddTo(command);
  command
      .add_option("--plant-bitflip", options->role.plant_fault_at,
                  "Drill: flip one bit of the state after this input message; the pair must notice")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
}

}  // namespace tandem::tools
