// SPDX-License-Identifier: Apache-2.0
#include "engine/live/dedup_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

#include "engine/live/log_cut.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "pools/ensure.h"

namespace tandem::engine {

namespace {

constexpr std::chrono::milliseconds kWatchInterval{100};

/// What a connection may bring after it was told to pause, and as much again.
constexpr std::size_t kHeldBytesMin = 2u << 20;

std::string_view PolicyName(DedupPolicy policy) {
  return policy == DedupPolicy::kFirst ? "first" : "agree";
}

DeduplicatorOptions StepOptions(const DedupRoleOptions& options) {
  DeduplicatorOptions step{
      .policy = options.policy, .ring_size = options.ring_size, .held_bytes = options.held_bytes};
  if (options.alone_after) {
    step.alone_after_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(*options.alone_after).count();
  }
  return step;
}

}  // namespace

DedupRole::DedupRole(DedupRoleOptions options, replay::Storage& storage)
    : options_(std::move(options)),
      storage_(storage),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits),
      watch_timer_(loop_.context()) {
  ENSURE(options_.policy == DedupPolicy::kFirst || options_.held_bytes >= kHeldBytesMin,
         "only %zu bytes for messages that wait", options_.held_bytes);
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    sources_[engine] = std::make_unique<EngineSource>(
        loop_.context(), engine, options_.engines[engine], options_.name,
        static_cast<EngineSource::Handler&>(*this), options_.limits);
    sources_[engine]->SetPassword(options_.password);
  }
}

DedupRole::~DedupRole() = default;

ExitCode DedupRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  const ExitCode code = RunInFolder();
  if (!log_) folder.TakeBack();
  return code;
}

ExitCode DedupRole::RunInFolder() {
  if (!loop_.Check(stream_.RequireLogins(options_.users)) ||
      !loop_.Check(stream_.Listen(options_.stream)) ||
      !loop_.Check(stream_.ListenMold(options_.mold)) || !loop_.Check(OpenExistingLog())) {
    return loop_.exit_code();
  }
  spdlog::info("{}: engine A at {}, engine B at {}, merged stream on {}, policy {}", options_.name,
               sources_[0]->address(), sources_[1]->address(), stream_.port(),
               PolicyName(options_.policy));
  for (const auto& source : sources_) source->AskAgain();
  Watch();
  loop_.Run();
  for (const auto& source : sources_) source->Stop();
  stream_.Close();
  if (log_) {
    if (Status status = log_->Close(); !status) loop_.Fail(status.error());
  }
  if (deduplicator_) {
    spdlog::info("{} stopped: published {}, agreed {}", options_.name,
                 log_->flushed_position().number, deduplicator_->agreed());
  }
  if (deduplicator_ && deduplicator_->divergence()) loop_.Stop(ExitCode::kDivergence);
  return loop_.exit_code();
}

Status DedupRole::OpenExistingLog() {
  if (Status status = FinishCut(storage_, options_.folder); !status) return status;
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  return *holds ? OpenLog(proto::Session{}) : storage_.MakeFolder(options_.folder);
}

Status DedupRole::OpenWriter(proto::Session session) {
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = session,
                                      .role = replay::kMergedRole,
                                      .schema = schema_,
                                      .segment_bytes = options_.segment_bytes});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  return log_->Flush();
}

Status DedupRole::OpenLog(proto::Session session) {
  if (Status status = OpenWriter(session); !status) return status;
  session_ = log_->session();
  const proto::StreamPosition published = log_->position();
  history_ = std::make_unique<MergedHistory>(storage_, options_.folder);
  proto::StreamPosition before = published;
  if (published.number == 1) before = {};
  if (published.number > 1) {
    const auto mark = history_->MarkAt(0, published.number - 1);
    if (!mark) return mark.error();
    before = {.number = published.number - 1, .digest = mark->digest};
  }
  deduplicator_.emplace(session_, before, published, *history_, StepOptions(options_));
  stream_.Serve(options_.folder, session_);
  stream_.Publish(published.number);
  return ResumeIncident();
}

std::uint64_t DedupRole::WantedNumber(std::size_t engine) {
  return deduplicator_ ? deduplicator_->wanted(engine) : 1;
}

void DedupRole::CheckTwoEngines() {
  const EngineSource& a = *sources_[0];
  const EngineSource& b = *sources_[1];
  if (!a.has_status() || !b.has_status() || a.status().name() != b.status().name()) return;
  if (a.process() != b.process()) {
    if (!std::exchange(warned_of_names_, true)) {
      spdlog::warn(
          "{}: the engines at {} and {} both call themselves \"{}\"; give each a --name of its "
          "own, so that it is known which one says what",
          options_.name, a.address(), b.address(), Printable(a.status().name()));
    }
    return;
  }
  loop_.Fail(Error::BadInput(a.address() + " and " + b.address() +
                             " are the same engine, which proves nothing about itself; give two"));
}

void DedupRole::OnSchema(const std::string& schema) {
  if (schema_.empty()) schema_ = schema;
}

void DedupRole::OnMessage(std::size_t engine, const proto::MessageView& message) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  if (!log_) {
    // The log takes its session from the first message that can be one.
    const std::string output = "output " + std::to_string(message.header.number);
    if (message.header.number != 1) {
      return sources_[engine]->Reconnect(output + " came where number 1 is next");
    }
    if (!Follows(message, proto::StreamPosition{})) {
      return sources_[engine]->Reconnect(output + " does not carry the digest of its content");
    }
    if (!loop_.Check(OpenLog(message.header.session))) return;
  }
  const Deduplicator::Outcome outcome = deduplicator_->OnMessage(engine, message);
  if (outcome == Deduplicator::Outcome::kPublish) {
    Append(message.bytes);
  } else if (outcome != Deduplicator::Outcome::kConfirmed) {
    OnOutcome(engine, message.header.number, outcome);
  }
}

void DedupRole::Append(std::span<const std::byte> message) {
  log_->Append(message);
  stream_.Append(message);
}

/// What is neither published nor confirmed.
void DedupRole::OnOutcome(std::size_t engine, std::uint64_t number, Deduplicator::Outcome outcome) {
  using Outcome = Deduplicator::Outcome;
  EngineSource& source = *sources_[engine];
  switch (outcome) {
    case Outcome::kPublish:
    case Outcome::kConfirmed:
    case Outcome::kRepeated:
    case Outcome::kHeld:
      break;
    case Outcome::kFull:
      source.LeaveAlone();
      break;
    case Outcome::kGap:
      source.Reconnect("output " + std::to_string(number) + " came where number " +
                       std::to_string(deduplicator_->wanted(engine)) + " is next");
      break;
    case Outcome::kWrongSession:
      source.Reconnect("its messages are of another session");
      break;
    case Outcome::kDivergence:
      if (report_.empty() && !deduplicator_->searching()) OnDivergence();
      break;
    case Outcome::kSearching:
      OnSearching(engine);
      break;
    case Outcome::kFenced:
      source.Reconnect("it is fenced, and its output " + std::to_string(number) +
                       " is still not the merged one; rebuild it");
      break;
    case Outcome::kTooEarly:
      source.Reconnect("it is fenced, and waits until output " + std::to_string(number) +
                       " is merged");
      break;
    case Outcome::kReadmitted:
      OnReadmitted(engine);
      break;
    case Outcome::kFailure:
      loop_.Fail(Error::Failure(deduplicator_->error()));
      break;
  }
}

void DedupRole::OnStatus(std::size_t engine, const pb::Status& status) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  if (!loop_.Check(CheckServes(
          status, kEngineRole, sources_[engine]->address(),
          engine == 0 ? "--a the stream of an engine" : "--b the stream of an engine"))) {
    return;
  }
  CheckTwoEngines();
  if (!deduplicator_ || status.catching_up()) return;
  const Deduplicator::Stand stand{.input = status.input_number(),
                                  .output = {.number = status.number(), .digest = status.digest()}};
  OnOutcome(engine, status.number(), deduplicator_->OnStand(engine, stand));
}

void DedupRole::OnBatchEnd(std::size_t engine) {
  FlushAndPublish();
  if (!deduplicator_ || options_.policy == DedupPolicy::kFirst) return;
  if (!deduplicator_->has_room(engine)) sources_[engine]->Pause();
  EngineSource& other = *sources_[1 - engine];
  if (other.paused() && deduplicator_->has_room(1 - engine)) other.Resume();
}

void DedupRole::FlushAndPublish() {
  if (!log_ || !loop_.Check(log_->Flush())) return;
  stream_.Publish(log_->flushed_position().number);
}

void DedupRole::Watch() {
  const Clock::time_point now = Clock::now();
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    LookForSilence(engine, now);
    sources_[engine]->OnTime(now);
  }
  if (deduplicator_) {
    if (deduplicator_->OnTime(
            std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count())) {
      while (const auto held = deduplicator_->TakeHeld()) Append(*held);
      FlushAndPublish();
      for (const auto& source : sources_) source->Resume();
    }
    TellIfAlone();
    AwaitDecision(now);
  }
  watch_timer_.expires_after(kWatchInterval);
  watch_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Watch();
  });
}

void DedupRole::LookForSilence(std::size_t engine, Clock::time_point now) {
  const EngineSource& source = *sources_[engine];
  const EngineSource& other = *sources_[1 - engine];
  const std::uint64_t input = source.status().input_number();
  const bool is_silent =
      other.status().input_number() > input && source.StandsStill(now, options_.silence_limit);
  if (is_silent && !silent_[engine]) {
    spdlog::warn(
        "{}: engine {} at {} is connected but has stood still for {} ms: it stands after input {}, "
        "engine {} after input {}",
        options_.name, source.label(), source.address(), options_.silence_limit.count(), input,
        other.label(), other.status().input_number());
  } else if (!is_silent && silent_[engine]) {
    spdlog::info("{}: engine {} at {} does not stand still any more", options_.name, source.label(),
                 source.address());
  }
  silent_[engine] = is_silent;
}

void DedupRole::TellIfAlone() {
  const std::optional<std::size_t> alone = deduplicator_->alone();
  if (alone == alone_) return;
  if (alone) {
    spdlog::warn(
        "{}: publishing what engine {} alone says, from output {} on: nobody confirms it, until "
        "engine {} has caught up",
        options_.name, kEngineNames[*alone], deduplicator_->agreed() + 1, kEngineNames[1 - *alone]);
  } else {
    spdlog::info("{}: both engines are here again; publishing only what they agree on",
                 options_.name);
  }
  alone_ = alone;
}

pb::Status DedupRole::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kDedupRole));
  status.set_name(options_.name);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  if (log_) {
    status.set_number(log_->flushed_position().number);
    status.set_digest(log_->flushed_position().digest);
  }
  status.set_policy(std::string(PolicyName(options_.policy)));
  if (deduplicator_) {
    status.set_agreed(deduplicator_->agreed());
    status.set_held(deduplicator_->held());
    if (deduplicator_->alone()) {
      status.set_alone(std::string(kEngineNames[*deduplicator_->alone()]));
    }
    status.set_searching(deduplicator_->searching());
    if (!report_.empty()) {
      status.set_divergence_number(deduplicator_->divergence()->number);
      // The whole of it is on stdout; a status fits one packet.
      status.set_divergence(report_.substr(0, 16'000));
    }
  }
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    const EngineSource& source = *sources_[engine];
    pb::EngineStatus& of = *status.add_engines();
    of.set_name(std::string(source.label()));
    of.set_connected(source.connected());
    of.set_connections(source.connections());
    of.set_input_number(source.status().input_number());
    of.set_process(source.status().process());
    of.set_silent(silent_[engine]);
    of.set_paused(source.paused());
    if (deduplicator_) {
      of.set_number(deduplicator_->wanted(engine) - 1);
      of.set_wins(deduplicator_->wins(engine));
      of.set_fenced(deduplicator_->fenced(engine));
    }
  }
  return status;
}

}  // namespace tandem::engine
