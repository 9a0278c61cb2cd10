// SPDX-License-Identifier: Apache-2.0
//
// Which of two segments is the wrong one, where the second of a log does not follow from the first:
// the first, if the others agree with each other and with the mark, as where another log's first
// segment was copied over it. Reads all of them with every check; changes nothing. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pools/result.h"
#include "proto/digest.h"
#include "replay/log_mark.h"
#include "replay/storage.h"

namespace tandem::replay {

/// What is good of a log whose first segment is none of it.
struct SoundRest {
  Error damage;                    ///< what is wrong with the first segment
  std::uint64_t first_number = 0;  ///< of the messages after it
  proto::StreamPosition last;      ///< as far as nothing else is wrong
  std::uint64_t segments = 0;      ///< up to there
};

/// Null: the second segment follows from the first, or nothing tells that the first is to blame:
/// that is for the mark to tell, or, in a log without one, for two segments after the first.
std::optional<SoundRest> FindSoundRest(Storage& storage, const std::string& folder,
                                       std::uint64_t first_segment_id, const MarkSlot& mark);

}  // namespace tandem::replay
