// SPDX-License-Identifier: Apache-2.0
//
// SequencedClock: the time that the sequencer stamps, from two clocks of the host: the wall clock,
// which somebody may set, and one that only runs. If the wall clock gets ahead of the other one by
// more than a limit, or behind it, that jump is refused: time runs on with the other clock, until
// the wall clock is back within the limit, or the sequencer is started again. Less than the limit
// is followed; where that is backwards, the sequencer's time stands still, see Sequencer. A host
// that slept, or a process that was stopped, is no jump: both clocks ran. Pure. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tandem::engine {

class SequencedClock {
 public:
  enum class Event {
    kNone,
    kJumpRefused,  ///< the wall clock has jumped by offset_ns()
    kJumpEnded,    ///< it is back
  };

  /// `jump_max_ns`: how far the wall clock may be set at once; 0: as far as one likes.
  explicit SequencedClock(std::int64_t jump_max_ns) : jump_max_ns_(jump_max_ns) {}

  /// The time now. `wall_ns`: since 1970. `steady_ns`: of a clock that nobody sets.
  std::int64_t Now(std::int64_t wall_ns, std::int64_t steady_ns) {
    event_ = Event::kNone;
    if (!began_) {
      began_ = true;
      wall_ns_ = wall_ns;
      steady_ns_ = steady_ns;
      return wall_ns_;
    }
    const std::int64_t expected_ns = wall_ns_ + std::max<std::int64_t>(0, steady_ns - steady_ns_);
    const std::int64_t offset_ns = wall_ns - expected_ns;
    steady_ns_ = std::max(steady_ns_, steady_ns);
    if (jump_max_ns_ > 0 && (offset_ns > jump_max_ns_ || offset_ns < -jump_max_ns_)) {
      if (!refusing_) event_ = Event::kJumpRefused;
      refusing_ = true;
      offset_ns_ = offset_ns;
      wall_ns_ = expected_ns;
      return wall_ns_;
    }
    if (refusing_) event_ = Event::kJumpEnded;
    refusing_ = false;
    offset_ns_ = 0;
    wall_ns_ = wall_ns;
    return wall_ns_;
  }

  /// What the last Now found; each is told once.
  [[nodiscard]] Event event() const { return event_; }
  /// Of the jump that is being refused, ahead if positive; 0: none is.
  [[nodiscard]] std::int64_t offset_ns() const { return offset_ns_; }
  /// A jump is being refused now.
  [[nodiscard]] bool refusing() const { return refusing_; }

 private:
  std::int64_t jump_max_ns_;
  std::int64_t wall_ns_ = 0;  ///< as it was last, or as it would be without the jump
  std::int64_t steady_ns_ = 0;
  std::int64_t offset_ns_ = 0;
  bool began_ = false;
  bool refusing_ = false;
  Event event_ = Event::kNone;
};

}  // namespace tandem::engine
