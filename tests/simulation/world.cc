// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/world.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <limits>
#include <utility>

#include "engine/live/dedup_role.h"
#include "engine/live/engine_role.h"
#include "engine/live/sequencer_role.h"
#include "tests/simulation/planted.h"
#include "tests/support/counter_application.h"
#include "tests/support/test_stream.h"

namespace tandem::simulation {

namespace {

constexpr const char* kFolder = "log";
constexpr std::uintptr_t kZoneOfA = 0x7e8000000000;
constexpr std::uintptr_t kZoneOfB = kZoneOfA + 0x1000000000;
/// After the faults, this much time is enough for everything to be said, or it never will be.
constexpr std::int64_t kPatienceNs = 60 * kSecond;
/// More steps than any run needs.
constexpr std::uint64_t kStepsMax = 3'000'000;

/// What the product logs goes into the trace of the run.
class TraceSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    Environment* const environment = Environment::current();
    if (environment == nullptr) return;
    const Process* const process = Process::current();
    if (process != nullptr && process->is_crashing()) return;
    environment->scheduler.Trace((process == nullptr ? std::string("world") : process->name()) +
                                 ": " +
                                 std::string(message.payload.data(), message.payload.size()));
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

void TraceWhatIsLogged() {
  static const bool done = [] {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::make_shared<TraceSink>()));
    return true;
  }();
  (void)done;
}

}  // namespace

World::World(const Options& options)
    : environment_(options.seed),
      checker_(environment_, options.engine_b_lies),
      disk_random_(options.seed) {
  TraceWhatIsLogged();
  Scheduler& scheduler = environment_.scheduler;
  segment_bytes_ = 4096u << scheduler.Below(5);
  environment_.network.SetWindow(std::size_t{2048} << scheduler.Below(6));
  dedups_ = 1 + scheduler.Below(2);
  if (scheduler.OneIn(2)) {
    limits_ = {.heartbeat = std::chrono::milliseconds(100),
               .silence = std::chrono::milliseconds(1500),
               .login = std::chrono::milliseconds(1000),
               .linger = std::chrono::milliseconds(200),
               .backoff = std::chrono::milliseconds(200)};
  }
  if (options.engine_b_lies) lie_at_ = static_cast<std::uint64_t>(scheduler.Between(1, 40));
  MakeWeather();
  AddHost(Role::kSequencer, "seq");
  AddHost(Role::kEngineA, "A");
  AddHost(Role::kEngineB, "B");
  AddHost(Role::kDedup1, "D1");
  if (dedups_ == 2) AddHost(Role::kDedup2, "D2");
  const std::uint64_t clients = 1 + scheduler.Below(3);
  for (std::uint64_t i = 1; i <= clients; ++i) {
    Host& host = AddHost(Role::kClient, std::string("U").append(std::to_string(i)));
    host.flow = MakeFlow(10 + scheduler.Below(50));
    host.client = {.user = host.name,
                   .rate = scheduler.OneIn(4) ? 0 : static_cast<double>(20 + scheduler.Below(200)),
                   .dedups = dedups_,
                   .moves_every_ns = i == 1 ? scheduler.Between(20, 300) * kMs : 0,
                   .limits = limits_};
    checker_.ExpectSubmissions(proto::User(host.name), host.flow);
  }
  Host& stock = AddHost(Role::kStockClient, "S1");
  stock.flow = MakeFlow(5 + scheduler.Below(30));
  checker_.ExpectSubmissions(proto::User(stock.name), stock.flow);
  AddHost(Role::kObserver, "obs");
}

World::~World() {
  life_.reset();
  for (const auto& host : hosts_) host->process.reset();
}

World::Host& World::AddHost(Role role, const std::string& name) {
  auto host = std::make_unique<Host>();
  host->role = role;
  host->id = environment_.network.AddHost(name);
  host->name = name;
  host->storage = std::make_unique<test::MemoryStorage>();
  if (role == Role::kSequencer) {
    host->clock_error_ns = environment_.scheduler.Between(-200 * kMs, 200 * kMs);
  }
  hosts_.push_back(std::move(host));
  Host& added = *hosts_.back();
  if (HasLog(added)) checker_.Follow(LogOf(added), *added.storage, kFolder);
  return added;
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
    case Role::kStockClient: {
      StockClient client(environment_, checker_, host.name, host.flow, limits_);
      host.running_stock_client = &client;
      return client.Run();
    }
    case Role::kObserver:
      return Observer(checker_, dedups_, observed_, limits_).Run();
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
  options.durability = engine::Durability::kAlways;
  options.segment_bytes = segment_bytes_;
  options.end_session = session_is_ending_;
  options.limits = limits_;
  return engine::SequencerRole(options, *host.storage).Run();
}

ExitCode World::RunEngine(Host& host) {
  const std::size_t engine = host.role == Role::kEngineA ? 0 : 1;
  const auto application = counter::MakeCounter(engine == 0 ? kZoneOfA : kZoneOfB);
  if (Is(Planted::kAddressInAnOutput)) application->LeakAddresses();
  engine::EngineRoleOptions options;
  options.name = host.name;
  options.folder = kFolder;
  options.input = InputPort();
  options.stream = OutputPort(engine);
  options.step_limit = {};  // no other threads here
  options.plant_fault_at = engine == 0 ? 0 : lie_at_;
  options.segment_bytes = segment_bytes_;
  options.limits = limits_;
  return engine::EngineRole(options, *application, *host.storage).Run();
}

ExitCode World::RunDedup(Host& host) {
  const std::size_t dedup = host.role == Role::kDedup1 ? 0 : 1;
  engine::DedupRoleOptions options;
  options.name = host.name;
  options.folder = kFolder;
  options.engines = {OutputPort(0), OutputPort(1)};
  options.stream = MergedPort(dedup);
  options.segment_bytes = segment_bytes_;
  options.ring_size = 1 + environment_.scheduler.Below(64);
  options.limits = limits_;
  return engine::DedupRole(options, *host.storage).Run();
}

ExitCode World::RunClient(Host& host) {
  if (environment_.scheduler.OneIn(2)) host.position = {};
  Client client(environment_, checker_, host.client, host.flow, host.position);
  host.running_client = &client;
  return client.Run();
}

void World::Start(Host& host) {
  environment_.scheduler.Trace(host.name + " starts");
  host.is_starting = false;
  host.is_told_to_end = false;
  host.process = std::make_unique<Process>(environment_, host.id, host.name, host.clock_error_ns,
                                           [this, &host] { return Main(host); });
  host.process->Start();
}

void World::StartLater(Host& host, std::int64_t down_ns) {
  if (std::exchange(host.is_starting, true)) return;
  environment_.scheduler.After(down_ns, life_, [this, &host] {
    environment_.network.TurnOn(host.id);
    host.storage->StopFailing();
    host.storage->LimitBytes(std::numeric_limits<std::uint64_t>::max());
    host.disk_may_fail = false;
    Start(host);
  });
}

void World::CrashProcess(Host& host, std::int64_t down_ns) {
  environment_.scheduler.Trace(host.name + " crashes");
  ++outcome_.crashes;
  host.running_client = nullptr;
  host.running_stock_client = nullptr;
  host.process.reset();
  host.storage->CrashProcesses();
  if (HasLog(host)) checker_.ProcessEnded(LogOf(host));
  StartLater(host, down_ns);
}

void World::CrashHost(Host& host, std::int64_t down_ns) {
  environment_.scheduler.Trace(host.name + " crashes with its host");
  ++outcome_.crashes;
  environment_.network.TurnOff(host.id);
  host.running_client = nullptr;
  host.running_stock_client = nullptr;
  host.process.reset();
  host.storage->CrashHost(environment_.scheduler.OneIn(2) ? &disk_random_ : nullptr);
  if (HasLog(host)) checker_.HostCrashed(LogOf(host));
  StartLater(host, down_ns);
}

/// A process that has ended by itself.
void World::Reap(Host& host) {
  if (host.process == nullptr) return;
  if (host.process->crashed()) {
    ++outcome_.disk_faults;
    return environment_.scheduler.OneIn(3) ? CrashHost(host, DownNs())
                                           : CrashProcess(host, DownNs());
  }
  if (!host.process->ended()) return;
  const ExitCode code = host.process->exit_code();
  environment_.scheduler.Trace(host.name + " ends with code " +
                               std::to_string(static_cast<int>(code)));
  host.running_client = nullptr;
  host.running_stock_client = nullptr;
  host.process.reset();
  host.storage->CrashProcesses();
  if (HasLog(host)) checker_.ProcessEnded(LogOf(host));
  CheckExit(host, code);
  StartLater(host, DownNs());
}

void World::CheckExit(Host& host, ExitCode code) {
  if (code == ExitCode::kYes && host.is_told_to_end) return;
  if (code == Client::kReplaced && host.role == Role::kClient) return;
  if (code == ExitCode::kDivergence && checker_.lie() != 0) return;
  if (code == ExitCode::kFailure && host.disk_may_fail) return;
  environment_.Fail(host.name + " ended with code " + std::to_string(static_cast<int>(code)));
}

void World::EndSessionWhenAllIsSubmitted() {
  if (session_is_ending_ || !is_healed_) return;
  for (const auto& host : hosts_) {
    if (host->process == nullptr) return;
    if (host->role == Role::kClient && !host->running_client->all_acknowledged()) return;
    if (host->role == Role::kStockClient && !host->running_stock_client->all_acknowledged()) return;
  }
  environment_.scheduler.Trace("the session is to end");
  session_is_ending_ = true;
  hosts_[0]->is_told_to_end = true;
  hosts_[0]->process->Terminate();
}

bool World::IsDone() const {
  bool all_named = true;
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) {
    all_named = all_named && checker_.divergence_was_named(dedup);
  }
  if (all_named) return true;
  const std::uint64_t all = checker_.expected_outputs();
  if (!session_is_ending_ || hosts_[0]->process == nullptr || hosts_[0]->is_told_to_end ||
      all == 0 || !checker_.has_ended()) {
    return false;
  }
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) {
    const Log log = dedup == 0 ? Log::kMerged1 : Log::kMerged2;
    if (checker_.count(log) != all || checker_.agreed(dedup) != all ||
        observed_[dedup].number != all) {
      return false;
    }
  }
  for (const auto& host : hosts_) {
    if (host->process == nullptr) return false;
    if (host->role == Role::kClient && host->position.number != all) return false;
  }
  return true;
}

std::string World::DescribeProgress() const {
  std::string text = "of " + std::to_string(checker_.expected_outputs()) + " outputs, ";
  for (const auto& host : hosts_) {
    if (HasLog(*host)) {
      text += std::string(kLogNames[static_cast<std::size_t>(LogOf(*host))]) + " has " +
              std::to_string(checker_.count(LogOf(*host))) + ", ";
    } else if (host->role == Role::kClient) {
      text += host->name + " has read " + std::to_string(host->position.number) + ", ";
    }
    if (host->process == nullptr) text += "(" + host->name + " is down) ";
  }
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) {
    text += "agreed " + std::to_string(checker_.agreed(dedup)) + ", observed " +
            std::to_string(observed_[dedup].number) + ", ";
  }
  return text + (session_is_ending_ ? "the session has ended" : "not everything is acknowledged");
}

Outcome World::Run() {
  // Roles print reports for a person; here they would be thousands.
  static std::FILE* const nowhere = std::fopen("/dev/null", "w");
  std::FILE* const printed_to = std::exchange(stdout, nowhere);
  const Outcome outcome = RunToTheEnd();
  stdout = printed_to;
  return outcome;
}

Outcome World::RunToTheEnd() {
  Scheduler& scheduler = environment_.scheduler;
  for (const auto& host : hosts_) StartLater(*host, scheduler.Between(0, 5 * kMs));
  while (environment_.failure.empty() && !IsDone()) {
    if (scheduler.now_ns() > weather_.until_ns + kPatienceNs || scheduler.steps() > kStepsMax ||
        !scheduler.RunOne()) {
      environment_.Fail("no progress: " + DescribeProgress());
      break;
    }
    for (const auto& host : hosts_) Reap(*host);
    checker_.Check();
    MaybeDoHarm();
    EndSessionWhenAllIsSubmitted();
  }
  outcome_.failure = environment_.failure;
  outcome_.fingerprint = scheduler.fingerprint();
  outcome_.steps = scheduler.steps();
  outcome_.losses = environment_.network.losses();
  outcome_.inputs = checker_.inputs();
  outcome_.outputs = checker_.expected_outputs();
  outcome_.simulated_ns = scheduler.now_ns() - Scheduler::kBeginNs;
  for (const std::size_t dedup : {0, 1}) {
    outcome_.lies_named += checker_.divergence_was_named(dedup) ? 1 : 0;
  }
  for (const std::string& line : scheduler.trace()) outcome_.trace += "  " + line + "\n";
  return outcome_;
}

}  // namespace tandem::simulation
