// SPDX-License-Identifier: Apache-2.0
#include "engine/live/control_check.h"

#include <algorithm>
#include <utility>

#include "engine/context.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "tandem/control.pb.h"

namespace tandem::engine {
namespace {

/// An engine that can step an input has done so after this time, and has said it ten times.
constexpr std::int64_t kSettledNs = 1'000'000'000;

template <class T>
bool Parse(const proto::MessageView& message, T& payload) {
  const std::string_view text = message.payload_text();
  return payload.ParseFromArray(text.data(), static_cast<int>(text.size()));
}

Status CheckSkip(const pb::Skip& skip, const EnginePositions& engines, replay::Storage& storage,
                 const std::string& folder, std::uint64_t logged, std::int64_t now_ns) {
  const std::string number = std::to_string(skip.number());
  if (skip.number() == 0 || skip.number() > logged) {
    return Error::BadInput("there is no input " + number + " to skip; the last one is " +
                           std::to_string(logged));
  }
  const auto input = ReadOne(storage, folder, skip.number());
  if (!input) return input.error();
  const auto message = proto::ParseMessage(*input);
  if (!message) return Error::Failure("input " + number + " cannot be read");
  if (message->header.type < proto::kFirstApplicationType) {
    return Error::BadInput("input " + number +
                           " is no message of the application; only such a one can be skipped");
  }
  const auto* const highest = engines.highest();
  if (highest == nullptr) {
    return Error::BadInput(
        "no engine has said which input it has stepped since this sequencer started; start one, "
        "then skip");
  }
  if (highest->second >= skip.number()) {
    return Error::BadInput("engine " + highest->first + " has stepped input " +
                           std::to_string(highest->second) + ", so input " + number +
                           " does not stop it, and to skip it now would");
  }
  if (now_ns - message->header.time_ns < kSettledNs) {
    return Error::BadInput("input " + number +
                           " is less than a second old; an engine may just be stepping it, so try "
                           "again in a second");
  }
  return {};
}

}  // namespace

void EnginePositions::OnStatus(const pb::Status& status) {
  if (status.role() != kEngineRole || !proto::IsName(status.name(), proto::kUserSizeMax)) return;
  if (by_name_.size() >= kEnginesMax && !by_name_.contains(status.name())) return;
  std::uint64_t& highest = by_name_[status.name()];
  highest = std::max(highest, status.input_number());
}

const std::pair<const std::string, std::uint64_t>* EnginePositions::highest() const {
  const auto found =
      std::max_element(by_name_.begin(), by_name_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return found == by_name_.end() ? nullptr : &*found;
}

Status CheckControl(const proto::MessageView& submission, const EnginePositions& engines,
                    replay::Storage& storage, const std::string& folder, std::uint64_t logged,
                    std::int64_t now_ns) {
  const std::uint16_t type = submission.header.type;
  if (type == TypeOf<pb::Skip>()) {
    pb::Skip skip;
    if (!Parse(submission, skip)) return Error::BadInput("the payload is no Skip");
    return CheckSkip(skip, engines, storage, folder, logged, now_ns);
  }
  if (type == TypeOf<pb::Activate>()) {
    pb::Activate activate;
    if (!Parse(submission, activate)) return Error::BadInput("the payload is no Activate");
    if (activate.version() == 0)
      return Error::BadInput("there is no behaviour version 0 to activate");
  }
  if (type == TypeOf<pb::Snapshot>()) {
    pb::Snapshot snapshot;
    if (!Parse(submission, snapshot)) return Error::BadInput("the payload is no Snapshot");
    if (!proto::IsName(snapshot.engine(), proto::kUserSizeMax)) {
      return Error::BadInput("a Snapshot names an engine, with 1 to 6 letters, digits, '-', '_'");
    }
    if (!engines.Knows(snapshot.engine())) {
      return Error::BadInput("no engine " + snapshot.engine() +
                             " has said anything since this sequencer started, so none would "
                             "write an image");
    }
  }
  if (type == TypeOf<pb::EndOfSession>() && !submission.payload().empty()) {
    return Error::BadInput("an EndOfSession has no payload");
  }
  return {};
}

}  // namespace tandem::engine
