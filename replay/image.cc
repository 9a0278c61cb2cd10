// SPDX-License-Identifier: Apache-2.0
#include "replay/image.h"

#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "pools/ensure.h"

namespace tandem::replay {
namespace {

constexpr std::uint32_t kLabelVersion = 1;
constexpr std::size_t kNameSize = 64;

/// The label's bytes; docs/images.md has the table.
struct LabelBytes {
  std::uint32_t version = kLabelVersion;
  std::uint32_t behaviour_version = 0;
  std::array<char, kNameSize> application{};
  proto::Session session;
  std::array<char, 6> zero{};
  proto::StreamPosition input;
  proto::StreamPosition output;
  std::int64_t time_ns = 0;
  std::uint32_t epoch = 0;
  std::uint32_t zero2 = 0;
};
static_assert(sizeof(LabelBytes) == 136 && sizeof(LabelBytes) <= pools::kImageLabelMax);

std::string Encode(const ImageLabel& label) {
  LabelBytes bytes;
  bytes.behaviour_version = label.behaviour_version;
  ENSURE(label.application.size() < kNameSize, "an application's name has %zu characters",
         label.application.size());
  label.application.copy(bytes.application.data(), kNameSize);
  bytes.session = label.session;
  bytes.input = label.input;
  bytes.output = label.output;
  bytes.time_ns = label.time_ns;
  bytes.epoch = label.epoch;
  return std::string(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

Error Refused(const std::string& path, const std::string& why) {
  return Error::BadInput("the image " + path + " " + why);
}

Result<ImageLabel> Decode(const pools::ZoneImage& image) {
  const std::string& label = image.about().label;
  LabelBytes bytes;
  if (label.size() != sizeof bytes) {
    return Refused(image.path(), "is of no application's state: its label has " +
                                     std::to_string(label.size()) + " bytes");
  }
  std::memcpy(&bytes, label.data(), sizeof bytes);
  if (bytes.version != kLabelVersion) {
    return Refused(image.path(), "has a label of version " + std::to_string(bytes.version) +
                                     ", and this program knows version " +
                                     std::to_string(kLabelVersion) +
                                     "; use the program that wrote it");
  }
  return ImageLabel{
      .application = {bytes.application.data(), ::strnlen(bytes.application.data(), kNameSize)},
      .session = bytes.session,
      .input = bytes.input,
      .output = bytes.output,
      .time_ns = bytes.time_ns,
      .epoch = bytes.epoch,
      .behaviour_version = bytes.behaviour_version};
}

Error NoZone(const Application& application) {
  return Error::BadInput("the application " + application.info().name +
                         " does not say where its state lies, so there are no images of it");
}

Result<pools::ImageOptions> OptionsOf(Application& application, proto::Session session,
                                      const std::string& path) {
  const StatePlace place = application.state_place();
  if (place.zone_address == 0) return NoZone(application);
  const ResumePoint& point = application.resume_point();
  return pools::ImageOptions{.path = path,
                             .layout = place.layout,
                             .build = place.build,
                             .label = Encode({.application = application.info().name,
                                              .session = session,
                                              .input = point.input,
                                              .output = point.output,
                                              .time_ns = point.time_ns,
                                              .epoch = point.epoch,
                                              .behaviour_version = point.behaviour_version})};
}

/// The label is for who looks for an image; what goes on is the state.
Status CheckLabel(Application& application, const StateImage& image) {
  ResumePoint point;
  const auto address = reinterpret_cast<std::uintptr_t>(&application.resume_point());
  if (Status status = image.zone().Read(address, std::as_writable_bytes(std::span(&point, 1)));
      !status) {
    return status;
  }
  if (point.input == image.label().input && point.output == image.label().output) return {};
  return Refused(image.path(), "says that it stands after input " +
                                   std::to_string(image.label().input.number) +
                                   ", and its state stands after input " +
                                   std::to_string(point.input.number) + ": do not use it");
}

}  // namespace

Result<StateImage> StateImage::Open(const std::string& path) {
  auto zone = pools::ZoneImage::Open(path);
  if (!zone) return zone.error();
  auto label = Decode(*zone);
  if (!label) return label.error();
  StateImage image(std::move(zone).value());
  image.label_ = std::move(label).value();
  return image;
}

Result<pools::ImageWritten> WriteImage(Application& application, proto::Session session,
                                       const std::string& path) {
  const auto options = OptionsOf(application, session, path);
  if (!options) return options.error();
  return pools::WriteImage(pools::ZoneView(application.state_place().zone_address), *options);
}

Result<pools::ImageWriter> StartImage(Application& application, proto::Session session,
                                      const std::string& path) {
  const auto options = OptionsOf(application, session, path);
  if (!options) return options.error();
  return pools::ImageWriter::Start(pools::ZoneView(application.state_place().zone_address),
                                   *options);
}

Status Restore(Application& application, const StateImage& image, proto::Session session) {
  const StatePlace place = application.state_place();
  if (place.zone_address == 0) return NoZone(application);
  ENSURE(application.resume_point().input.number == 0,
         "a state that has stepped %zu inputs is to be restored",
         static_cast<std::size_t>(application.resume_point().input.number));
  const ImageLabel& label = image.label();
  if (label.application != application.info().name) {
    return Refused(image.path(), "is of the application \"" + label.application +
                                     "\", and this one is \"" + application.info().name + "\"");
  }
  if (!session.empty() && label.session != session) {
    return Refused(image.path(), "is of session \"" + label.session.str() +
                                     "\", and this is session \"" + session.str() + "\"");
  }
  if (Status status = image.zone().CheckIdentity({.layout = place.layout, .build = place.build});
      !status) {
    return status;
  }
  // Before the resume point is looked for, whose address is another one in another zone.
  if (Status status = image.zone().CheckZone(place.zone_address); !status) return status;
  if (Status status = CheckLabel(application, image); !status) return status;
  return image.zone().RestoreInto(place.zone_address);
}

Result<std::uint64_t> StateHash(const Application& application) {
  const StatePlace place = application.state_place();
  if (place.zone_address == 0) return NoZone(application);
  return pools::ZoneView(place.zone_address).Hash();
}

}  // namespace tandem::replay
