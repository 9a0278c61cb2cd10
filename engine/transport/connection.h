// SPDX-License-Identifier: Apache-2.0
//
// One SoupBinTCP connection over TCP, either side: frames packets, keeps heartbeats, notices a dead
// peer, bounds what it buffers. It knows nothing of logins or streams: its Handler does.
// All calls and callbacks on the thread of the io_context. Owned by shared_ptr; lives on until its
// last asynchronous operation has ended, and calls its handler no more after OnClosed or Detach.
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

  /// A peer that does not read makes us buffer this much, then Send must wait for OnWritable.
  static constexpr std::size_t kSendBufferMax = 4u << 20;
  static constexpr std::size_t kReceiveBufferSize = 256u << 10;

  Connection(boost::asio::ip::tcp::socket socket, Side side);

  /// `handler` outlives the connection or calls Detach.
  void Start(Handler& handler);
  void Detach() { handler_ = nullptr; }

  /// Buffers a packet; it leaves with the next Flush.
  void Send(proto::soup::PacketType type, std::span<const std::byte> payload);
  void Send(proto::soup::PacketType type, std::string_view text = {});
  void Flush();
  /// Bytes that the socket has not taken yet.
  [[nodiscard]] std::size_t pending() const { return filling_.size() + writing_.size(); }
  [[nodiscard]] bool can_send() const { return pending() < kSendBufferMax && !closed_; }

  void PauseReading() { reading_paused_ = true; }
  void ResumeReading();

  /// Sends what is buffered, then closes. OnClosed follows.
  void CloseAfterSending(std::string why);
  void Close(std::string why);
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Read();
  void OnRead(std::size_t size);
  void OnWritten();
  void Watch();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  Side side_;
  Handler* handler_ = nullptr;
  std::string peer_;
  std::vector<std::byte> received_;
  std::size_t received_size_ = 0;
  std::vector<std::byte> filling_;  ///< to be sent after `writing_`
  std::vector<std::byte> writing_;
  Clock::time_point last_received_;
  Clock::time_point last_sent_;
  std::string closing_why_;  ///< not empty: close once all is sent
  bool is_reading_ = false;
  bool reading_paused_ = false;
  bool closed_ = false;
};

}  // namespace tandem::engine
