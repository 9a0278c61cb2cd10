// SPDX-License-Identifier: Apache-2.0
//
// Checkpoint: what a sequencer must know of the messages before a segment, at the segment's
// beginning, so that it starts without reading the log: how many submissions of each user there
// are. Number, digest, time and epoch of the last message are in it too and must be those that the
// segment's header names; otherwise it does not count. docs/log-format.md has the layout. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/header.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::replay {

/// How many submissions of each user the stream holds.
using AcceptedByUser = std::map<proto::User, std::uint64_t>;

struct Checkpoint {
  proto::StreamPosition position;  ///< of the last message before the segment
  std::int64_t time_ns = 0;        ///< of it; 0: there is none
  std::uint32_t epoch = 0;
  AcceptedByUser accepted;

  bool operator==(const Checkpoint&) const = default;
};

/// Body of a checkpoint record: this, then a user of 8 bytes and a u64 for each user, in order.
struct CheckpointHead {
  std::uint32_t version = 1;
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  std::uint64_t digest = 0;
  std::int64_t time_ns = 0;
  std::uint32_t epoch = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(CheckpointHead) == 40 && std::is_trivially_copyable_v<CheckpointHead>);
static_assert(std::has_unique_object_representations_v<CheckpointHead>);

[[nodiscard]] std::vector<std::byte> Encode(const Checkpoint& checkpoint);
/// Null if `body` is none of a known version.
[[nodiscard]] std::optional<Checkpoint> ParseCheckpoint(std::span<const std::byte> body);

/// The checkpoint of the log's last segment that has one which counts.
struct FoundCheckpoint {
  Checkpoint checkpoint;         ///< of the beginning of the log, if that is the stream's
  std::uint64_t segment_id = 0;  ///< read the messages from here on; the first segment, perhaps
  std::string why;               ///< a sentence why it is not that of the last segment; "": it is
};

/// An error if no segment has one and the log does not begin at message 1.
Result<FoundCheckpoint> FindCheckpoint(Storage& storage, const std::string& folder);

/// Number of the first message of a segment before which all submissions of `user` are below
/// `origin`: from there on they are found. Looks at the segments from the last one back. An error
/// if some of them are no longer in the log.
Result<std::uint64_t> FirstNumberFor(Storage& storage, const std::string& folder, proto::User user,
                                     std::uint64_t origin);

}  // namespace tandem::replay
