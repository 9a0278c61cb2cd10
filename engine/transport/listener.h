// SPDX-License-Identifier: Apache-2.0
//
// Listener: accepts TCP connections on one address and hands each socket over. Survives running out
// of file descriptors: it waits and goes on. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "pools/result.h"

namespace tandem::engine {

/// "127.0.0.1:9001" in parts.
struct Endpoint {
  std::string host;
  std::string port;
  [[nodiscard]] std::string text() const { return host + ":" + port; }
  bool operator==(const Endpoint&) const = default;
};

/// "HOST:PORT", ":PORT" or "PORT"; the host is 127.0.0.1 unless it is given.
[[nodiscard]] Result<Endpoint> ParseEndpoint(const std::string& text);

class Listener {
 public:
  using OnSocket = std::function<void(boost::asio::ip::tcp::socket)>;

  Listener(boost::asio::io_context& context, OnSocket on_socket);

  /// An error if the address cannot be had, for example because the port is in use. Who connects
  /// waits for Accept.
  Status Listen(const Endpoint& endpoint);
  /// Takes those who connect from now on, and those who wait. Once, after Listen.
  void Accept();
  void Close();

  [[nodiscard]] std::uint16_t port() const { return port_; }  ///< as bound

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  OnSocket on_socket_;
  std::uint16_t port_ = 0;
};

}  // namespace tandem::engine
