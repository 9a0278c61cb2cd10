// SPDX-License-Identifier: Apache-2.0
//
// tandem incident: what its commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "engine/live/incident.h"
#include "tools/command.h"

namespace tandem::tools {

void AddIncidentJudge(Commands& commands, CLI::App& group);
void AddIncidentResolve(Commands& commands, CLI::App& group);
void AddIncidentRebuild(Commands& commands, CLI::App& group);

constexpr const char* kJudgementFile = "judgement.txt";
constexpr const char* kRebuildFile = "rebuild.txt";

/// ns since 1970.
[[nodiscard]] std::int64_t ClockNow();

/// How far it is, in a few words: "open", "decided", "fenced", "closed".
[[nodiscard]] const char* StateOf(const engine::IncidentRecord& record);
/// The same as a sentence without its end.
[[nodiscard]] std::string StateText(const engine::IncidentRecord& record);
/// What a person does next, as lines.
[[nodiscard]] std::string NextSteps(const engine::IncidentRecord& record,
                                    const std::string& judged_keep);
/// True: to keep this side, what was published of the other one has to be taken back.
[[nodiscard]] inline bool NeedsTakeBack(const engine::Incident& incident, std::size_t keep) {
  return incident.has_unconfirmed() && incident.published_side != keep;
}

}  // namespace tandem::tools
