// SPDX-License-Identifier: Apache-2.0
#include "engine/deduplicator.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "pools/ensure.h"

namespace tandem::engine {

Deduplicator::Deduplicator(proto::Session session, proto::StreamPosition before,
                           proto::StreamPosition published, OutputHistory& history,
                           const DeduplicatorOptions& options)
    : options_(options),
      session_(session),
      published_(published),
      ring_from_(published.number + 1),
      ring_(std::bit_ceil(options.ring_size)),
      held_(options.policy == DedupPolicy::kAgree ? options.held_bytes : 0),
      history_(history) {
  ENSURE(options.ring_size > 0, "a ring of no marks");
  ENSURE(before.number == published.number || before.number + 1 == published.number,
         "message %lu is not the one before %lu", static_cast<unsigned long>(before.number),
         static_cast<unsigned long>(published.number));
  for (EngineCursor& engine : engines_) engine = {.taken = before, .proven = before.number == 0};
}

Deduplicator::Outcome Deduplicator::OnMessage(std::size_t index,
                                              const proto::MessageView& message) {
  const EngineCursor& engine = engines_[index];
  const std::uint64_t number = message.header.number;
  if (divergence_ && !(searching() && index == divergence_->engine)) return Outcome::kDivergence;
  if (message.header.session != session_) return Outcome::kWrongSession;
  if (number <= engine.taken.number) return Outcome::kRepeated;
  if (number != engine.taken.number + 1) return Outcome::kGap;
  if (divergence_) return Search(index, message);
  if (engine.fenced_until > 0) return OnFenced(index, message);
  if (!FollowsFrom(engine.taken, message)) return Diverge(index, message, true);
  return number > published_.number ? OnNew(index, message) : OnPublished(index, message);
}

Deduplicator::Outcome Deduplicator::OnNew(std::size_t index, const proto::MessageView& message) {
  if (options_.policy == DedupPolicy::kFirst || alone_ == index) {
    ++engines_[index].wins;
    return Publish(index, message);
  }
  alone_.reset();  // The other engine is here again, and even ahead.
  if (held_.empty() || holder_ == index) {
    if (!held_.Push(message.bytes)) return Outcome::kFull;
    holder_ = index;
    Take(index, message);
    return Outcome::kHeld;
  }
  const auto first = proto::ParseMessage(held_.front());
  ENSURE(first && first->header.number == message.header.number, "the copies are not in step");
  if (first->header.digest != message.header.digest) return Diverge(index, message, false);
  held_.Pop();
  ++engines_[holder_].wins;
  return Publish(index, message);
}

Deduplicator::Outcome Deduplicator::OnPublished(std::size_t index,
                                                const proto::MessageView& message) {
  const std::uint64_t number = message.header.number;
  std::uint64_t digest = 0;
  if (number >= ring_from_) {
    digest = ring_[SlotOf(number)].digest;
  } else {
    const Result<OutputMark> mark = history_.MarkAt(index, number);
    if (!mark) return Fail(mark.error());
    digest = mark->digest;
  }
  if (message.header.digest != digest) return Diverge(index, message, false);
  Take(index, message);
  if (alone_ && *alone_ != index && IsNear(index)) alone_.reset();
  return Outcome::kConfirmed;
}

Deduplicator::Outcome Deduplicator::OnFenced(std::size_t index, const proto::MessageView& message) {
  EngineCursor& engine = engines_[index];
  if (message.header.number > published_.number) return Outcome::kTooEarly;
  const Result<OutputMark> mark = MarkAt(index, message.header.number);
  if (!mark) return Fail(mark.error());
  if (!FollowsFrom(engine.taken, message) || message.header.digest != mark->digest) {
    return Outcome::kFenced;
  }
  Take(index, message);
  if (message.header.number < engine.fenced_until) return Outcome::kConfirmed;
  engine.fenced_until = 0;
  if (IsNear(index)) alone_.reset();
  return Outcome::kReadmitted;
}

Deduplicator::Outcome Deduplicator::Publish(std::size_t index, const proto::MessageView& message) {
  MarkPublished(message.header);
  Take(index, message);
  return Outcome::kPublish;
}

void Deduplicator::MarkPublished(const proto::Header& header) {
  ENSURE(header.number == published_.number + 1, "message %lu is published after %lu",
         static_cast<unsigned long>(header.number), static_cast<unsigned long>(published_.number));
  published_ = {.number = header.number, .digest = header.digest};
  ring_[SlotOf(header.number)] = {.digest = header.digest, .origin = header.origin};
  if (header.number >= ring_from_ + ring_.size()) ring_from_ = header.number - ring_.size() + 1;
}

void Deduplicator::Take(std::size_t index, const proto::MessageView& message) {
  engines_[index].taken = {.number = message.header.number, .digest = message.header.digest};
  engines_[index].proven = true;
}

bool Deduplicator::FollowsFrom(const proto::StreamPosition& taken,
                               const proto::MessageView& message) const {
  return proto::Digest(taken.digest, message.bytes) == message.header.digest;
}

/// Near enough to wait for it instead of publishing without it.
bool Deduplicator::IsNear(std::size_t index) const {
  return published_.number - engines_[index].taken.number <= ring_.size() / 2;
}

bool Deduplicator::OnTime(std::int64_t now_ns) {
  if (divergence_ || held_.empty() || options_.alone_after_ns == DeduplicatorOptions::kNever) {
    waits_since_ns_.reset();
    return false;
  }
  if (!waits_since_ns_ || waits_behind_ != published_.number) {
    waits_since_ns_ = now_ns;
    waits_behind_ = published_.number;
    return false;
  }
  if (now_ns - *waits_since_ns_ < options_.alone_after_ns) return false;
  alone_ = holder_;
  return true;
}

std::optional<std::span<const std::byte>> Deduplicator::TakeHeld() {
  if (held_.empty() || alone_ != holder_) return std::nullopt;
  const std::span<const std::byte> bytes = held_.front();
  held_.Pop();  // The bytes stay where they are until something is pushed.
  MarkPublished(proto::ParseMessage(bytes)->header);
  ++engines_[holder_].wins;
  return bytes;
}

bool Deduplicator::has_room(std::size_t engine) const {
  if (held_.empty() || holder_ != engine || alone_ == engine) return true;
  return held_.free() >= std::min(kHeldReserve, held_.capacity() / 2);
}

Result<OutputMark> Deduplicator::MarkAt(std::size_t engine, std::uint64_t number) {
  if (number >= ring_from_) return ring_[SlotOf(number)];
  return history_.MarkAt(engine, number);
}

Result<proto::StreamPosition> Deduplicator::PositionAt(std::size_t engine, std::uint64_t number) {
  if (number == 0) return proto::StreamPosition{};
  if (number == published_.number) return published_;
  const Result<OutputMark> mark = MarkAt(engine, number);
  if (!mark) return mark.error();
  return proto::StreamPosition{.number = number, .digest = mark->digest};
}

Deduplicator::Outcome Deduplicator::Fail(const Error& error) {
  error_ = error.text;
  return Outcome::kFailure;
}

std::uint64_t Deduplicator::agreed() const {
  std::uint64_t agreed = published_.number;
  for (const EngineCursor& engine : engines_) {
    agreed = std::min(agreed, engine.proven ? engine.taken.number : 0);
  }
  return agreed;
}

}  // namespace tandem::engine
