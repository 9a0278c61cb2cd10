// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include <utility>

#include "replay/log_pipe.h"
#include "replay/stepper.h"

namespace tandem::replay {

namespace {

/// So few that it is not long even where a step takes long.
constexpr std::uint64_t kProgressInputs = 16;

/// Compares outputs with those that were recorded.
class Recorded {
 public:
  /// `before`: the last output before the replay.
  Recorded(LogReader& log, proto::StreamPosition before)
      : begin_(log.position()), last_(before), ahead_(log, UINT64_MAX) {}

  /// False: `output` is not what was recorded, or an error; see below.
  bool Compare(std::span<const std::byte> output, const proto::Header& header) {
    const std::uint64_t digest_before = last_.digest;
    last_ = {.number = header.number, .digest = header.digest};
    if (header.number <= begin_.number) return true;
    if (header.number == begin_.number + 1 && digest_before != begin_.digest) {
      difference_ = {.number = header.number, .is_before = true};
      return false;
    }
    const ReadOutcome outcome = ahead_.Next();
    if (outcome == ReadOutcome::kDamaged) {
      error_ = ahead_.error();
      return false;
    }
    const auto recorded =
        outcome == ReadOutcome::kMessage ? ahead_.message().bytes : std::span<const std::byte>();
    if (proto::SameBytes(output, recorded)) {
      ++compared_;
      return true;
    }
    difference_ = {.number = header.number,
                   .input = header.origin,
                   .replayed = {output.begin(), output.end()},
                   .recorded = {recorded.begin(), recorded.end()}};
    return false;
  }

  /// After the last output of input `last_input`: what else was recorded.
  Status Finish(std::uint64_t last_input, ReplayResult& result) {
    result.compared = compared_;
    if (error_) return *error_;
    result.difference = std::move(difference_);
    if (result.difference) return {};
    if (last_.number == begin_.number &&
        last_.digest != begin_.digest) {  // no output followed, to be asked
      result.difference = {.number = begin_.number + 1, .is_before = true};
      return {};
    }
    switch (ahead_.Next()) {
      case ReadOutcome::kDamaged:
        return ahead_.error();
      case ReadOutcome::kEnd:
        return {};
      case ReadOutcome::kMessage:
        break;
    }
    const proto::MessageView& more = ahead_.message();
    if (more.header.origin > last_input) {
      result.recorded_goes_on_with = more.header.origin;
    } else {
      result.difference = {.number = more.header.number,
                           .input = more.header.origin,
                           .replayed = {},
                           .recorded = {more.bytes.begin(), more.bytes.end()}};
    }
    return {};
  }

 private:
  const proto::StreamPosition begin_;
  proto::StreamPosition last_;  ///< of the outputs so far
  std::uint64_t compared_ = 0;
  std::optional<ReplayDifference> difference_;
  std::optional<Error> error_;
  ReadAhead ahead_;
};

class Run {
 public:
  Run(Application& application, LogReader& input, const ReplayOptions& options)
      : options_(options), stepper_(application, input.session()), ahead_(input, options.last) {
    if (options.output != nullptr) pipe_.emplace(*options.output);
    if (options.against != nullptr) recorded_.emplace(*options.against, stepper_.position().output);
    if (options.skips != nullptr) stepper_.PassOver(*options.skips);
  }

  Result<ReplayResult> Go() {
    const Status stepped = StepAll();
    ReplayResult result{.progress = progress_, .compared = 0, .difference = {}};
    Status compared;
    if (recorded_) compared = recorded_->Finish(stepper_.position().input.number, result);
    if (pipe_) {
      if (Status written = pipe_->Finish(); !written) return written.error();
    }
    if (!stepped) return stepped.error();
    if (!compared) return compared.error();
    return result;
  }

 private:
  /// Steps until the inputs, the patience of `on_progress` or the likeness to the recorded log end,
  /// or the pipe fails: whoever is to say so says it in Finish.
  Status StepAll() {
    for (;;) {
      const ReadOutcome outcome = ahead_.Next();
      if (outcome == ReadOutcome::kEnd) return {};
      if (outcome == ReadOutcome::kDamaged) return ahead_.error();
      if (options_.pace != nullptr && !WaitUntilDue(ahead_.message().header.time_ns)) return {};
      if (Status status = stepper_.Apply(ahead_.message()); !status) return status;
      if (!HandOver()) return {};
      ++progress_.inputs;
      if (options_.look && stepper_.position().input.number == options_.look_after) {
        if (Status status = options_.look(); !status) return status;
      }
      if (options_.on_progress && progress_.inputs % kProgressInputs == 0 &&
          !options_.on_progress(progress_)) {
        return {};
      }
    }
  }

  bool HandOver() {
    const OutputBatch& outputs = stepper_.outputs();
    progress_.outputs += outputs.count();
    if (pipe_) {
      for (std::size_t i = 0; i < outputs.count(); ++i) {
        if (!pipe_->Append(outputs.message(i))) return false;
      }
    }
    if (!recorded_) return true;
    for (std::size_t i = 0; i < outputs.count(); ++i) {
      proto::Header header;
      std::memcpy(&header, outputs.message(i).data(), sizeof header);
      if (!recorded_->Compare(outputs.message(i), header)) return false;
    }
    return true;
  }

  bool WaitUntilDue(std::int64_t time_ns) {
    while (!options_.pace->IsDue(time_ns)) {
      // What is there to be seen is seen before the pause, not after it.
      if (pipe_ && !pipe_->HandOn()) return false;
      options_.pace->Wait(time_ns);
      if (options_.on_progress && !options_.on_progress(progress_)) return false;
    }
    return true;
  }

  const ReplayOptions& options_;
  ReplayProgress progress_;
  Stepper stepper_;
  std::optional<LogPipe> pipe_;
  std::optional<Recorded> recorded_;
  ReadAhead ahead_;
};

}  // namespace

Result<ReplayResult> Replay(Application& application, LogReader& input,
                            const ReplayOptions& options) {
  return Run(application, input, options).Go();
}

}  // namespace tandem::replay
