// SPDX-License-Identifier: Apache-2.0
//
// Finds a place in a log by time, and checks one that was found by number. Times never go backwards
// in a stream, and each segment header has the time before it, so one segment is read,
// whatever the size of the log. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::replay {

/// The number of the first message whose time is `time_ns` or later; the number after the last one
/// if there is none. An error if damage lies before it.
Result<std::uint64_t> FirstNumberAt(Storage& storage, const std::string& folder,
                                    std::int64_t time_ns);

/// The number of the last message whose time is `time_ns` or earlier; the largest number there is
/// if that may lie behind damage, which whoever reads up to it finds.
Result<std::uint64_t> LastNumberAt(Storage& storage, const std::string& folder,
                                   std::int64_t time_ns);

/// Does what lies at message `number` belong to this log? An error if some segment up to there does
/// not follow from the one before it, or the first one is of another log (log_chain.h): also where
/// many in a row are. What is further on is for who gets there, unless the last segment is of
/// another session or role; damage is for who reads. Costs two small reads for each segment.
Status CheckBelongs(Storage& storage, const std::string& folder, std::uint64_t number);

}  // namespace tandem::replay
