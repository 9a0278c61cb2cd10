// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/world.h"

#include <algorithm>

#include "tests/simulation/client_process.h"
#include "tests/simulation/dedup_process.h"
#include "tests/simulation/engine_process.h"
#include "tests/simulation/sequencer_process.h"
#include "tests/support/test_stream.h"

namespace tandem::simulation {

namespace {

constexpr std::uintptr_t kZoneOfA = 0x7e8000000000;
constexpr std::uintptr_t kZoneOfB = kZoneOfA + 0x1000000000;
/// After the faults, this much time is enough for everything to be said, or it never will be.
constexpr std::int64_t kPatienceNs = 30 * kSecond;

}  // namespace

World::World(const Options& options)
    : environment_(options), checker_(environment_), disk_random_(options.seed) {
  Scheduler& scheduler = environment_.scheduler;
  segment_bytes_ = 4096u << scheduler.Below(5);
  harm_one_in_ = 50u << scheduler.Below(6);
  harm_until_ns_ = scheduler.now_ns() + scheduler.Between(50 * kMs, 700 * kMs);
  if (options.engine_b_lies) lie_at_ = static_cast<std::uint64_t>(scheduler.Between(1, 40));
  AddHost(Role::kSequencer, "sequencer");
  AddHost(Role::kEngineA, "engine A");
  AddHost(Role::kEngineB, "engine B");
  AddHost(Role::kDedup, "deduplicator");
  const std::uint64_t clients = 1 + scheduler.Below(3);
  for (std::uint64_t i = 1; i <= clients; ++i)
    AddHost(Role::kClient, std::string("U").append(std::to_string(i)));
}

World::~World() = default;

void World::AddHost(Role role, std::string name) {
  Host host{.role = role,
            .name = std::move(name),
            .storage = std::make_unique<test::MemoryStorage>(),
            .process = nullptr,
            .flow = {}};
  if (role == Role::kClient) {
    host.flow = MakeFlow(10 + environment_.scheduler.Below(50));
    checker_.ExpectSubmissions(proto::User(host.name), host.flow);
  }
  hosts_.push_back(std::move(host));
}

std::vector<Bytes> World::MakeFlow(std::uint64_t count) {
  Scheduler& scheduler = environment_.scheduler;
  std::vector<Bytes> flow;
  while (flow.size() < count) {
    const std::uint64_t origin = flow.size() + 1;
    if (scheduler.OneIn(8)) {
      counter::pb::Roll roll;
      roll.set_sides(static_cast<std::uint32_t>(scheduler.Below(1'000'000)));
      flow.push_back(test::Submission(origin, roll));
    } else if (scheduler.OneIn(20)) {
      flow.push_back(test::Submission(origin, 999, "of no known type"));
    } else {
      counter::pb::Add add;
      add.set_counter(static_cast<std::uint32_t>(scheduler.Below(4)));
      add.set_amount(scheduler.Between(-1000, 1000));
      add.set_outputs(static_cast<std::uint32_t>(scheduler.OneIn(10) ? scheduler.Below(60)
                                                                     : scheduler.Below(4)));
      flow.push_back(test::Submission(origin, add));
    }
  }
  return flow;
}

std::unique_ptr<Process> World::MakeProcess(Host& host) {
  const Place place{environment_, checker_, *host.storage, segment_bytes_};
  switch (host.role) {
    case Role::kSequencer:
      return std::make_unique<SequencerProcess>(place);
    case Role::kEngineA:
      return std::make_unique<EngineProcess>(place, Log::kOutputA, kZoneOfA, 0);
    case Role::kEngineB:
      return std::make_unique<EngineProcess>(place, Log::kOutputB, kZoneOfB, lie_at_);
    case Role::kDedup:
      return std::make_unique<DedupProcess>(place);
    case Role::kClient:
      return std::make_unique<ClientProcess>(environment_, checker_, host.name, host.flow);
  }
  return nullptr;
}

void World::Start(Host& host) {
  environment_.scheduler.Trace(host.name + " starts");
  host.process = MakeProcess(host);
}

void World::Crash(Host& host, bool with_host, std::int64_t down_ns) {
  environment_.scheduler.Trace(host.name + (with_host ? " crashes with its host" : " crashes"));
  ++crashes_;
  host.process.reset();
  if (host.role != Role::kClient) {
    const Log log = static_cast<Log>(host.role);
    static_assert(static_cast<Log>(Role::kSequencer) == Log::kInput);
    static_assert(static_cast<Log>(Role::kEngineB) == Log::kOutputB);
    static_assert(static_cast<Log>(Role::kDedup) == Log::kMerged);
    if (with_host) {
      host.storage->CrashHost(environment_.scheduler.OneIn(2) ? &disk_random_ : nullptr);
      checker_.HostCrashed(log);
    } else {
      host.storage->CrashProcesses();
      checker_.ProcessCrashed(log);
    }
  }
  environment_.scheduler.After(down_ns, life_, [this, &host] { Start(host); });
}

bool World::MayCrash(const Host& host) const {
  if (host.process == nullptr) return false;
  // A liar that begins anew is honest again and stops at its own log: another story.
  return host.role != Role::kEngineB || !static_cast<EngineProcess&>(*host.process).lies();
}

void World::MaybeDoHarm() {
  Scheduler& scheduler = environment_.scheduler;
  if (scheduler.now_ns() > harm_until_ns_ || !scheduler.OneIn(harm_one_in_)) return;
  if (scheduler.OneIn(2)) {
    if (!environment_.network.BreakOne()) return;
    ++breaks_;
    return scheduler.Trace("a connection breaks");
  }
  Host& host = hosts_[scheduler.Below(hosts_.size())];
  const bool with_host = scheduler.OneIn(3);
  const std::int64_t down_ns = scheduler.Between(0, 100 * kMs);
  if (MayCrash(host)) Crash(host, with_host, down_ns);
}

void World::EndSessionWhenAllIsSubmitted() {
  if (session_is_ended_ || environment_.scheduler.now_ns() <= harm_until_ns_) return;
  for (const Host& host : hosts_) {
    if (host.process == nullptr) return;
    if (host.role == Role::kClient &&
        !static_cast<const ClientProcess&>(*host.process).all_acknowledged()) {
      return;
    }
  }
  environment_.scheduler.Trace("the session ends");
  session_is_ended_ = true;
  static_cast<SequencerProcess&>(*hosts_[0].process).EndSession();
}

bool World::IsDone() const {
  if (checker_.divergence_was_named()) return true;
  const std::uint64_t all = checker_.expected_outputs();
  if (!session_is_ended_ || checker_.count(Log::kMerged) != all) return false;
  for (const Host& host : hosts_) {
    if (host.process == nullptr) return false;
    if (host.role == Role::kDedup &&
        static_cast<const DedupProcess&>(*host.process).agreed() != all) {
      return false;
    }
    if (host.role == Role::kClient &&
        static_cast<const ClientProcess&>(*host.process).merged_read() != all) {
      return false;
    }
  }
  return true;
}

std::string World::DescribeProgress() const {
  std::string text = "of " + std::to_string(checker_.expected_outputs()) + " outputs, ";
  for (const Log log : {Log::kOutputA, Log::kOutputB, Log::kMerged}) {
    text += std::string(kLogNames[static_cast<std::size_t>(log)]) + " has " +
            std::to_string(checker_.count(log)) + ", ";
  }
  return text + (session_is_ended_ ? "the session has ended" : "not everything is acknowledged");
}

Outcome World::Run() {
  Scheduler& scheduler = environment_.scheduler;
  for (Host& host : hosts_) {
    scheduler.After(scheduler.Between(0, 5 * kMs), life_, [this, &host] { Start(host); });
  }
  while (environment_.failure.empty() && !IsDone()) {
    if (scheduler.now_ns() > harm_until_ns_ + kPatienceNs || !scheduler.RunOne()) {
      environment_.Fail("no progress: " + DescribeProgress());
      break;
    }
    checker_.Check();
    MaybeDoHarm();
    EndSessionWhenAllIsSubmitted();
  }
  Outcome outcome{.failure = environment_.failure,
                  .trace = "",
                  .fingerprint = scheduler.fingerprint(),
                  .steps = scheduler.steps(),
                  .crashes = crashes_,
                  .breaks = breaks_,
                  .inputs = checker_.count(Log::kInput),
                  .outputs = checker_.expected_outputs(),
                  .lie_was_named = checker_.divergence_was_named()};
  for (const std::string& line : scheduler.trace()) outcome.trace += "  " + line + "\n";
  return outcome;
}

}  // namespace tandem::simulation
