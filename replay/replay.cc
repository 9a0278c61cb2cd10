// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include "replay/stepper.h"

namespace tandem::replay {

namespace {

constexpr std::size_t kFlushBytes = 1u << 20;
constexpr std::uint64_t kProgressInputs = 65'536;

}  // namespace

Result<ReplayProgress> Replay(Application& application, LogReader& input, std::uint64_t last,
                              LogWriter& output, const OnReplayProgress& on_progress) {
  Stepper stepper(application, input.session());
  ReplayProgress progress;
  for (;;) {
    const ReadOutcome outcome = input.Next(last);
    if (outcome == ReadOutcome::kEnd) break;
    Status status = outcome == ReadOutcome::kDamaged ? Status(input.error())
                                                     : stepper.Apply(input.message());
    if (!status) {
      if (Status flushed = output.Flush(); !flushed) return flushed.error();
      return status.error();
    }
    const OutputBatch& outputs = stepper.outputs();
    for (std::size_t i = 0; i < outputs.count(); ++i) output.Append(outputs.message(i));
    progress.outputs += outputs.count();
    ++progress.inputs;
    if (output.buffered_bytes() >= kFlushBytes) {
      if (Status flushed = output.Flush(); !flushed) return flushed.error();
    }
    if (on_progress && progress.inputs % kProgressInputs == 0 && !on_progress(progress)) break;
  }
  if (Status flushed = output.Flush(); !flushed) return flushed.error();
  return progress;
}

}  // namespace tandem::replay
