// SPDX-License-Identifier: Apache-2.0
//
// Network: connections between hosts as two kernels and the wire between them make them: bytes in
// order, delayed, cut into pieces anywhere, held up where a packet was lost and sent again, in
// buffers of fixed size, so that a slow reader stops its writer. What can happen to them:
//
//   a connection breaks       what is under way is lost; each side hears of it some time later
//   a process ends            what it had sent still arrives, then the end; later bytes are refused
//   a host stops              silence; once it is up again, old connections are refused
//   a path is cut, one way    what is sent waits until it is mended; connecting takes until it
//   gives
//                             up; what is read cannot be acknowledged, so the writer stops, too
//
// Chance and time come from the scheduler. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/simulation/scheduler.h"

namespace tandem::simulation {

using HostId = std::size_t;

class Network;
class Link;

/// What a call on a connection has come to.
enum class Trouble { kNone, kReset, kRefused, kTimedOut };

/// One end of a connection, as its host's kernel has it. Whoever destroys it closes it.
class End {
 public:
  End(std::shared_ptr<Link> link, std::size_t side) : link_(std::move(link)), side_(side) {}
  ~End();
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  /// Called whenever something has come, or there is room again.
  void OnChange(std::function<void()> on_change);
  [[nodiscard]] std::size_t readable() const;
  [[nodiscard]] bool at_end() const;  ///< the peer has closed and all is read
  [[nodiscard]] Trouble trouble() const;
  /// Takes up to into.size() of what has come.
  std::size_t Read(std::span<std::byte> into);
  [[nodiscard]] std::size_t room() const;
  /// Takes up to room() of `bytes` on their way. Returns how many.
  std::size_t Write(std::span<const std::byte> bytes);
  void ShutdownSend();
  [[nodiscard]] HostId peer() const;

 private:
  std::shared_ptr<Link> link_;
  std::size_t side_;
};

class Network {
 public:
  /// Null: it has failed, see the second argument.
  using OnEnd = std::function<void(std::unique_ptr<End>, Trouble)>;
  using OnAccept = std::function<void(std::unique_ptr<End>)>;

  explicit Network(Scheduler& scheduler) : scheduler_(scheduler) {}

  HostId AddHost(const std::string& name);
  [[nodiscard]] HostId FindHost(const std::string& name, HostId self) const;
  [[nodiscard]] const std::string& HostName(HostId host) const { return hosts_[host].name; }

  /// False: the port is taken.
  bool Listen(HostId host, std::uint16_t port, OnAccept on_accept);
  void StopListening(HostId host, std::uint16_t port) { listeners_.erase({host, port}); }
  void Connect(HostId from, HostId to, std::uint16_t port, OnEnd on_end);

  /// Datagrams go to addresses: of a host, or of a group. Each may be lost, come twice, and
  /// overtake others.
  struct Datagram {
    std::uint32_t from = 0;
    std::uint16_t from_port = 0;
    std::vector<std::byte> bytes;
  };
  using OnDatagram = std::function<void(const Datagram&)>;
  [[nodiscard]] static std::uint32_t AddressOf(HostId host) {
    return 0x0a000001 + static_cast<std::uint32_t>(host);
  }
  /// Returns a number for StopReceiving.
  std::uint64_t Receive(HostId host, std::uint32_t address, std::uint16_t port, OnDatagram handler);
  void StopReceiving(std::uint64_t receiver) { receivers_.erase(receiver); }
  [[nodiscard]] bool IsReceiving(std::uint32_t address, std::uint16_t port) const;
  void SendDatagram(HostId from, std::uint32_t to, std::uint16_t port, const Datagram& datagram);

  // Faults.

  /// Packets are lost now and then, until it is told otherwise.
  void SetLossy(bool lossy) { is_lossy_ = lossy; }
  /// Of each direction of new connections.
  void SetWindow(std::size_t bytes) { window_ = bytes; }
  /// Breaks one connection out of all. False: there is none.
  bool BreakOne();
  /// Nothing gets from one host to the other until then.
  void Cut(HostId from, HostId to, std::int64_t until_ns);
  /// The host is off; nobody is told.
  void TurnOff(HostId host);
  void TurnOn(HostId host);

  [[nodiscard]] std::size_t host_count() const { return hosts_.size(); }
  [[nodiscard]] std::uint64_t losses() const { return losses_; }

 private:
  friend class Link;
  friend class End;
  struct Host {
    std::string name;
    bool is_on = true;
  };

  struct Receiver {
    HostId host = 0;
    std::uint32_t address = 0;
    std::uint16_t port = 0;
    OnDatagram handler;
  };

  [[nodiscard]] bool IsCut(HostId from, HostId to) const;
  [[nodiscard]] std::int64_t CutUntil(HostId from, HostId to) const;
  std::int64_t Delay();

  Scheduler& scheduler_;
  std::vector<Host> hosts_;
  std::map<std::pair<HostId, std::uint16_t>, OnAccept> listeners_;
  std::map<std::pair<HostId, HostId>, std::int64_t> cuts_;
  std::map<std::uint64_t, Receiver> receivers_;
  std::uint64_t receivers_made_ = 0;
  std::vector<std::weak_ptr<Link>> links_;
  std::size_t window_ = 64u << 10;
  bool is_lossy_ = false;
  std::uint64_t losses_ = 0;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
