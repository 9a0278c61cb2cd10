// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/await_message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "pools/ensure.h"
#include "proto/soupbintcp.h"
#include "tests/benchmarks/measure.h"

namespace tandem::benchmarks {

using proto::soup::PacketType;

namespace {

constexpr double kPatienceSeconds = 600;

/// False if nobody serves it, or hangs up: there is no stream yet.
bool ReadUntilMessage(int socket, std::uint16_t port, std::uint64_t number) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;
  }
  std::vector<std::byte> bytes;
  AppendPacket(bytes, PacketType::kLoginRequest,
               Encode(proto::soup::LoginRequest{
                   .user = "AWAITS", .password = "", .session = "", .number = number}));
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return false;
  bytes.clear();
  for (;;) {
    std::array<std::byte, 4096> buffer;
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + size);
    for (;;) {
      const auto framed = proto::soup::NextPacket(bytes);
      ENSURE(framed.has_value(), "port %u does not speak SoupBinTCP", port);
      if (!framed->packet) break;
      if (framed->packet->type == PacketType::kLoginRejected) return false;
      if (framed->packet->type == PacketType::kSequenced) return true;
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(framed->size));
    }
  }
}

}  // namespace

void AwaitMessage(std::uint16_t port, std::uint64_t number) {
  for (const auto begin = Clock::now();;) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_there = ReadUntilMessage(socket, port, number);
    ::close(socket);
    if (is_there) return;
    ENSURE(SecondsSince(begin) < kPatienceSeconds, "port %u does not serve", port);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace tandem::benchmarks
