// SPDX-License-Identifier: Apache-2.0
//
// IncidentFolder: the deduplicator's incidents as folders beside its merged log (incident.h).
#pragma once

#include <optional>
#include <string>

#include "engine/live/incident.h"
#include "engine/live/incident_keeper.h"

namespace tandem::engine {

class IncidentFolder final : public IncidentKeeper {
 public:
  /// `storage` outlives it.
  IncidentFolder(replay::Storage& storage, std::string merged_folder)
      : storage_(storage), merged_folder_(std::move(merged_folder)) {}

  Result<std::optional<OpenIncident>> Unfinished() override;
  Status OnDivergence(const IncidentFacts& facts) override;
  Status OnLost(const proto::StreamPosition& published) override;
  Result<std::optional<std::size_t>> Decision() override;
  std::string FolderForTakenBack() override;
  Status OnResolved(std::size_t keep, const proto::StreamPosition& published) override;
  Status OnReadmitted(std::size_t engine, const proto::StreamPosition& equal_to) override;

 private:
  replay::Storage& storage_;
  std::string merged_folder_;
  std::string folder_;  ///< of the incident that is not over; empty: none
};

}  // namespace tandem::engine
