// SPDX-License-Identifier: Apache-2.0
//
// State incident: what is kept of a state that is not what the input makes of it, as a folder, in
// the form of the deduplicator's incidents (engine/live/incident.h, docs/incidents.md):
//
//   INCIDENTS/NUMBER/
//     facts.txt          whose state, where in the input, what differs, the verdict (a sheet)
//     report.txt         the same for a person, and what to do
//     differences.jsonl  pool, element, field and both values, a line each
//     image              the image that differs; a link to its file, or a copy
//     start              the last one of the same engine before it that was equal; not there if
//     none
//
// NUMBER is the input after which the state stands. It appears under its name whole or not at all.
#pragma once

#include <optional>
#include <string>

#include "pools/result.h"
#include "replay/storage.h"
#include "tools/auditor.h"

namespace tandem::tools {

/// The words of report.txt; `folder` and `input` stand in the commands that it names.
[[nodiscard]] std::string DescribeFinding(const AuditFinding& finding, const std::string& folder,
                                          const std::string& input);

/// Gives the folder. `input`: folder of the input log.
Result<std::string> WriteStateIncident(replay::Storage& storage, const std::string& incidents,
                                       const AuditFinding& finding, const std::string& input);

/// The report of a state incident; null: the folder holds none. An error: it is damaged.
Result<std::optional<std::string>> ReadStateIncident(replay::Storage& storage,
                                                     const std::string& folder);

}  // namespace tandem::tools
