// SPDX-License-Identifier: Apache-2.0
#include "tools/supervisor.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>

#include "tools/interrupt.h"

namespace tandem::tools {

namespace {

using std::chrono::milliseconds;

volatile std::sig_atomic_t hangup = 0;
void OnHangup(int) { hangup = 1; }

/// The last line that the role has said, without what stands before its message.
std::string LastLine(const std::string& output_file) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream file(output_file, std::ios::ate | std::ios::binary);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string line;
  for (std::string next; std::getline(file, next);) {
    if (!next.empty()) line = next;
  }
  return line;
}

/// What the exit code of a role that is not started again means, and what to do.
std::string Advice(int code) {
  switch (code) {
    case 0:
      return "it is done, or was told to stop";
    case 2:
      return "its options, its log or what it reads are refused: see what it says, and correct "
             "that";
    case 3:
      return "a pool is out of memory: give it more (docs/pools.md), then restart it";
    case 4:
      return "copies differ or the input forked: its log is evidence, see docs/operations.md";
    default:
      return "it ends again and again: see what it says";
  }
}

std::string HowItEnded(int code) {
  return code > 128 ? "was ended by signal " + std::to_string(code - 128)
                    : "ended with code " + std::to_string(code);
}

}  // namespace

Supervisor::Supervisor(Roles& roles, RunControl& control, SupervisorOptions options)
    : roles_(roles), control_(control), options_(options), watched_(roles.size()) {}

void Supervisor::Start(std::size_t role) {
  Watched& watched = watched_[role];
  watched.started = Clock::now();
  watched.restart_at = {};
  watched.left_alone = false;
  const RoleSpec& spec = roles_.spec(role);
  if (Status status = roles_.Start(role); !status) {
    watched.last_code = static_cast<int>(status.error().code);
    return Leave(role, status.error().text);
  }
  spdlog::info("{}: started, process {}; what it says is in {}", spec.name, roles_.pid(role),
               spec.output_file);
}

void Supervisor::Leave(std::size_t role, const std::string& why) {
  watched_[role].left_alone = true;
  const std::string& name = roles_.spec(role).name;
  if (watched_[role].last_code == 0) {
    spdlog::info("{}: {}; `tandem restart` starts it again", name, why);
    return;
  }
  if (exit_code_ == ExitCode::kYes) {
    const int code = watched_[role].last_code;
    exit_code_ = code >= 1 && code <= 5 ? static_cast<ExitCode>(code) : ExitCode::kFailure;
  }
  spdlog::error("{}: {}; the other roles go on, and `tandem restart` starts it again", name, why);
}

void Supervisor::OnEnd(std::size_t role, int code) {
  Watched& watched = watched_[role];
  const RoleSpec& spec = roles_.spec(role);
  watched.last_code = code;
  std::string ended = HowItEnded(code);
  if (code != 0) ended += " (\"" + LastLine(spec.output_file) + "\" in " + spec.output_file + ")";
  if (code == 0 || code == 2 || code == 3 || code == 4) {
    return Leave(role, ended + " and is not restarted: " + Advice(code));
  }
  if (Clock::now() - watched.started > kLasting) watched.failures = 0;
  if (++watched.failures > options_.restarts_max) {
    return Leave(role, ended + " and is not restarted any more, after " +
                           std::to_string(options_.restarts_max) + " restarts: " + Advice(code));
  }
  const std::uint64_t doublings = std::min<std::uint64_t>(watched.failures - 1, 20);
  const milliseconds pause =
      std::min(options_.longest_pause, milliseconds(options_.first_pause.count() << doublings));
  watched.restart_at = Clock::now() + pause;
  spdlog::warn("{}: {}; restarting it in {} ms", spec.name, ended, pause.count());
}

/// A moment of supervision.
void Supervisor::Step() {
  roles_.RunFor(milliseconds(20));
  for (std::size_t role = 0; role < roles_.size(); ++role) {
    Watched& watched = watched_[role];
    if (watched.left_alone) continue;
    if (watched.restart_at == Clock::time_point{}) {
      if (const auto code = roles_.ended(role)) OnEnd(role, *code);
    } else if (Clock::now() >= watched.restart_at) {
      Start(role);
    }
  }
}

void Supervisor::TellWhenReady() {
  if (ready_) return;
  for (std::size_t role = 0; role < roles_.size(); ++role) {
    if (!roles_.Answers(role)) return;
  }
  ready_ = true;
  spdlog::info("ready: all {} roles answer", roles_.size());
  NotifyReady();
}

bool Supervisor::AnyLeft() const {
  return std::ranges::any_of(watched_, [](const Watched& one) { return !one.left_alone; });
}

ExitCode Supervisor::Run() {
  std::signal(SIGHUP, OnHangup);
  for (std::size_t role = 0; role < roles_.size(); ++role) Start(role);
  while (!Interrupted() && AnyLeft()) {
    Step();
    TellWhenReady();
    std::optional<std::vector<std::string>> names = control_.Poll();
    if (!names) {
      if (hangup == 0) continue;
      hangup = 0;
      names.emplace();
    }
    const Result<std::string> outcome = Restart(*names);
    if (!outcome) spdlog::error("restart: {}", outcome.error().text);
    control_.Finish(outcome);
  }
  return StopAll();
}

ExitCode Supervisor::StopAll() {
  spdlog::info("stopping, the last role first");
  for (std::size_t role = roles_.size(); role-- > 0;) {
    if (watched_[role].left_alone || !roles_.running(role)) continue;
    const auto code = roles_.Stop(role);
    const std::string& name = roles_.spec(role).name;
    if (code == 0 || code == 128 + SIGTERM) {
      spdlog::info("{}: stopped", name);
      continue;
    }
    const std::string how = code ? HowItEnded(*code) : "did not stop and was killed";
    spdlog::warn("{}: {}", name, how);
    if (exit_code_ == ExitCode::kYes) {
      exit_code_ = code && *code <= 5 ? static_cast<ExitCode>(*code) : ExitCode::kFailure;
    }
  }
  return exit_code_;
}

void Supervisor::Say(const std::string& text) {
  spdlog::info("restart: {}", text);
  control_.Say(text);
}

Result<std::vector<std::size_t>> Supervisor::RolesNamed(const std::vector<std::string>& names) {
  if (names.empty()) return roles_.OfKind("engine");
  std::vector<std::size_t> named;
  for (const std::string& name : names) {
    const auto role = roles_.Find(name);
    if (!role) {
      std::string all;
      for (std::size_t i = 0; i < roles_.size(); ++i) {
        all += (i == 0 ? "" : ", ") + roles_.spec(i).name;
      }
      return Error::BadInput("there is no role \"" + name + "\"; there are " + all);
    }
    named.push_back(*role);
  }
  return named;
}

Result<std::string> Supervisor::Restart(const std::vector<std::string>& names) {
  const auto named = RolesNamed(names);
  if (!named) return named.error();
  if (named->empty()) return Error::BadInput("there is no engine here to restart; name a role");
  for (const std::size_t role : *named) {
    if (Status status = RestartOne(role); !status) return status.error();
  }
  return std::to_string(named->size()) + (named->size() == 1 ? " role" : " roles") +
         " restarted, one at a time";
}

Status Supervisor::RestartOne(std::size_t role) {
  const std::string name = roles_.spec(role).name;
  if (roles_.running(role)) {
    if (roles_.spec(role).kind == "engine") {
      if (Status status = AwaitAgreement(role); !status) return status;
    }
    Say(name + ": stopping");
    if (!roles_.Stop(role)) Say(name + ": it did not stop within 20 s and was killed");
  }
  watched_[role].failures = 0;
  Start(role);
  Say(name + ": started, process " + std::to_string(roles_.pid(role)));
  if (roles_.spec(role).kind == "audit") return {};  // nobody waits for it
  if (Status status = AwaitProof(role); !status) return status;
  Say(name + ": it is where the others are");
  return {};
}

/// An engine may go only if the other one has proven to be there for it.
Status Supervisor::AwaitAgreement(std::size_t role) {
  // Statuses come every 100 ms; what is judged by has to be newer than the question.
  constexpr milliseconds kForNewStatuses{300};
  constexpr std::chrono::seconds kForConnections{2};
  constexpr std::chrono::seconds kForAgreement{10};
  const auto begin = Clock::now();
  const std::string refused =
      "; " + roles_.spec(role).name + " is not restarted while it is needed";
  while (Clock::now() - begin < kForNewStatuses) {
    if (Interrupted()) return Error::Failure("stopped");
    Step();
  }
  for (const std::size_t dedup : roles_.OfKind("dedup")) {
    const std::string& name = roles_.spec(dedup).name;
    const std::uint64_t published = roles_.status(dedup).number();
    while (!watched_[dedup].left_alone) {
      if (Interrupted()) return Error::Failure("stopped");
      const pb::Status& status = roles_.status(dedup);
      const auto gone = std::ranges::find_if(
          status.engines(), [](const pb::EngineStatus& engine) { return !engine.connected(); });
      const bool all_there = gone == status.engines().end();
      if (roles_.Answers(dedup) && all_there && status.agreed() >= published) break;
      const auto waited = Clock::now() - begin;
      if (!all_there && waited > kForConnections) {
        return Error{ExitCode::kNo, name + " has nothing from engine " + gone->name() + refused};
      }
      if (waited > kForAgreement || status.divergence_number() != 0) {
        return Error{ExitCode::kNo, name + " has published up to " + std::to_string(published) +
                                        " and both engines agree up to " +
                                        std::to_string(status.agreed()) + " only" + refused};
      }
      Step();
    }
  }
  return {};
}

/// Until the role has all that the others had when it answered.
Status Supervisor::AwaitProof(std::size_t role) {
  const RoleSpec& spec = roles_.spec(role);
  const auto sequencers = roles_.OfKind("sequencer");
  const auto dedups = roles_.OfKind("dedup");
  const auto engines = roles_.OfKind("engine");
  std::optional<std::uint64_t> inputs;
  std::vector<std::uint64_t> published;
  auto told_at = Clock::now();
  for (;;) {
    Step();
    if (Interrupted()) return Error::Failure("stopped");
    if (watched_[role].left_alone) {
      return Error{ExitCode::kNo,
                   spec.name + " does not run; what it says is in " + spec.output_file};
    }
    const pb::Status& own = roles_.status(role);
    const bool is_there = roles_.Answers(role) && (spec.stream.empty() || !own.catching_up());
    const bool lasts = Clock::now() - watched_[role].started > milliseconds(500);
    if (is_there && lasts && !inputs) {
      inputs = sequencers.empty() ? 0 : roles_.status(sequencers.front()).number();
      for (const std::size_t dedup : dedups) published.push_back(roles_.status(dedup).number());
    }
    bool proven = is_there && inputs.has_value();
    for (std::size_t i = 0; proven && i < dedups.size(); ++i) {
      if (watched_[dedups[i]].left_alone) continue;
      const pb::Status& dedup = roles_.status(dedups[i]);
      if (dedup.divergence_number() != 0) {
        return Error{ExitCode::kDivergence, roles_.spec(dedups[i]).name +
                                                " says that the copies differ at output " +
                                                std::to_string(dedup.divergence_number())};
      }
      if (spec.kind != "record") proven = dedup.agreed() >= published[i];
    }
    for (std::size_t i = 0; proven && i < engines.size() && spec.kind != "record"; ++i) {
      if (engines[i] != role && !roles_.IsCurrent(engines[i])) continue;
      proven = roles_.status(engines[i]).input_number() >= *inputs;
    }
    if (proven) return {};
    if (Clock::now() - told_at > std::chrono::seconds(2)) {
      told_at = Clock::now();
      Say(spec.name + ": waiting; " +
          (spec.kind == "engine" ? "input " + std::to_string(own.input_number()) +
                                       (inputs ? " of " + std::to_string(*inputs) : "")
                                 : "at " + std::to_string(own.number())));
    }
  }
}

}  // namespace tandem::tools
