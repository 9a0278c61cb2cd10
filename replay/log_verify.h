// SPDX-License-Identifier: Apache-2.0
//
// Checks all of a log: every record's CRC, the numbers, the digest chain, the segments and all that
// their headers say, the mark, and that nothing hides behind the end. Reads everything once;
// changes nothing. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "replay/log_reader.h"
#include "replay/storage.h"

namespace tandem::replay {

struct LogReport {
  std::uint64_t first_number = 0;  ///< of the log; last.number is less by one if it has no message
  proto::StreamPosition last;      ///< of the last message that is good
  std::uint64_t messages = 0;
  std::uint64_t segments = 0;
  bool being_written = false;         ///< a writer has the log open
  std::vector<std::string> problems;  ///< one sentence each; empty: the log is whole
};

/// What is wrong behind the place where `reader` found the end: bytes that are no whole message, a
/// file that was cut, a segment that does not follow; and a mark that says something else of the
/// messages before it. One sentence each. While a writer has the log
/// open only what is none that is just being written: damage, for whole messages follow it. Reads
/// the rest of the segment, and looks for the message of a mark that lies further back, so who
/// waits for more asks now and then. Where `reader` has found damage instead, that.
Result<std::vector<std::string>> EndProblems(Storage& storage, const std::string& folder,
                                             const LogReader& reader);

/// Called now and then with the number of the message just checked.
using OnVerifyProgress = std::function<void(std::uint64_t)>;

/// An error if there is no log to check, or if a segment cannot be read, so that nobody knows
/// whether the log is whole: its sentence says up to which message it is. Damage is in the report.
Result<LogReport> VerifyLog(Storage& storage, const std::string& folder,
                            const OnVerifyProgress& on_progress = {});

}  // namespace tandem::replay
