// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/listener.h"

#include <charconv>

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Result<Endpoint> ParseEndpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Endpoint endpoint{.host = "127.0.0.1", .port = text};
  if (colon != std::string::npos) {
    if (colon > 0) endpoint.host = text.substr(0, colon);
    endpoint.port = text.substr(colon + 1);
  }
  // An IPv6 address has colons of its own, so it stands in brackets.
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  unsigned port = 0;
  const char* const end = endpoint.port.data() + endpoint.port.size();
  const auto parsed = std::from_chars(endpoint.port.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port > 65535) {
    return Error::BadInput("\"" + text +
                           "\" is not an address; write HOST:PORT, as in 127.0.0.1:9001");
  }
  return endpoint;
}

Listener::Listener(asio::io_context& context, OnSocket on_socket)
    : acceptor_(context), retry_(context), on_socket_(std::move(on_socket)) {}

Status Listener::Listen(const Endpoint& endpoint) {
  error_code error;
  const auto fail = [&] {
    return Error::Failure("cannot listen on " + endpoint.text() + ": " + error.message() +
                          (error == asio::error::address_in_use
                               ? "; stop the process that has the port or choose another one"
                               : "; choose another address"));
  };
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(endpoint.host, endpoint.port, error);
  if (error) return fail();
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor_.open(address.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(address, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) return fail();
  return {};
}

void Listener::Close() {
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

void Listener::Accept() {
  acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (!error) {
      on_socket_(std::move(socket));
      return Accept();
    }
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](const error_code& aborted) {
      if (!aborted) Accept();
    });
  });
}

}  // namespace tandem::engine
