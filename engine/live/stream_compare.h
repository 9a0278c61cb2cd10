// SPDX-License-Identifier: Apache-2.0
//
// Comparing live streams by their running digests: what a stream has at a number, and following two
// of them, or a stream and a log that is being written, until they differ. Each call runs a loop of
// its own on the calling thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/transport/listener.h"
#include "pools/result.h"
#include "proto/header.h"
#include "replay/storage.h"

namespace tandem::engine {

struct StreamProbe {
  proto::Session session;
  std::string role;          ///< as the status says it; empty if it was not waited for
  std::uint64_t last = 0;    ///< the last number it has, by the status; 0: as `role`
  std::uint64_t digest = 0;  ///< of the message that was asked for
};

/// Asks the server of a stream for one message; 0: for its status alone. One connection. An error
/// says that there was no answer within `patience`, and why.
Result<StreamProbe> ProbeStream(const Endpoint& from, std::uint64_t number,
                                std::chrono::milliseconds patience = std::chrono::seconds(5));

/// A live stream, or a log.
struct ComparedSide {
  std::optional<Endpoint> stream;
  std::string folder;  ///< if it is no stream
};

struct FollowEnd {
  std::uint64_t same_to = 0;                ///< both are the same up to here
  std::optional<std::uint64_t> differs_at;  ///< none: it was interrupted, or both sessions ended
};

/// Both are the same up to `same_to`; goes on comparing as they grow, until they differ, both
/// sessions have ended, or SIGINT or SIGTERM. What one has and the other has not yet is kept as a
/// digest, up to four million of them. `on_progress`: called each second with how far both are the
/// same, and each side alone.
Result<FollowEnd> FollowBoth(
    replay::Storage& storage, const ComparedSide& a, const ComparedSide& b, std::uint64_t same_to,
    const std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)>& on_progress);

}  // namespace tandem::engine
