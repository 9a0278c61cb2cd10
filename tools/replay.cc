// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>

#include "engine/live/log_folder.h"
#include "tools/applications.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

struct Options {
  std::string input;
  std::string output;
  std::uint64_t last = kNoMax;
  ApplicationOptions application;
};

/// Inputs and rate on a terminal's line, rewritten in place.
class ProgressLine {
 public:
  explicit ProgressLine(std::uint64_t total) : total_(total) {}

  void Show(const replay::ReplayProgress& progress) {
    const auto now = Clock::now();
    if (!is_terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double rate = static_cast<double>(progress.inputs) / Seconds();
    std::fprintf(stderr, "\r%lu of %lu inputs, %.2f M/s, %.0f s left ",
                 static_cast<unsigned long>(progress.inputs), static_cast<unsigned long>(total_),
                 rate / 1e6, static_cast<double>(total_ - progress.inputs) / rate);
    is_shown_ = true;
  }
  void Clear() const {
    if (is_shown_) std::fputs("\r\033[K", stderr);
  }
  [[nodiscard]] double Seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t total_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_shown_ = false;
};

Result<ExitCode> Run(const Options& options) {
  const auto zone = options.application.Zone();
  if (!zone) return zone.error();
  const auto application = MakeApplication(options.application.name, *zone);
  if (!application) return application.error();
  replay::PosixStorage storage;
  auto input = replay::LogReader::Open(storage, options.input, {.check_digest = false});
  if (!input) return input.error();
  if (Status status = CheckIsInput(input->role(), options.input); !status) return status.error();
  if (input->first_number() > 1) {
    return Error::BadInput("the input log " + options.input + " begins at message " +
                           std::to_string(input->first_number()) +
                           "; a replay needs it from message 1 on");
  }
  const auto end = replay::LogReader::LastPosition(storage, options.input);
  if (!end) return end.error();
  if (storage.FolderExists(options.output)) {
    const auto names = storage.List(options.output);
    if (!names) return names.error();
    if (!names->empty()) {
      return Error::BadInput("the folder " + options.output +
                             " is not empty; give -o a new folder for the outputs");
    }
  }
  std::signal(SIGXFSZ, SIG_IGN);  // an error of the disk is a value
  engine::NewLogFolder folder(storage, options.output);
  auto output = replay::LogWriter::Open(storage, options.output,
                                        {.session = input->session(),
                                         .role = replay::kOutputRole,
                                         .schema = (*application)->info().schema});
  if (!output) {
    folder.TakeBack();
    return output.error();
  }

  CatchInterrupts();
  ProgressLine line(std::min(options.last, end->number));
  const auto progress = replay::Replay(**application, *input, options.last, *output,
                                       [&](const replay::ReplayProgress& so_far) {
                                         line.Show(so_far);
                                         return !Interrupted();
                                       });
  const double seconds = line.Seconds();
  line.Clear();
  const proto::StreamPosition position = output->position();
  const Status closed = output->Close();
  if (!progress || !closed) {
    const Error& error = progress ? closed.error() : progress.error();
    return Error{error.code, error.text + "; " + options.output +
                                 " is kept, with the outputs up to then: remove it before you "
                                 "replay into it again"};
  }
  std::printf(
      "%lu inputs, %lu outputs in %.3f s: %.2f M inputs/s, %.2f M messages/s; digest %016lx%s\n",
      static_cast<unsigned long>(progress->inputs), static_cast<unsigned long>(progress->outputs),
      seconds, static_cast<double>(progress->inputs) / seconds / 1e6,
      static_cast<double>(progress->inputs + progress->outputs) / seconds / 1e6,
      static_cast<unsigned long>(position.digest),
      Interrupted() ? "; interrupted before the end" : "");
  if (options.last != kNoMax && options.last > end->number) {
    std::fflush(stdout);
    std::fprintf(stderr, "tandem: note: --to %lu is beyond the end: %s ends with message %lu\n",
                 static_cast<unsigned long>(options.last), options.input.c_str(),
                 static_cast<unsigned long>(end->number));
  }
  return Interrupted() ? ExitCode::kFailure : ExitCode::kYes;
}

}  // namespace

void RegisterReplay(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add("replay", "Run an application over a recorded input log",
                                   "  tandem generate --orders 100000 -o flow\n"
                                   "  tandem replay flow --app book -o out\n",
                                   [options] { return Run(*options); });
  command.add_option("INPUT", options->input, "Folder of the input log")->required();
  command.add_option("-o,--output", options->output, "New folder for the output log")->required();
  command.add_option("--to", options->last, "Stop after this input message; default: the last")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
  options->application.AddTo(command);
}

}  // namespace tandem::tools
