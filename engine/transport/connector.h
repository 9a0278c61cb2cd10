// SPDX-License-Identifier: Apache-2.0
//
// Connector: resolves a server's address, connects, and tries again for ever, with backoff from
// 20 ms up. On the thread of the io_context, which is not run after the connector is gone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/transport/listener.h"

namespace tandem::engine {

class Connector {
 public:
  /// How a reason begins for which nobody was reached.
  static constexpr const char* kUnreachable = "it cannot be reached";

  /// `on_socket`: connected. `on_failure`: an attempt failed, another one follows by itself.
  Connector(boost::asio::io_context& context, Endpoint server,
            std::chrono::milliseconds backoff_max,
            std::function<void(boost::asio::ip::tcp::socket)> on_socket,
            std::function<void(const std::string& why)> on_failure);
  ~Connector() { Stop(); }

  /// Another server that is as good: after a failure the next one is tried, in turn. Before Start.
  void AddServer(Endpoint server) { servers_.push_back(std::move(server)); }
  void Start();
  void Stop();
  /// The connection has ended: make a new one. One that lasted is replaced soon.
  void ConnectAgain();

  /// The one that is tried or was reached.
  [[nodiscard]] const Endpoint& server() const { return servers_[current_]; }
  [[nodiscard]] std::size_t server_count() const { return servers_.size(); }
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Connect();
  void ConnectLater();
  void OnFailure(const boost::system::error_code& error);

  std::vector<Endpoint> servers_;
  std::size_t current_ = 0;
  std::size_t failures_ = 0;  ///< one after another
  std::function<void(boost::asio::ip::tcp::socket)> on_socket_;
  std::function<void(const std::string&)> on_failure_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket connecting_;
  boost::asio::steady_timer retry_;
  std::chrono::milliseconds backoff_max_;
  std::chrono::milliseconds backoff_;
  Clock::time_point connected_at_;
  bool stopped_ = true;
  std::uint64_t life_ = 0;  ///< from Start to Stop; what was begun in an earlier one is over
};

}  // namespace tandem::engine
