// SPDX-License-Identifier: Apache-2.0
#include "engine/live/engine_source.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace tandem::engine {

namespace {

/// A third of the time after which the engine ends a connection that takes nothing.
constexpr std::chrono::milliseconds kPauseMax{5'000};

}  // namespace

EngineSource::EngineSource(boost::asio::io_context& context, std::size_t engine,
                           const Endpoint& server, std::string owner, Handler& handler,
                           const ConnectionLimits& limits)
    : engine_(engine),
      owner_(std::move(owner)),
      handler_(handler),
      client_(context, server, owner_.substr(0, proto::kUserSizeMax), *this, limits) {}

void EngineSource::Reconnect(const std::string& why) {
  has_complained_ = true;
  client_.Reconnect(why);
}

void EngineSource::AskAgain() {
  paused_ = left_alone_ = false;
  client_.Stop();
  client_.Start();
}

void EngineSource::Pause() {
  client_.PauseReading();
  if (!std::exchange(paused_, true)) paused_at_ = Clock::now();
}

void EngineSource::LeaveAlone() {
  client_.Stop();
  paused_ = left_alone_ = true;
}

void EngineSource::Resume() {
  if (!std::exchange(paused_, false)) return;
  if (std::exchange(left_alone_, false)) return client_.Start();
  client_.ResumeReading();
}

void EngineSource::OnTime(Clock::time_point now) {
  if (paused_ && !left_alone_ && now - paused_at_ > kPauseMax) LeaveAlone();
  if (std::exchange(has_moved_, false) || paused_) moved_at_ = now;
}

bool EngineSource::StandsStill(Clock::time_point now, std::chrono::milliseconds limit) const {
  return client_.connected() && !paused_ && !has_moved_ && now - moved_at_ > limit;
}

void EngineSource::OnLogin(proto::Session /*session*/, std::uint64_t number) {
  ++connections_;
  has_moved_ = true;
  if (paused_) client_.PauseReading();
  // The one that sends the same wrong thing again and again is not worth a line each time.
  const bool is_the_same = std::exchange(has_complained_, false) && !told_.empty();
  if (is_the_same && connections_ > told_at_ + 1) return;
  spdlog::info("{}: reading engine {} at {} from {}", owner_, label(), address(), number);
}

void EngineSource::OnMessage(const proto::MessageView& message) {
  has_moved_ = true;
  has_message_ = true;
  handler_.OnMessage(engine_, message);
}

void EngineSource::OnBatchEnd() {
  if (std::exchange(has_message_, false) && !has_complained_) told_.clear();
  handler_.OnBatchEnd(engine_);
}

void EngineSource::OnStatus(const pb::Status& status) {
  has_moved_ |=
      status.input_number() != status_.input_number() || status.number() != status_.number();
  status_ = status;
  has_status_ = true;
  process_ = status.name() + "/" + std::to_string(status.process());
  TellIfBehind(status);
  handler_.OnStatus(engine_, status);
}

// An engine that steps its input again is behind what it gave before; it must give the same.
void EngineSource::TellIfBehind(const pb::Status& status) {
  const std::uint64_t had = WantedNumber() - 1;
  const bool is_behind = status.number() < had;
  if (is_behind && !is_behind_) {
    spdlog::warn(
        "{}: engine {} at {} has outputs up to {} only, where {} are merged that it must give "
        "again; nothing is taken from it until it has",
        owner_, label(), address(), status.number(), had);
  }
  is_behind_ = is_behind;
}

void EngineSource::OnDisconnected(const std::string& why) {
  if (why == told_) return;
  told_ = why;
  told_at_ = connections_;
  spdlog::warn("{}: nothing from engine {} at {}: {}; trying again until there is", owner_, label(),
               address(), why);
}

}  // namespace tandem::engine
