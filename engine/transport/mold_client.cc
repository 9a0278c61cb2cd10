// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_client.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/ip/udp.hpp>
#include <utility>

#include "engine/transport/mold_address.h"

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using proto::MessageView;

namespace {

/// Packets of one line that are taken before anybody else on this thread gets a turn.
constexpr int kPacketsAtOnce = 64;
/// A status may have been on its way while its successor's messages came by multicast.
constexpr std::chrono::seconds kStatusMayLag{2};
/// Logging in with a number so far ahead brings the status only. Not further: Wireshark takes
/// numbers of more than 31 bits for malformed.
constexpr std::uint64_t kStatusOnlyAhead = 1'000'000'000;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

MoldReceiverOptions ReceiverOptions(const MoldClientOptions& options, bool has_soup) {
  MoldReceiverOptions receiver;
  receiver.lines = options.lines.size();
  receiver.servers = options.requests.size();
  receiver.has_soup = has_soup;
  return receiver;
}

}  // namespace

/// The lines and the socket for requests: gives what comes to the client, packet by packet.
class MoldClient::Sockets {
 public:
  struct Line {
    std::string text;
    udp::socket socket;
    Clock::time_point last = Clock::now();  ///< packet
    bool is_silent = false;
  };

  explicit Sockets(MoldClient& client)
      : client_(client), requests_(client.context_), buffer_(proto::mold::kPacketSizeMax) {}

  Status Open() {
    for (const Endpoint& server : client_.options_.requests) {
      const auto resolved = ResolveUdp(client_.context_, server);
      if (!resolved) return resolved.error();
      servers_.push_back(*resolved);
    }
    error_code error;
    requests_.open(udp::v4(), error);
    if (!error) requests_.non_blocking(true, error);
    if (error) return Error::Failure("cannot open a socket for requests: " + error.message());
    for (const MoldLine& line : client_.options_.lines) {
      auto socket = OpenReceiver(client_.context_, line);
      if (!socket) return socket.error();
      lines_.push_back({.text = line.text(), .socket = std::move(*socket)});
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) AwaitLine(i);
    AwaitAnswer();
    return {};
  }

  void Close() {
    error_code ignored;
    for (Line& line : lines_) line.socket.close(ignored);
    requests_.close(ignored);
  }

  void Send(const MoldReceiver::Request& request) {
    error_code ignored;  // it is lost, and sent again
    requests_.send_to(asio::buffer(proto::mold::Encode(request.header)), servers_[request.server],
                      0, ignored);
  }

  [[nodiscard]] std::vector<Line>& lines() { return lines_; }

 private:
  void AwaitLine(std::size_t index) {
    Line& line = lines_[index];
    line.socket.async_wait(udp::socket::wait_read, [this, index, &line](const error_code& error) {
      if (error || !client_.running_) return;
      for (int i = 0; i < kPacketsAtOnce && client_.running_; ++i) {
        error_code failed;
        udp::endpoint from;
        const std::size_t size = line.socket.receive_from(asio::buffer(buffer_), from, 0, failed);
        if (failed) break;
        line.last = Clock::now();
        client_.receiver_.OnPacket(index, std::span(buffer_).first(size), NowNs());
      }
      client_.AfterEvent();
      if (client_.running_) AwaitLine(index);
    });
  }

  void AwaitAnswer() {
    requests_.async_wait(udp::socket::wait_read, [this](const error_code& error) {
      if (error || !client_.running_) return;
      for (int i = 0; i < kPacketsAtOnce && client_.running_; ++i) {
        error_code failed;
        udp::endpoint from;
        const std::size_t size = requests_.receive_from(asio::buffer(buffer_), from, 0, failed);
        // A request that found nobody is told here.
        if (failed == asio::error::connection_refused) continue;
        if (failed) break;
        if (std::ranges::find(servers_, from) == servers_.end()) continue;
        client_.receiver_.OnAnswer(std::span(buffer_).first(size), NowNs());
      }
      client_.AfterEvent();
      if (client_.running_) AwaitAnswer();
    });
  }

  MoldClient& client_;
  std::vector<Line> lines_;
  udp::socket requests_;
  std::vector<udp::endpoint> servers_;
  std::vector<std::byte> buffer_;
};

MoldClient::MoldClient(asio::io_context& context, MoldClientOptions options, const Endpoint& server,
                       std::string user, StreamClient::Handler& handler,
                       const ConnectionLimits& limits)
    : context_(context),
      options_(std::move(options)),
      handler_(handler),
      receiver_(ReceiverOptions(options_, !server.host.empty()), *this),
      timer_(context),
      watch_(context) {
  for (const MoldLine& line : options_.lines) {
    text_ += (text_.empty() ? "" : " and ") + line.text();
  }
  if (server.host.empty()) return;
  StreamClient::Handler& reader =
      options_.lines.empty() ? handler : static_cast<StreamClient::Handler&>(*this);
  soup_ = std::make_unique<StreamClient>(context, server, std::move(user), reader, limits);
}

MoldClient::~MoldClient() { Stop(); }

void MoldClient::AddServer(Endpoint server) {
  if (soup_) soup_->AddServer(std::move(server));
}

void MoldClient::SetPassword(std::string password) {
  if (soup_) soup_->SetPassword(std::move(password));
}

void MoldClient::SendStatus(const pb::Status& status) {
  if (soup_) soup_->SendStatus(status);
}

std::string MoldClient::text() const {
  return options_.lines.empty() && soup_ ? soup_->server().text() : text_;
}

Status MoldClient::Start() {
  if (!options_.lines.empty()) {
    const std::string known = handler_.WantedSession();
    if (!known.empty()) options_.session = proto::Session(known);
    if (options_.session.empty() && !soup_) {
      return Error::BadInput("nobody says which session to read from " + text_ +
                             "; name it, or give the stream's own port");
    }
    receiver_.SetSession(options_.session);
    Begin();
    running_ = true;
    sockets_ = std::make_unique<Sockets>(*this);
    if (Status status = sockets_->Open(); !status) return status;
    WatchLater();
  }
  if (soup_) soup_->Start();
  return {};
}

void MoldClient::Stop() {
  running_ = false;
  if (soup_) soup_->Stop();
  if (sockets_) sockets_->Close();
  timer_.cancel();
  watch_.cancel();
}

void MoldClient::Begin() { receiver_.Begin(handler_.WantedNumber(), handler_.WantedDigest()); }

void MoldClient::Reconnect(const std::string& why) {
  if (options_.lines.empty()) {
    if (soup_) soup_->Reconnect(why);
    return;
  }
  if (!why.empty()) spdlog::warn("{}: {}; asking for it again", text_, why);
  Begin();
  if (soup_ && soup_reads_) soup_->Reconnect(why);
}

bool MoldClient::connected() const {
  if (options_.lines.empty()) return soup_ && soup_->connected();
  return running_ && !all_silent_;
}

// Every way in ends here: requests go out, the connection does what it is wanted for, the handler
// flushes.
void MoldClient::AfterEvent() {
  if (!running_) return;
  while (const auto request = receiver_.TakeRequest()) sockets_->Send(*request);
  if (soup_ && soup_->connected() && soup_reads_ != receiver_.wants_soup()) {
    spdlog::info("{}: {}", text_,
                 soup_reads_ ? "its lines have caught up; the connection to " +
                                   soup_->server().text() + " is for the status only again"
                             : "messages from " + std::to_string(receiver_.next()) +
                                   " on are missing; reading them from " + soup_->server().text());
    receiver_.SetSoupConnected(false);
    soup_->Reconnect("");
  }
  if (std::exchange(handed_on_, false)) handler_.OnBatchEnd();
  SetTimer();
}

void MoldClient::SetTimer() {
  const std::int64_t at_ns = receiver_.deadline_ns();
  if (at_ns == timer_at_ns_) return;
  timer_at_ns_ = at_ns;
  if (at_ns == MoldReceiver::kNever) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(Clock::time_point(
      std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(at_ns))));
  timer_.async_wait([this](const error_code& error) {
    if (error || !running_) return;
    timer_at_ns_ = MoldReceiver::kNever;
    receiver_.OnTime(NowNs());
    AfterEvent();
  });
}

void MoldClient::WatchLater() {
  watch_.expires_after(kSilence / 6);
  watch_.async_wait([this](const error_code& error) {
    if (error || !running_) return;
    Watch();
    WatchLater();
  });
}

void MoldClient::Watch() {
  std::size_t silent = 0;
  for (Sockets::Line& line : sockets_->lines()) {
    const bool is_silent = Clock::now() - line.last >= kSilence;
    if (is_silent) ++silent;
    if (is_silent && !line.is_silent && sockets_->lines().size() > 1) {
      spdlog::warn("line {}: nothing has come for {} s", line.text, kSilence.count() / 1000);
    }
    if (!is_silent && line.is_silent) spdlog::info("line {}: packets come again", line.text);
    line.is_silent = is_silent;
  }
  const bool were_silent = std::exchange(all_silent_, silent == sockets_->lines().size());
  if (!all_silent_ || were_silent) return;
  handler_.OnDisconnected("nothing has come by multicast for " +
                          std::to_string(kSilence.count() / 1000) + " s");
}

void MoldClient::OnMessage(const MessageView& message) {
  if (message.header.number > receiver_.next()) {
    return soup_->Reconnect("message " + std::to_string(message.header.number) +
                            " came where number " + std::to_string(receiver_.next()) + " is next");
  }
  receiver_.OnSoupMessage(message, NowNs());
}

void MoldClient::OnNext(const MessageView& message) {
  handed_on_ = true;
  if (!std::exchange(told_login_, true)) {
    handler_.OnLogin(message.header.session, message.header.number);
  }
  handler_.OnMessage(message);
}

std::uint64_t MoldClient::WantedNumber() {
  soup_reads_ = receiver_.wants_soup();
  return receiver_.next() + (soup_reads_ ? 0 : kStatusOnlyAhead);
}

std::string MoldClient::WantedSession() { return receiver_.session().str(); }

void MoldClient::OnLogin(proto::Session session, std::uint64_t number) {
  receiver_.SetSession(session);
  receiver_.SetSoupConnected(soup_reads_);
  if (soup_reads_ && !std::exchange(told_login_, true)) handler_.OnLogin(session, number);
}

void MoldClient::OnStatus(const pb::Status& status) {
  receiver_.OnSoupEnd(status.number(), NowNs());
  handler_.OnStatus(Judged(status));
  AfterEvent();
}

// A status that is behind what was taken is a fork only if the next ones say it too: messages by
// multicast overtake it.
pb::Status MoldClient::Judged(const pb::Status& status) {
  const std::uint64_t taken = receiver_.next() - 1;
  const std::uint64_t had = behind_since_ ? behind_from_ : taken;
  if (status.number() >= had) {
    behind_since_.reset();
  } else if (!behind_since_) {
    behind_since_ = Clock::now();
    behind_from_ = taken;
  }
  if (behind_since_ && Clock::now() - *behind_since_ >= kStatusMayLag) return status;
  if (status.number() >= taken) return status;
  pb::Status judged = status;
  judged.set_number(taken);
  if (const auto digest = handler_.WantedDigest()) judged.set_digest(*digest);
  return judged;
}

void MoldClient::OnBatchEnd() { AfterEvent(); }

void MoldClient::OnDisconnected(const std::string& why) {
  receiver_.SetSoupConnected(false);
  if (why.empty()) return;
  spdlog::warn("{}: no connection to {}: {}; trying again until there is", text_,
               soup_->server().text(), why);
}

void MoldClient::AddTo(pb::Status& status) const {
  if (options_.lines.empty()) return;
  pb::MulticastInputStatus& input = *status.mutable_multicast_input();
  const MoldReceiverCounts& counts = receiver_.counts();
  for (const MoldLine& line : options_.lines) input.add_lines(line.text());
  for (const std::uint64_t won : counts.won) input.add_won(won);
  input.set_repaired(counts.repaired);
  input.set_by_soup(counts.by_soup);
  input.set_requests(counts.requests);
  input.set_not_kept(counts.not_kept);
  input.set_malformed(counts.malformed);
  input.set_other_session(counts.other_session);
  input.set_unchained(counts.unchained);
}

}  // namespace tandem::engine
