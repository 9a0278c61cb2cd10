// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/stream.h"

#include <algorithm>

namespace tandem::simulation {

namespace soup = proto::soup;
using replay::LogReader;
using replay::ReadOutcome;

class StreamServer::Reader : public Socket::Handler {
 public:
  Reader(StreamServer& server, std::unique_ptr<Socket> socket)
      : server_(server), socket_(std::move(socket)) {
    socket_->Start(*this);
  }

  void Pump() {
    if (next_number_ == 0 || next_number_ > server_.published_) return;
    if (!log_) {
      auto log = LogReader::Open(server_.storage_, server_.folder_, {.from_number = next_number_});
      if (!log) return server_.environment_.Fail("a log cannot be served: " + log.error().text);
      log_.emplace(std::move(*log));
    }
    ReadOutcome outcome;
    while ((outcome = log_->Next(server_.published_)) == ReadOutcome::kMessage) {
      socket_->Send(soup::PacketType::kSequenced, log_->message().bytes);
    }
    if (outcome == ReadOutcome::kDamaged) {
      server_.environment_.Fail("a log cannot be served: " + log_->error().text);
    }
  }

  void OnPacket(const soup::Packet& packet) override {
    const auto login = soup::ParseLoginRequest(packet.payload);
    if (packet.type != soup::PacketType::kLoginRequest || !login) {
      return server_.environment_.Fail("a reader sent something that is no login");
    }
    next_number_ = login->number;
    socket_->Send(soup::PacketType::kLoginAccepted,
                  Encode(soup::LoginAccepted{.session = kSession.str(), .number = next_number_}));
    Pump();
  }

  void OnClosed() override {
    std::erase_if(server_.readers_, [this](const auto& reader) { return reader.get() == this; });
  }

 private:
  StreamServer& server_;
  std::unique_ptr<Socket> socket_;
  std::uint64_t next_number_ = 0;  ///< 0: not logged in
  std::optional<LogReader> log_;
};

StreamServer::StreamServer(Environment& environment, Port port, replay::Storage& storage,
                           std::string folder)
    : environment_(environment), port_(port), storage_(storage), folder_(std::move(folder)) {
  environment_.network.Listen(port_, [this](std::unique_ptr<Socket> socket) {
    readers_.push_back(std::make_unique<Reader>(*this, std::move(socket)));
  });
}

StreamServer::~StreamServer() { environment_.network.StopListening(port_); }

void StreamServer::Publish(std::uint64_t number) {
  if (number == published_) return;
  published_ = number;
  for (const auto& reader : readers_) reader->Pump();
}

StreamClient::StreamClient(Environment& environment, Port port, std::size_t source,
                           Handler& handler)
    : environment_(environment), port_(port), source_(source), handler_(handler) {}

void StreamClient::Connect() {
  environment_.network.Connect(port_, life_, [this](std::unique_ptr<Socket> socket) {
    if (socket == nullptr) return ConnectLater();
    socket_ = std::move(socket);
    socket_->Start(*this);
    asked_for_ = handler_.WantedNumber(source_);
    const bool asks_wrongly =
        environment_.has(Bug::kEngineAsksForOneTooMany) && port_ == Port::kInput && reconnects_;
    if (asks_wrongly) ++asked_for_;
    reconnects_ = true;
    socket_->Send(
        soup::PacketType::kLoginRequest,
        Encode(soup::LoginRequest{
            .user = "reader", .password = "", .session = kSession.str(), .number = asked_for_}));
  });
}

void StreamClient::Reconnect() {
  socket_.reset();
  ConnectLater();
}

void StreamClient::ConnectLater() {
  Scheduler& scheduler = environment_.scheduler;
  scheduler.After(scheduler.Between(5 * kMs, 50 * kMs), life_, [this] { Connect(); });
}

void StreamClient::OnPacket(const soup::Packet& packet) {
  if (packet.type == soup::PacketType::kLoginAccepted) {
    const auto accepted = soup::ParseLoginAccepted(packet.payload);
    if (!accepted || accepted->number != asked_for_) {
      environment_.Fail("a login was not answered with the number that was asked for");
    }
    return;
  }
  const auto message = proto::ParseMessage(packet.payload);
  if (!message) return environment_.Fail("a stream carries something that is no message");
  handler_.OnMessage(source_, *message);
}

void StreamClient::OnClosed() { Reconnect(); }

}  // namespace tandem::simulation
