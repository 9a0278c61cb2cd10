// SPDX-License-Identifier: Apache-2.0
#include "engine/deduplicator.h"

#include <algorithm>

#include "pools/ensure.h"

namespace tandem::engine {

Deduplicator::Deduplicator(proto::Session session, proto::StreamPosition before,
                           proto::StreamPosition published, DigestHistory& history,
                           std::size_t ring_size)
    : session_(session),
      published_(published),
      ring_from_(published.number + 1),
      ring_(ring_size),
      history_(history) {
  ENSURE(ring_size > 0, "a ring of no digests");
  ENSURE(before.number == published.number || before.number + 1 == published.number,
         "message %lu is not the one before %lu", static_cast<unsigned long>(before.number),
         static_cast<unsigned long>(published.number));
  for (EngineCursor& engine : engines_) engine = {.taken = before, .proven = before.number == 0};
}

Deduplicator::Outcome Deduplicator::OnMessage(std::size_t index,
                                              const proto::MessageView& message) {
  EngineCursor& engine = engines_[index];
  const std::uint64_t number = message.header.number;
  if (divergence_) return Outcome::kDivergence;
  if (message.header.session != session_) return Outcome::kWrongSession;
  if (number <= engine.taken.number) return Outcome::kRepeated;
  if (number != engine.taken.number + 1) return Outcome::kGap;
  const std::uint64_t digest = proto::Digest(engine.taken.digest, message.bytes);
  if (digest != message.header.digest) return Diverge(index, message, true);

  if (number == published_.number + 1) {
    published_ = {.number = number, .digest = digest};
    ring_[number % ring_.size()] = digest;
    if (number >= ring_from_ + ring_.size()) ring_from_ = number - ring_.size() + 1;
    engine.taken = published_;
    engine.proven = true;
    ++engine.wins;
    return Outcome::kPublish;
  }
  std::uint64_t expected = 0;
  if (number >= ring_from_) {
    expected = ring_[number % ring_.size()];
  } else {
    const Result<std::uint64_t> read = history_.DigestAt(index, number);
    if (!read) {
      error_ = read.error().text;
      return Outcome::kFailure;
    }
    expected = *read;
  }
  if (digest != expected) return Diverge(index, message, false);
  engine.taken = {.number = number, .digest = digest};
  engine.proven = true;
  return Outcome::kConfirmed;
}

Deduplicator::Outcome Deduplicator::Diverge(std::size_t engine, const proto::MessageView& message,
                                            bool broken_chain) {
  divergence_ = Divergence{.number = message.header.number,
                           .engine = engine,
                           .is_first = engines_[engine].proven,
                           .broken_chain = broken_chain,
                           .message = {message.bytes.begin(), message.bytes.end()}};
  return Outcome::kDivergence;
}

std::uint64_t Deduplicator::agreed() const {
  std::uint64_t agreed = published_.number;
  for (const EngineCursor& engine : engines_) {
    agreed = std::min(agreed, engine.proven ? engine.taken.number : 0);
  }
  return agreed;
}

}  // namespace tandem::engine
