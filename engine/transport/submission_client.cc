// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/submission_client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <cstring>

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using proto::soup::PacketType;

namespace {

constexpr std::chrono::milliseconds kBackoffMin{20};
constexpr std::chrono::milliseconds kBackoffMax{2000};
constexpr std::chrono::milliseconds kPaceInterval{2};
constexpr std::size_t kSendAhead = 256u << 10;

}  // namespace

SubmissionClient::SubmissionClient(asio::io_context& context, Endpoint server, std::string user,
                                   double rate, Handler& handler)
    : server_(std::move(server)),
      user_(std::move(user)),
      rate_(rate),
      handler_(handler),
      resolver_(context),
      connecting_(context),
      retry_(context),
      pace_(context),
      backoff_(kBackoffMin) {}

SubmissionClient::~SubmissionClient() { Stop(); }

void SubmissionClient::Stop() {
  stopped_ = true;
  logged_in_ = false;
  resolver_.cancel();
  retry_.cancel();
  pace_.cancel();
  error_code ignored;
  connecting_.close(ignored);
  if (connection_) {
    connection_->Detach();
    connection_->Close("stopped");
    connection_.reset();
  }
}

void SubmissionClient::Finish(const Status& status) {
  if (stopped_) return;
  Stop();
  handler_.OnDone(status);
}

void SubmissionClient::Connect() {
  resolver_.async_resolve(
      server_.host, server_.port,
      [this](const error_code& error, const tcp::resolver::results_type& found) {
        if (error == asio::error::operation_aborted || stopped_) return;
        if (error) return ConnectLater();
        asio::async_connect(connecting_, found, [this](const error_code& failed, tcp::endpoint) {
          if (failed == asio::error::operation_aborted || stopped_) return;
          if (failed) return ConnectLater();
          OnConnected(std::move(connecting_));
        });
      });
}

void SubmissionClient::ConnectLater() {
  error_code ignored;
  connecting_.close(ignored);
  retry_.expires_after(backoff_);
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
  retry_.async_wait([this](const error_code& error) {
    if (!error && !stopped_) Connect();
  });
}

void SubmissionClient::OnConnected(tcp::socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket), Connection::Side::kClient);
  debug_text_.clear();
  sent_ = 0;
  connection_->Start(*this);
  // 0 at the first login asks what there is; later, acknowledgements that were lost come again.
  const std::uint64_t wanted = began_ ? acknowledged_ + 1 : 0;
  connection_->Send(PacketType::kLoginRequest,
                    Encode(proto::soup::LoginRequest{
                        .user = user_, .password = "", .session = "", .number = wanted}));
  connection_->Flush();
}

void SubmissionClient::OnPacket(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kDebug) {
    debug_text_.assign(reinterpret_cast<const char*>(packet.payload.data()), packet.payload.size());
    return;
  }
  if (!logged_in_) return OnLoginAnswer(packet);
  if (packet.type == PacketType::kSequenced) return OnAcknowledgement(packet.payload);
  if (packet.type == PacketType::kUnsequenced) return;
  connection_->Close("it sent a packet that does not belong here");
}

void SubmissionClient::OnLoginAnswer(const proto::soup::Packet& packet) {
  const auto accepted = packet.type == PacketType::kLoginAccepted
                            ? proto::soup::ParseLoginAccepted(packet.payload)
                            : std::nullopt;
  if (packet.type == PacketType::kLoginRejected) {
    debug_text_ = "it does not admit user \"" + user_ + "\"";
    return connection_->Close(debug_text_);
  }
  if (!accepted || accepted->number == 0 ||
      !proto::IsName(accepted->session, proto::kSessionSizeMax)) {
    return connection_->Close("it does not answer a SoupBinTCP login");
  }
  logged_in_ = true;
  backoff_ = kBackoffMin;
  if (!began_) {
    began_ = true;
    if (Status status = SkipTo(accepted->number - 1); !status) return Finish(status);
    handler_.OnLogin(proto::Session(accepted->session), acknowledged_);
  } else if (accepted->number != acknowledged_ + 1) {
    return Finish(Error::Failure(server_.text() + " says that submission " +
                                 std::to_string(accepted->number) + " is next, but it acknowledged " +
                                 std::to_string(acknowledged_) +
                                 ": it has lost messages or is another session"));
  }
  paced_from_ = Clock::now();
  paced_ = 0;
}

void SubmissionClient::OnAcknowledgement(std::span<const std::byte> payload) {
  proto::Header header;
  if (payload.size() != sizeof header) return connection_->Close("it sent no acknowledgement");
  std::memcpy(&header, payload.data(), sizeof header);
  if (header.origin != acknowledged_ + 1 || window_.empty()) {
    // The sequencer holds more of this user than we sent: another program uses the name.
    return Finish(Error::Failure(server_.text() + " acknowledged submission " +
                                 std::to_string(header.origin) + " of user \"" + user_ +
                                 "\", which was not sent here; is the name in use elsewhere?"));
  }
  ++acknowledged_;
  window_.pop_front();
  if (sent_ > 0) --sent_;
  handler_.OnAcknowledged(header);
}

Status SubmissionClient::SkipTo(std::uint64_t accepted) {
  for (; acknowledged_ < accepted; ++acknowledged_) {
    const auto message = handler_.NextMessage();
    if (!message) return message.error();
    if (!*message) {
      return Error::BadInput(server_.text() + " holds " + std::to_string(accepted) +
                             " submissions of user \"" + user_ + "\", but there are only " +
                             std::to_string(acknowledged_) +
                             " here; submit the whole flow again or use another user name");
    }
  }
  return {};
}

Status SubmissionClient::FillWindow() {
  while (!exhausted_ && window_.size() < kWindow) {
    const auto next = handler_.NextMessage();
    if (!next) return next.error();
    if (!*next) {
      exhausted_ = true;
      break;
    }
    proto::Header header;
    header.type = (*next)->header.type;
    header.payload_size = (*next)->header.payload_size;
    header.origin = acknowledged_ + window_.size() + 1;
    std::vector<std::byte> message((*next)->bytes.begin(), (*next)->bytes.end());
    std::memcpy(message.data(), &header, sizeof header);
    window_.push_back(std::move(message));
  }
  return {};
}

bool SubmissionClient::RateAllows() {
  if (rate_ <= 0) return true;
  const std::chrono::duration<double> elapsed = Clock::now() - paced_from_;
  if (paced_ < elapsed.count() * rate_) {
    ++paced_;
    return true;
  }
  pace_.expires_after(kPaceInterval);
  pace_.async_wait([this](const error_code& error) {
    if (!error) Pump();
  });
  return false;
}

void SubmissionClient::Pump() {
  if (!logged_in_ || stopped_) return;
  if (Status status = FillWindow(); !status) return Finish(status);
  if (exhausted_ && window_.empty()) return Finish({});
  while (sent_ < window_.size() && connection_->pending() < kSendAhead && RateAllows()) {
    connection_->Send(PacketType::kUnsequenced, window_[sent_]);
    ++sent_;
  }
  connection_->Flush();
}

void SubmissionClient::OnClosed(const std::string& why) {
  logged_in_ = false;
  connection_.reset();
  if (!debug_text_.empty()) {
    return Finish(Error::Failure(server_.text() + " ended the connection: " + debug_text_));
  }
  handler_.OnDisconnected(why);
  if (!stopped_) ConnectLater();
}

}  // namespace tandem::engine
