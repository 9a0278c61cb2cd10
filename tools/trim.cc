// SPDX-License-Identifier: Apache-2.0
//
// tandem trim: takes the beginning of a log away.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_trim.h"
#include "tools/command.h"
#include "tools/moment.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

struct Options {
  std::string folder;
  std::optional<Moment> before;
  bool archive = false;
  bool look_only = false;
  bool json = false;
};

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// Who will need the beginning again is not seen by looking at the log.
Status CheckRole(const Options& options, replay::LogRole role) {
  if (options.archive) return {};
  const char* needed = nullptr;
  if (role == replay::kInputRole) {
    needed = "an engine and a replay begin with message 1 of their input";
  } else if (role == replay::kOutputRole) {
    needed = "an engine that is started again compares its outputs with its log from message 1 on";
  }
  if (needed == nullptr) return {};
  return Error::BadInput("the log " + options.folder + " is of role \"" + role.str() + "\", and " +
                         needed +
                         "; give --archive if nothing will be started on this copy of it again");
}

std::string Text(const Options& options, const replay::LogTrim& trim) {
  const std::string begins = "the log " + options.folder +
                             (options.look_only && trim.segments > 0 ? " would begin" : " begins") +
                             " at message " + Plain(trim.first_number) + ", digest before it " +
                             proto::DigestText(trim.digest_before) + "\n";
  if (trim.segments == 0) {
    return "nothing to take: no segment lies before " + options.before->text() + " as a whole; " +
           begins;
  }
  return std::string(options.look_only ? "would take " : "took ") + Plain(trim.segments) +
         (trim.segments == 1 ? " segment" : " segments") + " with messages " +
         Plain(trim.first_taken) + " to " + Plain(trim.last_taken) + ", " + Plain(trim.bytes) +
         " bytes; " + begins;
}

std::string Json(const Options& options, const replay::LogTrim& trim) {
  std::string text = "{\"segments\":" + Plain(trim.segments) + ",\"bytes\":" + Plain(trim.bytes);
  if (trim.segments > 0) {
    text +=
        ",\"first_taken\":" + Plain(trim.first_taken) + ",\"last_taken\":" + Plain(trim.last_taken);
  }
  text += ",\"first_number\":" + Plain(trim.first_number) + ",\"digest_before\":\"" +
          proto::DigestText(trim.digest_before) + "\",\"done\":";
  return text + (options.look_only ? "false}\n" : "true}\n");
}

/// The last message if all are before `number`, so that none of them is to be kept.
Result<std::optional<std::uint64_t>> EndBefore(replay::Storage& storage, const std::string& folder,
                                               std::uint64_t number) {
  const auto end = replay::LogReader::FindEnd(storage, folder);
  if (!end) return end.error();
  std::optional<std::uint64_t> last;
  if (!end->damage && end->last.number < number) last = end->last.number;
  return last;
}

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  {
    // Gone before the trim: it would be a reader in the way.
    const auto reader = replay::LogReader::Open(storage, options.folder, {.check_digest = false});
    if (!reader) return reader.error();
    if (Status status = CheckRole(options, reader->role()); !status) return status.error();
  }
  const auto number = options.before->First(storage, options.folder);
  if (!number) return number.error();
  const auto end = EndBefore(storage, options.folder, *number);
  if (!end) return end.error();
  const auto trim = replay::TrimLog(storage, options.folder, *number, options.look_only);
  if (!trim) return trim.error();
  if (*end) {
    std::fprintf(stderr,
                 "tandem: note: --before %s is beyond the end: %s ends with message %" PRIu64
                 "; its last segment stays\n",
                 options.before->text().c_str(), options.folder.c_str(), **end);
  }
  Output output;
  output.text = options.json ? Json(options, *trim) : Text(options, *trim);
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void RegisterTrim(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("trim", "Take whole segments from the beginning of a log",
                   "  tandem generate --orders 2000000 -o flow\n"
                   "  tandem trim flow --before 1500000 --archive --dry-run\n"
                   "What is left begins with the running digest before it, so it is still checked "
                   "against\nany copy. Refused while a reader stands in what would go, and if the "
                   "mark would go.\n",
                   [options] { return Run(*options); });
  command.add_option("LOG", options->folder, "Folder of the log")->required();
  AddMoment(command, "--before", options->before, "Keep what comes from here on")->required();
  command.add_flag("--archive", options->archive,
                   "Nothing will be started on this copy of an input or an engine's log again");
  command.add_flag("--dry-run", options->look_only, "Only say what would be taken");
  command.add_flag("--json", options->json, "One JSON object");
}

}  // namespace tandem::tools
