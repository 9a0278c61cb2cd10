// SPDX-License-Identifier: Apache-2.0
#include "tests/live/raw_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <utility>

#include "proto/soupbintcp.h"
#include "tests/support/test_stream.h"

namespace tandem::test {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WaitFor(int socket, short events, std::chrono::milliseconds time) {
  pollfd waiting{.fd = socket, .events = events, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(time.count())) == 1;
}

}  // namespace

RawPeer RawPeer::Connect(std::uint16_t port) {
  const auto deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    RawPeer peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "HU");
    const sockaddr_in address = Loopback(port);
    if (::connect(peer.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return peer;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ADD_FAILURE() << "nobody listens on port " << port;
  return RawPeer(-1, "");
}

RawPeer::RawPeer(RawPeer&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      passes_over_(other.passes_over_),
      received_(std::move(other.received_)),
      taken_(other.taken_) {}

RawPeer& RawPeer::operator=(RawPeer&& other) noexcept {
  Close();
  socket_ = std::exchange(other.socket_, -1);
  passes_over_ = other.passes_over_;
  received_ = std::move(other.received_);
  taken_ = other.taken_;
  return *this;
}

RawPeer::~RawPeer() { Close(); }

void RawPeer::Close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

bool RawPeer::SendBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!WaitFor(socket_, POLLOUT, kPatience)) {
      ADD_FAILURE() << "the peer takes nothing";
      return false;
    }
    const std::size_t sent = SendWhatFits(bytes);
    if (sent == 0 && errno != EAGAIN) return false;
    bytes.remove_prefix(sent);
  }
  return true;
}

std::size_t RawPeer::SendWhatFits(std::string_view bytes) {
  const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

bool RawPeer::Send(char type, std::string_view payload) { return SendBytes(Packet(type, payload)); }

bool RawPeer::Login(std::string_view user, std::uint64_t number, std::string_view session) {
  return Send('L', LoginPayload(user, session, std::to_string(number)));
}

bool RawPeer::AcceptLogin(std::string_view session, std::uint64_t number) {
  return Send('A', proto::soup::Encode(proto::soup::LoginAccepted{.session = std::string(session),
                                                                  .number = number}));
}

bool RawPeer::Submit(std::uint64_t origin, std::uint16_t type, std::string_view payload) {
  return Send('U', TextOf(Submission(origin, type, payload)));
}

std::string RawPeer::Next() {
  for (;;) {
    const std::string_view rest = std::string_view(received_).substr(taken_);
    if (rest.size() >= 2) {
      const std::size_t length =
          static_cast<std::uint8_t>(rest[0]) * 256u + static_cast<std::uint8_t>(rest[1]);
      if (rest.size() >= 2 + length) {
        std::string packet(rest.substr(2, length));
        taken_ += 2 + length;
        if (packet.empty() || passes_over_.find(packet[0]) == std::string_view::npos) {
          return packet;
        }
        continue;
      }
    }
    if (!WaitFor(socket_, POLLIN, kPatience)) {
      ADD_FAILURE() << "no packet came, and the connection did not end";
      return "";
    }
    received_.erase(0, std::exchange(taken_, 0));
    char bytes[65536];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) return "";
    received_.append(bytes, static_cast<std::size_t>(got));
  }
}

std::vector<std::string> RawPeer::UntilClosed() {
  std::vector<std::string> packets;
  for (std::string packet = Next(); !packet.empty(); packet = Next()) packets.push_back(packet);
  return packets;
}

std::string RawPeer::Acknowledgements(std::size_t count) {
  std::string origins;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string message = NextMessage();
    if (message.size() != sizeof(proto::Header) + sizeof(std::uint64_t))
      return origins + " then no acknowledgement";
    if (i > 0) origins += ' ';
    origins += std::to_string(HeaderIn(message).origin);
  }
  return origins;
}

std::string RawPeer::NextMessage() {
  const std::string packet = Next();
  if (!packet.starts_with('S') || packet.size() < 1 + sizeof(proto::Header)) {
    ADD_FAILURE() << "not a sequenced message: " << (packet.empty() ? "the end" : packet);
    return "";
  }
  return packet.substr(1);
}

bool RawPeer::HasInput() const { return WaitFor(socket_, POLLIN, std::chrono::milliseconds(0)); }

void RawPeer::HalfClose() { ::shutdown(socket_, SHUT_WR); }

void RawPeer::Reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

RawServer::RawServer(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = Loopback(port);
  socklen_t size = sizeof address;
  if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(socket_, 64) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ADD_FAILURE() << "the test cannot listen on port " << port << ": " << std::strerror(errno);
  }
  port_ = ntohs(address.sin_port);
}

RawServer::~RawServer() { ::close(socket_); }

std::optional<RawPeer> RawServer::AcceptWithin(std::chrono::milliseconds time) {
  if (!WaitFor(socket_, POLLIN, time)) return std::nullopt;
  return RawPeer(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC), "R");
}

RawPeer RawServer::Accept() {
  auto peer = AcceptWithin(RawPeer::kPatience);
  if (peer) return std::move(*peer);
  ADD_FAILURE() << "nobody connects";
  return RawPeer(-1, "");
}

RawPeer RawServer::AcceptLoginOf(std::string* login) {
  RawPeer peer = Accept();
  const std::string packet = peer.Next();
  const std::string payload = packet.empty() ? "" : packet.substr(1);
  const auto parsed = proto::soup::ParseLoginRequest(std::as_bytes(std::span(payload)));
  if (!packet.starts_with('L') || !parsed) {
    ADD_FAILURE() << "not a login request: " << packet;
    return peer;
  }
  *login = parsed->user + " " + std::to_string(parsed->number) + " " + parsed->session;
  return peer;
}

std::string Packet(char type, std::string_view payload) {
  const std::size_t length = payload.size() + 1;
  std::string packet;
  packet += static_cast<char>(length >> 8);
  packet += static_cast<char>(length & 0xff);
  packet += type;
  packet += payload;
  return packet;
}

std::string LoginPayload(std::string_view user, std::string_view session, std::string_view number) {
  const auto field = [](std::string_view text, std::size_t size, bool left) {
    const std::string blanks(size - text.size(), ' ');
    return left ? std::string(text) + blanks : blanks + std::string(text);
  };
  return field(user, 6, true) + field("", 10, true) + field(session, 10, false) +
         field(number, 20, false);
}

std::string_view TextOf(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

proto::Header HeaderIn(std::string_view text, std::size_t skip) {
  proto::Header header;
  if (text.size() >= skip + sizeof header) std::memcpy(&header, text.data() + skip, sizeof header);
  return header;
}

}  // namespace tandem::test
