// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "engine/transport/printable.h"
#include "engine/transport/unsequenced.h"
#include "proto/message.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

namespace asio = boost::asio;
using proto::soup::PacketType;
using replay::LogReader;
using replay::ReadOutcome;

namespace {

constexpr std::size_t kSchemaPart = 32u << 10;

}  // namespace

/// One connection. Before login: waits. After: a cursor in the log.
class StreamServer::Reader : public Connection::Handler,
                             public std::enable_shared_from_this<Reader> {
 public:
  Reader(StreamServer& server, asio::ip::tcp::socket socket, Turnstile::Ticket ticket)
      : server_(server),
        ticket_(std::move(ticket)),
        connection_(std::make_shared<Connection>(std::move(socket), Connection::Side::kServer,
                                                 server.limits_)) {}

  void Start() { connection_->Start(*this); }
  void Shut(const std::string& why) { connection_->Close(why); }

  /// Nothing if the reader is behind: this is not part of the stream.
  void SendUnsequenced(std::span<const std::byte> message) {
    if (!logged_in_ || connection_->pending() >= Connection::kSendAhead) return;
    connection_->Send(PacketType::kUnsequenced, message);
    connection_->Flush();
  }

  /// Sends what is published and the socket takes.
  void Pump() {
    if (!logged_in_ || !connection_->open()) return;
    while (next_number_ <= server_.published_ && connection_->pending() < Connection::kSendAhead) {
      if (server_.tail_.holds(next_number_)) {
        reader_.reset();
        connection_->SendPackets(
            server_.tail_.Packets(next_number_, server_.published_,
                                  Connection::kSendAhead - connection_->pending(), next_number_));
      } else if (!SendFromLog()) {
        return;
      }
    }
    connection_->Flush();
  }

  void OnPacket(const proto::soup::Packet& packet) override {
    if (packet.type == PacketType::kDebug) return;
    if (packet.type == PacketType::kLogout) return connection_->Close("logged out");
    if (packet.type == PacketType::kLoginRequest && !logged_in_) {
      return Login(proto::soup::ParseLoginRequest(packet.payload));
    }
    if (packet.type == PacketType::kUnsequenced && logged_in_) return OnUnsequenced(packet);
    Dismiss("a packet of this type does not belong here");
  }

  /// Tells the reader why, in words, and closes.
  void Dismiss(const std::string& why) {
    connection_->Send(PacketType::kDebug, why);
    connection_->CloseAfterSending("dismissed: " + why);
  }

  /// Ends the connection if the user may not read any more.
  void UsersChanged() {
    if (!logged_in_ || server_.gate_->Has(user_, kReadRight)) return;
    Dismiss("user \"" + user_ + "\" may not log in any more");
  }

  void OnWritable() override { Pump(); }

  void OnClosed(const std::string& why) override {
    if (server_.turnstile_.MayLog()) {
      spdlog::info("reader {} {}left: {}", connection_->peer(),
                   user_.empty() ? "" : "(" + user_ + ") ", why);
    }
    ticket_.reset();
    std::erase(server_.readers_, shared_from_this());
  }

 private:
  void Login(const std::optional<proto::soup::LoginRequest>& login) {
    if (!login) return Dismiss("the login request is malformed");
    const bool session_matches =
        login->session.empty() || login->session == server_.session_.view();
    if (server_.folder_.empty() || !session_matches) {
      return Reject(proto::soup::RejectReason::kSessionNotAvailable,
                    server_.folder_.empty()
                        ? "there is no stream to serve yet"
                        : "it asked for session \"" + Printable(login->session) +
                              "\", which is not available here");
    }
    if (server_.gate_ == nullptr) return Admit(*login);
    // Nothing is read until the password is checked.
    connection_->PauseReading();
    server_.gate_->Check(
        login->user, login->password, connection_->address(), kReadRight,
        [self = shared_from_this(), login = *login](const Gate::Admission& admission) {
          if (!self->connection_->open()) return;
          self->connection_->ResumeReading();
          if (admission.admitted) return self->Admit(login);
          self->Reject(proto::soup::RejectReason::kNotAuthorised, admission.why);
        });
  }

  void Reject(proto::soup::RejectReason why, const std::string& text) {
    const char reason = static_cast<char>(why);
    connection_->Send(PacketType::kLoginRejected, std::string_view(&reason, 1));
    connection_->CloseAfterSending(text);
  }

  void Admit(const proto::soup::LoginRequest& login) {
    user_ = Printable(login.user);
    next_number_ =
        login.number != 0 ? login.number : std::max<std::uint64_t>(1, server_.published_);
    connection_->Send(PacketType::kLoginAccepted,
                      Encode(proto::soup::LoginAccepted{.session = server_.session_.str(),
                                                        .number = next_number_}));
    // By itself: Wireshark begins anew after it, and loses a packet that goes on behind it.
    connection_->Flush();
    logged_in_ = true;
    connection_->LoggedIn();
    if (!SendSchema()) return;
    // The status comes before the first message, whatever is pending: it says what this is.
    connection_->Send(PacketType::kUnsequenced, server_.StatusMessage());
    Pump();
    connection_->Flush();
  }

  void OnUnsequenced(const proto::soup::Packet& packet) {
    const auto message = proto::ParseMessage(packet.payload);
    pb::Status status;
    if (!message || !ParseUnsequenced(*message, status)) {
      return Dismiss("beside the stream a reader may send its status and nothing else");
    }
    if (server_.on_reader_status_) server_.on_reader_status_(user_, status);
  }

  bool SendSchema() {
    auto log = LogReader::Open(server_.storage_, server_.folder_, {});
    if (!log) {
      Dismiss("the log cannot be read: " + log.error().text);
      return false;
    }
    const std::string& schema = log->schema();
    for (std::size_t begin = 0; begin < schema.size(); begin += kSchemaPart) {
      pb::Schema part;
      part.set_part(schema.substr(begin, kSchemaPart));
      part.set_last(begin + kSchemaPart >= schema.size());
      connection_->Send(PacketType::kUnsequenced, UnsequencedMessage(part));
    }
    return true;
  }

  /// False if the log cannot be read; the reader is dismissed then.
  bool SendFromLog() {
    if (!reader_) {
      auto log = LogReader::Open(server_.storage_, server_.folder_, {.from_number = next_number_});
      if (!log) return Dismiss(log.error().text), false;
      reader_.emplace(std::move(*log));
    }
    const ReadOutcome outcome = reader_->Next(server_.published_);
    if (outcome == ReadOutcome::kDamaged) {
      return Dismiss("the log is damaged: " + reader_->error().text), false;
    }
    if (outcome == ReadOutcome::kEnd) {
      return Dismiss("the log ends before message " + std::to_string(next_number_) +
                     ", which it had"),
             false;
    }
    connection_->Send(PacketType::kSequenced, reader_->message().bytes);
    if (reader_->message().header.type == TypeOf<pb::EndOfSession>()) {
      connection_->Send(PacketType::kEndOfSession);
    }
    ++next_number_;
    return true;
  }

  StreamServer& server_;
  std::optional<Turnstile::Ticket> ticket_;  ///< until it is closed
  std::shared_ptr<Connection> connection_;
  bool logged_in_ = false;
  std::string user_;
  std::uint64_t next_number_ = 0;
  std::optional<LogReader> reader_;  ///< at next_number_, for what the tail does not hold
};

StreamServer::StreamServer(asio::io_context& context, replay::Storage& storage,
                           std::function<pb::Status()> status, const ConnectionLimits& limits)
    : context_(context),
      storage_(storage),
      status_(std::move(status)),
      limits_(limits),
      turnstile_("reader", limits.readers, limits.per_address),
      listener_(context, [this](asio::ip::tcp::socket socket) { Accept(std::move(socket)); }),
      status_timer_(context) {}

StreamServer::~StreamServer() { Close(); }

Status StreamServer::Listen(const Endpoint& endpoint) {
  if (Status status = listener_.Listen(endpoint); !status) return status;
  listener_.Accept();
  SendStatus();
  return {};
}

Status StreamServer::ListenMold(const MoldServerOptions& options) {
  if (!options.any()) return {};
  mold_ = std::make_unique<MoldServer>(context_, storage_, options);
  if (Status status = mold_->Open(); !status) return status;
  spdlog::info("the stream goes out by MoldUDP64 too: {}", mold_->Describe());
  return {};
}

void StreamServer::Serve(const std::string& folder, proto::Session session) {
  folder_ = folder;
  session_ = session;
  if (mold_) mold_->Serve(folder, session);
}

void StreamServer::Publish(std::uint64_t number) {
  if (mold_) mold_->Publish(number);
  if (number == published_) return;
  published_ = number;
  const auto readers = readers_;
  for (const auto& reader : readers) reader->Pump();
}

void StreamServer::TakeBackTo(std::uint64_t number) {
  published_ = number;
  tail_ = {};
  if (mold_) mold_->TakeBackTo(number);
  const auto readers = readers_;
  for (const auto& reader : readers) {
    reader->Dismiss("messages after " + std::to_string(number) + " were taken back; log in again");
  }
}

Status StreamServer::RequireLogins(const std::string& users_file) {
  if (users_file.empty()) return {};
  own_gate_ = std::make_unique<Gate>(context_, users_file);
  gate_ = own_gate_.get();
  own_gate_->OnChange([this] { UsersChanged(); });
  return own_gate_->Open();
}

void StreamServer::UsersChanged() {
  const auto readers = readers_;
  for (const auto& reader : readers) reader->UsersChanged();
}

void StreamServer::Close() {
  if (mold_) mold_->Close();
  listener_.Close();
  status_timer_.cancel();
  const auto readers = readers_;
  for (const auto& reader : readers) reader->Shut("this role stops");
}

void StreamServer::Accept(asio::ip::tcp::socket socket) {
  auto ticket = turnstile_.Enter(socket);
  if (!ticket) return;
  auto reader = std::make_shared<Reader>(*this, std::move(socket), std::move(*ticket));
  readers_.push_back(reader);
  reader->Start();
}

std::vector<std::byte> StreamServer::StatusMessage() const {
  pb::Status status = status_();
  if (mold_) mold_->AddTo(status);
  return UnsequencedMessage(status);
}

void StreamServer::SendStatus() {
  if (!readers_.empty()) {
    const std::vector<std::byte> message = StatusMessage();
    const auto readers = readers_;
    for (const auto& reader : readers) reader->SendUnsequenced(message);
  }
  status_timer_.expires_after(kStatusInterval);
  status_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) SendStatus();
  });
}

}  // namespace tandem::engine
