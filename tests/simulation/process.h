// SPDX-License-Identifier: Apache-2.0
//
// Process: what runs on a simulated host. To crash it is to destroy it: what it holds in memory is
// gone, its connections break. What its host keeps is in the Storage, which outlives it.
#pragma once

#include <cstdint>

#include "replay/log_writer.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/environment.h"

namespace tandem::simulation {

class Process {
 public:
  virtual ~Process() = default;
};

/// Where a process runs and what it works with; all outlives it.
struct Place {
  Environment& environment;
  Checker& checker;
  replay::Storage& storage;
  std::uint64_t segment_bytes;  ///< of logs: small, so that there are many segments
};

/// Opens or recovers a process's log in its storage and shows it to the checker. Null: failed.
inline std::unique_ptr<replay::LogWriter> OpenLog(const Place& place, Log log,
                                                  const std::string& folder, replay::LogRole role) {
  auto opened = replay::LogWriter::Open(place.storage, folder,
                                        {.session = kSession,
                                         .role = role,
                                         .schema = "simulated",
                                         .segment_bytes = place.segment_bytes,
                                         .check_digest = true});
  if (!opened) {
    place.environment.Fail(opened.error().text);
    return nullptr;
  }
  auto writer = std::make_unique<replay::LogWriter>(std::move(*opened));
  if (!place.environment.Check(folder, writer->Flush())) return nullptr;
  place.checker.Opened(log, place.storage, folder);
  return writer;
}

}  // namespace tandem::simulation
