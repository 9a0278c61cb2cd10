// SPDX-License-Identifier: Apache-2.0
//
// What fails in a run, when, and how often: the part of World that does harm.
#include <limits>

#include "tests/simulation/world.h"

namespace tandem::simulation {

// Each run has some kinds of fault and not others, so that each kind is also met alone.
void World::MakeWeather() {
  Scheduler& scheduler = environment_.scheduler;
  weather_.harm_one_in = 50u << scheduler.Below(6);
  weather_.until_ns =
      scheduler.now_ns() + scheduler.Between(50 * kMs, plan_.is_led_back ? 4000 * kMs : 1500 * kMs);
  for (bool* const kind :
       {&weather_.crashes, &weather_.host_crashes, &weather_.breaks, &weather_.cuts,
        &weather_.losses, &weather_.disk_crashes, &weather_.disk_errors, &weather_.full_disks,
        &weather_.stalls, &weather_.clock_jumps, &weather_.stops}) {
    *kind = scheduler.OneIn(2);
  }
  environment_.network.SetLossy(weather_.losses);
}

bool World::MayCrash(const Host& host) const {
  if (host.process == nullptr || host.process->ended()) return false;
  // A liar that begins anew is honest again and stops at its own log: another story.
  return host.role != Role::kOperator && (host.role != Role::kEngineB || !lies_);
}

void World::MaybeDoHarm() {
  Scheduler& scheduler = environment_.scheduler;
  if (scheduler.now_ns() > weather_.until_ns) return Heal();
  if (scheduler.OneIn(weather_.harm_one_in)) DoHarm();
}

void World::DoHarm() {
  Scheduler& scheduler = environment_.scheduler;
  Host& host = *hosts_[scheduler.Below(hosts_.size())];
  switch (scheduler.Below(10)) {
    case 0:
      if (weather_.crashes && MayCrash(host)) CrashProcess(host, DownNs());
      break;
    case 1:
      if (weather_.host_crashes) {
        // The one whose disk has something to lose that nobody can say again, more often.
        const bool has_to_lose = plan_.durability != engine::Durability::kAlways;
        Host& victim = has_to_lose && scheduler.OneIn(2) ? *hosts_[0] : host;
        if (MayCrash(victim)) CrashHost(victim, DownNs());
      }
      break;
    case 2:
    case 3:
      if (weather_.breaks && environment_.network.BreakOne()) {
        ++outcome_.breaks;
        scheduler.Trace("a connection breaks");
      }
      break;
    case 4:
      if (weather_.cuts) CutPath();
      break;
    case 5:
      if (weather_.disk_crashes && MayCrash(host)) CrashInDiskOperation(host);
      break;
    case 6:
      if (weather_.disk_errors && MayCrash(host)) FailDisk(host);
      break;
    case 7:
      if (weather_.full_disks && MayCrash(host)) FillDisk(host);
      break;
    case 8:
      if (weather_.stalls && host.process != nullptr) {
        ++outcome_.stalls;
        scheduler.Trace(host.name + " stalls");
        host.process->StallUntil(scheduler.now_ns() + scheduler.Between(1 * kMs, 400 * kMs));
      }
      break;
    case 9:
      if (weather_.clock_jumps && scheduler.OneIn(2)) {
        Host& sequencer = *hosts_[0];
        const std::int64_t by_ns =
            scheduler.Between(scheduler.OneIn(4) ? -5 * kSecond : -50 * kMs, 300 * kMs);
        ++outcome_.jumps;
        scheduler.Trace("the sequencer's clock jumps by " + std::to_string(by_ns / kMs) + " ms");
        sequencer.clock_error_ns += by_ns;
        if (sequencer.process != nullptr) sequencer.process->JumpClock(by_ns);
      } else if (weather_.stops && MayCrash(host)) {
        scheduler.Trace(host.name + " is told to stop");
        host.is_told_to_end = true;
        host.process->Terminate();
      }
      break;
  }
}

void World::CrashInDiskOperation(Host& host) {
  ++outcome_.disk_faults;
  const bool torn = environment_.scheduler.OneIn(2);
  host.storage->CrashAt(1 + environment_.scheduler.Below(12), torn, [] { throw ProcessCrash(); });
}

void World::FailDisk(Host& host) {
  ++outcome_.disk_faults;
  host.disk_may_fail = true;
  const bool torn = environment_.scheduler.OneIn(2);
  environment_.scheduler.Trace("the disk of " + host.name + " is to fail");
  host.storage->FailOnce(
      1 + environment_.scheduler.Below(12),
      torn ? test::MemoryStorage::Fault::kTornWrite : test::MemoryStorage::Fault::kError);
}

void World::FillDisk(Host& host) {
  ++outcome_.disk_faults;
  host.disk_may_fail = true;
  environment_.scheduler.Trace("the disk of " + host.name + " is full");
  host.storage->LimitBytes(environment_.scheduler.Below(60'000));
}

void World::CutPath() {
  Scheduler& scheduler = environment_.scheduler;
  const HostId from = scheduler.Below(environment_.network.host_count());
  const HostId to = scheduler.Below(environment_.network.host_count());
  if (from == to) return;
  const std::int64_t until_ns =
      scheduler.now_ns() +
      scheduler.Between(10 * kMs, scheduler.OneIn(4) ? 3 * kSecond : 500 * kMs);
  const bool both_ways = scheduler.OneIn(2);
  ++outcome_.cuts;
  scheduler.Trace("nothing gets from " + environment_.network.HostName(from) + " to " +
                  environment_.network.HostName(to) + (both_ways ? ", nor back" : ""));
  environment_.network.Cut(from, to, until_ns);
  if (both_ways) environment_.network.Cut(to, from, until_ns);
}

void World::Heal() {
  if (is_healed_) return;
  is_healed_ = true;
  environment_.scheduler.Trace("from here on nothing fails");
  environment_.network.SetLossy(false);
  for (const auto& host : hosts_) {
    host->storage->StopFailing();
    host->storage->LimitBytes(std::numeric_limits<std::uint64_t>::max());
  }
}

}  // namespace tandem::simulation
