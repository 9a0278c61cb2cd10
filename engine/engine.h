// SPDX-License-Identifier: Apache-2.0
//
// Engine: one copy of a pair. Steps inputs and sorts the outputs into those that its own log holds
// already, which it compares byte for byte (after a restart it steps again from where its state
// stands), and new ones, which the caller appends. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/stepper.h"

namespace tandem::engine {

/// Begins the sentence about a forked input. `number`: the latest that the first input that differs
/// can be; who has stepped it already cannot know how far before.
[[nodiscard]] inline std::string ForkedAt(std::uint64_t number) {
  return "input forked at " + std::to_string(number) + " or before it: ";
}

/// What a person can do about a forked input; ends a sentence.
constexpr std::string_view kAfterAFork =
    "stop the sequencer and give it back a copy of the input log that has what was acted on, or "
    "begin a new session with new logs everywhere";

/// Where an engine finds what it said before: its own output log, read in order.
class RecordedOutputs {
 public:
  virtual ~RecordedOutputs() = default;
  /// The next recorded output, from the one after the state's output position on; valid until the
  /// next call. Null or an error if the log has no more, although its end is further on.
  virtual Result<proto::MessageView> Next() = 0;
};

class Engine {
 public:
  /// `logged`: where the engine's own output log ends. `recorded` outlives the engine.
  Engine(replay::Application& application, proto::Session session, proto::StreamPosition logged,
         RecordedOutputs& recorded, std::size_t message_size_max = proto::kMessageSizeMaxDefault);

  /// What of the input is to be passed over: see Stepper.
  void PassOver(const replay::Skips& skips) { stepper_.PassOver(skips); }
  void LookAt(const proto::MessageView& input_ahead) { stepper_.LookAt(input_ahead); }
  [[nodiscard]] const replay::Skips& skips() const { return stepper_.skips(); }

  /// Takes the next input. An input before the next one is a repetition after a reconnect: it is
  /// passed over and has no outputs. Error kDivergence: the state now says something else than the
  /// log, or the input is not the one that was acted on ("input forked at N or before it"): an
  /// output of another epoch than the log has there is of another input, whatever the origins are.
  /// Nothing may be appended.
  Status Apply(const proto::MessageView& input);

  /// Outputs of the last input that are to be appended, in order.
  [[nodiscard]] std::size_t new_count() const { return new_count_; }
  [[nodiscard]] std::span<const std::byte> new_output(std::size_t index) const {
    return stepper_.outputs().message(stepper_.outputs().count() - new_count_ + index);
  }

  [[nodiscard]] const replay::ResumePoint& position() const { return stepper_.position(); }
  /// True while outputs are still compared with the log instead of appended.
  [[nodiscard]] bool verifying() const { return position().output.number < logged_.number; }

 private:
  Status Verify(std::span<const std::byte> output);

  replay::Stepper stepper_;
  proto::StreamPosition logged_;
  RecordedOutputs& recorded_;
  std::size_t new_count_ = 0;
};

}  // namespace tandem::engine
