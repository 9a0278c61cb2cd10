// SPDX-License-Identifier: Apache-2.0
//
// What each process of a run is: the part of World that starts the product's roles.
#include "engine/live/dedup_role.h"
#include "engine/live/engine_role.h"
#include "engine/live/incident_folder.h"
#include "engine/live/sequencer_role.h"
#include "tests/simulation/planted.h"
#include "tests/simulation/world.h"
#include "tests/support/counter_application.h"

namespace tandem::simulation {

namespace {

constexpr std::uintptr_t kZoneOfA = 0x7e8000000000;
constexpr std::uintptr_t kZoneOfB = kZoneOfA + 0x1000000000;
constexpr std::size_t kHeldBytes = 16u << 10;

}  // namespace

ExitCode World::Main(Host& host) {
  switch (host.role) {
    case Role::kSequencer:
      return RunSequencer(host);
    case Role::kEngineA:
    case Role::kEngineB:
      return RunEngine(host);
    case Role::kDedup1:
    case Role::kDedup2:
      return RunDedup(host);
    case Role::kClient:
      return RunClient(host);
    case Role::kStockClient:
    case Role::kOperator: {
      StockClient client(environment_, checker_, host.name, host.flow, plan_.limits);
      host.running_stock_client = &client;
      return client.Run();
    }
    case Role::kObserver:
      return Observer(checker_, plan_, observed_).Run();
  }
  return ExitCode::kYes;
}

ExitCode World::RunSequencer(Host& host) {
  engine::SequencerRoleOptions options;
  options.folder = kFolder;
  options.session = kSession;
  options.schema = "";
  options.submissions = SubmissionsPort();
  options.stream = InputPort();
  options.durability = plan_.durability;
  options.segment_bytes = plan_.segment_bytes;
  if (plan_.takes_back) options.replicas = {CopyPort(0), CopyPort(1)};
  options.replica_wait = plan_.replica_wait;
  options.end_session = session_is_ending_;
  if (plan_.input_by_multicast) options.mold = InputLines();
  options.limits = plan_.limits;
  return engine::SequencerRole(options, *host.storage).Run();
}

ExitCode World::RunEngine(Host& host) {
  const std::size_t engine = host.role == Role::kEngineA ? 0 : 1;
  const auto application = counter::MakeCounter(engine == 0 ? kZoneOfA : kZoneOfB);
  if (Is(Planted::kAddressInAnOutput)) application->LeakAddresses();
  application->DieOf(kDeadlyAmount, [this, &host] { Die(host); });
  engine::EngineRoleOptions options;
  options.name = host.name;
  options.folder = kFolder;
  options.input = InputPort();
  options.stream = OutputPort(engine);
  if (plan_.keeps_copies) {
    options.input_log = kCopyFolder;
    options.input_stream = CopyPort(engine);
  }
  if (plan_.has_deadly_input) options.progress_file = progress_files_ + host.name;
  options.deaths_max = plan_.deaths_max;
  options.step_limit = {};  // no other threads here
  options.plant_fault_at = engine == 1 && lies_ ? plan_.lie_at : 0;
  options.segment_bytes = plan_.segment_bytes;
  if (plan_.input_by_multicast) options.input_mold = ReaderOf(InputLines());
  if (plan_.a_has_lines_only && engine == 0) options.input = {};
  options.limits = plan_.limits;
  return engine::EngineRole(options, *application, *host.storage).Run();
}

ExitCode World::RunDedup(Host& host) {
  const std::size_t dedup = host.role == Role::kDedup1 ? 0 : 1;
  engine::IncidentFolder incidents(*host.storage, kFolder);
  engine::DedupRoleOptions options;
  options.name = host.name;
  options.folder = kFolder;
  options.engines = {OutputPort(0), OutputPort(1)};
  options.stream = MergedPort(dedup);
  options.policy = plan_.policies[dedup];
  if (options.policy == engine::DedupPolicy::kAgree) options.alone_after = plan_.alone_after;
  options.incidents = &incidents;
  options.segment_bytes = plan_.segment_bytes;
  options.ring_size = 1 + environment_.scheduler.Below(64);
  options.held_bytes = kHeldBytes;
  if (plan_.merged_by_multicast) options.mold = MergedLines(dedup);
  options.limits = plan_.limits;
  return engine::DedupRole(options, *host.storage).Run();
}

ExitCode World::RunClient(Host& host) {
  if (environment_.scheduler.OneIn(2)) host.position = {};
  Client client(environment_, checker_, plan_, host.client, host.flow, host.position);
  host.running_client = &client;
  return client.Run();
}

}  // namespace tandem::simulation
