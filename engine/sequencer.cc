// SPDX-License-Identifier: Apache-2.0
#include "engine/sequencer.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "engine/context.h"
#include "pools/ensure.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

using proto::Header;
using proto::MessageView;
using proto::User;

Sequencer::Sequencer(const SequencerOptions& options)
    : options_(options), epoch_(options.epoch_min) {
  ENSURE(epoch_ > 0, "epochs begin at 1");
}

void Sequencer::Recover(const replay::Checkpoint& checkpoint) {
  ENSURE(position_.number == 0, "a checkpoint after message %lu",
         static_cast<unsigned long>(position_.number));
  position_ = checkpoint.position;
  skips_until_ = position_.number;
  time_ns_ = checkpoint.time_ns;
  accepted_ = checkpoint.accepted;
  for (const auto& [user, accepted] : accepted_) accepted_total_ += accepted;
  if (position_.number > 0) BeginEpochAfter(checkpoint.epoch);
}

void Sequencer::BeginEpochAfter(std::uint32_t epoch) {
  constexpr std::uint32_t kEpochMax = std::numeric_limits<std::uint32_t>::max();
  epoch_last_ = epoch;
  epoch_ = std::max(epoch_, epoch < kEpochMax ? epoch + 1 : kEpochMax);
}

replay::Checkpoint Sequencer::checkpoint() const {
  replay::Checkpoint checkpoint{
      .position = {.number = header_.number - 1, .digest = digest_before_},
      .time_ns = time_before_ns_,
      .epoch = epoch_before_,
      .accepted = accepted_};
  if (header_.origin > 1) {
    checkpoint.accepted[header_.user] = header_.origin - 1;
  } else if (header_.origin == 1) {
    checkpoint.accepted.erase(header_.user);
  }
  return checkpoint;
}

void Sequencer::Recover(const MessageView& message) {
  const Header& header = message.header;
  ENSURE(header.number == position_.number + 1, "recovered message %lu after %lu",
         static_cast<unsigned long>(header.number), static_cast<unsigned long>(position_.number));
  position_ = {.number = header.number, .digest = header.digest};
  time_ns_ = header.time_ns;
  BeginEpochAfter(header.epoch);
  if (header.type == TypeOf<pb::EndOfSession>()) ended_ = true;
  if (header.type == TypeOf<pb::Skip>()) skips_until_ = header.number;
  if (header.origin != 0) {
    accepted_[header.user] = header.origin;
    ++accepted_total_;
  }
}

std::uint64_t Sequencer::accepted(User user) const {
  const auto found = accepted_.find(user);
  return found == accepted_.end() ? 0 : found->second;
}

Sequencer::Verdict Sequencer::Refuse(std::string reason) {
  reason_ = std::move(reason);
  return Verdict::kRefused;
}

bool Sequencer::IsControl(std::uint16_t type) {
  if (type >= proto::kFirstApplicationType) return false;
  return type == TypeOf<pb::EndOfSession>() || type == TypeOf<pb::Skip>() ||
         type == TypeOf<pb::Activate>() || type == TypeOf<pb::Snapshot>();
}

Sequencer::Verdict Sequencer::Submit(User user, const MessageView& submission, std::int64_t now_ns,
                                     Rights rights) {
  const Header& header = submission.header;
  const auto found = accepted_.find(user);
  const std::uint64_t accepted_before = found == accepted_.end() ? 0 : found->second;
  if (header.origin != 0 && header.origin <= accepted_before) return Verdict::kDuplicate;
  if (ended_) return Refuse("the session has ended; submit to the next one");
  if (header.origin != accepted_before + 1) {
    return Refuse("submission " + std::to_string(header.origin) + " came where number " +
                  std::to_string(accepted_before + 1) +
                  " is next; send every number once, in order");
  }
  const bool is_control = IsControl(header.type) && rights.control;
  if (!is_control && header.type < proto::kFirstApplicationType) {
    return Refuse("submission " + std::to_string(header.origin) + " has type " +
                  std::to_string(header.type) + "; clients may submit types from " +
                  std::to_string(proto::kFirstApplicationType) + " on" +
                  (IsControl(header.type) ? ", and operators this one too" : ""));
  }
  if (!is_control && !rights.submit) {
    return Refuse("user \"" + user.str() + "\" may not submit messages of the application");
  }
  if (submission.bytes.size() > options_.message_size_max) {
    return Refuse("submission " + std::to_string(header.origin) + " has " +
                  std::to_string(submission.bytes.size()) +
                  " bytes with its header; the limit is " +
                  std::to_string(options_.message_size_max));
  }
  if (accepted_before == 0 && accepted_.size() >= options_.users_max) {
    return Refuse("there are " + std::to_string(accepted_.size()) +
                  " clients already, which is the limit; use one of their names");
  }
  Append(header.type, user, header.origin, submission.payload(), now_ns);
  if (header.type == TypeOf<pb::EndOfSession>()) ended_ = true;
  if (header.type == TypeOf<pb::Skip>()) skips_until_ = position_.number;
  if (found == accepted_.end()) {
    accepted_.emplace(user, header.origin);
  } else {
    found->second = header.origin;
  }
  ++accepted_total_;
  return Verdict::kAccepted;
}

bool Sequencer::OnTime(std::int64_t now_ns) {
  if (ended_ || now_ns - time_ns_ < options_.tick_after_ns) return false;
  Append(TypeOf<pb::Tick>(), User{}, 0, {}, now_ns);
  return true;
}

bool Sequencer::EndSession(std::int64_t now_ns) {
  if (ended_) return false;
  Append(TypeOf<pb::EndOfSession>(), User{}, 0, {}, now_ns);
  ended_ = true;
  return true;
}

bool Sequencer::TellSnapshot(std::string_view engine, std::int64_t now_ns) {
  if (ended_) return false;
  pb::Snapshot snapshot;
  snapshot.set_engine(std::string(engine));
  const std::string payload = snapshot.SerializeAsString();
  Append(TypeOf<pb::Snapshot>(), User{}, 0, std::as_bytes(std::span(payload)), now_ns);
  return true;
}

void Sequencer::Append(std::uint16_t type, User user, std::uint64_t origin,
                       std::span<const std::byte> payload, std::int64_t now_ns) {
  time_before_ns_ = time_ns_;
  epoch_before_ = epoch_last_;
  time_ns_ = std::max(time_ns_, now_ns);
  epoch_last_ = epoch_;
  header_ = {};
  header_.session = options_.session;
  header_.type = type;
  header_.payload_size = static_cast<std::uint16_t>(payload.size());
  header_.flags = proto::kLast;
  header_.number = position_.number + 1;
  header_.time_ns = time_ns_;
  header_.origin = origin;
  header_.user = user;
  header_.epoch = epoch_;
  message_.resize(sizeof(Header) + payload.size());
  if (!payload.empty()) {
    std::memcpy(message_.data() + sizeof header_, payload.data(), payload.size());
  }
  std::memcpy(message_.data(), &header_, sizeof header_);
  digest_before_ = position_.digest;
  header_.digest = proto::Digest(digest_before_, message_);
  std::memcpy(message_.data(), &header_.digest, sizeof header_.digest);
  position_ = {.number = header_.number, .digest = header_.digest};
}

}  // namespace tandem::engine
