// SPDX-License-Identifier: Apache-2.0
//
// Replay: runs an application over a recorded input log, as fast as it goes or at a pace; writes
// its outputs to a log, compares them with a recorded log, or both. With the same behaviour version
// the outputs are byte for byte those of the live engine that read this input. Steps on the calling
// thread; one thread each reads the input ahead, reads the recorded log ahead, and writes the
// output log.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "pools/result.h"
#include "replay/application.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "replay/skips.h"

namespace tandem::replay {

struct ReplayProgress {
  std::uint64_t inputs = 0;   ///< taken so far
  std::uint64_t outputs = 0;  ///< made so far
};

/// Called every 16 inputs, and after each wait of a pace; false ends the replay there.
using OnReplayProgress = std::function<bool(const ReplayProgress&)>;

/// When each input is to be taken. Called on the stepping thread with the input's time.
class ReplayPace {
 public:
  virtual ~ReplayPace() = default;
  [[nodiscard]] virtual bool IsDue(std::int64_t time_ns) = 0;
  /// Returns when the input is due, or earlier for a sign of life.
  virtual void Wait(std::int64_t time_ns) = 0;
};

struct ReplayOptions {
  /// The last input to take.
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  /// Where the outputs are appended, flushed; null: nowhere. Stands where the application does.
  LogWriter* output = nullptr;
  /// Outputs that were recorded, to be compared with; null: none. Stands at or after the next
  /// output; what it lacks at its beginning is not compared.
  LogReader* against = nullptr;
  /// What of the input is to be passed over, from all of the log (ReadSkips), also from what lies
  /// behind `last`; null: nothing.
  const Skips* skips = nullptr;
  ReplayPace* pace = nullptr;  ///< null: as fast as it goes
  OnReplayProgress on_progress = {};
  /// Called when this input has been stepped, its outputs handed over; an error ends the replay.
  std::uint64_t look_after = 0;
  std::function<Status()> look = {};
};

/// The first output that is not the recorded one.
struct ReplayDifference {
  std::uint64_t number = 0;
  /// One before `number`, where the recorded log begins, differs: their running digests say so. The
  /// fields below are empty then.
  bool is_before = false;
  std::uint64_t input = 0;               ///< the input that it is an output of
  std::vector<std::byte> replayed = {};  ///< empty: the replay makes no such output
  std::vector<std::byte> recorded = {};  ///< empty: the recorded log ends before it
};

struct ReplayResult {
  ReplayProgress progress;
  std::uint64_t compared = 0;  ///< outputs that are the recorded ones
  /// Ends the replay, unless the inputs end first. An output that the recorded log has beyond those
  /// of the last input taken is one only if it is of an input that was taken.
  std::optional<ReplayDifference> difference;
  /// Without a difference: an output of a later input follows in the recorded log.
  std::uint64_t recorded_goes_on_with = 0;  ///< that input's number; 0: none follows
};

/// Steps `application` over what `input` has from the application's resume point on. An error says
/// which input was wrong; the outputs before it are in the log. `input` stands just after the last
/// input taken if the replay took all that it was asked for, else anywhere ahead.
Result<ReplayResult> Replay(Application& application, LogReader& input,
                            const ReplayOptions& options);

}  // namespace tandem::replay
