// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/sequencer_process.h"

#include <algorithm>

namespace tandem::simulation {

namespace soup = proto::soup;
using Verdict = engine::Sequencer::Verdict;

namespace {

constexpr const char* kFolder = "input";
constexpr std::int64_t kTickCheck = 20 * kMs;

}  // namespace

/// A connection of one client: submissions in, acknowledgements out.
class SequencerProcess::Client : public Socket::Handler {
 public:
  Client(SequencerProcess& process, std::unique_ptr<Socket> socket)
      : process_(process), socket_(std::move(socket)) {
    socket_->Start(*this);
  }

  [[nodiscard]] proto::User user() const { return user_; }

  void OnPacket(const soup::Packet& packet) override {
    if (packet.type == soup::PacketType::kLoginRequest) return Login(packet);
    const auto message = proto::ParseMessage(packet.payload);
    if (!message) return process_.environment_.Fail("a client sent something that is no message");
    Submit(*message);
  }

  void OnClosed() override {
    std::erase_if(process_.clients_, [this](const auto& client) { return client.get() == this; });
  }

  /// Sends the acknowledgements of what is in the log.
  void Committed() {
    for (const proto::Header& header : accepted_) Acknowledge(header);
    accepted_.clear();
  }

 private:
  void Login(const soup::Packet& packet) {
    const auto login = soup::ParseLoginRequest(packet.payload);
    if (!login) return process_.environment_.Fail("a client sent something that is no login");
    const proto::User user(login->user);
    std::erase_if(process_.clients_, [user](const auto& other) { return other->user() == user; });
    process_.Commit();
    user_ = user;
    const std::uint64_t accepted = process_.sequencer_.accepted(user_);
    const bool wants_old = login->number >= 1 && login->number <= accepted;
    const std::uint64_t number = wants_old ? login->number : accepted + 1;
    socket_->Send(soup::PacketType::kLoginAccepted,
                  Encode(soup::LoginAccepted{.session = kSession.str(), .number = number}));
    if (wants_old) AcknowledgeFrom(number);
  }

  void AcknowledgeFrom(std::uint64_t number) {
    auto log = replay::LogReader::Open(process_.storage_, kFolder, {});
    if (!log) return process_.environment_.Fail(log.error().text);
    while (log->Next() == replay::ReadOutcome::kMessage) {
      const proto::Header& header = log->message().header;
      if (header.user == user_ && header.origin >= number) Acknowledge(header);
    }
  }

  void Submit(const proto::MessageView& message) {
    const Verdict verdict = process_.sequencer_.Submit(user_, message, process_.Now());
    if (verdict == Verdict::kRefused) {
      return process_.environment_.Fail(user_.str() +
                                        " was refused: " + process_.sequencer_.reason());
    }
    if (verdict == Verdict::kDuplicate) return;
    process_.log_->Append(process_.sequencer_.message());
    accepted_.push_back(process_.sequencer_.header());
    if (process_.environment_.has(Bug::kSequencerAcknowledgesEarly)) Committed();
    process_.CommitSoon();
  }

  void Acknowledge(const proto::Header& header) {
    socket_->Send(soup::PacketType::kSequenced, std::as_bytes(std::span(&header, 1)));
  }

  SequencerProcess& process_;
  std::unique_ptr<Socket> socket_;
  proto::User user_;                     ///< blank: not logged in
  std::vector<proto::Header> accepted_;  ///< not yet in the log
};

SequencerProcess::SequencerProcess(const Place& place)
    : environment_(place.environment),
      storage_(place.storage),
      clock_error_(place.environment.scheduler.Between(-200 * kMs, 200 * kMs)),
      log_(OpenLog(place, Log::kInput, kFolder, replay::kInputRole)) {
  if (log_ == nullptr) return;
  Recover();
  stream_ = std::make_unique<StreamServer>(environment_, Port::kInput, storage_, kFolder);
  environment_.network.Listen(Port::kSubmissions, [this](std::unique_ptr<Socket> socket) {
    clients_.push_back(std::make_unique<Client>(*this, std::move(socket)));
  });
  Commit();
  OnTime();
}

SequencerProcess::~SequencerProcess() { environment_.network.StopListening(Port::kSubmissions); }

void SequencerProcess::Recover() {
  auto log = replay::LogReader::Open(storage_, kFolder, {});
  if (!log) return environment_.Fail(log.error().text);
  while (log->Next() == replay::ReadOutcome::kMessage) sequencer_.Recover(log->message());
}

void SequencerProcess::OnTime() {
  if (sequencer_.OnTime(Now())) {
    log_->Append(sequencer_.message());
    Commit();
  }
  environment_.scheduler.After(kTickCheck, life_, [this] { OnTime(); });
}

void SequencerProcess::EndSession() {
  if (!sequencer_.EndSession(Now())) return;
  log_->Append(sequencer_.message());
  Commit();
}

void SequencerProcess::CommitSoon() {
  if (commit_is_scheduled_) return;
  commit_is_scheduled_ = true;
  environment_.scheduler.After(environment_.scheduler.Between(0, 3 * kMs), life_, [this] {
    commit_is_scheduled_ = false;
    Commit();
  });
}

void SequencerProcess::Commit() {
  const bool syncs = !environment_.has(Bug::kSequencerSkipsSync);
  if (!environment_.Check("the sequencer", syncs ? log_->Sync() : log_->Flush())) return;
  for (const auto& client : clients_) client->Committed();
  stream_->Publish(log_->flushed_position().number);
}

}  // namespace tandem::simulation
