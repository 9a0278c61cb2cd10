// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/submission_server.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <iterator>
#include <optional>
#include <vector>

#include "engine/transport/acknowledgement.h"
#include "engine/transport/printable.h"
#include "engine/transport/served_role.h"
#include "engine/transport/unsequenced.h"
#include "proto/message.h"
#include "replay/log_checkpoint.h"
#include "replay/log_reader.h"

namespace tandem::engine {

namespace asio = boost::asio;
using proto::soup::PacketType;
using replay::LogReader;
using replay::ReadOutcome;

namespace {

/// Input messages looked through for old acknowledgements before others get their turn.
constexpr int kCatchUpMessages = 20'000;

std::vector<std::byte> StatusMessage(const Sequencer& sequencer) {
  pb::Status status;
  status.set_role(std::string(kSubmissionsRole));
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  status.set_accepted(sequencer.accepted_total());
  return UnsequencedMessage(status);
}

}  // namespace

class SubmissionServer::Client : public Connection::Handler,
                                 public std::enable_shared_from_this<Client> {
 public:
  /// `arrival`: higher than that of every connection before.
  Client(SubmissionServer& server, asio::ip::tcp::socket socket, Turnstile::Ticket ticket,
         std::uint64_t arrival)
      : server_(server),
        arrival_(arrival),
        ticket_(std::move(ticket)),
        rate_timer_(server.context_),
        connection_(std::make_shared<Connection>(std::move(socket), Connection::Side::kServer,
                                                 server.limits_)) {}

  void Start() { connection_->Start(*this); }
  void Shut(const std::string& why) { connection_->Close(why); }

  /// Sends the acknowledgements of what has been committed.
  void Committed() {
    if (!old_acknowledgements_) {
      for (const Acknowledgement& accepted : accepted_) Acknowledge(accepted);
      connection_->Flush();
      // Acknowledgements that the client does not take: its submissions must wait.
      if (connection_->pending() >= Connection::kSendAhead) {
        takes_too_little_ = true;
        Regulate();
      }
    }
    accepted_.clear();
  }

  /// Ends the connection if the user may not submit any more.
  void UsersChanged() {
    if (user_.empty() || server_.gate_.Has(user_.view(), kSubmitRight | kOperatorRight)) return;
    Refuse("user \"" + user_.str() + "\" may not log in any more");
  }

  void OnPacket(const proto::soup::Packet& packet) override {
    if (packet.type == PacketType::kDebug) return;
    if (packet.type == PacketType::kLogout) return connection_->Close("logged out");
    if (packet.type == PacketType::kLoginRequest && user_.empty()) {
      return Login(proto::soup::ParseLoginRequest(packet.payload));
    }
    if (packet.type == PacketType::kUnsequenced && !user_.empty()) return Submit(packet.payload);
    Refuse("a packet of this type does not belong here");
  }

  void OnWritable() override {
    if (old_acknowledgements_) return CatchUp();
    takes_too_little_ = false;
    Regulate();
  }

  void OnClosed(const std::string& why) override {
    rate_timer_.cancel();
    if (server_.turnstile_.MayLog()) {
      spdlog::info("client {} {}left: {}", connection_->peer(),
                   user_.empty() ? "" : "(" + user_.str() + ") ", why);
    }
    const auto found = server_.by_user_.find(user_);
    if (found != server_.by_user_.end() && found->second == this) server_.by_user_.erase(found);
    ticket_.reset();
    std::erase(server_.clients_, shared_from_this());
  }

 private:
  void Reject(proto::soup::RejectReason why, const std::string& text) {
    const char reason = static_cast<char>(why);
    connection_->Send(PacketType::kLoginRejected, std::string_view(&reason, 1));
    connection_->CloseAfterSending(text);
  }

  void Login(const std::optional<proto::soup::LoginRequest>& login) {
    if (!login) return Refuse("the login request is malformed");
    if (!login->session.empty() && login->session != server_.session_.view()) {
      return Reject(proto::soup::RejectReason::kSessionNotAvailable,
                    "it asked for session \"" + Printable(login->session) +
                        "\", which is not available here");
    }
    if (!proto::IsName(login->user, proto::kUserSizeMax)) {
      return Reject(proto::soup::RejectReason::kNotAuthorised,
                    "\"" + Printable(login->user) + "\" is no user name");
    }
    // Nothing is read until the password is checked.
    checking_ = true;
    connection_->PauseReading();
    server_.gate_.Check(
        login->user, login->password, connection_->address(), kSubmitRight | kOperatorRight,
        [self = shared_from_this(), login = *login](const Gate::Admission& admission) {
          if (self->connection_->open()) self->OnChecked(login, admission);
        });
  }

  void OnChecked(const proto::soup::LoginRequest& login, const Gate::Admission& admission) {
    checking_ = false;
    connection_->ResumeReading();
    if (!admission.admitted) {
      return Reject(proto::soup::RejectReason::kNotAuthorised, admission.why);
    }
    if (!server_.backend_.Commit()) return;
    rights_ = {.submit = (admission.rights & kSubmitRight) != 0,
               .control = (admission.rights & kOperatorRight) != 0};
    const proto::User user(login.user);
    const auto found = server_.by_user_.find(user);
    // A login may be late: that of a process which has died, and has a successor by now.
    if (found != server_.by_user_.end() && found->second->arrival_ > arrival_) {
      return Refuse("user \"" + user.str() +
                    "\" has logged in on a newer connection than this one");
    }
    user_ = user;
    if (found != server_.by_user_.end()) {
      found->second->Refuse("a newer login of user \"" + user_.str() + "\" replaces this one");
    }
    server_.by_user_[user_] = this;
    bucket_ = server_.BucketOf(user_);
    connection_->LoggedIn();

    const std::uint64_t accepted = server_.backend_.sequencer().accepted(user_);
    const bool wants_old = login.number >= 1 && login.number <= accepted;
    const std::uint64_t number = wants_old ? login.number : accepted + 1;
    connection_->Send(
        PacketType::kLoginAccepted,
        Encode(proto::soup::LoginAccepted{.session = server_.session_.str(), .number = number}));
    connection_->Send(PacketType::kUnsequenced, StatusMessage(server_.backend_.sequencer()));
    if (server_.turnstile_.MayLog()) {
      spdlog::info("client {} logged in from {}; {} submissions accepted so far", user_.view(),
                   connection_->peer(), accepted);
    }
    if (wants_old) StartCatchUp(number);
    Regulate();
    connection_->Flush();
  }

  void Submit(std::span<const std::byte> payload) {
    const auto message = proto::ParseMessage(payload);
    if (!message) {
      return Refuse("a submission of " + std::to_string(payload.size()) +
                    " bytes is not a Tandem message: a header of " +
                    std::to_string(sizeof(proto::Header)) + " bytes, version " +
                    std::to_string(proto::kHeaderVersion) + ", and the payload that it announces");
    }
    const Sequencer::Verdict verdict = server_.backend_.Submit(user_, *message, rights_);
    if (verdict == Sequencer::Verdict::kRefused) {
      return Refuse(server_.backend_.reason());
    }
    if (bucket_ != nullptr) {
      (void)bucket_->Take(TokenBucket::Clock::now());
      Regulate();
    }
    if (verdict == Sequencer::Verdict::kDuplicate) return;
    const Sequencer& sequencer = server_.backend_.sequencer();
    accepted_.push_back({.header = sequencer.header(), .digest_before = sequencer.digest_before()});
    server_.backend_.CommitSoon();
  }

  /// Reads on or not: not while acknowledgements pile up, nor while the rate is exceeded.
  void Regulate() {
    if (!connection_->open()) return;
    const auto now = TokenBucket::Clock::now();
    const bool too_fast = bucket_ != nullptr && !bucket_->HasOne(now);
    if (too_fast && !too_fast_) {
      ++server_.paused_;
      rate_timer_.expires_after(bucket_->WaitFrom(now));
      rate_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error) return;
        self->too_fast_ = false;
        self->Regulate();
      });
    }
    too_fast_ = too_fast;
    if (checking_ || too_fast_ || takes_too_little_) return connection_->PauseReading();
    connection_->ResumeReading();
  }

  /// Tells the client why, after what it has coming.
  void Refuse(const std::string& why) {
    if (!server_.backend_.Commit()) return;
    connection_->Send(PacketType::kDebug, why);
    connection_->CloseAfterSending("refused: " + why);
  }

  void Acknowledge(const Acknowledgement& accepted) {
    connection_->Send(PacketType::kSequenced, BytesOf(accepted));
  }

  void StartCatchUp(std::uint64_t number) {
    const auto first = replay::FirstNumberFor(server_.storage_, server_.folder_, user_, number);
    if (!first) return Refuse(first.error().text);
    auto log = LogReader::Open(server_.storage_, server_.folder_,
                               {.from_number = *first, .check_digest = false});
    if (!log) return Refuse("the log cannot be read: " + log.error().text);
    old_acknowledgements_.emplace(std::move(*log));
    catch_up_from_ = number;
    CatchUp();
  }

  /// Looks for the client's messages in the input log, a slice at a time.
  void CatchUp() {
    for (int i = 0; i < kCatchUpMessages && connection_->pending() < Connection::kSendAhead; ++i) {
      const std::uint64_t digest_before = old_acknowledgements_->position().digest;
      const ReadOutcome outcome = old_acknowledgements_->Next(server_.committed_);
      if (outcome == ReadOutcome::kDamaged) {
        return Refuse("the log is damaged: " + old_acknowledgements_->error().text);
      }
      if (outcome == ReadOutcome::kEnd) {
        old_acknowledgements_.reset();
        connection_->Flush();
        return;
      }
      const proto::Header& header = old_acknowledgements_->message().header;
      if (header.user == user_ && header.origin >= catch_up_from_) {
        Acknowledge({.header = header, .digest_before = digest_before});
      }
    }
    connection_->Flush();
    if (connection_->pending() > 0) return;  // OnWritable goes on
    asio::post(server_.context_, [self = shared_from_this()] {
      if (self->old_acknowledgements_ && self->connection_->open()) self->CatchUp();
    });
  }

  SubmissionServer& server_;
  const std::uint64_t arrival_;
  std::optional<Turnstile::Ticket> ticket_;  ///< until it is closed
  asio::steady_timer rate_timer_;
  std::shared_ptr<Connection> connection_;
  proto::User user_;
  Sequencer::Rights rights_;
  TokenBucket* bucket_ = nullptr;          ///< of the user; null: no limit
  bool checking_ = false;                  ///< the password
  bool too_fast_ = false;                  ///< the timer runs
  bool takes_too_little_ = false;          ///< acknowledgements that the socket does not take
  std::vector<Acknowledgement> accepted_;  ///< not yet committed
  std::optional<LogReader> old_acknowledgements_;
  std::uint64_t catch_up_from_ = 0;
};

SubmissionServer::SubmissionServer(asio::io_context& context, replay::Storage& storage,
                                   std::string folder, Backend& backend, Gate& gate,
                                   const ConnectionLimits& limits)
    : context_(context),
      storage_(storage),
      folder_(std::move(folder)),
      backend_(backend),
      gate_(gate),
      limits_(limits),
      turnstile_("client", limits.clients, limits.per_address),
      listener_(context, [this](asio::ip::tcp::socket socket) { Accept(std::move(socket)); }) {}

SubmissionServer::~SubmissionServer() { Close(); }

void SubmissionServer::Committed(std::uint64_t number) {
  committed_ = number;
  const auto clients = clients_;
  for (const auto& client : clients) client->Committed();
}

void SubmissionServer::Close() {
  listener_.Close();
  const auto clients = clients_;
  for (const auto& client : clients) client->Shut("the sequencer stops");
}

void SubmissionServer::UsersChanged() {
  const auto clients = clients_;
  for (const auto& client : clients) client->UsersChanged();
}

void SubmissionServer::Accept(asio::ip::tcp::socket socket) {
  auto ticket = turnstile_.Enter(socket);
  if (!ticket) return;
  auto client = std::make_shared<Client>(*this, std::move(socket), std::move(*ticket), ++arrivals_);
  clients_.push_back(client);
  client->Start();
}

TokenBucket* SubmissionServer::BucketOf(proto::User user) {
  if (limits_.rate <= 0) return nullptr;
  const auto now = TokenBucket::Clock::now();
  // A full bucket of somebody who is not here knows nothing.
  if (buckets_.size() > 2 * limits_.clients) {
    for (auto entry = buckets_.begin(); entry != buckets_.end();) {
      const bool goes = !by_user_.contains(entry->first) && entry->second.full(now);
      entry = goes ? buckets_.erase(entry) : std::next(entry);
    }
  }
  return &buckets_.try_emplace(user, limits_.rate, limits_.rate, now).first->second;
}

}  // namespace tandem::engine
