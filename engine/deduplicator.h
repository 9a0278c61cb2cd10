// SPDX-License-Identifier: Apache-2.0
//
// Deduplicator: turns the output streams of a pair into one merged stream. The first copy of each
// message is published, the second one must be identical. Pure; one thread.
//
// Invariant: everything taken from an engine is identical with the merged stream, so an engine's
// cursor is never ahead of `published`, and the first message that breaks this is the first
// difference. Memory is a ring of the last digests; an engine further behind is compared with the
// merged log itself, through DigestHistory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"

namespace tandem::engine {

/// The merged log, as far as it is published.
class DigestHistory {
 public:
  virtual ~DigestHistory() = default;
  /// The digest of message `number`, which is published. Asked in rising order for each engine.
  virtual Result<std::uint64_t> DigestAt(std::size_t engine, std::uint64_t number) = 0;
};

class Deduplicator {
 public:
  static constexpr std::size_t kEngines = 2;
  static constexpr std::size_t kRingSizeDefault = 1u << 20;  ///< digests: 8 MiB

  enum class Outcome {
    kPublish,       ///< the first copy: append it to the merged log and publish it
    kConfirmed,     ///< the second copy, identical
    kRepeated,      ///< taken from this engine before; passed over
    kGap,           ///< not the next one of this engine: connect again and ask for wanted(engine)
    kWrongSession,  ///< of another session: not an engine of this pair
    kDivergence,    ///< the copies differ, now or earlier: nothing is published any more
    kFailure,       ///< the history could not be read: error() says why
  };

  struct Divergence {
    std::uint64_t number = 0;   ///< the first output where the copies differ
    std::size_t engine = 0;     ///< whose copy came second, or broke its own digest chain
    bool is_first = true;       ///< false: after a restart; the copies may differ before it already
    bool broken_chain = false;  ///< the message does not carry the digest that its content gives
    std::vector<std::byte> message;  ///< that copy
  };

  /// `published`: where the merged log ends; `before`: the message before that (or the start), from
  /// which both engines are read again, so that each proves its whole past with its first message.
  Deduplicator(proto::Session session, proto::StreamPosition before,
               proto::StreamPosition published, DigestHistory& history,
               std::size_t ring_size = kRingSizeDefault);

  Outcome OnMessage(std::size_t engine, const proto::MessageView& message);

  /// The number that `engine` is to be asked for.
  [[nodiscard]] std::uint64_t wanted(std::size_t engine) const {
    return engines_[engine].taken.number + 1;
  }
  [[nodiscard]] std::uint64_t wins(std::size_t engine) const { return engines_[engine].wins; }
  [[nodiscard]] proto::StreamPosition published() const { return published_; }
  /// Both engines gave the same up to here. 0 after a restart, until both have proven their past.
  [[nodiscard]] std::uint64_t agreed() const;
  [[nodiscard]] const std::optional<Divergence>& divergence() const { return divergence_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct EngineCursor {
    proto::StreamPosition taken;
    bool proven = false;  ///< a message of this run followed from the merged stream
    std::uint64_t wins = 0;
  };

  Outcome Diverge(std::size_t engine, const proto::MessageView& message, bool broken_chain);

  proto::Session session_;
  proto::StreamPosition published_;
  std::uint64_t ring_from_;  ///< the ring holds digests from this number on
  std::vector<std::uint64_t> ring_;
  std::array<EngineCursor, kEngines> engines_;
  std::optional<Divergence> divergence_;
  DigestHistory& history_;
  std::string error_;
};

}  // namespace tandem::engine
