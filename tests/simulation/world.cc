// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/world.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <utility>

#include "counter.pb.h"
#include "engine/transport/gate.h"
#include "tests/simulation/bounds.h"
#include "tests/support/test_stream.h"

namespace tandem::simulation {

namespace {

/// After the faults, this much time is enough for everything to be said, or it never will be.
constexpr std::int64_t kPatienceNs = 60 * kSecond;
/// After two truths were noticed, it goes on for so long.
constexpr std::int64_t kForkedForNs = 300 * kMs;
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
    const std::string name = process == nullptr ? "world" : process->name();
    const std::string line(message.payload.data(), message.payload.size());
    environment->scheduler.Trace(name + ": " + line);
    if (environment->on_line) {
      environment->on_line(name, line, message.level == spdlog::level::err);
    }
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

void CheckBound(const char* what, std::size_t size, std::size_t bound) {
  Environment* const environment = Environment::current();
  if (environment == nullptr || size <= bound) return;
  environment->Fail(std::string(what) + " is " + std::to_string(size) + " where " +
                    std::to_string(bound) + " is the most");
}

World::World(const Options& options)
    : environment_(options.seed),
      plan_(MakePlan(environment_.scheduler, options.engine_b_lies)),
      checker_(environment_, plan_),
      disk_random_(options.seed),
      lies_(options.engine_b_lies),
      progress_files_(std::filesystem::temp_directory_path().string() + "/tandem_simulation." +
                      std::to_string(::getpid()) + ".") {
  TraceWhatIsLogged();
  if (options.echoes) environment_.scheduler.EchoTo(stderr);
  environment_.on_line = [this](const std::string& process, const std::string& line,
                                bool is_error) { OnLine(process, line, is_error); };
  environment_.network.SetWindow(plan_.window);
  outcome_.plan = Describe(plan_);
  outcome_.multicasts = plan_.input_by_multicast || plan_.merged_by_multicast ? 1 : 0;
  environment_.scheduler.Trace(outcome_.plan);
  MakeWeather();
  AddHost(Role::kSequencer, "seq");
  AddHost(Role::kEngineA, "A");
  AddHost(Role::kEngineB, "B");
  AddHost(Role::kDedup1, "D1");
  if (plan_.dedups == 2) AddHost(Role::kDedup2, "D2");
  AddClients();
  AddHost(Role::kObserver, "obs");
  if (plan_.has_deadly_input) AddHost(Role::kOperator, engine::kOperatorUser);
}

World::~World() {
  life_.reset();
  for (const auto& host : hosts_) host->process.reset();
  for (const char* const engine : {"A", "B"}) std::remove((progress_files_ + engine).c_str());
}

World::Host& World::AddHost(Role role, const std::string& name) {
  auto host = std::make_unique<Host>();
  host->role = role;
  // Operators are on the host of the sequencer, where nobody asks them for a password.
  host->id = role == Role::kOperator ? hosts_[0]->id : environment_.network.AddHost(name);
  host->name = name;
  host->storage = std::make_unique<test::MemoryStorage>();
  if (role == Role::kSequencer) {
    host->clock_error_ns = environment_.scheduler.Between(-200 * kMs, 200 * kMs);
  }
  hosts_.push_back(std::move(host));
  Host& added = *hosts_.back();
  if (HasLog(added)) checker_.Follow(LogOf(added), *added.storage, kFolder);
  if (IsEngine(added) && plan_.keeps_copies) {
    checker_.Follow(CopyOf(added), *added.storage, kCopyFolder);
  }
  return added;
}

void World::AddClients() {
  Scheduler& scheduler = environment_.scheduler;
  for (std::uint64_t i = 1; i <= plan_.clients; ++i) {
    Host& host = AddHost(Role::kClient, std::string("U").append(std::to_string(i)));
    host.flow = MakeFlow(10 + scheduler.Below(50));
    host.client = {.user = host.name,
                   .rate = scheduler.OneIn(4) ? 0 : static_cast<double>(20 + scheduler.Below(200)),
                   .moves_every_ns = i == 1 ? scheduler.Between(20, 300) * kMs : 0};
    if (i == 1 && plan_.has_deadly_input) {
      counter::pb::Add deadly;
      deadly.set_amount(kDeadlyAmount);
      deadly.set_outputs(1);
      const std::size_t at = scheduler.Below(host.flow.size());
      host.flow[at] = test::Submission(at + 1, deadly);
    }
    checker_.ExpectSubmissions(proto::User(host.name), host.flow);
  }
  Host& stock = AddHost(Role::kStockClient, "S1");
  stock.flow = MakeFlow(5 + scheduler.Below(30));
  checker_.ExpectSubmissions(proto::User(stock.name), stock.flow);
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

void World::Start(Host& host) {
  environment_.scheduler.Trace(host.name + " starts");
  host.is_starting = false;
  host.is_told_to_end = false;
  host.errors.clear();
  if (IsEngine(host)) {
    host.may_die = deadly_number_ == 0 || !checker_.skips(deadly_number_);
  }
  if (host.role == Role::kSequencer) {
    copied_ = {checker_.count(Log::kCopyA), checker_.count(Log::kCopyB)};
    replica_was_left_out_ = take_back_is_over_ = sequencer_serves_ = false;
  }
  host.process = std::make_unique<Process>(environment_, host.id, host.name, host.clock_error_ns,
                                           [this, &host] { return Main(host); });
  host.process->Start();
}

void World::StartLater(Host& host, std::int64_t down_ns) {
  if (std::exchange(host.is_starting, true)) return;
  environment_.scheduler.After(down_ns, life_, [this, &host] {
    if (host.role != Role::kOperator) environment_.network.TurnOn(host.id);
    host.storage->StopFailing();
    host.storage->LimitBytes(std::numeric_limits<std::uint64_t>::max());
    host.disk_may_fail = false;
    Start(host);
  });
}

void World::LoseProcess(Host& host) {
  host.running_client = nullptr;
  host.running_stock_client = nullptr;
  host.process.reset();
}

void World::CrashProcess(Host& host, std::int64_t down_ns) {
  environment_.scheduler.Trace(host.name + " crashes");
  ++outcome_.crashes;
  LoseProcess(host);
  host.storage->CrashProcesses();
  if (HasLog(host)) checker_.ProcessEnded(LogOf(host));
  if (IsEngine(host)) checker_.ProcessEnded(CopyOf(host));
  StartLater(host, down_ns);
}

void World::CrashHost(Host& host, std::int64_t down_ns) {
  environment_.scheduler.Trace(host.name + " crashes with its host");
  ++outcome_.crashes;
  environment_.network.TurnOff(host.id);
  LoseProcess(host);
  host.storage->CrashHost(environment_.scheduler.OneIn(2) ? &disk_random_ : nullptr);
  if (HasLog(host)) checker_.HostCrashed(LogOf(host));
  if (IsEngine(host)) {
    checker_.HostCrashed(CopyOf(host));
    std::remove((progress_files_ + host.name).c_str());
  }
  StartLater(host, down_ns);
  for (const auto& other : hosts_) {
    if (other.get() == &host || other->id != host.id || other->process == nullptr) continue;
    LoseProcess(*other);
    StartLater(*other, down_ns);
  }
}

/// A process that has ended by itself.
void World::Reap(Host& host) {
  if (host.process == nullptr) return;
  if (host.process->crashed()) {
    return environment_.scheduler.OneIn(3) ? CrashHost(host, DownNs())
                                           : CrashProcess(host, DownNs());
  }
  if (!host.process->ended()) return;
  const ExitCode code = host.process->exit_code();
  environment_.scheduler.Trace(host.name + " ends with code " +
                               std::to_string(static_cast<int>(code)));
  LoseProcess(host);
  host.storage->CrashProcesses();
  if (HasLog(host)) checker_.ProcessEnded(LogOf(host));
  if (IsEngine(host)) checker_.ProcessEnded(CopyOf(host));
  CheckExit(host, code);
  StartLater(host, DownNs());
}

void World::CheckExit(Host& host, ExitCode code) {
  if (IsNoSurprise(host, code)) return;
  environment_.Fail(host.name + " ended with code " + std::to_string(static_cast<int>(code)) +
                    (host.errors.empty() ? "" : ": " + host.errors));
}

bool World::IsNoSurprise(const Host& host, ExitCode code) {
  const auto said = [&](const char* text) { return host.errors.find(text) != std::string::npos; };
  if (code == ExitCode::kYes) return host.is_told_to_end;
  if (code == Client::kForgotten && host.role == Role::kClient) return true;
  if (code == ExitCode::kFailure) {
    // Without a Skip nobody may step the deadly input for ever.
    return host.disk_may_fail ||
           (IsEngine(host) && host.may_die && said("times in a row in the step of one input"));
  }
  if (code != ExitCode::kDivergence) return false;
  if (IsDedup(host)) return checker_.lie() != 0 || checker_.inputs_were_lost();
  constexpr std::string_view kForked = "input forked at ";
  const std::size_t at = host.errors.find(kForked);
  if (at == std::string::npos) return false;
  checker_.ForkNamed(host.name, std::stoull(host.errors.substr(at + kForked.size())));
  return true;
}

// The checker judges once the step is over.
void World::OnLine(const std::string& process, const std::string& line, bool is_error) {
  const auto says = [&](const char* text) { return line.find(text) != std::string::npos; };
  for (const auto& host : hosts_) {
    if (host->name != process) continue;
    if (is_error) host->errors += line + "\n";
    if (IsDedup(*host) && says("are taken back")) {
      checker_.MergedWasCut(host->role == Role::kDedup1 ? 0 : 1);
    }
    if (host->role != Role::kSequencer) continue;
    if (says("has not answered within") || says("stopped giving")) replica_was_left_out_ = true;
    if (says("took back") || says("nothing to take back")) take_back_is_over_ = true;
    if (says("took back")) outcome_.taken_back = 1;
    if (says(" is next; submissions on ")) sequencer_serves_ = true;
  }
}

void World::AfterStep() {
  if (std::exchange(take_back_is_over_, false)) CheckTakeBack();
  if (std::exchange(sequencer_serves_, false)) checker_.SequencerServes();
  if (lies_ && plan_.is_led_back && !is_led_) LeadBackLater();
  if (deadly_number_ != 0 && checker_.skips(deadly_number_)) outcome_.skips = 1;
  if (checker_.fork_was_noticed() && fork_ns_ == 0) {
    fork_ns_ = environment_.scheduler.now_ns();
    outcome_.forks = 1;
  }
}

void World::EndSessionWhenAllIsSubmitted() {
  if (session_is_ending_ || !is_healed_) return;
  for (const auto& host : hosts_) {
    if (!IsWanted(*host)) continue;
    if (host->process == nullptr) return;
    if (host->role == Role::kClient && !host->running_client->all_acknowledged()) return;
    if (host->running_stock_client != nullptr && !host->running_stock_client->all_acknowledged()) {
      return;
    }
  }
  if (checker_.blocked_at() != 0) return;
  environment_.scheduler.Trace("the session is to end");
  session_is_ending_ = true;
  hosts_[0]->is_told_to_end = true;
  hosts_[0]->process->Terminate();
}

bool World::IsDone() const {
  bool all_named = true;
  for (std::size_t dedup = 0; dedup < plan_.dedups; ++dedup) {
    all_named = all_named && checker_.divergence_was_named(dedup);
  }
  if (all_named && !plan_.is_led_back) return true;
  if (fork_ns_ != 0) return environment_.scheduler.now_ns() > fork_ns_ + kForkedForNs;
  const proto::StreamPosition all = checker_.end();
  if (!session_is_ending_ || hosts_[0]->process == nullptr || hosts_[0]->is_told_to_end ||
      all.number == 0 || !checker_.has_ended() || (lies_ && checker_.lie() != 0)) {
    return false;
  }
  for (std::size_t dedup = 0; dedup < plan_.dedups; ++dedup) {
    const Log log = dedup == 0 ? Log::kMerged1 : Log::kMerged2;
    if (checker_.count(log) != all.number || checker_.agreed(dedup) != all.number ||
        observed_[dedup] != all) {
      return false;
    }
  }
  for (const auto& host : hosts_) {
    if (host->process == nullptr && IsWanted(*host)) return false;
    if (host->role == Role::kClient && host->position != all) return false;
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
    if (host->process == nullptr && IsWanted(*host)) text += "(" + host->name + " is down) ";
  }
  for (std::size_t dedup = 0; dedup < plan_.dedups; ++dedup) {
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
  for (const auto& host : hosts_) {
    if (IsWanted(*host)) StartLater(*host, scheduler.Between(0, 5 * kMs));
  }
  while (environment_.failure.empty() && !IsDone()) {
    if (scheduler.now_ns() > weather_.until_ns + kPatienceNs || scheduler.steps() > kStepsMax ||
        !scheduler.RunOne()) {
      environment_.Fail("no progress: " + DescribeProgress());
      break;
    }
    for (const auto& host : hosts_) Reap(*host);
    checker_.Check();
    AfterStep();
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
