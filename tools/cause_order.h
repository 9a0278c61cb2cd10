// SPDX-License-Identifier: Apache-2.0
//
// CauseOrder: which outputs of a log name a cause that does not fit in with its neighbours. Causes
// never go backwards in what an engine gives, so one that lies far ahead, or behind, is an error of
// its own; who takes the outputs of two logs cause by cause must not follow it there. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "replay/log_reader.h"

namespace tandem::tools {

/// Goes over the runs of a log, outputs that follow each other and name one cause, and looks at
/// those ahead: a run is astray if without it more of them are in order. Up to about half as many
/// in a row as it looks ahead are found out. Reads the log a second time; costs nothing else where
/// all is in order.
class CauseOrder {
 public:
  static constexpr std::size_t kRunsAhead = 64;
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

  /// `ahead` stands before the first run, `before` is the cause of the output before that, if
  /// known. What is damaged ends what is looked at; whoever takes the outputs finds it.
  CauseOrder(replay::LogReader ahead, std::uint64_t before)
      : ahead_(std::move(ahead)), in_order_to_(before) {}

  /// Goes to the next run, the first one at first.
  void Next();

  [[nodiscard]] bool is_astray() const { return is_astray_; }
  /// The last output of this run says that it is the last one of its cause.
  [[nodiscard]] bool is_complete() const { return !runs_.empty() && runs_.front().is_complete; }
  /// The cause of the first run in order from this one on; kNone: there is none.
  [[nodiscard]] std::uint64_t CauseInOrder() const;

 private:
  struct Run {
    std::uint64_t cause = 0;
    bool is_complete = false;
  };
  void Fill();
  [[nodiscard]] bool IsAstray(std::size_t at) const;
  /// The most runs from `begin` on whose causes are `least` or more and never go backwards.
  [[nodiscard]] std::size_t MostInOrder(std::size_t begin, std::uint64_t least) const;

  replay::LogReader ahead_;
  bool begun_ = false;
  bool is_astray_ = false;
  std::deque<Run> runs_;           ///< this one and those ahead
  std::size_t steps_back_ = 0;     ///< among them
  std::uint64_t in_order_to_ = 0;  ///< cause of the last run in order before this one
  std::optional<Run> next_;        ///< the run of which the reader has given the last message read
};

}  // namespace tandem::tools
