// SPDX-License-Identifier: Apache-2.0
//
// Images of an application's state: an image of its zone (pools/zone_image.h) with a label that
// says whose it is and where in the streams it stands. Needs of the application nothing but the
// place of its state, so it works for those of shared libraries too. Between steps only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pools/result.h"
#include "pools/zone_image.h"
#include "pools/zone_image_writer.h"
#include "proto/digest.h"
#include "replay/application.h"

namespace tandem::replay {

/// What the label of an image says.
struct ImageLabel {
  std::string application;
  proto::Session session;
  proto::StreamPosition input;   ///< the last that was stepped
  proto::StreamPosition output;  ///< the last that there was then
  std::int64_t time_ns = 0;      ///< of that input
  std::uint32_t epoch = 0;       ///< of that input
  std::uint32_t behaviour_version = 1;
};

/// An image of a state that lies in a file.
class StateImage {
 public:
  /// Reads and checks all but the state itself.
  static Result<StateImage> Open(const std::string& path);

  [[nodiscard]] const ImageLabel& label() const { return label_; }
  [[nodiscard]] const pools::ZoneImage& zone() const { return zone_; }
  [[nodiscard]] const std::string& path() const { return zone_.path(); }

 private:
  explicit StateImage(pools::ZoneImage zone) : zone_(std::move(zone)) {}
  pools::ZoneImage zone_;
  ImageLabel label_;
};

/// Writes the state of `application`, which steps the streams of `session`; returns when it is on
/// the disk. An error: the state is in no zone, or what the disk says.
Result<pools::ImageWritten> WriteImage(Application& application, proto::Session session,
                                       const std::string& path);
/// The same in a forked child, behind the back of the application.
Result<pools::ImageWriter> StartImage(Application& application, proto::Session session,
                                      const std::string& path);

/// Makes the state of `application`, which was just made and has stepped nothing, what the image
/// holds: it stands after label().input then. `session`: which it must be of; blank: any. An error,
/// with nothing changed, says why it cannot: another application, session, layout, build, address;
/// settings that do not allow it; damage where the resume point lies.
///
/// Maps the file: until image.zone().Verify() has said that all of it is good, nobody knows that.
/// Verify may be called from another thread meanwhile.
[[nodiscard]] Status Restore(Application& application, const StateImage& image,
                             proto::Session session = {});

/// XXH3-64 of the whole state: equal in two copies with the same build, chains and zone address
/// that have stepped the same inputs, however they got there. An error: the state is in no zone.
Result<std::uint64_t> StateHash(const Application& application);

}  // namespace tandem::replay
