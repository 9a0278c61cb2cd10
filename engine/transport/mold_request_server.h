// SPDX-License-Identifier: Apache-2.0
//
// MoldRequestServer: answers MoldUDP64 requests from a stream's history: each with one packet, of
// as many of the messages asked for as fit; with a heartbeat if there is none yet from that number
// on; with nothing if it is malformed, of another session, before the log begins, or above the
// limits of MoldAnswerLimit. On the thread of the io_context.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <optional>

#include "engine/transport/listener.h"
#include "engine/transport/mold_answer_limit.h"
#include "engine/transport/mold_history.h"
#include "pools/result.h"
#include "proto/moldudp64.h"

namespace tandem::engine {

class MoldRequestServer {
 public:
  MoldRequestServer(boost::asio::io_context& context, std::size_t packet_size);

  Status Listen(const Endpoint& endpoint);
  /// `history` outlives the server or is followed by another one. Nothing is answered before.
  void Serve(MoldHistory* history, proto::Session session);
  /// Messages up to `number` may be asked for.
  void Publish(std::uint64_t number) { published_ = number; }
  void Close();

  [[nodiscard]] std::uint16_t port() const { return port_; }  ///< as bound; 0: it does not listen
  [[nodiscard]] std::uint64_t answers() const { return answers_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }  ///< above the limits
  [[nodiscard]] std::uint64_t ignored() const { return ignored_; }  ///< not for us, or no request

 private:
  void Wait();
  void OnReadable();
  void Answer(std::span<const std::byte> request, const boost::asio::ip::udp::endpoint& from);
  /// Fills the packer from `header.number` on. False: nothing can be had.
  bool Pack(const proto::mold::PacketHeader& header, std::int64_t now_ns);
  void Send(std::span<const std::byte> packet, const boost::asio::ip::udp::endpoint& to);

  boost::asio::ip::udp::socket socket_;
  std::size_t packet_size_;
  std::array<std::byte, 64> received_;  ///< a request has 20 bytes
  MoldHistory* history_ = nullptr;
  proto::Session session_;
  std::optional<proto::mold::Packer> packer_;
  std::uint64_t published_ = 0;
  MoldAnswerLimit limit_;
  std::uint16_t port_ = 0;
  std::uint64_t answers_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t ignored_ = 0;
};

}  // namespace tandem::engine
