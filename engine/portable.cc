// SPDX-License-Identifier: Apache-2.0
#include "engine/portable.h"

#include <algorithm>

namespace tandem::engine {

namespace {

template <class Record>
bool Parse(const proto::MessageView& from, Record& record) {
  const std::string_view payload = from.payload_text();
  return record.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

}  // namespace

void EngineState::Save(PortableWriter& to) const {
  tandem::pb::SavedEngine saved;
  saved.set_application(info.name);
  saved.set_form_version(form_version);
  saved.set_input_number(resume_point.input.number);
  saved.set_input_digest(resume_point.input.digest);
  saved.set_output_number(resume_point.output.number);
  saved.set_output_digest(resume_point.output.digest);
  saved.set_time_ns(resume_point.time_ns);
  saved.set_epoch(resume_point.epoch);
  saved.set_ended(resume_point.ended);
  saved.set_behaviour_version(resume_point.behaviour_version);
  saved.set_skipped_count(resume_point.skipped_count);
  for (const std::uint64_t number : resume_point.skipped) saved.add_skipped(number);
  saved.set_random(random.state());
  to.Put(saved);
  if (timers == nullptr) return;
  for (const Timer& timer : timers->table().By<&Timer::id>()) {
    tandem::pb::SavedTimer record;
    record.set_deadline_ns(timer.deadline_ns);
    record.set_id(timer.id);
    to.Put(record);
  }
}

bool EngineState::Load(const proto::MessageView& record, Status& status) const {
  if (record.header.type == TypeOf<tandem::pb::SavedEngine>()) {
    tandem::pb::SavedEngine saved;
    status = Parse(record, saved) ? Load(saved) : Status(Error::BadInput("it is no SavedEngine"));
    return true;
  }
  if (record.header.type != TypeOf<tandem::pb::SavedTimer>()) {
    if (resume_point.input.number != 0) return false;
    status = Error::BadInput("it comes before the one that says where the state stands");
    return true;
  }
  tandem::pb::SavedTimer timer;
  if (!Parse(record, timer)) {
    status = Error::BadInput("it is no SavedTimer");
  } else if (timers == nullptr) {
    status = Error::BadInput("it is a timer, and this build of the application has none");
  } else if (timers->Find(timer.id()) != nullptr) {
    status = Error::BadInput("timer " + std::to_string(timer.id()) + " comes twice");
  } else {
    timers->Set({.deadline_ns = timer.deadline_ns(), .id = timer.id()});
    status = {};
  }
  return true;
}

Status EngineState::Load(const tandem::pb::SavedEngine& saved) const {
  if (saved.application() != info.name) {
    return Error::BadInput("it is of the application \"" + saved.application() +
                           "\", and this is \"" + info.name + "\"");
  }
  if (saved.form_version() > form_version) {
    return Error::BadInput("it has version " + std::to_string(saved.form_version()) +
                           " of the form, and this build knows versions up to " +
                           std::to_string(form_version) + "; take a build that knows it");
  }
  if (saved.behaviour_version() > info.behaviour_version) {
    return Error::BadInput("its behaviour version is " + std::to_string(saved.behaviour_version()) +
                           ", and this build knows versions up to " +
                           std::to_string(info.behaviour_version) + "; take a build that knows it");
  }
  if (resume_point.input.number != 0) return Error::BadInput("it comes twice");
  if (saved.input_number() == 0 ||
      static_cast<std::size_t>(saved.skipped_size()) != resume_point.skipped.size()) {
    return Error::BadInput("it does not say where a state stands");
  }
  resume_point.input = {.number = saved.input_number(), .digest = saved.input_digest()};
  resume_point.output = {.number = saved.output_number(), .digest = saved.output_digest()};
  resume_point.time_ns = saved.time_ns();
  resume_point.epoch = saved.epoch();
  resume_point.ended = saved.ended();
  resume_point.behaviour_version = saved.behaviour_version();
  resume_point.skipped_count = saved.skipped_count();
  std::copy(saved.skipped().begin(), saved.skipped().end(), resume_point.skipped.begin());
  resume_point.loaded_at = saved.input_number();
  random = Random(saved.random());
  return {};
}

}  // namespace tandem::engine
