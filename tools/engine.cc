// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <filesystem>

#include "engine/live/engine_role.h"
#include "tools/command.h"
#include "tools/library_digest.h"
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

bool SameFolder(const std::string& a, const std::string& b) {
  const auto plain = [](const std::string& folder) {
    const auto path = std::filesystem::path(folder).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
  };
  return plain(a) == plain(b);
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
  auto made = options.application.Make();
  if (!made) return made.error();
  for (const std::string& change : made->pool_changes) {
    spdlog::info("engine {}: pool {}", options.role.name, change);
  }
  if (options.role.input_stream) {
    if (options.role.input_log.empty()) {
      return Error::BadInput(
          "--input-stream serves the engine's copy of the input; give --input-log FOLDER to keep "
          "one");
    }
    for (const auto& [name, other] :
         {std::pair("--input", &options.role.input), std::pair("--stream", &options.role.stream)}) {
      const Status two = CheckTwoPorts("--input-stream", *options.role.input_stream, name, *other);
      if (!two) return two.error();
    }
  }
  if (SameFolder(options.role.folder, options.role.input_log)) {
    return Error::BadInput("--log and --input-log are one folder, " + options.role.folder +
                           "; give each log its own");
  }
  const auto library = LibraryDigest(options.application.name);
  if (!library) return library.error();
  if (!options.role.images.empty() && (SameFolder(options.role.images, options.role.folder) ||
                                       SameFolder(options.role.images, options.role.input_log))) {
    return Error::BadInput("--images " + options.role.images +
                           " is the folder of a log; give images a folder of their own");
  }
  engine::EngineRoleOptions role = options.role;
  while (role.folder.size() > 1 && role.folder.back() == '/') role.folder.pop_back();
  role.progress_file = role.folder + ".progress";
  role.about = {.application = made->application->info().name,
                .library = *library,
                .zone_address = made->zone_address,
                .pools = Joined(made->pool_changes)};
  role.make_anew = [&]() -> Result<replay::Application*> {
    made->application.reset();  // the next one lies at the same address
    auto again = options.application.Make();
    if (!again) return again.error();
    made = std::move(again);
    return made->application.get();
  };
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
                   "  tandem engine --name B --input 127.0.0.1:9001 --log day/b --stream 9003 "
                   "--input-log day/b-input --input-stream 9013\n"
                   "  tandem engine --name B --input 127.0.0.1:9001 --log day/b --stream 9003 "
                   "--images day/b-images\n"
                   "  tandem engine --name B --input 127.0.0.1:9001 --log day/b --stream 9003 "
                   "--portable day/noon\n"
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
  command
      .add_option("--input-log", options->role.input_log,
                  "Folder for a copy of the input log; made if missing. A restart steps from "
                  "it, and a sequencer that has lost inputs has them back from it")
      ->check(NotEmpty());
  command
      .add_option_function<std::string>(
          "--input-stream",
          [options](const std::string& text) {
            auto endpoint = engine::ParseEndpoint(text);
            if (!endpoint) throw CLI::ValidationError("--input-stream: " + endpoint.error().text);
            options->role.input_stream = std::move(*endpoint);
          },
          "Where that copy is served, to a sequencer's --replica and any reader")
      ->type_name("HOST:PORT");
  AddSeconds(command, "--step-limit", options->role.step_limit,
             "A step that takes longer ends the process, and names the input; 0: no limit");
  command
      .add_option("--deaths-max", options->role.deaths_max,
                  "When the process has died in the step of one input so many times in a row, say "
                  "so and stop instead of stepping it again; 0: no limit")
      ->check(WholeNumber(0, 1'000'000))
      ->capture_default_str()
      ->type_name("NUMBER");
  command
      .add_option("--images", options->role.images,
                  "Folder for images of the state, which a Snapshot in the input has it write; "
                  "made if missing. A restart goes on from the newest that is good")
      ->check(NotEmpty());
  command
      .add_option("--images-keep", options->role.images_keep,
                  "How many of its images are kept; older ones of it are removed")
      ->check(WholeNumber(1, 1'000'000))
      ->capture_default_str()
      ->type_name("NUMBER");
  command
      .add_option("--portable", options->role.portable,
                  "Portable snapshot to begin from when there is no image that is good, as after a "
                  "change of the build; see `tandem replay --portable-out`")
      ->check(NotEmpty())
      ->type_name("FOLDER");
  options->application.AddTo(command);
  command
      .add_option("--plant-bitflip", options->role.plant_fault_at,
                  "Drill: flip one bit of the state after this input message; the pair must notice")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
}

}  // namespace tandem::tools
