// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>

#include "engine/live/sequencer_role.h"
#include "tools/applications.h"
#include "tools/command.h"
#include "tools/mold_options.h"
#include "tools/options.h"
#include "tools/port_options.h"
#include "tools/ports.h"

namespace tandem::tools {

namespace {

const std::map<std::string, engine::Durability> kDurabilities = {
    {"none", engine::Durability::kNone},
    {"interval", engine::Durability::kInterval},
    {"always", engine::Durability::kAlways}};

struct Options {
  engine::SequencerRoleOptions role;
  std::string application = "book";
  std::string password_file;
};

Result<ExitCode> Run(Options& options) {
  if (const Status two =
          CheckTwoPorts("--submissions", options.role.submissions, "--stream", options.role.stream);
      !two) {
    return two.error();
  }
  auto password = PasswordOf("taker", options.password_file);
  if (!password) return password.error();
  options.role.password = std::move(*password);
  // Only the schema of the application is needed: it goes into the log. Its state stays empty.
  const auto application = ApplicationOf(options.application, {});
  if (!application) return application.error();
  options.role.schema = (*application)->info().schema;
  // Unlike the standard library's, it runs while the host sleeps.
  options.role.steady_clock = [] {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  replay::PosixStorage storage;
  return engine::SequencerRole(options.role, storage).Run();
}

}  // namespace

void RegisterSequencer(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "sequencer", "Put what clients submit into one order: the input stream",
      "  tandem sequencer --log day/input --session DAY1 --submissions 9000 --stream 9001 "
      "--replica 9013\n"
      "By multicast too, by two networks: --multicast 239.1.1.1:9101@eth0,239.1.1.2:9101@eth1 "
      "--requests 9102\n",
      [options] { return Run(*options); });
  command.add_option("--log", options->role.folder, "Folder of the input log; made if missing")
      ->required();
  AddSession(command, "--session", options->role.session,
             "Name of the session; may be left out if the log exists");
  AddEndpoint(command, "--submissions", options->role.submissions, "Where clients submit");
  AddEndpoint(command, "--stream", options->role.stream, "Where the input stream is served");
  AddMoldServer(command, options->role.mold);
  command
      .add_option_function<std::vector<std::string>>(
          "--replica",
          [options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              auto endpoint = engine::ParseEndpoint(text);
              if (!endpoint) throw CLI::ValidationError("--replica: " + endpoint.error().text);
              options->role.replicas.push_back(std::move(*endpoint));
            }
          },
          "An engine's --input-stream; give one for each engine. What the log has lost and they "
          "have is taken back before anything is accepted")
      ->type_name("HOST:PORT");
  AddPasswordFile(command, options->password_file)
      ->description(
          "Password of user `taker`, as which it logs in at a --replica: a line with it, "
          "or lines of NAME PASSWORD");
  AddSeconds(command, "--replica-wait", options->role.replica_wait,
             "How long a --replica may take to answer; then the sequencer goes on without it");
  command
      .add_option_function<std::string>(
          "--durability",
          [options](const std::string& name) {
            const auto found = kDurabilities.find(name);
            if (found == kDurabilities.end()) {
              throw CLI::ValidationError("\"" + name +
                                         "\" is no durability; choose none, interval or always");
            }
            options->role.durability = found->second;
          },
          "When the log is synced: none (at the end), interval (every 100 ms), always "
          "(before anything is acknowledged)")
      ->type_name("none|interval|always")
      ->default_str("none");
  command
      .add_option("--message-size", options->role.message_size_max,
                  "Largest message, header included, in bytes")
      ->check(WholeNumber(128, proto::kMessageSizeMaxDefault))
      ->capture_default_str();
  command
      .add_option_function<double>(
          "--clock-jump-limit",
          [options](double seconds) {
            options->role.clock_jump_max =
                std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
          },
          "A clock that is set by more than this at once is not followed; 0: it is, however far")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("SECONDS")
      ->default_str("10");
  AddSubmissionPortOptions(command, options->role.limits);
  AddStreamPortOptions(command, options->role.users, options->role.limits);
  command
      .add_option("--snapshot-every", options->role.snapshots.every,
                  "After so many messages the next engine is told to write an image of its state, "
                  "each in turn; 0: not by messages")
      ->check(WholeNumber())
      ->capture_default_str()
      ->type_name("MESSAGES");
  command
      .add_option_function<double>(
          "--snapshot-seconds",
          [options](double seconds) {
            options->role.snapshots.interval =
                std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
          },
          "The same after so many seconds; 0: not by time")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("SECONDS")
      ->default_str("0");
  command
      .add_option("--snapshot-engines", options->role.snapshots.engines,
                  "Names of the engines that are told in turn")
      ->delimiter(',')
      ->check(UserName())
      ->type_name("NAMES")
      ->default_str("A,B");
  command.add_flag("--end-session", options->role.end_session,
                   "Write the end of the session, then serve without taking submissions");
  command
      .add_option("--app", options->application,
                  "Application whose message schema goes into the log: " + ApplicationChoice())
      ->capture_default_str();
}

}  // namespace tandem::tools
