// SPDX-License-Identifier: Apache-2.0
//
// What a person does in a run, with the product's own means: a Skip of what kills the pair; after a
// lie, `tandem incident resolve` at each deduplicator and `rebuild` of engine B. And what that
// person looks at after the sequencer took inputs back.
#include <limits>

#include "engine/live/incident.h"
#include "tandem/control.pb.h"
#include "tests/simulation/world.h"
#include "tests/support/test_stream.h"

namespace tandem::simulation {

/// In the step of the deadly input.
void World::Die(Host& host) {
  ++outcome_.deaths;
  if (!host.may_die) {
    environment_.Fail("engine " + host.name +
                      " steps an input although a Skip of it was there when it started");
  }
  SkipDeadlyInput();
  throw ProcessCrash();
}

void World::SkipDeadlyInput() {
  Host& person = *hosts_.back();
  if (deadly_number_ != 0) return;
  deadly_number_ = checker_.blocked_at();
  pb::Skip skip;
  skip.set_number(deadly_number_);
  skip.set_reason("it kills the pair");
  person.flow.push_back(test::Submission(1, skip));
  StartLater(person, environment_.scheduler.Between(50 * kMs, 2 * kSecond));
}

void World::LeadBackLater() {
  is_led_ = true;
  environment_.scheduler.After(environment_.scheduler.Between(20 * kMs, 500 * kMs), life_, [this] {
    LeadBack();
    if (lies_) LeadBackLater();
  });
}

void World::LeadBack() {
  bool all_applied = true;
  for (const auto& host : hosts_) {
    if (!IsDedup(*host)) continue;
    const bool is_named = checker_.divergence_was_named(host->role == Role::kDedup1 ? 0 : 1);
    all_applied = is_named && Decide(*host) && all_applied;
  }
  if (all_applied) RebuildEngineB();
}

/// Against engine B. True: the deduplicator goes on without it.
bool World::Decide(Host& dedup) {
  if (dedup.process == nullptr) return false;
  dedup.storage->StopFailing();
  dedup.storage->LimitBytes(std::numeric_limits<std::uint64_t>::max());
  const auto found = engine::FindOpenIncident(*dedup.storage, kFolder, kSession);
  if (!environment_.Check("the incidents of " + dedup.name, found ? Status() : found.error())) {
    return false;
  }
  if (!*found) return false;
  if ((*found)->decision) return (*found)->applied.has_value();
  if (environment_.scheduler.OneIn(2)) return false;
  environment_.scheduler.Trace("engine A is kept at " + dedup.name);
  environment_.Check("the decision at " + dedup.name,
                     engine::WriteDecision(*dedup.storage, (*found)->folder,
                                           {.keep = 0, .takes_back = true, .because = "it lies"}));
  return false;
}

void World::RebuildEngineB() {
  Host& host = HostOf(Role::kEngineB);
  environment_.scheduler.Trace("engine B is rebuilt");
  ++outcome_.rebuilds;
  lies_ = false;
  CrashProcess(host, DownNs());
  host.storage->LimitBytes(std::numeric_limits<std::uint64_t>::max());
  Status status = host.storage->Rename(kFolder, std::string(kFolder) + ".aside");
  if (status) status = host.storage->SyncFolder(kDisk);
  environment_.Check("rebuild", status);
  checker_.LieIsOver();
}

// What a copy held when the sequencer started, and still holds, the sequencer has now, or it has
// said which copy did not answer.
void World::CheckTakeBack() {
  if (replica_was_left_out_) return;
  for (const std::size_t engine : {0, 1}) {
    const Log copy = engine == 0 ? Log::kCopyA : Log::kCopyB;
    const std::uint64_t copied = std::min(copied_[engine], checker_.count(copy));
    if (checker_.count(Log::kInput) >= copied) continue;
    environment_.Fail("the sequencer has " + std::to_string(checker_.count(Log::kInput)) +
                      " inputs after it took back what it had lost, and " +
                      kLogNames[static_cast<std::size_t>(copy)] + " has " + std::to_string(copied));
  }
}

}  // namespace tandem::simulation
