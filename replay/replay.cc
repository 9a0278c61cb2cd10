// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include "replay/log_pipe.h"
#include "replay/stepper.h"

namespace tandem::replay {

namespace {

constexpr std::uint64_t kProgressInputs = 65'536;

/// Steps until the input or the patience of `on_progress` ends. False if the pipe failed.
Result<bool> StepAll(Application& application, LogReader& input, std::uint64_t last, LogPipe& pipe,
                     ReplayProgress& progress, const OnReplayProgress& on_progress) {
  Stepper stepper(application, input.session());
  ReadAhead ahead(input, last);
  for (;;) {
    const ReadOutcome outcome = ahead.Next();
    if (outcome == ReadOutcome::kEnd) return true;
    if (outcome == ReadOutcome::kDamaged) return ahead.error();
    if (Status status = stepper.Apply(ahead.message()); !status) return status.error();
    const OutputBatch& outputs = stepper.outputs();
    for (std::size_t i = 0; i < outputs.count(); ++i) {
      if (!pipe.Append(outputs.message(i))) return false;
    }
    progress.outputs += outputs.count();
    ++progress.inputs;
    if (on_progress && progress.inputs % kProgressInputs == 0 && !on_progress(progress)) {
      return true;
    }
  }
}

}  // namespace

Result<ReplayProgress> Replay(Application& application, LogReader& input, std::uint64_t last,
                              LogWriter& output, const OnReplayProgress& on_progress) {
  ReplayProgress progress;
  LogPipe pipe(output);
  const Result<bool> stepped = StepAll(application, input, last, pipe, progress, on_progress);
  if (Status written = pipe.Finish(); !written) return written.error();
  if (!stepped) return stepped.error();
  return progress;
}

}  // namespace tandem::replay
