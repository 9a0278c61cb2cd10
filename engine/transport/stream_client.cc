// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>

#include "engine/transport/unsequenced.h"

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using proto::soup::PacketType;

namespace {

constexpr std::chrono::milliseconds kBackoffMin{20};
constexpr std::chrono::milliseconds kBackoffMax{2000};
/// A connection that lasted this long was a good one: the next is tried at once.
constexpr std::chrono::milliseconds kLasting{500};

}  // namespace

StreamClient::StreamClient(asio::io_context& context, Endpoint server, std::string user,
                           Handler& handler)
    : server_(std::move(server)),
      user_(std::move(user)),
      handler_(handler),
      resolver_(context),
      connecting_(context),
      retry_(context),
      backoff_(kBackoffMin) {}

StreamClient::~StreamClient() { Stop(); }

void StreamClient::Start() {
  stopped_ = false;
  Connect();
}

void StreamClient::Stop() {
  stopped_ = true;
  logged_in_ = false;
  resolver_.cancel();
  retry_.cancel();
  error_code ignored;
  connecting_.close(ignored);
  if (connection_) {
    connection_->Detach();
    connection_->Close("stopped");
    connection_.reset();
  }
}

void StreamClient::Reconnect(const std::string& why) {
  if (connection_) connection_->Close(why);
}

void StreamClient::Connect() {
  resolver_.async_resolve(
      server_.host, server_.port,
      [this](const error_code& error, const tcp::resolver::results_type& found) {
        if (error == asio::error::operation_aborted) return;
        if (stopped_) return;
        if (error) return ConnectLater();
        asio::async_connect(connecting_, found, [this](const error_code& failed, tcp::endpoint) {
          if (failed == asio::error::operation_aborted) return;
          if (stopped_) return;
          if (failed) return ConnectLater();
          OnConnected(std::move(connecting_));
        });
      });
}

void StreamClient::ConnectLater() {
  error_code ignored;
  connecting_.close(ignored);
  retry_.expires_after(backoff_);
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
  retry_.async_wait([this](const error_code& error) {
    if (!error && !stopped_) Connect();
  });
}

void StreamClient::OnConnected(tcp::socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket), Connection::Side::kClient);
  connected_at_ = std::chrono::steady_clock::now();
  schema_.clear();
  rejected_.clear();
  connection_->Start(*this);
  connection_->Send(PacketType::kLoginRequest,
                    Encode(proto::soup::LoginRequest{.user = user_,
                                                     .password = "",
                                                     .session = handler_.WantedSession(),
                                                     .number = handler_.WantedNumber()}));
  connection_->Flush();
}

void StreamClient::OnPacket(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kDebug) return;
  if (!logged_in_) return OnLoginAnswer(packet);
  if (packet.type == PacketType::kEndOfSession) return;
  if (packet.type != PacketType::kSequenced && packet.type != PacketType::kUnsequenced) {
    return connection_->Close("it sent a packet that does not belong here");
  }
  const auto message = proto::ParseMessage(packet.payload);
  if (!message) return connection_->Close("it sent something that is not a Tandem message");
  if (packet.type == PacketType::kUnsequenced) return OnUnsequenced(*message);
  handler_.OnMessage(*message);
}

void StreamClient::OnLoginAnswer(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kLoginRejected) {
    const bool is_session =
        !packet.payload.empty() &&
        packet.payload[0] == std::byte(proto::soup::RejectReason::kSessionNotAvailable);
    rejected_ = is_session ? "it has no such session (yet)" : "it does not admit us";
    return connection_->Close(rejected_);
  }
  const auto accepted = packet.type == PacketType::kLoginAccepted
                            ? proto::soup::ParseLoginAccepted(packet.payload)
                            : std::nullopt;
  if (!accepted || !proto::IsName(accepted->session, proto::kSessionSizeMax)) {
    return connection_->Close("it does not answer a SoupBinTCP login");
  }
  logged_in_ = true;
  handler_.OnLogin(proto::Session(accepted->session), accepted->number);
}

void StreamClient::OnUnsequenced(const proto::MessageView& message) {
  if (pb::Status status; ParseUnsequenced(message, status)) return handler_.OnStatus(status);
  if (pb::Schema part; ParseUnsequenced(message, part)) {
    schema_ += part.part();
    if (part.last()) handler_.OnSchema(std::exchange(schema_, {}));
  }
}

void StreamClient::OnBatchEnd() { handler_.OnBatchEnd(); }

void StreamClient::OnClosed(const std::string& why) {
  const bool was_rejected = !rejected_.empty();
  if (std::chrono::steady_clock::now() - connected_at_ >= kLasting) backoff_ = kBackoffMin;
  logged_in_ = false;
  connection_.reset();
  if (was_rejected) {
    handler_.OnRejected(why);
  } else {
    handler_.OnDisconnected(why);
  }
  if (!stopped_) ConnectLater();
}

}  // namespace tandem::engine
