// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/open_loop_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "book/book.pb.h"
#include "engine/context.h"
#include "pools/ensure.h"
#include "proto/header.h"
#include "proto/soupbintcp.h"

namespace tandem::benchmarks {

using proto::soup::PacketType;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kPatience = 30 * kSecond;  // for what must come
constexpr std::size_t kReceiveSize = 256u << 10;
constexpr std::size_t kSendAhead = 64u << 10;
constexpr std::size_t kSubmissions = 0;  // place among the links

std::int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <class T>
void AppendSubmission(std::vector<std::byte>& to, std::uint64_t number, const T& payload) {
  proto::Header header;
  header.type = engine::TypeOf<T>();
  header.payload_size = static_cast<std::uint16_t>(payload.ByteSizeLong());
  header.origin = number;
  std::array<std::byte, 256> message;
  std::memcpy(message.data(), &header, sizeof header);
  payload.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(message.data() + sizeof header));
  AppendPacket(to, PacketType::kUnsequenced,
               std::span(message).first(sizeof header + header.payload_size));
}

/// Each has one output, and the book stays small: the first order is the best one, the others are
/// entered below it and cancelled again.
void AppendOrder(std::vector<std::byte>& to, std::uint64_t number) {
  if (number > 1 && number % 2 == 1) {
    book::pb::Cancel cancel;
    cancel.set_order_id(number - 1);
    return AppendSubmission(to, number, cancel);
  }
  book::pb::NewOrder order;
  order.set_order_id(number);
  order.set_symbol("BENCH");
  order.set_side(book::pb::BUY);
  order.set_kind(book::pb::LIMIT);
  order.set_price(number == 1 ? 20'000 : 10'000);
  order.set_size(100);
  AppendSubmission(to, number, order);
}

}  // namespace

OpenLoopClient::OpenLoopClient(std::uint16_t submissions, const std::vector<std::uint16_t>& streams,
                               std::uint64_t from, const std::string& user)
    : user_(user), links_(1 + streams.size()), input_of_(1) {
  ::prctl(PR_SET_TIMERSLACK, 1);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  ENSURE(epoll_ >= 0, "epoll_create1: %s", std::strerror(errno));
  heartbeat_at_ = Now() + kSecond / 2;
  Connect(links_[kSubmissions], submissions, 1);
  Submit();
  Flush(kSubmissions);
  const std::int64_t deadline = Now() + kPatience;
  while (acknowledged_ == 0) {
    ENSURE(Now() < deadline, "the first submission is not acknowledged");
    Poll(Now() + kSecond / 10);
  }
  first_input_ = input_of_[1];
  for (std::size_t i = 0; i < streams.size(); ++i) {
    Connect(links_[1 + i], streams[i], from);
    links_[1 + i].answered = 1;
  }
}

OpenLoopClient::~OpenLoopClient() {
  for (const Link& link : links_) ::close(link.socket);
  ::close(epoll_);
}

void OpenLoopClient::Connect(Link& link, std::uint16_t port, std::uint64_t from) {
  const std::int64_t deadline = Now() + kPatience;
  link.received.resize(kReceiveSize);
  while (!LogIn(link, port, from)) {
    ENSURE(Now() < deadline, "port %u does not serve", port);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool OpenLoopClient::LogIn(Link& link, std::uint16_t port, std::uint64_t from) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (link.socket >= 0) ::close(link.socket);
  link.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(link.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;
  }
  const int on = 1;
  ::setsockopt(link.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(link.socket, F_SETFL, ::fcntl(link.socket, F_GETFL) | O_NONBLOCK);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(&link - links_.data());
  ENSURE(::epoll_ctl(epoll_, EPOLL_CTL_ADD, link.socket, &event) == 0, "epoll_ctl: %s",
         std::strerror(errno));
  link.received_size = 0;
  link.is_rejected = false;
  AppendPacket(link.sending, PacketType::kLoginRequest,
               Encode(proto::soup::LoginRequest{
                   .user = user_, .password = "", .session = "", .number = from}));
  Flush(event.data.u64);
  const std::int64_t deadline = Now() + kPatience;
  while (!link.is_logged_in && !link.is_rejected) {
    ENSURE(Now() < deadline, "port %u does not answer the login", port);
    Poll(Now() + kSecond / 100);
  }
  return link.is_logged_in;
}

void OpenLoopClient::Submit() {
  AppendOrder(links_[kSubmissions].sending, ++submitted_);
  input_of_.push_back(0);
}

std::vector<std::vector<double>> OpenLoopClient::RoundTrips(double rate, double seconds,
                                                            std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(rate / 1e9);
  const std::uint64_t first = submitted_ + 1;
  std::vector<std::int64_t> due_at;
  const std::int64_t begin = Now() + kSecond / 100;
  const auto end = begin + static_cast<std::int64_t>(seconds * 1e9);
  for (std::int64_t due = begin; due < end; due += static_cast<std::int64_t>(gap(random))) {
    due_at.push_back(due);
  }
  for (std::size_t next = 0; next < due_at.size();) {
    const std::int64_t now = Now();
    for (; next < due_at.size() && due_at[next] <= now; ++next) Submit();
    Flush(kSubmissions);
    if (next < due_at.size()) Poll(due_at[next]);
  }
  WaitForAnswers();

  std::vector<std::vector<double>> round_trips(links_.size() - 1);
  for (std::size_t stream = 0; stream < round_trips.size(); ++stream) {
    for (std::size_t i = due_at.size() / 10; i < due_at.size(); ++i) {
      const std::int64_t at = links_[1 + stream].output_at[input_of_[first + i] - first_input_];
      round_trips[stream].push_back(static_cast<double>(at - due_at[i]) / 1e3);
    }
    std::sort(round_trips[stream].begin(), round_trips[stream].end());
  }
  return round_trips;
}

double OpenLoopClient::Seconds(std::uint64_t count) {
  const std::int64_t begin = Now();
  for (std::uint64_t i = 0; i < count;) {
    Link& link = links_[kSubmissions];
    for (; i < count && link.sending.size() - link.sent < kSendAhead; ++i) Submit();
    Flush(kSubmissions);
    Poll(Now() + kSecond);
  }
  WaitForAnswers();
  return static_cast<double>(Now() - begin) / 1e9;
}

bool OpenLoopClient::IsAnswered() const {
  return acknowledged_ == submitted_ &&
         std::all_of(links_.begin() + 1, links_.end(),
                     [&](const Link& link) { return link.answered == submitted_; });
}

void OpenLoopClient::WaitForAnswers() {
  const std::int64_t deadline = Now() + kPatience;
  while (!IsAnswered()) {
    ENSURE(Now() < deadline, "of %lu submissions %lu were acknowledged and %lu answered",
           static_cast<unsigned long>(submitted_), static_cast<unsigned long>(acknowledged_),
           static_cast<unsigned long>(links_.back().answered));
    Poll(Now() + kSecond / 10);
  }
}

void OpenLoopClient::Poll(std::int64_t until_ns) {
  const std::int64_t now = Now();
  if (now >= heartbeat_at_) SendHeartbeats();
  const std::int64_t wait = std::max<std::int64_t>(0, until_ns - now);
  const timespec timeout = {.tv_sec = wait / kSecond, .tv_nsec = wait % kSecond};
  std::array<epoll_event, 16> events;
  const int count =
      ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
    if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) Flush(index);
    if ((events[static_cast<std::size_t>(i)].events & ~EPOLLOUT) != 0) Read(links_[index]);
  }
}

void OpenLoopClient::Flush(std::size_t index) {
  Link& link = links_[index];
  if (link.sending.empty()) return;
  const ssize_t size = ::send(link.socket, link.sending.data() + link.sent,
                              link.sending.size() - link.sent, MSG_NOSIGNAL);
  ENSURE(size >= 0 || errno == EAGAIN, "send: %s", std::strerror(errno));
  if (size > 0) link.sent += static_cast<std::size_t>(size);
  const bool is_left = link.sent < link.sending.size();
  if (!is_left) {
    link.sending.clear();
    link.sent = 0;
  }
  if (is_left == link.waits_to_write) return;
  link.waits_to_write = is_left;
  epoll_event event = {};
  event.events = is_left ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = index;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, link.socket, &event);
}

void OpenLoopClient::Read(Link& link) {
  const ssize_t size = ::recv(link.socket, link.received.data() + link.received_size,
                              link.received.size() - link.received_size, 0);
  if (size < 0 && errno == EAGAIN) return;
  ENSURE(size > 0, "the peer closed the connection");
  read_at_ = Now();
  link.received_size += static_cast<std::size_t>(size);
  std::size_t at = 0;
  for (;;) {
    const auto framed =
        proto::soup::NextPacket({link.received.data() + at, link.received_size - at});
    ENSURE(framed.has_value(), "the peer does not speak SoupBinTCP");
    if (!framed->packet) break;
    const proto::soup::Packet& packet = *framed->packet;
    ENSURE(packet.type != PacketType::kDebug, "the peer says: %.*s",
           static_cast<int>(packet.payload.size()),
           reinterpret_cast<const char*>(packet.payload.data()));
    if (packet.type == PacketType::kLoginAccepted) link.is_logged_in = true;
    if (packet.type == PacketType::kLoginRejected) {
      link.is_rejected = true;
      return;
    }
    if (packet.type == PacketType::kSequenced) {
      OnMessage(link, packet.payload);
    }
    at += framed->size;
  }
  std::memmove(link.received.data(), link.received.data() + at, link.received_size - at);
  link.received_size -= at;
}

void OpenLoopClient::OnMessage(Link& link, std::span<const std::byte> message) {
  proto::Header header;
  ENSURE(message.size() >= sizeof header, "a message of %zu bytes", message.size());
  std::memcpy(&header, message.data(), sizeof header);
  if (&link == &links_[kSubmissions]) {
    ENSURE(header.origin == acknowledged_ + 1 && header.origin <= submitted_,
           "submission %lu is acknowledged after %lu", static_cast<unsigned long>(header.origin),
           static_cast<unsigned long>(acknowledged_));
    acknowledged_ = header.origin;
    input_of_[header.origin] = header.number;
    return;
  }
  if (header.origin <= first_input_) return;
  const std::uint64_t place = header.origin - first_input_;
  if (place >= link.output_at.size()) link.output_at.resize(2 * place + 1024);
  if (link.output_at[place] != 0) return;
  link.output_at[place] = read_at_;
  ++link.answered;
}

void OpenLoopClient::SendHeartbeats() {
  heartbeat_at_ = Now() + kSecond / 2;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (!links_[i].is_logged_in) continue;
    proto::soup::AppendPacket(links_[i].sending, PacketType::kClientHeartbeat);
    Flush(i);
  }
}

}  // namespace tandem::benchmarks
