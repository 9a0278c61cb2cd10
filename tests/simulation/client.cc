// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/client.h"

#include <utility>

namespace tandem::simulation {

using engine::Endpoint;
using engine::SubmissionClient;

namespace {

/// Statuses come ten times a second; by multicast, messages overtake them.
constexpr int kContradictionsMax = 30;

engine::MoldServerOptions Lines(const std::string& group, const Endpoint& requests) {
  engine::MoldServerOptions options;
  for (const char* const line : {"1", "2"}) {
    options.lines.push_back(
        {.to = {.host = "239.1." + group + "." + line, .port = "9101"}, .interface = ""});
  }
  options.requests = requests;
  return options;
}

const std::string& DedupHost(std::size_t dedup) {
  static const std::array<std::string, 2> hosts = {"D1", "D2"};
  return hosts[dedup];
}

}  // namespace

Endpoint SubmissionsPort() { return {.host = "seq", .port = "1"}; }
Endpoint InputPort() { return {.host = "seq", .port = "2"}; }
Endpoint OutputPort(std::size_t engine) { return {.host = engine == 0 ? "A" : "B", .port = "3"}; }
Endpoint MergedPort(std::size_t dedup) { return {.host = DedupHost(dedup), .port = "4"}; }
Endpoint CopyPort(std::size_t engine) { return {.host = engine == 0 ? "A" : "B", .port = "5"}; }

engine::MoldServerOptions InputLines() { return Lines("1", {.host = "seq", .port = "6"}); }
engine::MoldServerOptions MergedLines(std::size_t dedup) {
  return Lines(std::to_string(2 + dedup), {.host = DedupHost(dedup), .port = "6"});
}
engine::MoldClientOptions ReaderOf(const engine::MoldServerOptions& lines) {
  return {.lines = lines.lines, .requests = {*lines.requests}, .session = kSession};
}

MergedReader::MergedReader(engine::RoleLoop& loop, Checker& checker, std::string who,
                           proto::StreamPosition& position, const Plan& plan)
    : loop_(loop), checker_(checker), who_(std::move(who)), position_(position), plan_(plan) {}

void MergedReader::ReadFrom(std::size_t which) {
  which_ = which;
  if (client_ != nullptr) {
    client_->Stop();
    retired_.push_back(std::move(client_));
  }
  client_ = std::make_unique<engine::MoldClient>(
      loop_.context(),
      plan_.merged_by_multicast ? ReaderOf(MergedLines(which)) : engine::MoldClientOptions{},
      MergedPort(which), who_, static_cast<Handler&>(*this), plan_.limits);
  loop_.Check(client_->Start());
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
    return OnFork(message.header.number);
  }
  position_ = {.number = message.header.number, .digest = message.header.digest};
  checker_.MergedRead(who_, message);
}

// The stream may end where we are, with another past.
void MergedReader::OnStatus(const pb::Status& status) {
  checker_.DedupStatus(which_, status);
  const bool contradicts = position_.number > 0 && status.number() == position_.number &&
                           status.digest() != position_.digest;
  contradictions_ = contradicts ? contradictions_ + 1 : 0;
  if (contradictions_ > kContradictionsMax && !is_forked_) OnFork(position_.number + 1);
}

void MergedReader::OnFork(std::uint64_t number) {
  checker_.ForkNoticed(who_, number);
  is_forked_ = !plan_.is_led_back;
  if (is_forked_) return;
  position_ = {};
  client_->Reconnect("what was read was taken back");
}

Client::Client(Environment& environment, Checker& checker, const Plan& plan,
               const ClientOptions& options, const std::vector<Bytes>& flow,
               proto::StreamPosition& position)
    : environment_(environment),
      checker_(checker),
      plan_(plan),
      options_(options),
      flow_(flow),
      submissions_(loop_.context(), SubmissionsPort(), options.user, options.rate,
                   static_cast<SubmissionClient::Handler&>(*this), plan.limits),
      merged_(loop_, checker, options.user, position, plan),
      move_(loop_.context()) {}

ExitCode Client::Run() {
  submissions_.Start();
  merged_.ReadFrom(environment_.scheduler.Below(plan_.dedups));
  MoveLater();
  loop_.Run();
  submissions_.Stop();
  return loop_.exit_code();
}

void Client::MoveLater() {
  if (options_.moves_every_ns == 0 || plan_.dedups < 2) return;
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
  if (checker_.inputs_were_lost()) return;
  environment_.Fail("the sequencer has forgotten acknowledged submissions of " + options_.user);
}

void Client::OnAcknowledged(const proto::Header& header) {
  checker_.Acknowledged(proto::User(options_.user), header);
}

void Client::OnDone(const Status& status) {
  if (!status && checker_.inputs_were_lost() &&
      status.error().text.find("it has lost messages") != std::string::npos) {
    return loop_.Stop(kForgotten);
  }
  if (environment_.Check("client " + options_.user, status)) is_done_ = true;
}

Observer::Observer(Checker& checker, const Plan& plan,
                   std::array<proto::StreamPosition, 2>& positions)
    : dedups_(plan.dedups) {
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) {
    readers_[dedup].emplace(loop_, checker, "obs" + std::to_string(dedup + 1), positions[dedup],
                            plan);
  }
}

ExitCode Observer::Run() {
  for (std::size_t dedup = 0; dedup < dedups_; ++dedup) readers_[dedup]->ReadFrom(dedup);
  loop_.Run();
  return loop_.exit_code();
}

}  // namespace tandem::simulation
