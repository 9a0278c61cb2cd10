// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/engine_process.h"

namespace tandem::simulation {

using replay::LogReader;
using replay::ReadOutcome;

namespace {

constexpr const char* kFolder = "output";

}  // namespace

class EngineProcess::OwnLog : public engine::RecordedOutputs {
 public:
  explicit OwnLog(LogReader reader) : reader_(std::move(reader)) {}
  Result<proto::MessageView> Next() override {
    const ReadOutcome outcome = reader_.Next();
    if (outcome == ReadOutcome::kMessage) return reader_.message();
    if (outcome == ReadOutcome::kDamaged) return reader_.error();
    return Error::Failure("the output log ends too early");
  }

 private:
  LogReader reader_;
};

EngineProcess::EngineProcess(const Place& place, Log log, std::uintptr_t zone_address,
                             std::uint64_t lie_at)
    : environment_(place.environment),
      name_(log == Log::kOutputA ? "engine A" : "engine B"),
      lie_at_(lie_at),
      application_(counter::MakeCounter(zone_address)),
      log_(OpenLog(place, log, kFolder, replay::kOutputRole)) {
  if (log_ == nullptr) return;
  if (environment_.has(Bug::kAddressReachesAnOutput)) application_->LeakAddresses();
  auto reader = LogReader::Open(place.storage, kFolder, {});
  if (!reader) {
    environment_.Fail(reader.error().text);
    return;
  }
  own_log_ = std::make_unique<OwnLog>(std::move(*reader));
  if (environment_.has(Bug::kEngineEmitsAgain)) {
    application_->resume_point().output = log_->position();
  }
  engine_.emplace(*application_, kSession, log_->position(), *own_log_);
  stream_.emplace(environment_, log == Log::kOutputA ? Port::kOutputA : Port::kOutputB,
                  place.storage, kFolder);
  stream_->Publish(log_->position().number);
  input_.emplace(environment_, Port::kInput, 0, static_cast<StreamClient::Handler&>(*this));
  input_->Connect();
}

EngineProcess::~EngineProcess() = default;

void EngineProcess::OnMessage(std::size_t, const proto::MessageView& message) {
  const std::uint64_t number = message.header.number;
  if (number > application_->resume_point().input.number + 1) return input_->Reconnect();
  if (!environment_.Check(name_, engine_->Apply(message))) return;
  for (std::size_t i = 0; i < engine_->new_count(); ++i) log_->Append(engine_->new_output(i));
  if (lie_at_ != 0 && number >= lie_at_ && !lies_) {
    const std::string fault = application_->PlantFault();
    lies_ = !fault.empty();
    if (lies_) environment_.scheduler.Trace(name_ + " lies after input " + std::to_string(number));
  }
  FlushSoon();
}

void EngineProcess::FlushSoon() {
  if (flush_is_scheduled_) return;
  flush_is_scheduled_ = true;
  environment_.scheduler.After(environment_.scheduler.Between(0, 5 * kMs), life_, [this] {
    flush_is_scheduled_ = false;
    if (!environment_.Check(name_, log_->Flush())) return;
    stream_->Publish(log_->flushed_position().number);
  });
}

}  // namespace tandem::simulation
