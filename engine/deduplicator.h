// SPDX-License-Identifier: Apache-2.0
//
// Deduplicator: turns the output streams of a pair into one merged stream and checks that the
// copies are identical. Pure; one thread.
//
// Policy first: the first copy of each message is published, the second one must be identical.
// Policy agree: a message is published when its second copy has come and is identical; the first
// one waits in a piece of memory of fixed size, and while that is full, nothing is read from the
// engine that is ahead (has_room). Once the oldest has waited for `alone_after_ns`, the engine that
// it came from goes on alone, until the other one has caught up.
//
// Invariant: everything taken from an engine is identical with the merged stream and, behind that,
// with what waits. So the first message that breaks this is the first difference. Of what is
// published a ring of the last marks is kept; an engine further behind is compared with the merged
// log itself, through OutputHistory. Memory does not grow.
//
// After a divergence nothing is published, until Resolve says whose copy counts. The other engine
// is fenced then: nothing of it goes out until its stream has proven equal to the merged one, from
// message 1 to where that one stood.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/held_messages.h"
#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"

namespace tandem::engine {

/// What is kept of a published output.
struct OutputMark {
  std::uint64_t digest = 0;
  std::uint64_t origin = 0;  ///< number of the input that caused it
};

/// The merged log, as far as it is published.
class OutputHistory {
 public:
  virtual ~OutputHistory() = default;
  /// Of message `number`, which is published. Mostly asked in rising order for each engine.
  virtual Result<OutputMark> MarkAt(std::size_t engine, std::uint64_t number) = 0;
};

enum class DedupPolicy : std::uint8_t { kFirst, kAgree };

struct DeduplicatorOptions {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  DedupPolicy policy = DedupPolicy::kFirst;
  std::size_t ring_size = 1u << 20;      ///< marks: 16 MiB; a power of two, or the next one
  std::size_t held_bytes = 8u << 20;     ///< policy agree: of messages that wait
  std::int64_t alone_after_ns = kNever;  ///< policy agree
};

class Deduplicator {
 public:
  static constexpr std::size_t kEngines = 2;
  /// has_room means that this much more fits, unless less than twice as much is there at all.
  static constexpr std::size_t kHeldReserve = 512u << 10;

  enum class Outcome {
    kPublish,       ///< append it to the merged log and publish it
    kHeld,          ///< the first copy: it waits for the second one
    kConfirmed,     ///< identical with what is published
    kRepeated,      ///< taken from this engine before; passed over
    kGap,           ///< not the next one of this engine: connect again and ask for wanted(engine)
    kWrongSession,  ///< of another session: not an engine of this pair
    kFull,          ///< no room to let it wait: ask for it again when has_room(engine)
    kDivergence,    ///< the copies differ, now or earlier: nothing is published any more
    kSearching,     ///< they differ, and where first is being looked for: connect this engine
                    ///< again and ask for wanted(engine)
    kFenced,        ///< the engine is fenced, and this message still differs
    kTooEarly,      ///< the engine is fenced, and this one is not published yet: ask again later
    kReadmitted,    ///< the engine was fenced and has proven equal: it is one of the pair again
    kFailure,       ///< the history could not be read: error() says why
  };

  struct Divergence {
    std::uint64_t number = 0;   ///< the first output where the copies differ
    std::size_t engine = 0;     ///< whose copy came second, is not there, or broke its own chain
    bool is_first = true;       ///< false: the copies may differ before it already
    bool broken_chain = false;  ///< the message does not carry the digest that its content gives
    bool is_omitted = false;    ///< the engine stands after input `stands_after` without it
    std::uint64_t stands_after = 0;
    std::vector<std::byte> message{};  ///< that copy; empty: none
    std::vector<std::byte> held{};     ///< the other one, if it waited; else it may be published
  };

  /// How an engine says it stands, all at one moment.
  struct Stand {
    std::uint64_t input = 0;       ///< stepped, with all outputs sent
    proto::StreamPosition output;  ///< number and digest of the last output
  };

  /// `published`: where the merged log ends; `before`: the message before that (or the start), from
  /// which both engines are read again, so that each proves its whole past with its first message.
  Deduplicator(proto::Session session, proto::StreamPosition before,
               proto::StreamPosition published, OutputHistory& history,
               const DeduplicatorOptions& options = {});

  Outcome OnMessage(std::size_t engine, const proto::MessageView& message);
  /// An engine that says nothing for an input for which the other one said something: finds it
  /// without a message. After all messages that were sent before. Not for an engine that verifies
  /// its own log. kRepeated: nothing follows from it.
  Outcome OnStand(std::size_t engine, const Stand& stand);
  /// Time passes; `now_ns` never goes back. True: the engine that is ahead goes on alone from here;
  /// publish what TakeHeld gives.
  bool OnTime(std::int64_t now_ns);
  /// What waited and is published now without a second copy, one after another; null: no more. The
  /// bytes are valid until the next call of anything here.
  std::optional<std::span<const std::byte>> TakeHeld();

  /// After a divergence: goes on with the copies of engine `keep` and fences the other one. Connect
  /// both again. If published() is less than before, the merged log must be cut to it: what is
  /// behind was published from the other engine and is taken back.
  Status Resolve(std::size_t keep);
  /// As Resolve leaves it, after a restart: `engine` is fenced since a divergence at `number`.
  Status Fence(std::size_t engine, std::uint64_t number);
  /// After a restart: a divergence that is not resolved yet.
  void Halt(Divergence divergence) { divergence_ = std::move(divergence); }
  /// What was found is all that will be: the engine does not help to look any further.
  void EndSearch() { search_step_ = 0; }

  /// The number that `engine` is to be asked for.
  [[nodiscard]] std::uint64_t wanted(std::size_t engine) const {
    return engines_[engine].taken.number + 1;
  }
  /// False: it is ahead, and what waits fills most of its room; do not read it.
  [[nodiscard]] bool has_room(std::size_t engine) const;
  [[nodiscard]] std::uint64_t wins(std::size_t engine) const { return engines_[engine].wins; }
  [[nodiscard]] proto::StreamPosition published() const { return published_; }
  /// Both engines gave the same up to here. 0 after a restart, until both have proven their past.
  [[nodiscard]] std::uint64_t agreed() const;
  [[nodiscard]] std::size_t held() const { return held_.count(); }
  /// Policy agree: the engine that goes on without the other one.
  [[nodiscard]] std::optional<std::size_t> alone() const { return alone_; }
  [[nodiscard]] bool fenced(std::size_t engine) const { return engines_[engine].fenced_until > 0; }
  [[nodiscard]] const std::optional<Divergence>& divergence() const { return divergence_; }
  /// True while there is a divergence whose first number is still looked for.
  [[nodiscard]] bool searching() const { return search_step_ > 0; }
  [[nodiscard]] const DeduplicatorOptions& options() const { return options_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct EngineCursor {
    proto::StreamPosition taken{};
    bool proven = false;  ///< a message of this run followed from the merged stream
    std::uint64_t wins = 0;
    std::uint64_t fenced_until = 0;  ///< not 0: fenced until it is equal up to here
    proto::StreamPosition stood{};   ///< the output of its last stand
    std::uint64_t next_origin = 0;   ///< of the output after that; 0: not known
  };

  Outcome OnNew(std::size_t engine, const proto::MessageView& message);
  Outcome OnPublished(std::size_t engine, const proto::MessageView& message);
  Outcome OnFenced(std::size_t engine, const proto::MessageView& message);
  Outcome Publish(std::size_t engine, const proto::MessageView& message);
  void MarkPublished(const proto::Header& header);
  void Take(std::size_t engine, const proto::MessageView& message);
  [[nodiscard]] bool FollowsFrom(const proto::StreamPosition& taken,
                                 const proto::MessageView& message) const;
  [[nodiscard]] std::size_t SlotOf(std::uint64_t number) const {
    return number & (ring_.size() - 1);
  }
  [[nodiscard]] bool IsNear(std::size_t engine) const;
  Result<OutputMark> MarkAt(std::size_t engine, std::uint64_t number);
  /// Of message `number`; the start for 0.
  Result<proto::StreamPosition> PositionAt(std::size_t engine, std::uint64_t number);
  Outcome Fail(const Error& error);

  Outcome Diverge(std::size_t engine, const proto::MessageView& message, bool broken_chain);
  void KeepHeldCopy();
  Outcome Search(std::size_t engine, const proto::MessageView& message);
  Outcome StepBack(std::size_t engine);
  Result<std::uint64_t> NextOrigin(std::size_t engine, std::uint64_t number);
  void FenceFrom(std::size_t engine, proto::StreamPosition base, std::uint64_t number);

  DeduplicatorOptions options_;
  proto::Session session_;
  proto::StreamPosition published_;
  std::uint64_t ring_from_;  ///< the ring holds marks from this number on
  std::vector<OutputMark> ring_;
  std::array<EngineCursor, kEngines> engines_;
  HeldMessages held_;  ///< what follows `published_`, all from `holder_`
  std::size_t holder_ = 0;
  std::optional<std::size_t> alone_;
  std::uint64_t waits_behind_ = 0;  ///< what was published when the front began to wait
  std::optional<std::int64_t> waits_since_ns_;
  std::optional<Divergence> divergence_;
  std::uint64_t search_step_ = 0;  ///< how far the search went back last; 0: no search
  OutputHistory& history_;
  std::string error_;
};

}  // namespace tandem::engine
