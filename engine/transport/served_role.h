// SPDX-License-Identifier: Apache-2.0
//
// What is at the other end of a connection, as its status says: a stream, and of what role, or a
// port for submissions. So that whoever connects to the wrong port is told.
#pragma once

#include <string>
#include <string_view>

#include "engine/transport/printable.h"
#include "pools/result.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

constexpr std::string_view kSequencerRole = "sequencer";
constexpr std::string_view kEngineRole = "engine";
constexpr std::string_view kDedupRole = "dedup";
constexpr std::string_view kReplicaRole = "replica";          ///< an engine's copy of the input
constexpr std::string_view kSubmissionsRole = "submissions";  ///< a sequencer's other port

/// As "the output stream of engine A".
[[nodiscard]] inline std::string WhatItServes(const pb::Status& status) {
  if (status.role() == kSequencerRole) return "a sequencer's input stream";
  if (status.role() == kEngineRole)
    return "the output stream of engine " + Printable(status.name());
  if (status.role() == kDedupRole) return "a deduplicator's merged stream";
  if (status.role() == kReplicaRole)
    return "engine " + Printable(status.name()) + "'s copy of the input stream";
  if (status.role() == kSubmissionsRole) return "submissions, no stream";
  return "a stream of role \"" + Printable(status.role()) + "\"";
}

/// An error for good if `status`, which came from `address`, is not of `role`. `wanted` says what
/// to give in its place.
[[nodiscard]] inline Status CheckServes(const pb::Status& status, std::string_view role,
                                        const std::string& address, const std::string& wanted) {
  if (status.role() == role) return {};
  return Error::BadInput(address + " serves " + WhatItServes(status) + "; give " + wanted);
}

}  // namespace tandem::engine
