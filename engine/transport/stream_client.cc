// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_client.h"

#include "engine/transport/printable.h"
#include "engine/transport/unsequenced.h"
#include "proto/schema.h"

namespace tandem::engine {

using boost::asio::ip::tcp;
using proto::soup::PacketType;

namespace {

/// Ten times the largest schema that makes sense; a log could not hold much more.
constexpr std::size_t kSchemaSizeMax = 8u << 20;

}  // namespace

StreamClient::StreamClient(boost::asio::io_context& context, Endpoint server, std::string user,
                           Handler& handler, const ConnectionLimits& limits)
    : user_(std::move(user)),
      handler_(handler),
      limits_(limits),
      connector_(
          context, std::move(server), limits.backoff,
          [this](tcp::socket socket) { OnConnected(std::move(socket)); },
          [this](const std::string& why) { Report(why); }) {}

StreamClient::~StreamClient() { Stop(); }

void StreamClient::Start() { connector_.Start(); }

void StreamClient::Stop() {
  logged_in_ = false;
  connector_.Stop();
  if (connection_) {
    connection_->Detach();
    connection_->Close("stopped");
    connection_.reset();
  }
}

void StreamClient::Reconnect(const std::string& why) {
  if (connection_) connection_->Close(why);
}

void StreamClient::PauseReading() {
  if (connection_) connection_->PauseReading();
}

void StreamClient::ResumeReading() {
  if (connection_) connection_->ResumeReading();
}

void StreamClient::SendStatus(const pb::Status& status) {
  if (!logged_in_ || connection_->pending() >= Connection::kSendAhead) return;
  connection_->Send(PacketType::kUnsequenced, UnsequencedMessage(status));
  connection_->Flush();
}

void StreamClient::OnConnected(tcp::socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket), Connection::Side::kClient, limits_);
  schema_.clear();
  debug_text_.clear();
  connection_->Start(*this);
  connection_->Send(PacketType::kLoginRequest,
                    Encode(proto::soup::LoginRequest{.user = user_,
                                                     .password = password_,
                                                     .session = handler_.WantedSession(),
                                                     .number = handler_.WantedNumber()}));
  connection_->Flush();
}

void StreamClient::OnPacket(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kDebug) {
    debug_text_ =
        Printable({reinterpret_cast<const char*>(packet.payload.data()), packet.payload.size()});
    return;
  }
  debug_text_.clear();
  if (!logged_in_) return OnLoginAnswer(packet);
  if (packet.type == PacketType::kEndOfSession) return;
  if (packet.type != PacketType::kSequenced && packet.type != PacketType::kUnsequenced) {
    return connection_->Close("it sent a packet that does not belong here");
  }
  const auto message = proto::ParseMessage(packet.payload);
  if (!message || packet.payload.size() > proto::kMessageSizeMax) {
    return connection_->Close("it sent something that is not a Tandem message");
  }
  if (packet.type == PacketType::kUnsequenced) return OnUnsequenced(*message);
  if (message->header.session != session_) {
    return connection_->Close("it sent a message of another session than it named");
  }
  handler_.OnMessage(*message);
}

void StreamClient::OnLoginAnswer(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kLoginRejected) {
    const bool is_session =
        !packet.payload.empty() &&
        packet.payload[0] == std::byte(proto::soup::RejectReason::kSessionNotAvailable);
    const std::string wanted = handler_.WantedSession();
    return connection_->Close(!is_session      ? kNotAdmitted
                              : wanted.empty() ? kNoSession
                                               : "it does not have session \"" + wanted + "\"");
  }
  const auto accepted = packet.type == PacketType::kLoginAccepted
                            ? proto::soup::ParseLoginAccepted(packet.payload)
                            : std::nullopt;
  if (!accepted || !proto::IsName(accepted->session, proto::kSessionSizeMax)) {
    return connection_->Close("it does not answer a SoupBinTCP login");
  }
  const std::string wanted = handler_.WantedSession();
  if (!wanted.empty() && accepted->session != wanted) {
    return connection_->Close("it serves session \"" + accepted->session + "\", not \"" + wanted +
                              "\"");
  }
  logged_in_ = true;
  reported_.clear();
  connection_->LoggedIn();
  session_ = proto::Session(accepted->session);
  handler_.OnLogin(session_, accepted->number);
}

void StreamClient::OnUnsequenced(const proto::MessageView& message) {
  if (pb::Status status; ParseUnsequenced(message, status)) return handler_.OnStatus(status);
  if (pb::Schema part; ParseUnsequenced(message, part)) {
    if (schema_.size() + part.part().size() > kSchemaSizeMax) {
      return connection_->Close("its schema has more than " + std::to_string(kSchemaSizeMax >> 20) +
                                " MiB");
    }
    schema_ += part.part();
    if (!part.last()) return;
    const std::string schema = std::exchange(schema_, {});
    if (const auto parsed = proto::Schema::Parse(schema); !parsed) {
      return connection_->Close("its schema cannot be used: " + Printable(parsed.error().text));
    }
    handler_.OnSchema(schema);
  }
}

void StreamClient::OnClosed(const std::string& why) {
  logged_in_ = false;
  connection_.reset();
  handler_.OnBatchEnd();  // of what came before, in the same turn
  Report(debug_text_.empty() ? why : "it said: " + debug_text_);
  connector_.ConnectAgain();
}

void StreamClient::Report(const std::string& why) {
  if (why == reported_) return;
  reported_ = why;
  handler_.OnDisconnected(why);
}

}  // namespace tandem::engine
