// SPDX-License-Identifier: Apache-2.0
//
// Stepper: drives one application along one input stream. Checks that each input is the next one
// of the session and carries the right digest, handles Tandem's own messages, seals the outputs and
// moves the resume point. Pure: messages in, messages out. One thread.
#pragma once

#include <string>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/application.h"

namespace tandem::replay {

class Stepper {
 public:
  /// `application` outlives the stepper. Input and output have the same session name.
  Stepper(Application& application, proto::Session session,
          std::size_t message_size_max = proto::kMessageSizeMaxDefault);

  /// Takes the next input; its outputs are in outputs() until the next call. An error says what is
  /// wrong with the input; nothing has changed then.
  Status Apply(const proto::MessageView& input);

  [[nodiscard]] const OutputBatch& outputs() const { return outputs_; }
  [[nodiscard]] const ResumePoint& position() const { return application_.resume_point(); }
  [[nodiscard]] proto::Session session() const { return session_; }

 private:
  Status Check(const proto::MessageView& input) const;

  Application& application_;
  proto::Session session_;
  OutputBatch outputs_;
};

}  // namespace tandem::replay
