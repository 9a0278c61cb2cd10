// SPDX-License-Identifier: Apache-2.0
//
// Deduplicator: what differs, where first, and how it goes on after that.
#include <algorithm>
#include <utility>

#include "engine/deduplicator.h"
#include "pools/ensure.h"

namespace tandem::engine {

namespace {

/// How much further back each look is, when the first difference is looked for.
constexpr std::uint64_t kSearchFactor = 16;

}  // namespace

Deduplicator::Outcome Deduplicator::Diverge(std::size_t index, const proto::MessageView& message,
                                            bool broken_chain) {
  divergence_ = Divergence{.number = message.header.number,
                           .engine = index,
                           .is_first = engines_[index].proven,
                           .broken_chain = broken_chain,
                           .message = {message.bytes.begin(), message.bytes.end()}};
  KeepHeldCopy();
  if (divergence_->is_first) return Outcome::kDivergence;
  search_step_ = 1;
  return StepBack(index);
}

/// The copy that waited, if it is the one that differs.
void Deduplicator::KeepHeldCopy() {
  if (held_.empty() || divergence_->number != published_.number + 1) return;
  if (holder_ == divergence_->engine) return;
  const std::span<const std::byte> bytes = held_.front();
  divergence_->held.assign(bytes.begin(), bytes.end());
}

// An engine whose first message after a restart does not follow from the merged stream differs
// there or before. It is asked for messages further and further back, until one follows; from there
// on every message is compared.
Deduplicator::Outcome Deduplicator::StepBack(std::size_t index) {
  EngineCursor& engine = engines_[index];
  search_step_ *= kSearchFactor;
  const std::uint64_t to =
      engine.taken.number > search_step_ ? engine.taken.number - search_step_ : 0;
  const Result<proto::StreamPosition> position = PositionAt(index, to);
  if (!position || !MarkAt(index, to + 1)) {
    // The merged log does not go back that far, so nothing more can be said.
    EndSearch();
    return Outcome::kDivergence;
  }
  engine.taken = *position;
  engine.proven = to == 0;
  return Outcome::kSearching;
}

Deduplicator::Outcome Deduplicator::Search(std::size_t index, const proto::MessageView& message) {
  EngineCursor& engine = engines_[index];
  const std::uint64_t number = message.header.number;
  if (number > divergence_->number) {
    // It says something else now than it did. That they differ was seen, and stays.
    EndSearch();
    return Outcome::kDivergence;
  }
  const Result<OutputMark> mark = MarkAt(index, number);
  if (!mark) return Fail(mark.error());
  const bool follows = FollowsFrom(engine.taken, message);
  if (follows && message.header.digest == mark->digest) {
    Take(index, message);
    return Outcome::kConfirmed;
  }
  if (!engine.proven) return StepBack(index);
  divergence_ = Divergence{.number = number,
                           .engine = index,
                           .broken_chain = !follows,
                           .message = {message.bytes.begin(), message.bytes.end()}};
  EndSearch();
  return Outcome::kDivergence;
}

Deduplicator::Outcome Deduplicator::OnStand(std::size_t index, const Stand& stand) {
  EngineCursor& engine = engines_[index];
  const std::uint64_t number = stand.output.number;
  // Of what it has said, something is still on its way.
  if (divergence_ || engine.fenced_until > 0 || number > engine.taken.number) {
    return Outcome::kRepeated;
  }
  const bool is_new = stand.output != engine.stood;
  if (is_new) {
    engine.stood = stand.output;
    engine.next_origin = 0;
  }
  if (engine.next_origin == 0) {
    const bool is_end = number == engine.taken.number;
    // One that computes again what it lost does not stay behind the ring: no need to read the log.
    const bool reads_log = number + 1 < ring_from_;
    if (reads_log && is_new && !is_end) return Outcome::kRepeated;
    const Result<proto::StreamPosition> expected =
        is_end ? engine.taken : PositionAt(index, number);
    if (!expected) return Fail(expected.error());
    if (number > 0 && expected->digest != stand.output.digest) {
      divergence_ = Divergence{.number = number, .engine = index, .is_first = false};
      search_step_ = 1;
      engine.taken = *expected;
      engine.proven = false;
      return StepBack(index);
    }
    if (is_end) engine.proven = true;
    if (reads_log && is_new) return Outcome::kRepeated;
    const Result<std::uint64_t> origin = NextOrigin(index, number + 1);
    if (!origin) return Fail(origin.error());
    engine.next_origin = *origin;
  }
  if (engine.next_origin == 0 || engine.next_origin > stand.input) return Outcome::kRepeated;
  divergence_ = Divergence{
      .number = number + 1, .engine = index, .is_omitted = true, .stands_after = stand.input};
  KeepHeldCopy();
  return Outcome::kDivergence;
}

/// Which input caused output `number` of the other engine; 0: there is none yet.
Result<std::uint64_t> Deduplicator::NextOrigin(std::size_t index, std::uint64_t number) {
  if (number <= published_.number) {
    const Result<OutputMark> mark = MarkAt(index, number);
    if (!mark) return mark.error();
    return mark->origin;
  }
  if (held_.empty() || holder_ == index) return std::uint64_t{0};
  return proto::ParseMessage(held_.front())->header.origin;
}

Status Deduplicator::Resolve(std::size_t keep) {
  ENSURE(divergence_.has_value(), "there is no divergence to resolve");
  const bool takes_back = divergence_->number <= published_.number && keep == divergence_->engine;
  if (takes_back && !divergence_->is_first) {
    return Error::BadInput("the copies differ at output " + std::to_string(divergence_->number) +
                           " or before it, so it is not known what to take back; keep the engine "
                           "whose answers were published, or begin a new session");
  }
  const auto base = PositionAt(keep, divergence_->number - 1);
  if (!base) return base.error();
  if (takes_back) {
    published_ = *base;
    ring_from_ = std::min(ring_from_, published_.number + 1);
    engines_[keep].taken = published_;
  } else if (engines_[keep].taken.number > published_.number) {
    engines_[keep].taken = published_;
  }
  held_.Clear();
  engines_[keep].stood = {};
  FenceFrom(1 - keep, *base, divergence_->number);
  divergence_.reset();
  EndSearch();
  return {};
}

Status Deduplicator::Fence(std::size_t index, std::uint64_t number) {
  ENSURE(number > 0, "a divergence at no message");
  const auto base = PositionAt(index, std::min(number - 1, published_.number));
  if (!base) return base.error();
  FenceFrom(index, *base, number);
  return {};
}

void Deduplicator::FenceFrom(std::size_t index, proto::StreamPosition base, std::uint64_t number) {
  EngineCursor& engine = engines_[index];
  const bool is_proven = engine.proven && base.number <= engine.taken.number;
  engine = {.taken = base,
            .proven = is_proven,
            .wins = engine.wins,
            .fenced_until = std::max(number, published_.number)};
  if (options_.policy == DedupPolicy::kAgree) alone_ = 1 - index;
}

}  // namespace tandem::engine
