// SPDX-License-Identifier: Apache-2.0
//
// Incident: what is kept of a divergence, as a folder beside the merged log, and what was decided
// about it. The folder is the whole protocol between the deduplicator and the person who leads it
// back to a healthy pair (docs/incidents.md):
//
//   MERGED.incidents/NUMBER/
//     facts.txt          what differs, where, between which engines (a sheet)
//     report.txt         the same for a person, decoded
//     schema.pb          FileDescriptorSet of the messages
//     unconfirmed.jsonl  what was published and never confirmed
//     judgement.txt      what `tandem incident judge` found (a sheet)
//     decision.txt       which copy is kept (a sheet)
//     applied.txt        the deduplicator goes on with it (a sheet)
//     withdrawn/         the merged log as it was, if some of it was taken back
//     rebuild.txt        what was set aside (a sheet)
//     closed.txt         proven healthy again (a sheet)
//
// It appears under its name whole or not at all. Each further file is written once, by whoever
// takes that step. One thread at a time; any number of readers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/deduplicator.h"
#include "engine/live/sheet.h"
#include "pools/result.h"
#include "proto/digest.h"
#include "replay/storage.h"

namespace tandem::pb {
class Status;
}

namespace tandem::engine {

constexpr std::array<std::string_view, Deduplicator::kEngines> kSideNames = {"A", "B"};
/// Null: neither "A" nor "B".
[[nodiscard]] std::optional<std::size_t> SideOf(std::string_view name);

/// What is known of one engine: from its status, and from the deduplicator.
struct EngineFacts {
  std::string name;     ///< as it calls itself
  std::string address;  ///< where its output is read
  bool connected = false;
  std::uint64_t taken = 0;  ///< last output taken from it
  std::uint64_t process = 0;
  std::uint64_t input_number = 0;  ///< last input that it reported
  std::string build;               ///< build id of its program
  std::string cpu;
  std::string host;
  std::string application;
  std::string pools;  ///< what was changed of its pools; empty: as built
  std::uint64_t zone_address = 0;
};

/// The fields that a status has.
[[nodiscard]] EngineFacts EngineOf(const pb::Status& status);

struct Incident {
  static constexpr std::size_t kNobody = Deduplicator::kEngines;

  proto::Session session;
  std::uint64_t number = 0;  ///< first output where the copies differ
  bool is_first = true;      ///< false: or one before it, after a restart of the deduplicator
  std::string what;          ///< one sentence: how they differ
  std::size_t late_side = kNobody;  ///< whose copy came second, is missing, or is none
  std::uint64_t cause = 0;  ///< last input that must be stepped to have both copies of `number`
  proto::StreamPosition last_equal;      ///< number 0: not known, or nothing is equal
  std::uint64_t published = 0;           ///< last output that readers have
  std::size_t published_side = kNobody;  ///< whose copies are published from `number` on
  std::string policy;                    ///< of the deduplicator
  std::int64_t found_ns = 0;             ///< clock time, ns since 1970
  std::array<std::vector<std::byte>, Deduplicator::kEngines> copies;  ///< empty: there is none
  std::array<EngineFacts, Deduplicator::kEngines> engines;

  /// True if readers hold copies that only one engine has confirmed.
  [[nodiscard]] bool has_unconfirmed() const { return published >= number; }
};

struct IncidentDecision {
  std::size_t keep = 0;     ///< side; the other one is fenced
  bool takes_back = false;  ///< accepted: what was published from the other one is taken back
  std::string because;
  std::int64_t time_ns = 0;
};

/// The decision is in force.
struct IncidentApplied {
  proto::StreamPosition published;  ///< where the merged log stood, after what was taken back
  std::int64_t time_ns = 0;
};

/// The fenced engine has given all of the merged stream up to here, and is let in again. Without a
/// decision in force: the merged log has lost what led to the incident, and goes on from here.
struct IncidentReadmission {
  proto::StreamPosition proven;
  std::int64_t time_ns = 0;
};

/// An incident as its folder tells it.
struct IncidentRecord {
  std::string folder;
  Incident incident;
  std::string report;  ///< as it was written, for a person
  std::optional<IncidentDecision> decision;
  std::optional<IncidentApplied> applied;
  std::optional<IncidentReadmission> readmission;
};

/// MERGED.incidents
[[nodiscard]] std::string IncidentsFolderOf(std::string merged_folder);
/// The merged log whose incident this folder is; an error if it lies anywhere else.
[[nodiscard]] Result<std::string> MergedFolderOf(const std::string& incident_folder);

[[nodiscard]] std::string NameOfSide(std::size_t side);

/// Makes the folder of a new incident of the merged log in `merged_folder`, which is flushed.
/// Decodes with `schema` (FileDescriptorSet). At most kUnconfirmedMax messages are listed; the rest
/// is by WriteUnconfirmed. Gives the folder.
constexpr std::uint64_t kUnconfirmedMax = 20'000;
[[nodiscard]] Result<std::string> WriteIncident(replay::Storage& storage,
                                                const std::string& merged_folder,
                                                const Incident& incident, std::string_view schema);
/// Lists what is published from the incident's number on, at most `max` messages, into `folder`.
[[nodiscard]] Status WriteUnconfirmed(replay::Storage& storage, const std::string& folder,
                                      const std::string& merged_folder, const Incident& incident,
                                      std::string_view schema, std::uint64_t max);

/// An error names the file that is missing or damaged, or says that this is no incident.
[[nodiscard]] Result<IncidentRecord> ReadIncident(replay::Storage& storage,
                                                  const std::string& folder);
/// FileDescriptorSet; empty if there is none.
[[nodiscard]] Result<std::string> ReadIncidentSchema(replay::Storage& storage,
                                                     const std::string& folder);
/// Folders, oldest first; none if there never was an incident.
[[nodiscard]] Result<std::vector<std::string>> ListIncidents(replay::Storage& storage,
                                                             const std::string& merged_folder);
/// The last incident of this session that is not closed. Null: there is none.
[[nodiscard]] Result<std::optional<IncidentRecord>> FindOpenIncident(
    replay::Storage& storage, const std::string& merged_folder, proto::Session session);

/// Cheap: for polling. Null: nothing is decided yet.
[[nodiscard]] Result<std::optional<IncidentDecision>> ReadDecision(replay::Storage& storage,
                                                                   const std::string& folder);
/// Durable when it returns. It must be the first.
[[nodiscard]] Status WriteDecision(replay::Storage& storage, const std::string& folder,
                                   const IncidentDecision& decision);
[[nodiscard]] Status WriteApplied(replay::Storage& storage, const std::string& folder,
                                  const IncidentApplied& applied);
/// Closes the incident.
[[nodiscard]] Status WriteReadmission(replay::Storage& storage, const std::string& folder,
                                      const IncidentReadmission& readmission);
/// So does this.
[[nodiscard]] Status WriteLost(replay::Storage& storage, const std::string& folder,
                               const IncidentReadmission& lost);

}  // namespace tandem::engine
