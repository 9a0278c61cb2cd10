// SPDX-License-Identifier: Apache-2.0
#include "engine/live/engine_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "engine/live/host_facts.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "pools/ensure.h"

namespace tandem::engine {

using replay::LogReader;
using replay::ReadOutcome;

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
      application_(application),
      storage_(storage),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits),
      input_(loop_.context(), options_.input_mold, options_.input,
             options_.name.substr(0, proto::kUserSizeMax), *this, options_.limits) {}

EngineRole::~EngineRole() = default;

ExitCode EngineRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  const ExitCode code = RunInFolder();
  if (!log_) folder.TakeBack();
  return code;
}

ExitCode EngineRole::RunInFolder() {
  input_.SetPassword(options_.password);
  if (!loop_.Check(stream_.RequireLogins(options_.users)) ||
      !loop_.Check(stream_.Listen(options_.stream)) ||
      !loop_.Check(stream_.ListenMold(options_.mold)) || !loop_.Check(OpenExistingLog())) {
    return loop_.exit_code();
  }
  spdlog::info("engine {}: input from {}, output on {}", options_.name, input_.text(),
               stream_.port());
  loop_.Check(input_.Start());
  loop_.Run();
  input_.Stop();
  stream_.Close();
  if (log_) {
    if (Status status = log_->Close(); !status) loop_.Fail(status.error());
  }
  const replay::ResumePoint& point = application_.resume_point();
  spdlog::info("engine {} stopped after input {}, output {}", options_.name, point.input.number,
               point.output.number);
  return loop_.exit_code();
}

Status EngineRole::OpenExistingLog() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  return *holds ? OpenLog(proto::Session{}) : storage_.MakeFolder(options_.folder);
}

Status EngineRole::OpenLog(proto::Session session) {
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = session,
                                      .role = replay::kOutputRole,
                                      .schema = application_.info().schema,
                                      .segment_bytes = options_.segment_bytes});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  if (Status status = CheckHasBeginning(
          *log_, "an engine that begins from nothing compares its outputs with all of it");
      !status) {
    return status;
  }
  session_ = log_->session();
  // A new log can be read only once it is on the disk.
  if (Status status = log_->Flush(); !status) return status;
  auto reader = LogReader::Open(storage_, options_.folder, {});
  if (!reader) return reader.error();
  own_log_ = std::make_unique<OwnLog>(std::move(*reader));
  const proto::StreamPosition logged = log_->position();
  if (logged.number > 0) {
    const auto last = ReadOne(storage_, options_.folder, logged.number);
    if (!last) return last.error();
    const auto message = proto::ParseMessage(*last);
    ENSURE(message.has_value(), "the log gave something that is no message");
    logged_input_ = message->header.origin;
  }
  engine_.emplace(application_, session_, logged, *own_log_);
  was_verifying_ = engine_->verifying();
  if (was_verifying_) {
    spdlog::info("engine {}: its log holds {} outputs; stepping the input again to verify them",
                 options_.name, logged.number);
  }
  stream_.Serve(options_.folder, session_);
  stream_.Publish(logged.number);
  return {};
}

void EngineRole::OnLogin(proto::Session /*session*/, std::uint64_t number) {
  spdlog::info("engine {}: reading input from {} at {}", options_.name, number, input_.text());
}

void EngineRole::OnStatus(const pb::Status& status) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  if (!loop_.Check(CheckServes(status, kSequencerRole, options_.input.text(),
                               "--input the stream of a sequencer"))) {
    return;
  }
  // A sequencer publishes what is in its log and nothing else, so it cannot be behind its readers.
  const replay::ResumePoint& point = application_.resume_point();
  const std::uint64_t acted_on = std::max(point.input.number, logged_input_);
  if (status.number() >= acted_on) return;
  loop_.Fail(
      Error{ExitCode::kDivergence, ForkedAt(status.number() + 1) + "engine " + options_.name +
                                       " has acted on inputs up to " + std::to_string(acted_on) +
                                       ", but the sequencer at " + options_.input.text() +
                                       " has only " + std::to_string(status.number()) +
                                       ": it has lost the others; " + std::string(kAfterAFork)});
}

void EngineRole::OnMessage(const proto::MessageView& message) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  const proto::StreamPosition position = application_.resume_point().input;
  if (message.header.number > position.number + 1) {
    return input_.Reconnect("input " + std::to_string(message.header.number) +
                            " came where number " + std::to_string(position.number + 1) +
                            " is next");
  }
  if (!engine_) {
    // The log takes its session from the first message that can be one.
    if (!Follows(message, position)) {
      return input_.Reconnect("input " + std::to_string(message.header.number) +
                              " does not carry the digest of its content");
    }
    if (!loop_.Check(OpenLog(message.header.session))) return;
  }
  if (!loop_.Check(engine_->Apply(message))) return;
  for (std::size_t i = 0; i < engine_->new_count(); ++i) {
    log_->Append(engine_->new_output(i));
    stream_.Append(engine_->new_output(i));
  }
  if (options_.plant_fault_at != 0 && message.header.number >= options_.plant_fault_at) {
    PlantFault();
  }
}

void EngineRole::OnBatchEnd() {
  if (!log_) return;
  if (!loop_.Check(log_->Flush())) return;
  stream_.Publish(log_->flushed_position().number);
  if (was_verifying_ && !engine_->verifying()) {
    was_verifying_ = false;
    spdlog::info("engine {}: its log is verified up to output {}; going on from there",
                 options_.name, application_.resume_point().output.number);
  }
}

void EngineRole::OnDisconnected(const std::string& why) {
  spdlog::warn("engine {}: no input from {}: {}; trying again until there is", options_.name,
               input_.text(), why);
}

void EngineRole::PlantFault() {
  const std::string fault = application_.PlantFault();
  if (fault.empty()) return;
  options_.plant_fault_at = 0;
  spdlog::warn("engine {}: DRILL, state damaged after input {}: {}", options_.name,
               application_.resume_point().input.number, fault);
}

pb::Status EngineRole::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kEngineRole));
  status.set_name(options_.name);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  status.set_input_number(application_.resume_point().input.number);
  if (log_) {
    status.set_number(log_->flushed_position().number);
    status.set_digest(log_->flushed_position().digest);
  }
  status.set_catching_up(engine_ && engine_->verifying());
  FillAbout(options_.about, &status);
  input_.AddTo(status);
  return status;
}

}  // namespace tandem::engine
