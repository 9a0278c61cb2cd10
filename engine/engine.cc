// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>
#include <cstring>

namespace tandem::engine {

Engine::Engine(replay::Application& application, proto::Session session,
               proto::StreamPosition logged, RecordedOutputs& recorded,
               std::size_t message_size_max)
    : stepper_(application, session, message_size_max), logged_(logged), recorded_(recorded) {}

Status Engine::Apply(const proto::MessageView& input) {
  new_count_ = 0;
  if (input.header.number <= position().input.number) return {};
  const std::uint64_t output_before = position().output.number;
  if (Status status = stepper_.Apply(input); !status) return status;
  const replay::OutputBatch& outputs = stepper_.outputs();
  const std::size_t known =
      output_before >= logged_.number
          ? 0
          : std::min<std::uint64_t>(outputs.count(), logged_.number - output_before);
  for (std::size_t i = 0; i < known; ++i) {
    if (Status status = Verify(outputs.message(i)); !status) return status;
  }
  new_count_ = outputs.count() - known;
  return {};
}

Status Engine::Verify(std::span<const std::byte> output) {
  const Result<proto::MessageView> recorded = recorded_.Next();
  if (!recorded) return recorded.error();
  if (proto::SameBytes(recorded->bytes, output)) return {};
  const proto::Header& header = recorded->header;
  proto::Header now;
  std::memcpy(&now, output.data(), sizeof now);
  // Time and epoch are the input's: if they differ, so did the input. Up to the earlier of the two
  // origins something must differ, for else the same step would have given the same output.
  if (now.epoch != header.epoch || (now.origin == header.origin && now.time_ns != header.time_ns)) {
    return Error{ExitCode::kDivergence,
                 ForkedAt(std::min(now.origin, header.origin)) + "output " +
                     std::to_string(header.number) + " in this engine's own log answers input " +
                     std::to_string(header.origin) + " of epoch " + std::to_string(header.epoch) +
                     ", but with what the sequencer has now it answers input " +
                     std::to_string(now.origin) + " of epoch " + std::to_string(now.epoch) + "; " +
                     std::string(kAfterAFork)};
  }
  return Error{ExitCode::kDivergence,
               "this engine's own log holds another output " + std::to_string(header.number) +
                   " (for input " + std::to_string(header.origin) +
                   ") than the same input gives now: the application, its build or its state is "
                   "not what it was when the log was written; the log is evidence of what was "
                   "said: keep it where it is and run the build that wrote it, or, if the new "
                   "behaviour is wanted, begin a new session, or a new log next to this one"};
}

}  // namespace tandem::engine
