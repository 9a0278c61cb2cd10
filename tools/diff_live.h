// SPDX-License-Identifier: Apache-2.0
//
// tandem diff of live streams: finds where two differ by asking for running digests, and records
// what is around that place, so that it can be shown as of two logs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pools/result.h"
#include "proto/header.h"
#include "replay/storage.h"

namespace tandem::tools {

/// True for HOST:PORT, :PORT or PORT that is no folder.
[[nodiscard]] bool IsStream(const std::string& side);

struct LiveDiffOptions {
  std::string a;  ///< a stream, or the folder of a log
  std::string b;
  bool follow = false;          ///< go on as they grow, until they differ or are interrupted
  bool ignore_session = false;  ///< the sessions may have two names
  bool ignores = false;         ///< not every difference counts
  bool to_the_end = false;      ///< all that follows the first difference is wanted too
  std::uint64_t context = 3;    ///< messages around it
};

struct LiveDiff {
  bool same = false;
  std::uint64_t number = 0;  ///< same up to here; or the first difference
  std::uint64_t last_a = 0;  ///< as each side said when it was asked
  std::uint64_t last_b = 0;
  std::string text;  ///< one sentence; empty: the logs tell
  std::string a;     ///< logs with the first difference and what is around it
  std::string b;
  std::shared_ptr<void> keeps;  ///< removes what was recorded
};

/// An error if a side does not answer.
Result<LiveDiff> CompareLive(replay::Storage& storage, const LiveDiffOptions& options);

}  // namespace tandem::tools
