// SPDX-License-Identifier: Apache-2.0
#include "engine/live/record_role.h"

#include <spdlog/spdlog.h>

#include "engine/context.h"
#include "engine/engine.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "replay/log_segment.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

namespace {

/// How long a server may have less than is recorded before another one is asked.
constexpr std::chrono::seconds kBehindMax{1};

/// Of a log whose source did not say what it is.
constexpr replay::LogRole kUnknownRole{"recorded"};

/// Of a copy of what this server serves.
replay::LogRole RoleOf(const pb::Status& status) {
  if (status.role() == kSequencerRole || status.role() == kReplicaRole) return replay::kInputRole;
  if (status.role() == kEngineRole) return replay::kOutputRole;
  return status.role() == kDedupRole ? replay::kMergedRole : kUnknownRole;
}

}  // namespace

RecordRole::RecordRole(RecordRoleOptions options, replay::Storage& storage)
    : options_(std::move(options)),
      storage_(storage),
      schema_(options_.schema),
      awaits_start_(options_.first > 1),
      client_(loop_.context(), options_.mold, options_.from, options_.user, *this,
              options_.limits) {
  for (const Endpoint& other : options_.others) client_.AddServer(other);
  client_.SetPassword(options_.password);
}

ExitCode RecordRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  const ExitCode code = RunInFolder();
  if (!log_) folder.TakeBack();
  return code;
}

ExitCode RecordRole::RunInFolder() {
  if (!loop_.Check(OpenExistingLog())) return loop_.exit_code();
  if (!done_) {
    loop_.Check(client_.Start());
    loop_.Run();
    client_.Stop();
  }
  if (log_) loop_.Check(log_->Close());
  return loop_.exit_code();
}

Status RecordRole::OpenExistingLog() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  if (!*holds) return storage_.MakeFolder(options_.folder);
  const auto segments = replay::ListSegments(storage_, options_.folder);
  if (!segments) return segments.error();
  const auto header = replay::ReadSegmentHeader(storage_, options_.folder, segments->ids.front());
  if (!header) return header.error();
  role_ = header->role;
  if (Status status = OpenLog(proto::Session{}); !status) return status;
  if (options_.first != 0 && options_.first != first_recorded_) {
    return Error::BadInput("the log " + options_.folder + " begins at message " +
                           std::to_string(first_recorded_) + ", not " +
                           std::to_string(options_.first) +
                           "; leave --from away to go on with it, or take another folder");
  }
  position_ = log_->position();
  epoch_ = log_->epoch();
  done_ = options_.last != 0 && position_.number >= options_.last;
  return {};
}

Status RecordRole::OpenLog(proto::Session session) {
  auto log = replay::LogWriter::Open(
      storage_, options_.folder,
      {.session = session, .role = role_, .schema = schema_, .start = position_});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  first_recorded_ = log_->first_number();
  awaits_start_ = false;
  return {};
}

std::uint64_t RecordRole::WantedNumber() {
  return awaits_start_ ? options_.first - 1 : position_.number + 1;
}

std::optional<std::uint64_t> RecordRole::WantedDigest() {
  return awaits_start_ ? std::nullopt : std::optional(position_.digest);
}

void RecordRole::OnLogin(proto::Session session, std::uint64_t number) {
  is_behind_ = false;
  const std::string where = options_.others.empty() ? "" : " at " + client_.text();
  spdlog::info("recording session {} from message {}{}", session.view(),
               awaits_start_ ? number + 1 : number, where);
}

void RecordRole::OnStatus(const pb::Status& status) {
  if (done_ || loop_.exit_code() != ExitCode::kYes) return;
  if (status.role() == kSubmissionsRole) {
    return loop_.Fail(Error::BadInput(client_.text() + " serves " + WhatItServes(status) +
                                      "; give the port of a stream"));
  }
  is_input_ = status.role() == kSequencerRole;
  const replay::LogRole served = RoleOf(status);
  if (!log_) role_ = served;
  if (role_ != kUnknownRole && served != kUnknownRole &&
      (role_ == replay::kInputRole) != (served == replay::kInputRole)) {
    return loop_.Fail(Error::BadInput("the log " + options_.folder + " has the role " +
                                      role_.str() + ", and " + client_.text() + " serves " +
                                      WhatItServes(status) + "; take another folder"));
  }
  const bool is_behind = status.number() < position_.number;
  if (is_behind && !is_behind_) {
    const std::string has = client_.text() + " serves " + WhatItServes(status) +
                            ", which ends with message " + std::to_string(status.number()) +
                            ", but messages up to " + std::to_string(position_.number) +
                            " are recorded in " + options_.folder;
    // Engines and deduplicators make again what they lost; a sequencer gives other messages.
    if (is_input_) {
      return loop_.Fail(Error{ExitCode::kDivergence,
                              ForkedAt(status.number() + 1) + has +
                                  ": the sequencer has lost them; keep this log, it is a copy of "
                                  "what was lost, and record what follows into another one"});
    }
    spdlog::warn("{}; waiting until it has them again", has);
    behind_since_ = std::chrono::steady_clock::now();
  }
  is_behind_ = is_behind;
  if (is_behind && !options_.others.empty() &&
      std::chrono::steady_clock::now() - behind_since_ > kBehindMax) {
    client_.Reconnect("it has less than is recorded");
  }
}

void RecordRole::OnMessage(const proto::MessageView& message) {
  if (done_ || loop_.exit_code() != ExitCode::kYes) return;
  const std::uint64_t number = message.header.number;
  if (number < WantedNumber()) return;
  if (number > WantedNumber()) {
    return client_.Reconnect("message " + std::to_string(number) + " came where number " +
                             std::to_string(WantedNumber()) + " is next");
  }
  if (message.header.epoch < epoch_) {
    return loop_.Fail(
        Error{ExitCode::kDivergence,
              (is_input_ ? ForkedAt(number) : "forked at " + std::to_string(number) + ": ") +
                  "message " + std::to_string(number) + " from " + client_.text() +
                  " is of epoch " + std::to_string(message.header.epoch) + " after epoch " +
                  std::to_string(epoch_) + "; read from the sequencer that came last"});
  }
  if (awaits_start_) {
    position_ = {.number = number, .digest = message.header.digest};
    awaits_start_ = false;
    return;
  }
  if (!Follows(message, position_)) {
    if (!log_) {
      awaits_start_ = options_.first > 1;
      return client_.Reconnect("message " + std::to_string(number) +
                               " does not carry the digest of its content");
    }
    if (is_input_ && message.header.epoch != epoch_) {
      return loop_.Fail(Error{ExitCode::kDivergence,
                              ForkedAt(number) + "message " + std::to_string(number) + " from " +
                                  client_.text() + " (epoch " +
                                  std::to_string(message.header.epoch) +
                                  ") does not follow from what is recorded in " + options_.folder +
                                  " (up to epoch " + std::to_string(epoch_) +
                                  "): the sequencer has given other messages in place of some "
                                  "that it lost; keep this log, it is a copy of what was lost, and "
                                  "record what follows into another one"});
    }
    return loop_.Fail(Error{ExitCode::kDivergence,
                            "message " + std::to_string(number) + " from " + client_.text() +
                                " does not follow from the one before it: it is another stream "
                                "than the one recorded, or it was changed on the way"});
  }
  if (!log_ && !loop_.Check(OpenLog(message.header.session))) return;
  log_->Append(message.bytes);
  epoch_ = message.header.epoch;
  position_ = log_->position();
  done_ = number == options_.last || message.header.type == TypeOf<pb::EndOfSession>();
}

void RecordRole::OnBatchEnd() {
  if (log_ && !loop_.Check(log_->Flush())) return;
  if (done_) loop_.Stop();
}

void RecordRole::OnDisconnected(const std::string& why) {
  spdlog::warn("nothing from {}: {}; trying again until there is", client_.text(), why);
}

}  // namespace tandem::engine
