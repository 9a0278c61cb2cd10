// SPDX-License-Identifier: Apache-2.0
//
// IncidentKeeper: where the deduplicator leaves what a person needs after a divergence, and where
// it finds what that person has decided. In production a folder; the deduplicator knows only this.
//
//   found                      OnDivergence, once
//   halted                     Decision, once a second
//   decided                    (the merged log is cut, if it must be) OnResolved
//   the other engine is equal  OnReadmitted
//
// At start, and when the merged log is begun, Unfinished says how far the last incident got; if the
// log has lost what led to it, OnLost, and both engines are compared again from its end. On the
// thread of the deduplicator, which does nothing else meanwhile. An error ends the role, but one
// that Decision gives with kBadInput: it is logged, and asked again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/deduplicator.h"
#include "pools/result.h"

namespace tandem::pb {
class Status;
}

namespace tandem::engine {

/// One engine at a divergence. What it points to is valid during the call.
struct IncidentEngine {
  std::string name;                    ///< A or B: what --keep takes
  std::string address;                 ///< HOST:PORT of its output stream
  const pb::Status* status = nullptr;  ///< the last one it sent; null: none
  std::uint64_t taken = 0;             ///< its outputs that were compared
  std::vector<std::byte> copy;         ///< its message `number`; empty: it gave none
  bool is_published = false;           ///< the merged stream has that copy
};

struct IncidentFacts {
  Deduplicator::Divergence divergence;
  proto::Session session;
  std::string folder;  ///< of the merged log
  std::string schema;  ///< FileDescriptorSet of the messages; may be empty
  std::string policy;
  std::string report;  ///< for a person: both answers decoded
  /// What is published from divergence.number to here was confirmed by nobody.
  proto::StreamPosition published;
  std::uint64_t agreed = 0;  ///< 0: both have proven nothing since the deduplicator started
  std::array<IncidentEngine, Deduplicator::kEngines> engines;
};

/// An incident that is not over.
struct OpenIncident {
  std::uint64_t number = 0;  ///< as in Deduplicator::Divergence
  std::size_t engine = 0;
  bool is_first = true;
  std::string report;
  std::optional<std::size_t> keep;  ///< decided; null: not yet
  bool is_applied = false;          ///< OnResolved was called
};

class IncidentKeeper {
 public:
  virtual ~IncidentKeeper() = default;
  virtual Result<std::optional<OpenIncident>> Unfinished() = 0;
  virtual Status OnDivergence(const IncidentFacts& facts) = 0;
  /// The merged log ends with `published`, before the incident, which is over.
  virtual Status OnLost(const proto::StreamPosition& published) = 0;
  /// Which engine is to be kept; null: nobody has decided.
  virtual Result<std::optional<std::size_t>> Decision() = 0;
  /// A folder that does not exist, for the merged log as it was, if it is cut.
  virtual std::string FolderForTakenBack() = 0;
  /// The decision is in force: the merged stream goes on after `published`. If that is less than
  /// what was published, the messages behind it were taken back.
  virtual Status OnResolved(std::size_t keep, const proto::StreamPosition& published) = 0;
  /// The fenced engine's stream is the merged one, from message 1 to `equal_to`.
  virtual Status OnReadmitted(std::size_t engine, const proto::StreamPosition& equal_to) = 0;
};

}  // namespace tandem::engine
