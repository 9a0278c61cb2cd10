// SPDX-License-Identifier: Apache-2.0
#include "replay/stepper.h"

#include "tandem/control.pb.h"

namespace tandem::replay {

namespace {

/// Numbers of the control messages, as in tandem/control.proto.
constexpr std::uint16_t kTick = 1;
constexpr std::uint16_t kEndOfSession = 2;

std::string Number(std::uint64_t number) { return std::to_string(number); }

}  // namespace

Stepper::Stepper(Application& application, proto::Session session, std::size_t message_size_max)
    : application_(application), session_(session), outputs_(message_size_max) {}

Status Stepper::Check(const proto::MessageView& input) const {
  const ResumePoint& point = application_.resume_point();
  const proto::Header& header = input.header;
  if (header.session != session_) {
    return Error::BadInput("input message " + Number(header.number) + " belongs to session \"" +
                           header.session.str() + "\", but this engine is in session \"" +
                           session_.str() + "\"; give it the stream that it began with");
  }
  if (header.number != point.input.number + 1) {
    return Error::BadInput("input message " + Number(header.number) + " came where number " +
                           Number(point.input.number + 1) +
                           " is next; read the stream again from that number");
  }
  if (point.ended != 0) {
    return Error::BadInput("input message " + Number(header.number) +
                           " follows the end of the session; nothing may");
  }
  if (header.epoch < point.epoch) {
    return Error{ExitCode::kDivergence,
                 "input forked at " + Number(header.number) + " or before it: it is of epoch " +
                     Number(header.epoch) + ", older than epoch " + Number(point.epoch) +
                     " before it, so it comes from a sequencer that another one has followed; "
                     "read from the one that came last"};
  }
  if (header.digest != proto::Digest(point.input.digest, input.bytes)) {
    return Error{ExitCode::kDivergence,
                 "input forked at " + Number(header.number) + " or before it: it (epoch " +
                     Number(header.epoch) + ") does not carry the digest that follows from input " +
                     Number(point.input.number) + " (epoch " + Number(point.epoch) +
                     ") that was stepped here, so one of them or one before was changed or given "
                     "twice; compare the input logs with `tandem diff`, and go on with the one "
                     "that was stepped, or step the other one from the start into new logs"};
  }
  return {};
}

Status Stepper::Apply(const proto::MessageView& input) {
  if (Status status = Check(input); !status) return status;
  const proto::Header& header = input.header;
  const bool is_control = header.type < proto::kFirstApplicationType;
  if (is_control && header.type != kTick && header.type != kEndOfSession) {
    return Error::BadInput("input message " + Number(header.number) + " has control type " +
                           Number(header.type) +
                           ", which this build does not know; run a build that does");
  }

  outputs_.Clear();
  ResumePoint& point = application_.resume_point();
  if (header.type == kTick) {
    application_.OnTime(header, outputs_);
  } else if (header.type == kEndOfSession) {
    point.ended = 1;
    outputs_.Append(kEndOfSession, proto::User{}, 0);
  } else {
    application_.Step(input, outputs_);
  }
  point.output = outputs_.Seal(header, session_, point.output);
  point.input = {.number = header.number, .digest = header.digest};
  point.time_ns = header.time_ns;
  point.epoch = header.epoch;
  return {};
}

}  // namespace tandem::replay
