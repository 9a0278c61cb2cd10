// SPDX-License-Identifier: Apache-2.0
//
// SnapshotSchedule: when the sequencer tells which engine to write an image of its state. One after
// the other, never two at once, so that somebody always answers without a pause. A pure step: told
// of messages, times and what engines say; answers with a name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

class SnapshotSchedule {
 public:
  struct Options {
    std::vector<std::string> engines = {"A", "B"};  ///< in turn
    std::uint64_t every = 0;                        ///< messages; 0: not by messages
    std::chrono::nanoseconds interval{0};           ///< 0: not by time
    /// An engine that has said nothing of the image that it was told to write for so long is not
    /// waited for.
    std::chrono::nanoseconds patience = std::chrono::seconds(60);
  };

  explicit SnapshotSchedule(Options options) : options_(std::move(options)) {}

  /// The last message there is as the sequencer starts: counting begins there.
  void StartAt(std::uint64_t number, std::int64_t now_ns);
  /// What an engine says of itself.
  void OnStatus(const pb::Status& status);
  /// The engine that is to be told now, after message `number`; nothing: none. To be followed by
  /// Told if it was.
  [[nodiscard]] std::optional<std::string> Due(std::uint64_t number, std::int64_t now_ns) const;
  /// Engine `engine` was told by message `number`: by schedule, or by an operator.
  void Told(const std::string& engine, std::uint64_t number, std::int64_t now_ns);
  /// An error says why an operator has to wait.
  [[nodiscard]] Status MayTell(std::int64_t now_ns) const;

 private:
  [[nodiscard]] bool Waits(std::int64_t now_ns) const;

  Options options_;
  std::size_t next_ = 0;  ///< of options_.engines
  std::uint64_t last_number_ = 0;
  std::int64_t last_ns_ = 0;
  std::string waits_for_;           ///< told, and not done as far as is known; empty: nobody
  std::uint64_t waits_number_ = 0;  ///< what told it
};

}  // namespace tandem::engine
