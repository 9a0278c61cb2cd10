// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/client.h"

#include <utility>

namespace tandem::simulation {

using engine::Endpoint;
using engine::StreamClient;
using engine::SubmissionClient;

Endpoint SubmissionsPort() { return {.host = "seq", .port = "1"}; }
Endpoint InputPort() { return {.host = "seq", .port = "2"}; }
Endpoint OutputPort(std::size_t engine) { return {.host = engine == 0 ? "A" : "B", .port = "3"}; }
Endpoint MergedPort(std::size_t dedup) { return {.host = dedup == 0 ? "D1" : "D2", .port = "4"}; }

MergedReader::MergedReader(engine::RoleLoop& loop, Checker& checker, std::string who,
                           proto::StreamPosition& position, const engine::ConnectionLimits& limits)
    : loop_(loop), checker_(checker), who_(std::move(who)), position_(position), limits_(limits) {}

void MergedReader::ReadFrom(std::size_t which) {
  which_ = which;
  client_.reset();
  client_.emplace(loop_.context(), MergedPort(which), who_, static_cast<Handler&>(*this), limits_);
  client_->Start();
}

void MergedReader::OnLogin(proto::Session, std::uint64_t number) {
  if (number != position_.number + 1) client_->Reconnect("it does not serve what was asked for");
}

void MergedReader::OnMessage(const proto::MessageView& message) {
  if (is_forked_) return;
  if (message.header.number != position_.number + 1) {
    return checker_.Gap(who_, message.header.number, position_.number + 1);
  }
  if (message.header.digest != Oracle::Digest(position_.digest, message.bytes)) {
    is_forked_ = true;
    return checker_.ForkNoticed(who_, message.header.number);
  }
  position_ = {.number = message.header.number, .digest = message.header.digest};
  checker_.MergedRead(who_, message);
}

Client::Client(Environment& environment, Checker& checker, const ClientOptions& options,
               const std::vector<Bytes>& flow, proto::StreamPosition& position)
    : environment_(environment),
      checker_(checker),
      options_(options),
      flow_(flow),
      submissions_(loop_.context(), SubmissionsPort(), options.user, options.rate,
                   static_cast<SubmissionClient::Handler&>(*this), options.limits),
      merged_(loop_, checker, options.user, position, options.limits),
      move_(loop_.context()) {}

ExitCode Client::Run() {
  submissions_.Start();
  merged_.ReadFrom(environment_.scheduler.Below(options_.dedups));
  MoveLater();
  loop_.Run();
  submissions_.Stop();
  return loop_.exit_code();
}

void Client::MoveLater() {
  if (options_.moves_every_ns == 0 || options_.dedups < 2) return;
  move_.expires_after(std::chrono::nanoseconds(
      environment_.scheduler.Between(options_.moves_every_ns / 2, 2 * options_.moves_every_ns)));
  move_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    merged_.ReadFrom(1 - merged_.which());
    MoveLater();
  });
}

Result<std::optional<proto::MessageView>> Client::NextMessage() {
  if (given_ == flow_.size()) return std::optional<proto::MessageView>();
  return proto::ParseMessage(flow_[given_++]);
}

void Client::OnLogin(proto::Session, std::uint64_t accepted) {
  if (accepted >= checker_.acknowledged(proto::User(options_.user))) return;
  environment_.Fail("the sequencer has forgotten acknowledged submissions of " + options_.user);
}

void Client::OnAcknowledged(const proto::Header& header) {
  checker_.Acknowledged(proto::User(options_.user), header);
}

void Client::OnDone(const Status& status) {
  // A login of the process before this one may be on its way and come second.
  if (!status && status.error().text.find("a newer login") != std::string::npos) {
    return loop_.Stop(kReplaced);
  }
  if (environment_.Check("client " + options_.user, status)) is_done_ = true;
}

Observer::Observer(Checker& checker, std::size_t dedups,
                   std::array<proto::StreamPosition, 2>& positions,
                   const engine::ConnectionLimits& limits)
    : dedups_(dedups) {
  for (std::size_t dedup = 0; dedup < dedups; ++dedup) {
    readers_[dedup].emplace(loop_, checker, "obs" + std::to_string(dedup + 1), positions[dedup],
                            limits);
  }
}

ExitCode Observer::Run() {
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) readers_[dedup]->ReadFrom(dedup);
  loop_.Run();
  return loop_.exit_code();
}

}  // namespace tandem::simulation
