// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/submission_client.h"

#include <cstring>

#include "engine/transport/acknowledgement.h"
#include "engine/transport/printable.h"
#include "engine/transport/served_role.h"
#include "engine/transport/unsequenced.h"

namespace tandem::engine {

using boost::asio::ip::tcp;
using boost::system::error_code;
using proto::soup::PacketType;

namespace {

constexpr std::chrono::milliseconds kPaceInterval{2};

}  // namespace

SubmissionClient::SubmissionClient(boost::asio::io_context& context, Endpoint server,
                                   std::string user, double rate, Handler& handler,
                                   const ConnectionLimits& limits)
    : user_(std::move(user)),
      rate_(rate),
      handler_(handler),
      limits_(limits),
      connector_(
          context, std::move(server), limits.backoff,
          [this](tcp::socket socket) { OnConnected(std::move(socket)); },
          [this](const std::string& why) { Report(why); }),
      pace_(context) {}

SubmissionClient::~SubmissionClient() { Stop(); }

void SubmissionClient::Stop() {
  logged_in_ = false;
  connector_.Stop();
  pace_.cancel();
  if (connection_) {
    connection_->Detach();
    connection_->Close("stopped");
    connection_.reset();
  }
}

void SubmissionClient::Finish(const Status& status) {
  if (connector_.stopped()) return;
  Stop();
  handler_.OnDone(status);
}

void SubmissionClient::OnConnected(tcp::socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket), Connection::Side::kClient, limits_);
  debug_text_.clear();
  sent_ = 0;
  connection_->Start(*this);
  // 0 at the first login asks how many there are; later, acknowledgements that were lost, or that
  // an earlier run had, come again.
  const std::uint64_t wanted = session_.empty() ? 0 : acknowledged_ + 1;
  connection_->Send(
      PacketType::kLoginRequest,
      Encode(proto::soup::LoginRequest{
          .user = user_, .password = password_, .session = session_.str(), .number = wanted}));
  connection_->Flush();
}

void SubmissionClient::OnPacket(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kDebug) {
    debug_text_ =
        Printable({reinterpret_cast<const char*>(packet.payload.data()), packet.payload.size()});
    return;
  }
  debug_text_.clear();
  if (!logged_in_) return OnLoginAnswer(packet);
  if (packet.type == PacketType::kSequenced) return OnAcknowledgement(packet.payload);
  if (packet.type == PacketType::kUnsequenced) return OnUnsequenced(packet.payload);
  connection_->Close("it sent a packet that does not belong here");
}

void SubmissionClient::OnLoginAnswer(const proto::soup::Packet& packet) {
  if (packet.type == PacketType::kLoginRejected) {
    return Finish(Error::Failure(
        connector_.server().text() + " does not admit user \"" + user_ + "\"" +
        (session_.empty() ? "" : " to session \"" + session_.str() + "\", where it was before")));
  }
  const auto accepted = packet.type == PacketType::kLoginAccepted
                            ? proto::soup::ParseLoginAccepted(packet.payload)
                            : std::nullopt;
  if (!accepted || accepted->number == 0 ||
      !proto::IsName(accepted->session, proto::kSessionSizeMax)) {
    return connection_->Close("it does not answer a SoupBinTCP login");
  }
  logged_in_ = true;
  reported_.clear();
  connection_->LoggedIn();
  if (session_.empty()) {
    session_ = proto::Session(accepted->session);
    there_before_ = accepted->number - 1;
    if (!compares_) {
      acknowledged_ = there_before_;
    } else if (there_before_ > 0) {
      // Log in again from 1: the old acknowledgements show whether they are of this flow.
      reported_ = "asking for the old acknowledgements";
      return connection_->Close(reported_);
    }
  } else if (accepted->session != session_.view()) {
    return connection_->Close("it serves session \"" + accepted->session + "\", not \"" +
                              session_.str() + "\"");
  } else if (accepted->number != acknowledged_ + 1) {
    return Finish(Error::Failure(connector_.server().text() + " says that submission " +
                                 std::to_string(accepted->number) +
                                 " is next, but it acknowledged " + std::to_string(acknowledged_) +
                                 ": it has lost messages"));
  }
  paced_from_ = Clock::now();
  paced_ = 0;
}

void SubmissionClient::OnUnsequenced(std::span<const std::byte> payload) {
  const auto message = proto::ParseMessage(payload);
  pb::Status status;
  if (!message || !ParseUnsequenced(*message, status)) return;
  if (Status served = CheckServes(status, kSubmissionsRole, connector_.server().text(),
                                  "the sequencer's port for submissions");
      !served) {
    Finish(served);
  }
}

void SubmissionClient::OnBatchEnd() {
  if (logged_in_ && !login_is_told_) {
    login_is_told_ = true;
    handler_.OnLogin(session_, there_before_);
  }
  Pump();
}

void SubmissionClient::OnAcknowledgement(std::span<const std::byte> payload) {
  const auto acknowledgement = ParseAcknowledgement(payload);
  if (!acknowledgement) return connection_->Close("it sent no acknowledgement");
  const proto::Header& header = acknowledgement->header;
  if (Status status = FillWindow(); !status) return Finish(status);
  if (header.origin != acknowledged_ + 1) {
    return connection_->Close("it acknowledged submission " + std::to_string(header.origin) +
                              " where number " + std::to_string(acknowledged_ + 1) + " is next");
  }
  if (window_.empty()) {
    // The sequencer holds more of this user than we have.
    return Finish(Error::BadInput(connector_.server().text() + " holds submission " +
                                  std::to_string(header.origin) + " of user \"" + user_ +
                                  "\", but there are only " + std::to_string(acknowledged_) +
                                  " here; submit the same flow again, or use another user name"));
  }
  if (!Acknowledges(*acknowledgement, window_.front())) {
    return Finish(Error::BadInput(
        connector_.server().text() + " holds another submission " + std::to_string(header.origin) +
        " of user \"" + user_ +
        "\" than this flow has; submit the same flow again, or use another user name"));
  }
  ++acknowledged_;
  window_.pop_front();
  if (sent_ > 0) --sent_;
  if (acknowledged_ > there_before_) handler_.OnAcknowledged(header);
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
  if (!logged_in_) return;
  if (Status status = FillWindow(); !status) return Finish(status);
  if (acknowledged_ < there_before_) return;
  if (exhausted_ && window_.empty()) return Finish({});
  while (sent_ < window_.size() && connection_->pending() < Connection::kSendAhead &&
         RateAllows()) {
    connection_->Send(PacketType::kUnsequenced, window_[sent_]);
    ++sent_;
  }
  connection_->Flush();
}

void SubmissionClient::OnClosed(const std::string& why) {
  logged_in_ = false;
  connection_.reset();
  if (!debug_text_.empty()) {
    return Finish(
        Error::Failure(connector_.server().text() + " ended the connection: " + debug_text_));
  }
  Report(why);
  connector_.ConnectAgain();
}

void SubmissionClient::Report(const std::string& why) {
  if (why == reported_) return;
  reported_ = why;
  handler_.OnDisconnected(why);
}

}  // namespace tandem::engine
