// SPDX-License-Identifier: Apache-2.0
//
// What a writer does before it continues a log that may have been left by a crash: finds the last
// whole message and cuts what a crash left after it. Refuses what no crash leaves: anything wrong
// below the mark; a whole message after a broken one, unless the host has stopped since the mark
// and what is missing looks like lost writes.
// Reads the segments from the mark's on; the earlier ones are not looked at.
// The caller holds the log's lock.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "proto/digest.h"
#include "replay/log_format.h"
#include "replay/log_mark.h"
#include "replay/log_segment.h"
#include "replay/storage.h"

namespace tandem::replay {

/// What opening an existing log found and did.
struct LogRecovery {
  bool created = false;                  ///< there was no log
  std::uint64_t bytes_cut = 0;           ///< after the last whole message; 0: a clean end
  std::uint64_t messages_cut = 0;        ///< whole ones among those bytes, beyond a hole
  std::uint64_t segments_set_aside = 0;  ///< segments after the cut, renamed to *.cut
  std::uint64_t messages_set_aside = 0;  ///< whole ones in those
  std::string text;                      ///< for the operator; empty: nothing was cut
};

struct RecoveredLog {
  SegmentHeader segment;     ///< the last one
  bool ended = false;        ///< it has its end record: go on in a new one
  std::uint64_t offset = 0;  ///< after the last whole record
  proto::StreamPosition position;
  std::int64_t time_ns = 0;  ///< of the last message; 0: there is none
  std::uint32_t epoch = 0;
  std::string schema;
  std::uint64_t first_number = 0;            ///< of the whole log
  std::uint64_t first_unsynced_segment = 0;  ///< from here on, sync before the mark moves
  LogRecovery report;
};

Result<RecoveredLog> RecoverLog(Storage& storage, const std::string& folder,
                                const SegmentList& segments, const MarkState& mark);

/// Changes nothing: what a writer that opened the log now would cut. An error says why it would
/// not go on with it.
Result<LogRecovery> MayRecoverLog(Storage& storage, const std::string& folder);

/// ", among them 3 whole messages beyond a hole"; empty for none.
[[nodiscard]] std::string AmongThemWhole(std::uint64_t messages);

}  // namespace tandem::replay
