// SPDX-License-Identifier: Apache-2.0
//
// Network: connections that carry SoupBinTCP bytes in order, with delay, cut into pieces anywhere.
// A connection can break at any moment: what is under way is lost, in both directions, and each
// side hears of it some time later; what it sends until then is lost too. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proto/soupbintcp.h"
#include "tests/simulation/scheduler.h"

namespace tandem::simulation {

/// Where somebody listens.
enum class Port { kSubmissions, kInput, kOutputA, kOutputB, kMerged };

class Network;

/// One side of a connection. Whoever destroys it breaks the connection.
class Socket {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnPacket(const proto::soup::Packet& packet) = 0;
    /// All packets that came together have been handed over.
    virtual void OnBatchEnd() {}
    /// The last call; the handler may destroy itself and the socket in it.
    virtual void OnClosed() = 0;
  };

  struct Link;

  Socket(std::shared_ptr<Link> link, std::size_t side) : link_(std::move(link)), side_(side) {}
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void Start(Handler& handler);
  void Send(proto::soup::PacketType type, std::span<const std::byte> payload);
  void Send(proto::soup::PacketType type, std::string_view text = {}) {
    Send(type, std::as_bytes(std::span(text)));
  }

 private:
  std::shared_ptr<Link> link_;
  std::size_t side_;
};

class Network {
 public:
  using OnSocket = std::function<void(std::unique_ptr<Socket>)>;

  explicit Network(Scheduler& scheduler) : scheduler_(scheduler) {}

  void Listen(Port port, OnSocket on_socket) { listeners_[port] = std::move(on_socket); }
  void StopListening(Port port) { listeners_.erase(port); }

  /// Calls back with a socket, or with null if nobody listens; not at all once `life` has ended.
  void Connect(Port port, const Life& life, OnSocket on_socket);

  /// Breaks one connection out of all. False: there is none.
  bool BreakOne();

  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }

 private:
  Scheduler& scheduler_;
  std::map<Port, OnSocket> listeners_;
  std::vector<std::weak_ptr<Socket::Link>> links_;
};

}  // namespace tandem::simulation
