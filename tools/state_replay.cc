// SPDX-License-Identifier: Apache-2.0
#include "tools/state_replay.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

#include "pools/zone_view.h"
#include "replay/log_reader.h"
#include "replay/replay.h"
#include "tools/log_end.h"
#include "tools/message_names.h"

namespace tandem::tools {

ApplicationOptions At(std::uint64_t address, ApplicationOptions application) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%" PRIx64, address);
  application.zone_address = text;
  return application;
}

Result<std::unique_ptr<StateReplay>> StateReplay::Make(const ApplicationOptions& application,
                                                       const std::string& input) {
  replay::PosixStorage storage;
  const auto log = replay::LogReader::Open(storage, input, {.check_digest = false});
  if (!log) return log.error();
  if (Status status = CheckIsInput(log->role(), input); !status) return status.error();
  auto made = application.Make();
  if (!made) return made.error();
  const auto names = CheckMessageNames(storage, input, *log, *made->application);
  if (!names) return names.error();
  return std::unique_ptr<StateReplay>(
      new StateReplay(std::move(made->application), made->zone_address, input, log->session()));
}

Result<std::unique_ptr<StateReplay>> StateReplay::FromNothing(const ApplicationOptions& application,
                                                              const std::string& input) {
  return Make(application, input);
}

Result<std::unique_ptr<StateReplay>> StateReplay::FromImage(const ApplicationOptions& application,
                                                            const std::string& input,
                                                            const replay::StateImage& image) {
  auto made = Make(At(image.zone().about().address, application), input);
  if (!made) return made.error();
  StateReplay& replay = **made;
  if (Status status = replay::Restore(replay.application(), image, replay.session()); !status) {
    return status.error();
  }
  if (Status status = image.zone().Verify(); !status) return status.error();
  return made;
}

Result<std::uint64_t> StateReplay::LogEnd() {
  const auto end = replay::LogReader::LastPosition(storage_, input_);
  if (!end) return end.error();
  return end->number;
}

Status StateReplay::ReadAhead() {
  const auto end = replay::LogReader::FindEnd(storage_, input_);
  if (!end) return end.error();
  if (skips_up_to_ >= end->last.number) return {};
  auto skips = replay::ReadSkips(storage_, input_);  // what names an input may stand far behind it
  if (!skips) return skips.error();
  NoteAll(skips->not_read());
  skips_ = std::move(*skips);
  skips_up_to_ = end->last.number;
  return {};
}

Status StateReplay::StepTo(std::uint64_t number, const std::function<bool()>& ask) {
  if (number <= position().number) return {};
  const auto end = replay::LogReader::FindEnd(storage_, input_);
  if (!end) return end.error();
  if (end->last.number < number) {
    if (end->damage) return *end->damage;
    return Error::BadInput("the input log " + input_ + " ends at message " +
                           std::to_string(end->last.number) + ", and message " +
                           std::to_string(number) + " is wanted");
  }
  if (Status status = ReadAhead(); !status) return status;
  auto log = replay::LogReader::Open(storage_, input_,
                                     {.from_number = position().number + 1, .check_digest = false});
  if (!log) return log.error();
  const auto result = replay::Replay(
      *application_, *log,
      {.last = number, .skips = &skips_, .on_progress = [&](const replay::ReplayProgress&) {
         return !ask || ask();
       }});
  if (!result) return result.error();
  if (position().number == number) return {};
  return Error::Failure("stopped after input " + std::to_string(position().number));
}

state::StateView StateReplay::view() const {
  return state::StateView::Of(pools::ZoneView(zone_address_));
}

bool StateReplay::Equals(const LoadedImage& image) const {
  const std::span<const std::byte> here = pools::ZoneView(zone_address_).state_bytes();
  return here.size() == image.bytes().size() &&
         std::memcmp(here.data(), image.bytes().data(), here.size()) == 0;
}

Result<state::Comparison> StateReplay::Compare(LoadedImage& image, std::uint64_t max) const {
  const auto walk = Walk();
  if (!walk) return walk.error();
  if (Status status = image.MakeWalk(); !status) {
    state::Comparison none{.by_bytes = false, .count = 1};
    none.differences.push_back({.field = "the state as a whole",
                                .a = "can be read",
                                .b = status.error().text,
                                .bytes = image.bytes().size()});
    return none;
  }
  return state::Compare(*walk, image.walk(), max);
}

Status CheckMadeAlike(const LoadedImage& image, StateReplay& replay) {
  const pools::ZoneImage& zone = image.image().zone();
  const replay::StatePlace place = replay.application().state_place();
  if (Status status = zone.CheckIdentity({.layout = place.layout, .build = place.build}); !status) {
    return status;
  }
  if (zone.about().address != place.zone_address) {
    char text[96];
    std::snprintf(text, sizeof text,
                  " is of a zone at 0x%" PRIx64 ", and the replay has its zone at 0x%" PRIx64,
                  zone.about().address, place.zone_address);
    return Error::BadInput("the image " + image.path() + text +
                           ": their pointers differ; take the images of each engine by itself, or "
                           "give both engines one --zone-address");
  }
  const replay::ResumePoint& here = replay.application().resume_point();
  replay::ResumePoint there;
  if (Status status = zone.Read(reinterpret_cast<std::uintptr_t>(&here),
                                std::as_writable_bytes(std::span(&there, 1)));
      !status) {
    return status;
  }
  // What stands beyond its own input is damage, and for the comparison to find.
  if (there.loaded_at == here.loaded_at || there.loaded_at > there.input.number) return {};
  const auto beginning = [](std::uint64_t number) {
    return number == 0 ? std::string("with input 1")
                       : "with a portable snapshot after input " + std::to_string(number);
  };
  return Error::BadInput("the image " + image.path() + " is of a state that began " +
                         beginning(there.loaded_at) + ", and the replay began " +
                         beginning(here.loaded_at) +
                         ": both answer alike, and their bytes are not the same");
}

namespace {

/// Has a pool held so much that a limit as low as that may have made a difference?
bool HasMet(const pools::Limit& lower, const pools::Figures& figures) {
  return figures.live_peak >= lower.elements || figures.taken_peak_bytes >= lower.bytes;
}

/// The setting that has laid equal states elsewhere in memory; null: there is none.
std::optional<std::string> WhichSettingDiffers(const pools::ZoneImage& image,
                                               const std::vector<pools::PoolInfo>& pools) {
  for (const pools::PoolInfo& here : pools) {
    const auto& all = image.about().pools;
    const auto there = std::ranges::find(all, here.slot, &pools::PoolInfo::slot);
    if (there == all.end()) continue;
    const bool is_used = here.figures.taken_bytes != 0 || there->figures.taken_bytes != 0;
    if (there->base != here.base && is_used) {
      return "the base of pool " + here.name + ", which is " + there->base + " there and " +
             here.base + " in the replay";
    }
    const pools::Limit lower{.elements = std::min(here.limit.elements, there->limit.elements),
                             .bytes = std::min(here.limit.bytes, there->limit.bytes)};
    const bool other_limit =
        here.limit.elements != there->limit.elements || here.limit.bytes != there->limit.bytes;
    if (other_limit && (HasMet(lower, here.figures) || HasMet(lower, there->figures))) {
      return "the limit of pool " + here.name + ", which one of them has met";
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> WhyLaidOtherwise(const LoadedImage& image, const StateReplay& replay) {
  const auto setting =
      WhichSettingDiffers(image.image().zone(), pools::ZoneView(replay.zone_address()).Pools());
  if (!setting) return std::nullopt;
  return "was written with other settings of pools, so equal states lie elsewhere: " + *setting +
         "; give the --pools that it was written with";
}

std::optional<std::string> WhyNotComparable(const LoadedImage& image, const StateReplay& replay) {
  const replay::ImageLabel& label = image.label();
  if (label.session != replay.session()) {
    return "is of session " + label.session.str() + ", and the input log of session " +
           replay.session().str();
  }
  if (label.input != replay.position()) {
    return "is of " + StandsText(label) +
           ", and the input log has another message there: it is of another input";
  }
  return WhyLaidOtherwise(image, replay);
}

}  // namespace tandem::tools
