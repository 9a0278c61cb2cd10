// SPDX-License-Identifier: Apache-2.0
//
// Stepper: drives one application along one input stream. Checks that each input is the next one
// of the session and carries the right digest, handles Tandem's own messages, passes over what a
// Skip names, seals the outputs and moves the resume point. Pure: messages in, messages out. One
// thread.
#pragma once

#include <string>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/application.h"
#include "replay/skips.h"

namespace tandem::replay {

class Stepper {
 public:
  /// `application` outlives the stepper. Input and output have the same session name.
  Stepper(Application& application, proto::Session session,
          std::size_t message_size_max = proto::kMessageSizeMaxDefault);

  /// What of the input is to be passed over, as far as is known before it is stepped. Who begins
  /// looks ahead as far as the input goes (ReadSkips, or LookAt for each message further on): an
  /// input that was stepped although a later Skip names it is an error, at that Skip.
  void PassOver(const Skips& skips);
  void LookAt(const proto::MessageView& input_ahead);
  [[nodiscard]] const Skips& skips() const { return skips_; }

  /// Takes the next input; its outputs are in outputs() until the next call. An error says what is
  /// wrong with the input; nothing has changed then.
  Status Apply(const proto::MessageView& input);

  [[nodiscard]] const OutputBatch& outputs() const { return outputs_; }
  [[nodiscard]] const ResumePoint& position() const { return point_; }
  [[nodiscard]] proto::Session session() const { return session_; }

 private:
  Status Check(const proto::MessageView& input) const;
  Status StepControl(const proto::MessageView& input);
  Status StepSkip(const proto::MessageView& input);
  /// An error if input `number`, which the Skip in input `skip_number` names, was stepped.
  [[nodiscard]] Status CheckPassedOver(std::uint64_t skip_number, std::uint64_t number) const;
  Status StepActivate(const proto::MessageView& input);

  Application& application_;
  ResumePoint& point_;  ///< of the application
  proto::Session session_;
  OutputBatch outputs_;
  Skips skips_;
  std::uint64_t next_skip_ = Skips::kNone;  ///< the next input that is passed over
};

}  // namespace tandem::replay
