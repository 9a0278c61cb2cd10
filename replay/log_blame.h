// SPDX-License-Identifier: Apache-2.0
//
// What the parts of a log say of each other, for who finds that they contradict: which of two
// segments is the wrong one, and whether there should be a mark. Changes nothing. Any thread.
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

/// Where the second segment does not follow from the first: what is to be said of the first, if the
/// others agree with each other and with the mark, as where another log's first segment was copied
/// over it. Reads all of them with every check.
/// Null: the second segment follows from the first, or nothing tells that the first is to blame:
/// that is for the mark to tell, or, in a log without one, for two segments after the first.
std::optional<SoundRest> FindSoundRest(Storage& storage, const std::string& folder,
                                       std::uint64_t first_segment_id, const MarkSlot& mark);

/// What is odd about a mark that says nothing beside a log whose first segment is complete, as a
/// sentence; empty if it is no such mark, or its text says more.
[[nodiscard]] std::string EmptyBesideSegments(const MarkState& mark, const std::string& folder);

}  // namespace tandem::replay
