// SPDX-License-Identifier: Apache-2.0
//
// One SoupBinTCP connection over TCP, either side: frames packets, keeps heartbeats, notices a peer
// that is dead, takes nothing or never logs in. What it receives lies in a fixed buffer; what it
// sends is bounded by callers that look at pending(). It knows nothing of streams: its Handler
// does. No connection holds the others up: it hands over kPacketsPerTurn packets, then the others
// have their turn. All calls and callbacks on the thread of the io_context. Owned by shared_ptr;
// lives on until its last asynchronous operation has ended, and calls its handler no more after
// OnClosed or Detach.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proto/soupbintcp.h"

namespace tandem::engine {

/// How long a connection waits for its peer, looked at once a heartbeat, and how much a port takes.
/// Tests take other ones.
struct ConnectionLimits {
  std::chrono::milliseconds heartbeat{proto::soup::kHeartbeatMs};  ///< of our own silence
  std::chrono::milliseconds silence{proto::soup::kPeerDeadMs};     ///< of a peer that is gone
  std::chrono::milliseconds login{10'000};                         ///< until a login is accepted
  std::chrono::milliseconds slow{60'000};    ///< for the peer to take what one write holds
  std::chrono::milliseconds linger{2'000};   ///< for the peer to read why we close
  std::chrono::milliseconds backoff{2'000};  ///< longest wait of a client before it connects again
  std::size_t clients = 1024;                ///< connections of a port for submissions
  std::size_t readers = 256;                 ///< connections of a port that serves a stream
  std::size_t per_address = 0;               ///< of them from one address; 0: half of either
  double rate = 0;                           ///< submissions a second of one user; 0: no limit
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Side { kServer, kClient };

  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnPacket(const proto::soup::Packet& packet) = 0;
    /// All packets that one read brought have been handed over.
    virtual void OnBatchEnd() {}
    /// What was sent is on its way; there is room for more.
    virtual void OnWritable() {}
    /// `why` is a sentence for the operator. The last call.
    virtual void OnClosed(const std::string& why) = 0;
  };

  /// Whoever sends without end waits for OnWritable while this much is pending.
  static constexpr std::size_t kSendAhead = 256u << 10;
  /// Holds the largest packet and then some.
  static constexpr std::size_t kReceiveBufferSize = 256u << 10;
  /// Of a server for a client that has not logged in: a login, and some debug text before it.
  static constexpr std::size_t kLoginBufferSize = 4u << 10;
  /// Handed over before others get their turn.
  static constexpr std::size_t kPacketsPerTurn = 2048;

  Connection(boost::asio::ip::tcp::socket socket, Side side, const ConnectionLimits& limits);

  /// `handler` outlives the connection or calls Detach.
  void Start(Handler& handler);
  void Detach() { handler_ = nullptr; }
  /// A login was accepted, by us or by the peer: the limit for it is off.
  void LoggedIn() { logged_in_ = true; }

  /// Buffers a packet; it leaves with the next Flush.
  void Send(proto::soup::PacketType type, std::span<const std::byte> payload);
  void Send(proto::soup::PacketType type, std::string_view text = {});
  /// Whole packets, as AppendPacket makes them.
  void SendPackets(std::span<const std::byte> packets);
  void Flush();
  /// Bytes that the socket has not taken yet.
  [[nodiscard]] std::size_t pending() const { return filling_.size() + writing_.size() - written_; }

  /// No packet is handed over after the one in hand, and nothing is read, until ResumeReading.
  void PauseReading() { reading_paused_ = true; }
  void ResumeReading();

  /// Sends what is buffered and leaves the peer time to read it; what it still sends is dropped.
  /// OnClosed follows.
  void CloseAfterSending(std::string why);
  void Close(std::string why);
  /// Packets come and go: it neither is closed nor will be.
  [[nodiscard]] bool open() const { return !closed_ && closing_why_.empty(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const boost::asio::ip::address& address() const { return address_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Read();
  /// Hands over what has been received, as much as one turn allows.
  void HandOver();
  void HandOverSoon();
  /// True if the buffer is full of a packet that is none before a login; answers it.
  bool RefuseLongLogin();
  /// Closes with one of the limits that a peer has exceeded; false: it has not.
  bool CloseIfLate(Clock::time_point now);
  void Write();
  void OnWritten();
  void OnWritingFailed(const std::string& why);
  void Watch();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  Side side_;
  ConnectionLimits limits_;
  Handler* handler_ = nullptr;
  std::string peer_;
  boost::asio::ip::address address_;  ///< of the peer
  std::vector<std::byte> received_;
  std::size_t received_size_ = 0;
  std::size_t handed_over_ = 0;     ///< of them
  std::vector<std::byte> filling_;  ///< to be sent after `writing_`
  std::vector<std::byte> writing_;
  std::size_t written_ = 0;  ///< of `writing_`
  Clock::time_point started_;
  Clock::time_point last_received_;
  Clock::time_point packet_since_;   ///< when the first bytes of an unfinished packet came
  Clock::time_point writing_since_;  ///< when `writing_` was filled
  Clock::time_point last_sent_;      ///< when the socket last took something or had nothing to take
  Clock::time_point closing_since_;
  std::string closing_why_;  ///< not empty: nothing more is sent, and soon it is closed
  bool logged_in_ = false;
  bool is_reading_ = false;  ///< a read is under way, or a turn
  bool reading_paused_ = false;
  bool packet_is_unfinished_ = false;
  bool closed_ = false;
};

}  // namespace tandem::engine
