// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "engine/live/record_role.h"
#include "tools/command.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

Result<ExitCode> Run(const engine::RecordRoleOptions& options) {
  if (options.last != 0 && options.last < options.first) {
    return Error::BadInput("--to " + std::to_string(options.last) + " is before --from " +
                           std::to_string(options.first) + "; there is nothing between them");
  }
  replay::PosixStorage storage;
  engine::RecordRole role(options, storage);
  const ExitCode code = role.Run();
  if (code == ExitCode::kBadInput) return code;
  const std::uint64_t first = role.first_recorded();
  const proto::StreamPosition position = role.position();
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
  auto options = std::make_shared<engine::RecordRoleOptions>();
  CLI::App& command =
      commands.Add("record", "Write a live stream to a log, without gap or repeat over reconnects",
                   "  tandem record 127.0.0.1:9004 -o recorded\n"
                   "Stop it with Ctrl-C; run it again and it goes on where the log ends.\n",
                   [options] { return Run(*options); });
  AddEndpoint(command, "FROM", options->from, "A sequencer's, engine's or deduplicator's stream");
  command.add_option("-o,--output", options->folder, "Folder of the log; made if missing")
      ->required();
  command.add_option("--from", options->first, "First message of a new log; default: the first")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
  command.add_option("--to", options->last, "Stop after this message; default: go on")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
}

}  // namespace tandem::tools
