// SPDX-License-Identifier: Apache-2.0
//
// What an engine does about an input in whose step the process before it died.
#include <spdlog/spdlog.h>

#include "engine/live/engine_role.h"
#include "proto/schema.h"

namespace tandem::engine {

namespace {

constexpr std::size_t kDescriptionMax = 400;

}  // namespace

bool EngineRole::MayStepAgain(const proto::MessageView& message) {
  if (engine_->skips().ReasonFor(message.header.number) != nullptr) return true;
  if (options_.deaths_max != 0 && progress_.deaths() >= options_.deaths_max) {
    loop_.Fail(Deadly(message));
    return false;
  }
  if (!deadly_is_told_) {
    spdlog::warn("engine {}: a process died in the step of this input, {} times in a row: {}",
                 options_.name, progress_.deaths(), Describe(message));
  }
  deadly_is_told_ = true;
  return true;
}

Error EngineRole::Deadly(const proto::MessageView& input) const {
  const std::string number = std::to_string(input.header.number);
  const std::string log = replica_ ? options_.input_log : "INPUT-LOG";
  const std::string what =
      "engine " + options_.name + " died " + std::to_string(progress_.deaths()) +
      " times in a row in the step of one input, so it is not stepped again: " + Describe(input) +
      "; ";
  if (input.header.number <= logged_input_) {
    return Error::Failure(what +
                          "this engine has answered it before, so its build or its host is not "
                          "what it was: run the build that wrote the log " +
                          options_.folder + ", then remove " + options_.progress_file);
  }
  return Error::Failure(
      what + "look at it with `tandem cat " + log + " --from " + number + " --to " + number +
      "`, and let the pair pass it with `tandem control " + "SUBMISSIONS skip " + number +
      " --reason TEXT`, or mend what killed it and remove " + options_.progress_file);
}

std::string EngineRole::Describe(const proto::MessageView& input) const {
  std::string text;
  auto schema = proto::Schema::Parse(application_->info().schema);
  if (!schema) {
    text = std::to_string(input.header.number) + " of type " + std::to_string(input.header.type) +
           " from " + input.header.user.str();
  } else {
    schema->AppendText(input, &text);
  }
  if (text.size() > kDescriptionMax) text = text.substr(0, kDescriptionMax) + " ...";
  return text;
}

}  // namespace tandem::engine
