// SPDX-License-Identifier: Apache-2.0
//
// What an engine does with images of its state: goes on from one, or from a portable snapshot, and
// writes one when it is told to.
#include <spdlog/spdlog.h>

#include "engine/context.h"
#include "engine/live/engine_role.h"
#include "engine/live/log_folder.h"
#include "replay/portable.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

void EngineRole::RestoreImage(proto::StreamPosition logged) {
  images_->RestoreNewest(*application_, session_, [this, logged](const replay::ImageLabel& label) {
    return FitsLog(label.output, logged);
  });
}

// An output log that begins in the middle would leave whoever reads from number 1 without a
// beginning, and the engine without anything to hold the image against.
void EngineRole::TellWhatIsNotUsed() const {
  std::string what;
  if (!options_.portable.empty()) what = "the portable snapshot " + options_.portable;
  if (images_ && !ImageKeeper::List(options_.images).empty()) {
    what = "the images in " + options_.images;
  }
  if (what.empty()) return;
  spdlog::warn(
      "engine {}: {} cannot be used, for there was no log {} with the outputs before; stepping the "
      "input from the beginning to have them all; to save that time, stop the engine and put a "
      "copy of the other engine's log there, which is the same stream",
      options_.name, what, options_.folder);
}

Status EngineRole::LoadPortable(proto::StreamPosition logged) {
  if (options_.portable.empty() || application_->resume_point().input.number != 0) return {};
  Status status = PortableFits(logged);
  if (status) {
    const auto loaded = replay::ReadPortable(storage_, options_.portable, *application_);
    status = loaded ? Status() : Status(loaded.error());
  }
  if (!status) {
    spdlog::warn("engine {}: {}; stepping the input from the beginning", options_.name,
                 status.error().text);
    auto anew = options_.make_anew();
    if (!anew) return anew.error();
    application_ = *anew;
    return {};
  }
  const replay::ResumePoint& point = application_->resume_point();
  loaded_number_ = point.input.number;
  spdlog::info("engine {}: began with the portable snapshot {}, after input {}, output {}",
               options_.name, options_.portable, point.input.number, point.output.number);
  return {};
}

Status EngineRole::PortableFits(proto::StreamPosition logged) const {
  const auto about = replay::CheckPortable(storage_, options_.portable);
  if (!about) return about.error();
  if (about->application != application_->info().name) {
    return Error::BadInput("the portable snapshot " + options_.portable +
                           " is of the application \"" + about->application +
                           "\", and this one is \"" + application_->info().name + "\"");
  }
  if (about->session != session_) {
    return Error::BadInput("the portable snapshot " + options_.portable + " is of session \"" +
                           about->session.str() + "\", and the log " + options_.folder +
                           " of session \"" + session_.str() + "\"");
  }
  Status fits = FitsLog(about->output, logged);
  if (fits) return fits;
  return Error::BadInput("the portable snapshot " + options_.portable + " " + fits.error().text);
}

Status EngineRole::FitsLog(proto::StreamPosition output, proto::StreamPosition logged) const {
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
  const bool is_old = number <= there_at_login_ || looks_ahead_ || engine_->verifying();
  if (images_ == nullptr) {
    spdlog::warn(
        "engine {}: input {} asks for an image, and there is no folder for it; give --images",
        options_.name, number);
  } else if (is_old) {
    spdlog::info("engine {}: no image after input {}, for it is catching up", options_.name,
                 number);
  } else if (Flush()) {
    images_->Take(*application_, session_);
  }
}

}  // namespace tandem::engine
