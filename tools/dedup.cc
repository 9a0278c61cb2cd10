// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <chrono>
#include <optional>

#include "engine/live/dedup_role.h"
#include "engine/live/incident_folder.h"
#include "tools/command.h"
#include "tools/mold_options.h"
#include "tools/options.h"
#include "tools/port_options.h"
#include "tools/ports.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::DedupRoleOptions role;
  std::string policy = "first";
  std::string alone_after = "never";
  double silence_limit = 5;
  std::string password_file;
};

constexpr double kSecondsMax = 1e9;

/// Null: this is no number of seconds.
std::optional<double> Seconds(const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(seconds > 0 && seconds <= kSecondsMax)) return std::nullopt;
  return seconds;
}

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::string CheckSeconds(const std::string& text) {
  return Seconds(text) ? "" : "\"" + text + "\" is no number of seconds above 0";
}

std::string CheckAloneAfter(const std::string& text) {
  return text == "never" ? "" : CheckSeconds(text);
}

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
  engine::DedupRoleOptions role = options.role;
  if (options.policy == "agree") role.policy = engine::DedupPolicy::kAgree;
  if (options.alone_after != "never") {
    if (options.policy != "agree") {
      return Error::BadInput(
          "--alone-after is for --policy agree: with policy first nothing waits "
          "for a second copy; leave it away");
    }
    role.alone_after = Milliseconds(*Seconds(options.alone_after));
  }
  role.silence_limit = Milliseconds(options.silence_limit);
  auto password = PasswordOf(role.name, options.password_file);
  if (!password) return password.error();
  role.password = std::move(*password);
  replay::PosixStorage storage;
  engine::IncidentFolder incidents(storage, options.role.folder);
  role.incidents = &incidents;
  return engine::DedupRole(role, storage).Run();
}

}  // namespace

void RegisterDedup(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "dedup", "Merge the output streams of a pair and check that the copies are identical",
      "  tandem dedup --a 127.0.0.1:9002 --b 127.0.0.1:9003 --log day/merged --stream 9004\n"
      "  tandem dedup --a 127.0.0.1:9002 --b 127.0.0.1:9003 --log day/merged --stream 9004 \\\n"
      "    --policy agree --alone-after 5\n"
      "By multicast too: --multicast 239.1.2.1:9201@eth0 --requests 9202\n",
      [options] { return Run(*options); });
  AddEndpoint(command, "--a", options->role.engines[0], "Output stream of engine A");
  AddEndpoint(command, "--b", options->role.engines[1], "Output stream of engine B");
  command.add_option("--log", options->role.folder, "Folder of the merged log; made if missing")
      ->required();
  AddEndpoint(command, "--stream", options->role.stream, "Where the merged stream is served");
  AddMoldServer(command, options->role.mold);
  command
      .add_option("--policy", options->policy,
                  "first: publish the first copy at once, stop at the first difference; agree: "
                  "publish only what both copies say")
      ->check(CLI::IsMember({"first", "agree"}))
      ->capture_default_str();
  command
      .add_option("--alone-after", options->alone_after,
                  "Policy agree: go on with one copy once an output has waited this long for the "
                  "second one, until the other engine has caught up; or never")
      ->check(CheckAloneAfter, "")
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      .add_option("--silence-limit", options->silence_limit,
                  "Report an engine that stands still for longer while the other one goes on")
      ->check(CheckSeconds, "")
      ->type_name("SECONDS")
      ->capture_default_str();
  AddPasswordFile(command, options->password_file);
  AddStreamPortOptions(command, options->role.users, options->role.limits);
  command.add_flag("--exit-on-divergence", options->role.exit_on_divergence,
                   "End with exit code 4 at the first difference instead of serving on");
}

}  // namespace tandem::tools
