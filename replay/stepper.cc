// SPDX-License-Identifier: Apache-2.0
#include "replay/stepper.h"

#include <algorithm>

#include "proto/schema.h"
#include "tandem/control.pb.h"

namespace tandem::replay {

namespace {

/// Numbers of the control messages, as in tandem/control.proto.
constexpr std::uint16_t kTick = 1;
constexpr std::uint16_t kEndOfSession = 2;
constexpr std::uint16_t kSkip = 3;
constexpr std::uint16_t kActivate = 4;
constexpr std::uint16_t kSnapshot = 5;

std::string Number(std::uint64_t number) { return std::to_string(number); }

template <class T>
bool Parse(const proto::MessageView& message, T& payload) {
  const std::string_view text = message.payload_text();
  return payload.ParseFromArray(text.data(), static_cast<int>(text.size()));
}

template <class T>
void Emit(OutputBatch& outputs, proto::User user, const T& message) {
  const auto type = static_cast<std::uint16_t>(proto::TypeNumberOf(*T::descriptor()));
  std::byte* const to = outputs.Append(type, user, message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(to));
}

/// A payload that is not what its type says must not stop a pair.
void Refuse(OutputBatch& outputs, const proto::Header& input) {
  pb::Refused refused;
  refused.set_reason(pb::Refused::MALFORMED);
  refused.set_type(input.type);
  Emit(outputs, input.user, refused);
}

}  // namespace

Stepper::Stepper(Application& application, proto::Session session, std::size_t message_size_max)
    : application_(application),
      point_(application.resume_point()),
      session_(session),
      outputs_(message_size_max) {}

Status Stepper::Check(const proto::MessageView& input) const {
  const proto::Header& header = input.header;
  if (header.session != session_) {
    return Error::BadInput("input message " + Number(header.number) + " belongs to session \"" +
                           header.session.str() + "\", but this engine is in session \"" +
                           session_.str() + "\"; give it the stream that it began with");
  }
  if (header.number != point_.input.number + 1) {
    return Error::BadInput("input message " + Number(header.number) + " came where number " +
                           Number(point_.input.number + 1) +
                           " is next; read the stream again from that number");
  }
  if (point_.ended != 0) {
    return Error::BadInput("input message " + Number(header.number) +
                           " follows the end of the session; nothing may");
  }
  if (header.epoch < point_.epoch) {
    return Error{ExitCode::kDivergence,
                 "input forked at " + Number(header.number) + " or before it: it is of epoch " +
                     Number(header.epoch) + ", older than epoch " + Number(point_.epoch) +
                     " before it, so it comes from a sequencer that another one has followed; "
                     "read from the one that came last"};
  }
  if (header.digest != proto::Digest(point_.input.digest, input.bytes)) {
    return Error{ExitCode::kDivergence,
                 "input forked at " + Number(header.number) + " or before it: it (epoch " +
                     Number(header.epoch) + ") does not carry the digest that follows from input " +
                     Number(point_.input.number) + " (epoch " + Number(point_.epoch) +
                     ") that was stepped here, so one of them or one before was changed or given "
                     "twice; compare the input logs with `tandem diff`, and go on with the one "
                     "that was stepped, or step the other one from the start into new logs"};
  }
  return {};
}

Status Stepper::Apply(const proto::MessageView& input) {
  if (Status status = Check(input); !status) return status;
  const proto::Header& header = input.header;
  outputs_.Clear();
  if (header.type < proto::kFirstApplicationType) {
    if (Status status = StepControl(input); !status) return status;
  } else if (header.number == next_skip_) [[unlikely]] {
    pb::Skipped skipped;
    skipped.set_reason(*skips_.ReasonFor(header.number));
    Emit(outputs_, header.user, skipped);
  } else {
    application_.Step(input, outputs_);
  }
  if (header.number == next_skip_) [[unlikely]] {
    point_.skipped[point_.skipped_count++ % ResumePoint::kSkippedKept] = header.number;
    next_skip_ = skips_.After(header.number);
  }
  point_.output = outputs_.Seal(header, session_, point_.output);
  point_.input = {.number = header.number, .digest = header.digest};
  point_.time_ns = header.time_ns;
  point_.epoch = header.epoch;
  return {};
}

void Stepper::PassOver(const Skips& skips) {
  skips_ = skips;
  next_skip_ = skips_.After(position().input.number);
}

void Stepper::LookAt(const proto::MessageView& input_ahead) {
  const std::size_t count_before = skips_.count();
  skips_.Take(input_ahead);
  if (skips_.count() != count_before) next_skip_ = skips_.After(position().input.number);
}

Status Stepper::StepControl(const proto::MessageView& input) {
  const proto::Header& header = input.header;
  switch (header.type) {
    case kTick:
    case kSnapshot:
      application_.OnTime(header, outputs_);
      return {};
    case kEndOfSession:
      application_.OnTime(header, outputs_);
      point_.ended = 1;
      outputs_.Append(kEndOfSession, proto::User{}, 0);
      return {};
    case kSkip:
      return StepSkip(input);
    case kActivate:
      return StepActivate(input);
    default:
      return Error::BadInput("input message " + Number(header.number) + " has control type " +
                             Number(header.type) +
                             ", which this build does not know; run a build that does");
  }
}

// The input that it names was passed over before; all that is left is to see that it was. Of a
// number that is not before it nothing follows.
Status Stepper::StepSkip(const proto::MessageView& input) {
  pb::Skip skip;
  const bool is_skip = Parse(input, skip);
  if (is_skip && skip.number() != 0 && skip.number() < input.header.number) {
    if (Status status = CheckPassedOver(input.header.number, skip.number()); !status) return status;
  }
  application_.OnTime(input.header, outputs_);
  if (!is_skip) Refuse(outputs_, input.header);
  return {};
}

Status Stepper::CheckPassedOver(std::uint64_t skip_number, std::uint64_t number) const {
  const std::size_t kept = std::min<std::size_t>(point_.skipped_count, ResumePoint::kSkippedKept);
  const auto begin = point_.skipped.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(kept);
  if (std::find(begin, end, number) != end) return {};
  // So long ago that it is not known any more.
  if (kept == ResumePoint::kSkippedKept && number < *std::min_element(begin, end)) return {};
  return Error{ExitCode::kDivergence,
               "input " + Number(skip_number) + " skips input " + Number(number) +
                   ", but that was stepped here before the skip came, so the state is not that of "
                   "an engine that passes it over; start again with a new output log beside the "
                   "old one, which is evidence of what was said"};
}

Status Stepper::StepActivate(const proto::MessageView& input) {
  pb::Activate activate;
  if (!Parse(input, activate)) {
    application_.OnTime(input.header, outputs_);
    Refuse(outputs_, input.header);
    return {};
  }
  const ApplicationInfo& info = application_.info();
  if (activate.version() > info.behaviour_version) {
    return Error::BadInput("input message " + Number(input.header.number) +
                           " activates behaviour version " + Number(activate.version()) +
                           " of the application, but this build of \"" + info.name +
                           "\" knows versions up to " + Number(info.behaviour_version) +
                           ", so it stops before it; run a build that knows it");
  }
  application_.OnTime(input.header, outputs_);  // what was due before is done as before
  point_.behaviour_version = std::max(point_.behaviour_version, activate.version());
  pb::Activated activated;
  activated.set_version(point_.behaviour_version);
  Emit(outputs_, proto::User{}, activated);
  return {};
}

}  // namespace tandem::replay
