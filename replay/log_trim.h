// SPDX-License-Identifier: Apache-2.0
//
// Trim: takes whole segments from the beginning of a log. What is left begins with a segment header
// that holds the digest before it, so it is still checked against any copy of the stream.
// Beside a writer and beside readers, as long as these stand behind what is taken: a reader holds
// its segment. Segments go one by one from the first, so a log that is trimmed while the host stops
// is a whole log. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::replay {

struct LogTrim {
  std::uint64_t segments = 0;  ///< taken; 0: no segment lies before the number as a whole
  std::uint64_t bytes = 0;     ///< of their files
  std::uint64_t first_taken = 0;
  std::uint64_t last_taken = 0;
  std::uint64_t first_number = 0;   ///< of the log now
  std::uint64_t digest_before = 0;  ///< the running digest before it
};

/// Takes every segment whose messages are all below `number`. Refused, and nothing is taken, if
/// that would take the segment in which the mark stands or a later one, or one in which a reader
/// stands. `look_only`: says what it would do.
Result<LogTrim> TrimLog(Storage& storage, const std::string& folder, std::uint64_t number,
                        bool look_only = false);

}  // namespace tandem::replay
