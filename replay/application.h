// SPDX-License-Identifier: Apache-2.0
//
// The step contract: one record in, its records out. Replay, the live engine and the simulation all
// drive an application through this and nothing else. engine/application.h builds typed C++
// applications on it.
//
// A step is a function of its state and the message: no clock, environment, thread, file, address.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/digest.h"
#include "proto/message.h"
#include "replay/output_batch.h"

namespace tandem::replay {

/// What an application says of itself; constant for a build.
struct ApplicationInfo {
  std::string name;  ///< as given to --app
  /// Raised by a change that alters outputs. The newest that this build knows; it knows all before.
  std::uint32_t behaviour_version = 1;
  std::string schema;  ///< serialised FileDescriptorSet of all its messages
};

/// Where an engine's state stands. Lives with the state, so that a copy of one is a copy of both.
struct ResumePoint {
  proto::StreamPosition input;
  proto::StreamPosition output;
  std::int64_t time_ns = 0;  ///< of the last input
  std::uint32_t epoch = 0;   ///< of the last input
  std::uint32_t ended = 0;   ///< 1: EndOfSession was taken; nothing may follow
  /// How the application is to behave; raised by Activate.
  std::uint32_t behaviour_version = 1;
  /// Inputs that were passed over, so far; the last ones, each at `count % kSkippedKept`.
  static constexpr std::size_t kSkippedKept = 16;
  std::uint32_t skipped_count = 0;
  std::array<std::uint64_t, kSkippedKept> skipped{};
  /// Input of the portable snapshot that the state began with (portable.h); 0: it has stepped all.
  /// Two states that began otherwise give the same outputs and are not the same bytes.
  std::uint64_t loaded_at = 0;
};

/// Where a state lies, for whoever copies or restores it as a whole (replay/image.h).
struct StatePlace {
  std::uint64_t zone_address = 0;  ///< of a zone in this process (pools/zone.h); 0: it is in none
  std::uint64_t layout = 0;        ///< fingerprint of what decides which bytes the state has
  std::string build;  ///< build id of the program or library that steps; "": it has none
};

class Application {
 public:
  virtual ~Application() = default;

  [[nodiscard]] virtual const ApplicationInfo& info() const = 0;

  /// Takes an application message (type >= kFirstApplicationType) and appends its outputs. What
  /// cannot be decoded is answered with pb::Refused; a step has no other error.
  virtual void Step(const proto::MessageView& input, OutputBatch& outputs) = 0;

  /// The stream's time has come to that of `now`, an input that is not for the application (a tick,
  /// another control message); Step sees to the time of its message itself. Default: nothing
  /// depends on time alone.
  virtual void OnTime(const proto::Header& now, OutputBatch& outputs) {
    (void)now;
    (void)outputs;
  }

  /// Read and written by the Stepper only.
  virtual ResumePoint& resume_point() = 0;

  /// All of the state lies there, with the resume point, and nothing of it elsewhere. Default:
  /// nobody knows where, so there are no images of it.
  [[nodiscard]] virtual StatePlace state_place() const { return {}; }

  /// For `tandem check`, between steps: has its state's free memory in another order from here on,
  /// which no output may depend on. Returns how many blocks that were. Default: there are none.
  virtual std::uint64_t ShuffleFree(std::uint64_t seed) {
    (void)seed;
    return 0;
  }

  /// For drills: damages one field of the state and says which, or returns "" if the state holds
  /// nothing to damage yet. Never called but on an operator's explicit demand.
  virtual std::string PlantFault() { return ""; }
};

}  // namespace tandem::replay
