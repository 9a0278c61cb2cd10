// SPDX-License-Identifier: Apache-2.0
#include "engine/live/incident_folder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "engine/live/log_folder.h"
#include "pools/ensure.h"
#include "proto/message.h"
#include "replay/log_reader.h"

namespace tandem::engine {
namespace {

std::int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string What(const Deduplicator::Divergence& divergence) {
  const std::string name = NameOfSide(divergence.engine);
  if (divergence.is_omitted) {
    return "engine " + name + " says that it stands after input " +
           std::to_string(divergence.stands_after) + ", and has not given this output";
  }
  if (divergence.broken_chain) {
    return "engine " + name + " sent a message that does not carry the digest of its content";
  }
  return "the copy of engine " + name + " came second and is another one";
}

/// The last input that must have been stepped to know what the right answer is.
std::uint64_t CauseOf(const IncidentFacts& facts) {
  std::uint64_t of_copies = 0;
  for (const IncidentEngine& engine : facts.engines) {
    const auto message = proto::ParseMessage(engine.copy);
    if (message) of_copies = std::max(of_copies, message->header.origin);
  }
  return of_copies > 0 ? of_copies : facts.divergence.stands_after;
}

}  // namespace

Result<std::optional<OpenIncident>> IncidentFolder::Unfinished() {
  folder_.clear();
  const auto holds = HoldsLog(storage_, merged_folder_);
  if (!holds) return holds.error();
  if (!*holds) return std::optional<OpenIncident>();
  const auto log = replay::LogReader::Open(storage_, merged_folder_, {.check_digest = false});
  if (!log) return log.error();
  const auto found = FindOpenIncident(storage_, merged_folder_, log->session());
  if (!found) return found.error();
  if (!*found) return std::optional<OpenIncident>();
  const IncidentRecord& record = **found;
  if (record.incident.late_side >= Deduplicator::kEngines) {
    return Error::BadInput("the incident in " + record.folder + " does not name an engine");
  }
  folder_ = record.folder;
  OpenIncident open;
  open.number = record.incident.number;
  open.engine = record.incident.late_side;
  open.is_first = record.incident.is_first;
  open.report = record.report;
  if (record.decision) open.keep = record.decision->keep;
  open.is_applied = record.applied.has_value();
  return std::optional(std::move(open));
}

Status IncidentFolder::OnDivergence(const IncidentFacts& facts) {
  Incident incident;
  incident.session = facts.session;
  incident.number = facts.divergence.number;
  incident.is_first = facts.divergence.is_first;
  incident.what = What(facts.divergence);
  incident.late_side = facts.divergence.engine;
  incident.cause = CauseOf(facts);
  incident.published = facts.published.number;
  incident.policy = facts.policy;
  incident.found_ns = Now();
  if (incident.is_first && incident.number > 1) {
    // A merged log that was trimmed up to here has none; then it is not known.
    if (const auto before = ReadOne(storage_, facts.folder, incident.number - 1)) {
      const auto message = proto::ParseMessage(*before);
      ENSURE(message.has_value(), "the log gave something that is no message");
      incident.last_equal = {.number = incident.number - 1, .digest = message->header.digest};
    }
  }
  for (std::size_t side = 0; side < Deduplicator::kEngines; ++side) {
    const IncidentEngine& engine = facts.engines[side];
    EngineFacts& known = incident.engines[side];
    if (engine.status != nullptr) known = EngineOf(*engine.status);
    known.address = engine.address;
    known.connected = engine.status != nullptr;
    known.taken = engine.taken;
    incident.copies[side] = engine.copy;
    if (engine.is_published) incident.published_side = side;
  }
  auto folder = WriteIncident(storage_, merged_folder_, incident, facts.schema);
  if (!folder) return folder.error();
  folder_ = std::move(*folder);
  spdlog::critical("all that is known is in {}; see `tandem incident show {}`", folder_, folder_);
  return {};
}

Status IncidentFolder::OnLost(const proto::StreamPosition& published) {
  Status status = WriteLost(storage_, folder_, {.proven = published, .time_ns = Now()});
  folder_.clear();
  return status;
}

Result<std::optional<std::size_t>> IncidentFolder::Decision() {
  const auto decision = ReadDecision(storage_, folder_);
  if (!decision) return decision.error();
  if (!*decision) return std::optional<std::size_t>();
  return std::optional((*decision)->keep);
}

std::string IncidentFolder::FolderForTakenBack() { return folder_ + "/withdrawn"; }

Status IncidentFolder::OnResolved(std::size_t keep, const proto::StreamPosition& published) {
  spdlog::info("{}: engine {} is kept; the merged stream goes on after output {}", folder_,
               NameOfSide(keep), published.number);
  return WriteApplied(storage_, folder_, {.published = published, .time_ns = Now()});
}

Status IncidentFolder::OnReadmitted(std::size_t engine, const proto::StreamPosition& equal_to) {
  spdlog::info("{}: engine {} is proven equal up to output {}; the incident is closed", folder_,
               NameOfSide(engine), equal_to.number);
  Status status = WriteReadmission(storage_, folder_, {.proven = equal_to, .time_ns = Now()});
  folder_.clear();
  return status;
}

}  // namespace tandem::engine
