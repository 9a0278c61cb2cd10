// SPDX-License-Identifier: Apache-2.0
#include "engine/live/engine_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "engine/live/host_facts.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "pools/ensure.h"

namespace tandem::engine {

using replay::LogReader;
using replay::ReadOutcome;

namespace {

/// What waits in memory while an engine that keeps no copy of its input looks ahead.
constexpr std::size_t kHeldBytesMax = 16u << 20;
/// How long the copy of the input is stepped before somebody else may have the thread.
constexpr std::chrono::milliseconds kTurn{2};

}  // namespace

/// The output log as it was when this process opened it.
class EngineRole::OwnLog : public RecordedOutputs {
 public:
  explicit OwnLog(LogReader reader) : reader_(std::move(reader)) {}

  Result<proto::MessageView> Next() override {
    switch (reader_.Next()) {
      case ReadOutcome::kMessage:
        return reader_.message();
      case ReadOutcome::kDamaged:
        return reader_.error();
      case ReadOutcome::kEnd:
        break;
    }
    return Error::Failure(
        "the output log ends before its last message; check it with `tandem verify`");
  }

 private:
  LogReader reader_;
};

EngineRole::EngineRole(EngineRoleOptions options, replay::Application& application,
                       replay::Storage& storage)
    : options_(std::move(options)),
      application_(&application),
      storage_(storage),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits),
      input_(loop_.context(), options_.input_mold, options_.input,
             options_.name.substr(0, proto::kUserSizeMax), *this, options_.limits),
      status_timer_(loop_.context()) {
  if (!options_.images.empty()) {
    images_ = std::make_unique<ImageKeeper>(ImageKeeper::Options{
        .engine = options_.name, .folder = options_.images, .keep = options_.images_keep});
  }
  if (options_.input_log.empty()) return;
  replica_ = std::make_unique<InputReplica>(loop_.context(), storage, options_.input_log,
                                            options_.name, options_.segment_bytes, options_.limits);
}

EngineRole::~EngineRole() = default;

ExitCode EngineRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  std::optional<NewLogFolder> copy;
  if (replica_) copy.emplace(storage_, options_.input_log);
  const ExitCode code = RunInFolder();
  if (!log_) {
    progress_.Remove();
    folder.TakeBack();
  }
  if (copy && !replica_->open()) copy->TakeBack();
  return code;
}

ExitCode EngineRole::RunInFolder() {
  input_.SetPassword(options_.password);
  if (!loop_.Check(stream_.RequireLogins(options_.users)) ||
      !loop_.Check(stream_.Listen(options_.stream)) ||
      !loop_.Check(stream_.ListenMold(options_.mold)) ||
      (options_.input_stream &&
       !loop_.Check(replica_->Listen(*options_.input_stream, options_.users))) ||
      (images_ && !loop_.Check(images_->Open())) || !loop_.Check(OpenExistingLog())) {
    return loop_.exit_code();
  }
  spdlog::info("engine {}: input from {}, output on {}", options_.name, input_.text(),
               stream_.port());
  if (options_.input_stream) {
    spdlog::info("engine {}: its copy of the input on {}", options_.name, replica_->port());
  }
  watchdog_.emplace(progress_, options_.step_limit, "engine " + options_.name);
  if (replica_) StepReplicaSoon();
  loop_.Check(input_.Start());
  SendStatusLater();
  loop_.Run();
  watchdog_.reset();
  input_.Stop();
  stream_.Close();
  // What is not in the copy must not be answered in the log.
  Status closed = replica_ ? replica_->Close() : Status{};
  if (closed && log_) closed = log_->Close();
  if (!closed) loop_.Fail(closed.error());
  const replay::ResumePoint& point = application_->resume_point();
  if (closed) {
    spdlog::info("engine {} stopped after input {}, output {}", options_.name, point.input.number,
                 point.output.number);
  } else {
    spdlog::info("engine {} stopped; its log has the outputs up to {}", options_.name,
                 log_ ? log_->flushed_position().number : 0);
  }
  return loop_.exit_code();
}

Status EngineRole::OpenExistingLog() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  if (Status status = *holds ? OpenLog(proto::Session{}) : storage_.MakeFolder(options_.folder);
      !status) {
    return status;
  }
  return replica_ ? OpenReplica() : Status{};
}

Status EngineRole::OpenReplica() {
  if (Status status = replica_->OpenExisting(); !status || !replica_->open()) return status;
  if (!engine_) {
    if (Status status = OpenLog(replica_->session()); !status) return status;
  }
  if (replica_->session() != session_) {
    return Error::BadInput("the copy of the input in " + options_.input_log + " is of session \"" +
                           replica_->session().str() + "\" and the log " + options_.folder +
                           " of session \"" + session_.str() +
                           "\"; give --input-log the copy of the same session or a new folder");
  }
  received_ = replica_->position();
  const auto skips = replay::ReadSkips(storage_, options_.input_log);
  if (!skips) return skips.error();
  for (const std::string& text : skips->not_read()) spdlog::warn("{}", text);
  engine_->PassOver(*skips);
  if (const std::uint64_t number = progress_.died_at(); number != 0 && number <= received_.number) {
    auto deadly = ReadOne(storage_, options_.input_log, number);
    if (!deadly) return deadly.error();
    deadly_ = std::move(*deadly);
  }
  spdlog::info("engine {}: its copy of the input holds {} messages; stepping from there",
               options_.name, received_.number);
  return {};
}

Status EngineRole::OpenLog(proto::Session session) {
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = session,
                                      .role = replay::kOutputRole,
                                      .schema = application_->info().schema,
                                      .segment_bytes = options_.segment_bytes});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  session_ = log_->session();
  // A new log can be read only once it is on the disk.
  if (Status status = log_->Flush(); !status) return status;
  const proto::StreamPosition logged = log_->position();
  if (session.empty()) {
    if (images_) RestoreImage(logged);
    if (Status status = LoadPortable(logged); !status) return status;
  } else {
    TellWhatIsNotUsed();
  }
  const proto::StreamPosition restored = application_->resume_point().output;
  if (restored.number == 0) {
    if (Status status = CheckHasBeginning(
            *log_, "an engine that begins from nothing compares its outputs with all of it");
        !status) {
      return status;
    }
  }
  auto reader = LogReader::Open(storage_, options_.folder, {.from_number = restored.number + 1});
  if (!reader) return reader.error();
  own_log_ = std::make_unique<OwnLog>(std::move(*reader));
  if (logged.number > 0) {
    const auto last = ReadOne(storage_, options_.folder, logged.number);
    if (!last) return last.error();
    const auto message = proto::ParseMessage(*last);
    ENSURE(message.has_value(), "the log gave something that is no message");
    logged_input_ = message->header.origin;
  }
  engine_.emplace(*application_, session_, logged, *own_log_);
  shown_ = {.input_number = logged_input_, .output = logged};
  if (!options_.progress_file.empty()) {
    if (Status status = progress_.Open(options_.progress_file, session_); !status) return status;
  }
  was_verifying_ = engine_->verifying();
  if (was_verifying_) {
    spdlog::info("engine {}: its log holds {} outputs; stepping the input from {} to verify them",
                 options_.name, logged.number, application_->resume_point().input.number + 1);
  }
  stream_.Serve(options_.folder, session_);
  stream_.Publish(logged.number);
  return {};
}

void EngineRole::OnLogin(proto::Session /*session*/, std::uint64_t number) {
  spdlog::info("engine {}: reading input from {} at {}", options_.name, number, input_.text());
  awaits_status_ = true;
  looks_ahead_ = true;
  held_.Clear();
  held_is_full_ = false;
  if (!replica_) received_ = application_->resume_point().input;
}

Status EngineRole::CheckHasWhatWasActedOn(const pb::Status& status) const {
  // A sequencer publishes what is in its log and nothing else, so it cannot be behind its readers.
  const std::uint64_t acted_on = std::max(application_->resume_point().input.number, logged_input_);
  const std::uint64_t copied = replica_ ? received_.number : 0;
  if (status.number() >= std::max(acted_on, copied)) {
    return replica_ ? replica_->Compare(status) : Status{};
  }
  const std::string has =
      copied > acted_on
          ? " has inputs up to " + std::to_string(copied) + " in its copy " + options_.input_log
          : " has acted on inputs up to " + std::to_string(acted_on);
  return Error{
      ExitCode::kDivergence,
      ForkedAt(status.number() + 1) + "engine " + options_.name + has + ", but the sequencer at " +
          options_.input.text() + " has only " + std::to_string(status.number()) +
          ": it has lost the others; " +
          (options_.input_stream ? "start it with --replica " + options_.input_stream->text() +
                                       ", so that it takes them back from here, or "
                                 : "") +
          std::string(kAfterAFork)};
}

void EngineRole::OnStatus(const pb::Status& status) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  if (!loop_.Check(CheckServes(status, kSequencerRole, options_.input.text(),
                               "--input the stream of a sequencer")) ||
      !loop_.Check(CheckHasWhatWasActedOn(status)) || !awaits_status_) {
    return;
  }
  awaits_status_ = false;
  // Who is to skip the input that ends us in a moment must know that we have not stepped it.
  input_.SendStatus(MakeStatus());
  target_ = std::max(looked_to_, LookTo(status));
  there_at_login_ = status.number();
  if (received_.number >= target_) LookedAhead();
}

// How far a Skip may stand. One who died in an input must see it before he steps it again.
std::uint64_t EngineRole::LookTo(const pb::Status& status) const {
  if (!status.has_skips_until() || progress_.died_at() != 0) return status.number();
  return std::min(status.number(), status.skips_until());
}

void EngineRole::OnMessage(const proto::MessageView& message) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  const std::uint64_t number = message.header.number;
  if (number <= received_.number) return;
  if (number > received_.number + 1) {
    return input_.Reconnect("input " + std::to_string(number) + " came where number " +
                            std::to_string(received_.number + 1) + " is next");
  }
  if (!engine_) {
    // The log takes its session from the first message that can be one.
    if (!Follows(message, received_)) {
      return input_.Reconnect("input " + std::to_string(number) +
                              " does not carry the digest of its content");
    }
    if (!loop_.Check(OpenLog(message.header.session))) return;
  }
  if (replica_) {
    if (!replica_->open() &&
        !loop_.Check(replica_->Create(
            session_, input_schema_.empty() ? application_->info().schema : input_schema_))) {
      return;
    }
    if (!loop_.Check(replica_->Append(message))) return;
  }
  // By multicast a message may overtake the status that the sequencer sends at the login. Without a
  // connection there is none.
  const bool will_be_told = !options_.input_mold.lines.empty() && !options_.input.host.empty();
  if (awaits_status_ && !will_be_told) {
    awaits_status_ = false;
    target_ = looked_to_;
    LookedAhead();
  }
  const bool is_next = application_->resume_point().input.number == received_.number;
  if (is_next && (!looks_ahead_ || number <= looked_to_)) {
    if (!Step(message)) return;
  } else {
    engine_->LookAt(message);
    if (number == progress_.died_at()) deadly_.assign(message.bytes.begin(), message.bytes.end());
    if (!replica_ && !Hold(message)) return;
  }
  received_ = {.number = number, .digest = message.header.digest};
  if (looks_ahead_ && !awaits_status_ && number >= target_) LookedAhead();
}

bool EngineRole::Hold(const proto::MessageView& message) {
  if (!Follows(message, received_)) {
    // The stepper says what is wrong with it, once all before it is stepped.
    if (!StepHeld()) return false;
    if (held_is_full_) {
      ReadAgain("stepping what was looked at");
    } else {
      (void)Step(message);
    }
    return false;
  }
  held_is_full_ = held_is_full_ || held_.bytes.size() + message.bytes.size() > kHeldBytesMax;
  if (!held_is_full_) held_.Append(message.bytes);
  return true;
}

bool EngineRole::StepHeld() {
  constexpr std::size_t kFlushEvery = 4096;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < held_.sizes.size(); ++i) {
    const auto message = proto::ParseMessage(std::span(held_.bytes).subspan(begin, held_.sizes[i]));
    begin += held_.sizes[i];
    if (!Step(*message) || (i % kFlushEvery == kFlushEvery - 1 && !Flush())) return false;
  }
  held_.Clear();
  return true;
}

void EngineRole::LookedAhead() {
  looks_ahead_ = false;
  looked_to_ = std::max(looked_to_, target_);
  if (!deadly_.empty() && engine_) {
    const auto deadly = proto::ParseMessage(deadly_);
    if (deadly->header.number > application_->resume_point().input.number &&
        !MayStepAgain(*deadly)) {
      return;
    }
  }
  if (replica_) return StepReplicaSoon();
  // By multicast what is looked at may all come before the status, and nothing for long after it.
  if (!StepHeld() || !Flush() || !held_is_full_) return;
  // The rest comes again, and is stepped at once: it was looked at.
  ReadAgain("");
}

void EngineRole::ReadAgain(const std::string& why) {
  held_.Clear();
  held_is_full_ = false;
  received_ = application_->resume_point().input;
  input_.Reconnect(why);
}

// Without having looked ahead, only what was stepped before: it did no harm then.
std::uint64_t EngineRole::MayStepTo() const {
  if (!looks_ahead_) return received_.number;
  const std::uint64_t died_at = progress_.died_at();
  const std::uint64_t stepped = died_at == 0 ? logged_input_ : std::min(logged_input_, died_at - 1);
  return std::min(received_.number, std::max(looked_to_, stepped));
}

void EngineRole::StepReplicaSoon() {
  if (replica_is_scheduled_) return;
  replica_is_scheduled_ = true;
  boost::asio::post(loop_.context(), [this] {
    replica_is_scheduled_ = false;
    StepReplica();
  });
}

void EngineRole::StepReplica() {
  if (loop_.exit_code() != ExitCode::kYes || !engine_) return;
  if (!loop_.Check(replica_->Flush())) return;
  const std::uint64_t to = MayStepTo();
  const auto begin = std::chrono::steady_clock::now();
  const replay::ResumePoint& point = application_->resume_point();
  while (point.input.number < to) {
    const auto message = replica_->Read(point.input.number + 1);
    if (!message) return loop_.Fail(message.error());
    if (!Step(*message)) return;
    if (point.input.number % 64 == 0 && std::chrono::steady_clock::now() - begin > kTurn) break;
  }
  if (Flush() && point.input.number < to) StepReplicaSoon();
}

bool EngineRole::Step(const proto::MessageView& message) {
  const std::uint64_t number = message.header.number;
  if (number == progress_.died_at() && !MayStepAgain(message)) [[unlikely]]
    return false;
  progress_.Begin(message.header);
  const Status status = engine_->Apply(message);
  progress_.End(number);
  if (!loop_.Check(status)) return false;
  for (std::size_t i = 0; i < engine_->new_count(); ++i) {
    log_->Append(engine_->new_output(i));
    stream_.Append(engine_->new_output(i));
  }
  if (options_.plant_fault_at != 0 && number >= options_.plant_fault_at) PlantFault();
  if (message.header.type < proto::kFirstApplicationType) OnSnapshot(message);
  return true;
}

void EngineRole::OnBatchEnd() { (void)Flush(); }

// The copy first: what is answered is in it.
bool EngineRole::Flush() {
  if (!log_ || loop_.exit_code() != ExitCode::kYes) return false;
  if (replica_ && !loop_.Check(replica_->Flush())) return false;
  if (!loop_.Check(log_->Flush())) return false;
  if (!engine_->verifying()) {
    shown_ = {.input_number = application_->resume_point().input.number,
              .output = log_->flushed_position()};
  }
  stream_.Publish(log_->flushed_position().number);
  if (was_verifying_ && !engine_->verifying()) {
    was_verifying_ = false;
    spdlog::info("engine {}: its log is verified up to output {}; going on from there",
                 options_.name, application_->resume_point().output.number);
  }
  return true;
}

void EngineRole::OnDisconnected(const std::string& why) {
  if (why.empty()) return;  // wanted
  spdlog::warn("engine {}: no input from {}: {}; trying again until there is", options_.name,
               input_.text(), why);
}

void EngineRole::PlantFault() {
  const std::string fault = application_->PlantFault();
  if (fault.empty()) return;
  options_.plant_fault_at = 0;
  spdlog::warn("engine {}: DRILL, state damaged after input {}: {}", options_.name,
               application_->resume_point().input.number, fault);
}

pb::Status EngineRole::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kEngineRole));
  status.set_name(options_.name);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  status.set_input_number(shown_.input_number);
  status.set_number(shown_.output.number);
  if (log_) status.set_digest(shown_.output.digest);
  const replay::ResumePoint& point = application_->resume_point();
  status.set_catching_up(engine_ && (was_verifying_ || point.input.number < received_.number));
  status.set_behaviour_version(point.behaviour_version);
  status.set_stepped_number(point.input.number);
  if (replica_) status.set_replica_number(replica_->position().number);
  if (images_) images_->Fill(&status);
  if (loaded_number_ != 0) status.set_restored_number(loaded_number_);
  FillAbout(options_.about, &status);
  input_.AddTo(status);
  return status;
}

void EngineRole::SendStatusLater() {
  status_timer_.expires_after(StreamServer::kStatusInterval);
  status_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    if (images_ && !loop_.Check(images_->OnTime())) return;
    input_.SendStatus(MakeStatus());
    SendStatusLater();
  });
}

}  // namespace tandem::engine
