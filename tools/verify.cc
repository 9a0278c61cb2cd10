// SPDX-License-Identifier: Apache-2.0
//
// tandem verify: checks all of a log.
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "replay/log_verify.h"
#include "tools/command.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

Result<ExitCode> Run(const std::string& folder) {
  replay::PosixStorage storage;
  const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
  const auto begin = std::chrono::steady_clock::now();
  const auto report = replay::VerifyLog(storage, folder, [&](std::uint64_t number) {
    if (on_terminal) {
      std::fprintf(stderr, "\rchecked to message %llu ", static_cast<unsigned long long>(number));
    }
  });
  if (on_terminal) std::fputs("\r\033[K", stderr);
  if (!report) return report.error();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  Output output;
  for (const std::string& problem : report->problems) output.text += "problem: " + problem + "\n";
  char text[256];
  if (report->messages == 0) {
    std::snprintf(text, sizeof text, "no messages");
  } else {
    std::snprintf(text, sizeof text, "messages %llu to %llu",
                  static_cast<unsigned long long>(report->first_number),
                  static_cast<unsigned long long>(report->last.number));
  }
  output.text += report->problems.empty() ? "whole: " : "NOT whole: good are ";
  output.text += text;
  std::snprintf(text, sizeof text, ", %llu segment%s; CRC and digests checked in %.2f s%s\n",
                static_cast<unsigned long long>(report->segments), report->segments == 1 ? "" : "s",
                seconds, report->being_written ? "; the log is being written" : "");
  output.text += text;
  if (Status status = output.Flush(); !status) return status.error();
  return report->problems.empty() ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void RegisterVerify(Commands& commands) {
  auto folder = std::make_shared<std::string>();
  CLI::App& command =
      commands.Add("verify", "Check every record, number and digest of a log",
                   "  tandem generate --orders 10000 -o flow\n"
                   "  tandem verify flow && echo whole\n"
                   "Exit code 1 if a log is damaged, 2 if there is none, or it cannot be "
                   "read to its end.\n",
                   [folder] { return Run(*folder); });
  command.add_option("LOG", *folder, "Folder of the log")->required();
}

}  // namespace tandem::tools
