// SPDX-License-Identifier: Apache-2.0
//
// Whether the segments of a log follow from each other, as far as small reads tell: of each segment
// its header, and the last message before its end record, which carries the running digest. So a
// segment of another log shows wherever it lies, however large the log is, and without reading what
// it holds. What is damaged is passed over: whoever reads finds it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/digest.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::replay {

/// Where one segment does not follow from the one before it.
struct LogBreak {
  SegmentHeader header;         ///< of that segment
  std::uint64_t before_id = 0;  ///< the one before it that can be read
  const char* why = nullptr;    ///< "its header names another ..."
};

/// The first segment of `ids` that does not follow. Costs two small reads a segment, and the
/// segment's record lengths where its last record is no message, as of one without messages.
[[nodiscard]] std::optional<LogBreak> FindBreak(Storage& storage, const std::string& folder,
                                                const std::vector<std::uint64_t>& ids);

/// Number and digest of the last message before `offset` of a segment, where a record begins; what
/// its header says if there is none. Null: nothing whole ends there.
[[nodiscard]] std::optional<proto::StreamPosition> PositionAt(Storage& storage,
                                                              const std::string& folder,
                                                              std::uint64_t segment_id,
                                                              std::uint64_t offset);

/// The error to tell of segment `id`, the first one of the log, if the second one does not follow
/// from it, those after it follow from each other, and the mark, or in a log without one a third
/// segment, agrees with them: then the first one is of another log. Null: that is not so. Looks no
/// further than at the second segment where that follows; else as far as FindBreak.
[[nodiscard]] std::optional<Error> FirstIsForeign(Storage& storage, const std::string& folder,
                                                  std::uint64_t id);

/// What FirstIsForeign, and whoever finds it by reading everything, says of the first segment.
[[nodiscard]] Error ForeignFirst(Storage& storage, const std::string& folder, std::uint64_t id,
                                 bool mark_agrees, const char* why);

}  // namespace tandem::replay
