// SPDX-License-Identifier: Apache-2.0
#include "tests/live/lossy_relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "pools/ensure.h"

namespace tandem::test {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int BoundSocket(std::uint16_t* port) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  ENSURE(socket >= 0 && ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0,
         "no UDP socket");
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  *port = ntohs(address.sin_port);
  return socket;
}

}  // namespace

LossyRelay::LossyRelay(std::uint16_t to_port, unsigned seed, Faults faults) {
  std::printf("relay to %u, seed %u\n", to_port, seed);
  std::uint16_t ignored = 0;
  sockets_ = {BoundSocket(&port_), BoundSocket(&ignored)};
  const int bytes = 4 << 20;
  for (const int socket : sockets_) {
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  thread_ = std::thread([this, to_port, seed, faults] { Run(to_port, seed, faults); });
}

LossyRelay::~LossyRelay() {
  stops_ = true;
  thread_.join();
  for (const int socket : sockets_) ::close(socket);
}

void LossyRelay::Run(std::uint16_t to_port, unsigned seed, Faults faults) {
  struct Passing {
    std::size_t from;
    std::string packet;
  };
  std::mt19937 random(seed);
  const auto one_in_100 = [&random](unsigned percent) { return random() % 100 < percent; };
  std::multimap<Clock::time_point, Passing> passing;
  sockaddr_in sender{};
  const sockaddr_in receiver = Loopback(to_port);
  char buffer[65536];
  while (!stops_) {
    for (std::size_t from = 0; from < 2; ++from) {
      sockaddr_in address{};
      socklen_t address_size = sizeof address;
      const ssize_t size = ::recvfrom(sockets_[from], buffer, sizeof buffer, MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&address), &address_size);
      if (size < 0) continue;
      ++came_;
      if (from == 0) sender = address;
      if (is_cut_ || one_in_100(faults.lost)) {
        ++lost_;
        continue;
      }
      std::string packet(buffer, static_cast<std::size_t>(size));
      if (one_in_100(faults.damaged) && !packet.empty()) packet[random() % packet.size()] ^= 0x10;
      for (int copies = one_in_100(faults.twice) ? 2 : 1; copies > 0; --copies) {
        const auto delay = std::chrono::microseconds(one_in_100(faults.late) ? random() % 5000 : 0);
        passing.emplace(Clock::now() + delay, Passing{from, packet});
      }
    }
    while (!passing.empty() && passing.begin()->first <= Clock::now()) {
      const auto node = passing.extract(passing.begin());
      const auto& [from, packet] = node.mapped();
      const sockaddr_in& to = from == 0 ? receiver : sender;
      ::sendto(sockets_[1 - from], packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    pollfd wait[2] = {{sockets_[0], POLLIN, 0}, {sockets_[1], POLLIN, 0}};
    ::poll(wait, 2, passing.empty() ? 20 : 1);
  }
}

}  // namespace tandem::test
