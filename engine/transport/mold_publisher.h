// SPDX-License-Identifier: Apache-2.0
//
// MoldPublisher: sends messages as MoldUDP64 packets on every one of its lines: as many in a packet
// as are ready and fit, never waiting for more; a heartbeat after 100 ms of silence; after the end
// of the session, that in its place. A packet that a socket does not take is lost on that line, and
// readers request it again. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/transport/mold_address.h"
#include "proto/message.h"
#include "proto/moldudp64.h"

namespace tandem::engine {

class MoldPublisher {
 public:
  static constexpr std::chrono::milliseconds kHeartbeatInterval{100};

  MoldPublisher(boost::asio::io_context& context, std::size_t packet_size);

  Status Open(const std::vector<MoldLine>& lines, int hops);
  /// Message `next` is the next one to be added. Heartbeats go out from now on.
  /// Again if the end of the stream was taken back.
  void Begin(proto::Session session, std::uint64_t next);
  /// The next message, which fits.
  void Add(const proto::MessageView& message);
  /// Sends what is left.
  void Flush();
  void Close();

  [[nodiscard]] std::uint64_t packets() const { return packets_; }    ///< on each line
  [[nodiscard]] std::uint64_t not_sent() const { return not_sent_; }  ///< refused by a socket

 private:
  struct Line {
    std::string text;
    boost::asio::ip::udp::socket socket;
    boost::asio::ip::udp::endpoint to;
    bool fails = false;
  };

  void SendPacket();
  void Send(std::span<const std::byte> packet);
  void BeatLater();

  std::size_t packet_size_;
  std::vector<Line> lines_;
  boost::asio::steady_timer timer_;
  std::optional<proto::mold::Packer> packer_;
  proto::Session session_;
  std::uint64_t next_ = 0;
  bool ended_ = false;
  bool was_silent_ = true;  ///< since the last heartbeat
  std::uint64_t packets_ = 0;
  std::uint64_t not_sent_ = 0;
};

}  // namespace tandem::engine
