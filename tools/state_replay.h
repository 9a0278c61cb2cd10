// SPDX-License-Identifier: Apache-2.0
//
// StateReplay: a state of its own that is taken along an input log, from an image or from nothing,
// to the numbers at which others have left images of theirs, and compared with those. What `tandem
// audit` and `tandem bisect` rest on. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pools/result.h"
#include "pools/state/compare.h"
#include "replay/application.h"
#include "replay/image.h"
#include "replay/skips.h"
#include "replay/storage.h"
#include "tools/options.h"
#include "tools/state_image.h"

namespace tandem::tools {

/// The same application with its zone at `address`.
[[nodiscard]] ApplicationOptions At(std::uint64_t address, ApplicationOptions application);

class StateReplay {
 public:
  /// With empty state, which stands before input 1. `input`: folder of the log. An error says what
  /// is wrong with the application or the log.
  static Result<std::unique_ptr<StateReplay>> FromNothing(const ApplicationOptions& application,
                                                          const std::string& input);
  /// With the state of an image; the zone lies where that one did, whatever `application` says.
  static Result<std::unique_ptr<StateReplay>> FromImage(const ApplicationOptions& application,
                                                        const std::string& input,
                                                        const replay::StateImage& image);

  /// The last input that was stepped, and its digest.
  [[nodiscard]] proto::StreamPosition position() const {
    return application_->resume_point().input;
  }
  [[nodiscard]] replay::Application& application() { return *application_; }
  [[nodiscard]] proto::Session session() const { return session_; }
  [[nodiscard]] std::uint64_t zone_address() const { return zone_address_; }

  /// Reads what the log says of inputs that are to be passed over; StepTo does it where it must.
  Status ReadAhead();
  /// Steps up to input `number`; `ask`, if it is there, is called now and then, and false ends it
  /// early. An error if the log ends before, or does not continue the state by digest.
  Status StepTo(std::uint64_t number, const std::function<bool()>& ask = {});
  /// The last input that the log has now.
  [[nodiscard]] Result<std::uint64_t> LogEnd();

  /// Of all of the state: equal for equal states, see replay::StateHash.
  [[nodiscard]] Result<std::uint64_t> Hash() const { return replay::StateHash(*application_); }
  [[nodiscard]] state::StateView view() const;
  /// A walk over the state as it is now; good until the next step.
  [[nodiscard]] Result<state::ZoneWalk> Walk() const { return state::ZoneWalk::Of(view()); }
  /// Is it byte for byte what the image holds? An image must stand after the same input.
  [[nodiscard]] bool Equals(const LoadedImage& image) const;
  /// What differs; A is the replay, B the image. Of an image so damaged that there is no walk over
  /// it, that is all that there is to say.
  [[nodiscard]] Result<state::Comparison> Compare(LoadedImage& image, std::uint64_t max) const;

 private:
  StateReplay(std::unique_ptr<replay::Application> application, std::uint64_t zone_address,
              std::string input, proto::Session session)
      : application_(std::move(application)),
        zone_address_(zone_address),
        input_(std::move(input)),
        session_(session) {}
  static Result<std::unique_ptr<StateReplay>> Make(const ApplicationOptions& application,
                                                   const std::string& input);

  std::unique_ptr<replay::Application> application_;
  std::uint64_t zone_address_;
  std::string input_;
  proto::Session session_;
  replay::PosixStorage storage_;
  replay::Skips skips_;
  std::uint64_t skips_up_to_ = 0;  ///< of the log is in skips_
};

/// An error if equal inputs need not have made equal bytes of both: another layout, build or
/// address, or only one of them began with a portable snapshot, or with that one.
[[nodiscard]] Status CheckMadeAlike(const LoadedImage& image, StateReplay& replay);
/// What lays equal states elsewhere in memory: a chain of pools, or a limit that one has met; null:
/// nothing. Both stand after the same input.
[[nodiscard]] std::optional<std::string> WhyLaidOtherwise(const LoadedImage& image,
                                                          const StateReplay& replay);
/// Why an image may not be compared with a replay that stands after the same input: another session
/// or stream, or WhyLaidOtherwise; null: it may.
[[nodiscard]] std::optional<std::string> WhyNotComparable(const LoadedImage& image,
                                                          const StateReplay& replay);

}  // namespace tandem::tools
