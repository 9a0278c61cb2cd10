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
  if (std::ranges::equal(recorded->bytes, output)) return {};
  const proto::Header& header = recorded->header;
  proto::Header now;
  std::memcpy(&now, output.data(), sizeof now);
  // Time and epoch are the input's: if they differ, so did the input.
  if (now.epoch != header.epoch || (now.origin == header.origin && now.time_ns != header.time_ns)) {
    return Error{ExitCode::kDivergence,
                 "input forked at " + std::to_string(std::min(now.origin, header.origin)) +
                     ": this engine's own log answers input " + std::to_string(header.origin) +
                     " of epoch " + std::to_string(header.epoch) +
                     ", the sequencer has another one there now (epoch " +
                     std::to_string(now.epoch) + "); " + std::string(kAfterAFork)};
  }
  return Error{ExitCode::kDivergence,
               "this engine's own log holds another output " + std::to_string(header.number) +
                   " (for input " + std::to_string(header.origin) +
                   ") than the same input gives now: the log, the build or the application is not "
                   "what it was; move the output log away to let the engine build a new one, and "
                   "compare both with `tandem diff`"};
}

}  // namespace tandem::engine
