// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <sstream>

#include "engine/live/record_role.h"
#include "replay/log_reader.h"
#include "tools/applications.h"
#include "tools/command.h"
#include "tools/mold_options.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::RecordRoleOptions role;
  std::string application;
  std::string password_file;
};

Result<ExitCode> Run(const Options& given) {
  engine::RecordRoleOptions options = given.role;
  if (const Status whole = CheckMoldClient("", options.mold, "FROM", options.from); !whole) {
    return whole.error();
  }
  if (!given.application.empty()) {
    const auto application = MakeApplication(given.application, {});
    if (!application) return application.error();
    options.schema = (*application)->info().schema;
  }
  if (options.last != 0 && options.last < options.first) {
    return Error::BadInput("--to " + std::to_string(options.last) + " is before --from " +
                           std::to_string(options.first) + "; there is nothing between them");
  }
  auto password = PasswordOf(options.user, given.password_file);
  if (!password) return password.error();
  options.password = std::move(*password);
  replay::PosixStorage storage;
  engine::RecordRole role(options, storage);
  const ExitCode code = role.Run();
  if (code == ExitCode::kBadInput) return code;
  const std::uint64_t first = role.first_recorded();
  proto::StreamPosition position = role.position();
  if (code != ExitCode::kYes) {  // a write that failed may have left more than it said
    const auto end = replay::LogReader::FindEnd(storage, options.folder);
    if (end) position = end->last;
  }
  if (first == 0 || position.number < first) {
    std::printf("nothing recorded\n");
  } else {
    std::printf("recorded messages %lu to %lu in %s, digest %016lx\n",
                static_cast<unsigned long>(first), static_cast<unsigned long>(position.number),
                options.folder.c_str(), static_cast<unsigned long>(position.digest));
  }
  return code;
}

}  // namespace

void RegisterRecord(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "record", "Write a live stream to a log, without gap or repeat over reconnects",
      "  tandem record 127.0.0.1:9004 -o recorded\n"
      "  tandem record 127.0.0.1:9004,127.0.0.1:9014 -o recorded   two deduplicators\n"
      "By multicast: --multicast 239.1.2.1:9201@eth0 --requests 10.0.0.5:9202 --session "
      "DAY1 --app book\n"
      "Stop it with Ctrl-C; run it again and it goes on where the log ends.\n",
      [options] { return Run(*options); });
  command
      .add_option_function<std::string>(
          "FROM",
          [options](const std::string& text) {
            options->role.others.clear();
            std::stringstream list(text);
            for (std::string one; std::getline(list, one, ',');) {
              const auto endpoint = engine::ParseEndpoint(one);
              if (!endpoint) throw CLI::ValidationError(endpoint.error().text);
              options->role.others.push_back(*endpoint);
            }
            if (options->role.others.empty()) throw CLI::ValidationError("FROM names no address");
            options->role.from = options->role.others.front();
            options->role.others.erase(options->role.others.begin());
          },
          "A sequencer's, engine's or deduplicator's stream; several addresses of one stream, with "
          "commas between: when one fails, the next; with --multicast for the start, and for what "
          "nobody else brings")
      ->type_name("HOST:PORT,...");
  AddMoldClient(command, "", options->role.mold);
  command.add_option("--app", options->application,
                     "Application whose message schema goes into a new log, if no FROM tells it: " +
                         ApplicationNames());
  command.add_option("-o,--output", options->role.folder, "Folder of the log; made if missing")
      ->required()
      ->check(Named("folder"));
  command
      .add_option("--from", options->role.first, "First message of a new log; default: the first")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
  command.add_option("--to", options->role.last, "Stop after this message; default: go on")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
  command.add_option("--user", options->role.user, "Who logs in")
      ->check(UserName())
      ->type_name("NAME")
      ->capture_default_str();
  AddPasswordFile(command, options->password_file);
}

}  // namespace tandem::tools
