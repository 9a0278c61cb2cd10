// SPDX-License-Identifier: Apache-2.0
//
// What an engine does with images of its state: goes on from one, and writes one when it is told
// to.
#include <spdlog/spdlog.h>

#include "engine/context.h"
#include "engine/live/engine_role.h"
#include "engine/live/log_folder.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

void EngineRole::RestoreImage(proto::StreamPosition logged) {
  images_->RestoreNewest(application_, session_, [this, logged](const replay::ImageLabel& label) {
    return FitsLog(label, logged);
  });
}

Status EngineRole::FitsLog(const replay::ImageLabel& label, proto::StreamPosition logged) const {
  const proto::StreamPosition& output = label.output;
  const std::string stands = "stands after output " + std::to_string(output.number);
  if (output.number > logged.number) {
    return Error::BadInput(stands + ", and the log " + options_.folder + " ends at output " +
                           std::to_string(logged.number) +
                           ": the log has lost what is between, so it is computed again");
  }
  if (output.number == 0) return {};
  if (output.number < log_->first_number()) {
    return Error::BadInput(stands + ", and the log " + options_.folder + " begins at output " +
                           std::to_string(log_->first_number()));
  }
  std::uint64_t digest = logged.digest;
  if (output.number < logged.number) {
    const auto bytes = ReadOne(storage_, options_.folder, output.number);
    if (!bytes) return bytes.error();
    digest = proto::ParseMessage(*bytes)->header.digest;
  }
  if (digest == output.digest) return {};
  return Error::BadInput(stands + ", which is another one than the log " + options_.folder +
                         " has there: it is of another life of this session");
}

// Exactly here, so that an operator who asked for it by an input finds that input's number.
void EngineRole::OnSnapshot(const proto::MessageView& message) {
  if (message.header.type != TypeOf<pb::Snapshot>()) return;
  pb::Snapshot snapshot;
  if (!snapshot.ParseFromString(std::string(message.payload_text())) ||
      snapshot.engine() != options_.name) {
    return;
  }
  const std::uint64_t number = message.header.number;
  const bool is_old = number <= target_ || looks_ahead_ || engine_->verifying();
  if (images_ == nullptr) {
    spdlog::warn(
        "engine {}: input {} asks for an image, and there is no folder for it; give --images",
        options_.name, number);
  } else if (is_old) {
    spdlog::info("engine {}: no image after input {}, for it is catching up", options_.name,
                 number);
  } else if (Flush()) {
    images_->Take(application_, session_);
  }
}

}  // namespace tandem::engine
