// SPDX-License-Identifier: Apache-2.0
//
// Replay: runs an application over a recorded input log and writes its outputs to a log, as fast as
// it goes. With the same behaviour version the outputs are byte for byte those of the live engine
// that read this input. Steps on the calling thread; one thread reads ahead, another
// one writes the log. `input` stands anywhere ahead when it returns.
#pragma once

#include <cstdint>
#include <functional>

#include "pools/result.h"
#include "replay/application.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::replay {

struct ReplayProgress {
  std::uint64_t inputs = 0;   ///< taken so far
  std::uint64_t outputs = 0;  ///< made so far
};

/// Called every 65,536 inputs; false ends the replay there.
using OnReplayProgress = std::function<bool(const ReplayProgress&)>;

/// Steps `application` over what `input` has from the application's resume point on, up to and
/// including input message `last`, and appends the outputs to `output`, flushed. An error says
/// which input was wrong; the outputs before it are in the log.
Result<ReplayProgress> Replay(Application& application, LogReader& input, std::uint64_t last,
                              LogWriter& output, const OnReplayProgress& on_progress = {});

}  // namespace tandem::replay
