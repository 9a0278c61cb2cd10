// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <boost/asio/ip/multicast.hpp>

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::address_v4;
using asio::ip::udp;
using boost::system::error_code;

namespace {

/// What a burst may bring while we do something else; the system may give less.
constexpr int kReceiveBufferBytes = 8 << 20;

/// The address of an interface, given as one or by its name.
Result<address_v4> InterfaceAddress(const std::string& interface) {
  if (interface.empty()) return address_v4::loopback();
  error_code error;
  const address_v4 address = asio::ip::make_address_v4(interface, error);
  if (!error) return address;
  ifaddrs* all = nullptr;
  std::optional<address_v4> found;
  if (::getifaddrs(&all) == 0) {
    for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next) {
      if (interface != one->ifa_name || one->ifa_addr == nullptr) continue;
      if (one->ifa_addr->sa_family != AF_INET) continue;
      found =
          address_v4(ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr));
    }
    ::freeifaddrs(all);
  }
  if (found) return *found;
  return Error::BadInput("this host has no interface \"" + interface +
                         "\" with an IPv4 address; `ip address` lists them");
}

Error CannotUse(const std::string& what, const error_code& error, const std::string& advice) {
  return Error::Failure("cannot use " + what + ": " + error.message() + "; " + advice);
}

}  // namespace

Result<MoldLine> ParseMoldLine(const std::string& text) {
  const std::size_t at = text.find('@');
  const auto endpoint = ParseEndpoint(text.substr(0, at));
  const bool is_whole = at == std::string::npos || at + 1 < text.size();
  if (!endpoint || !is_whole || text.find(':') == std::string::npos || endpoint->port == "0") {
    return Error::BadInput("\"" + text +
                           "\" is no line; write GROUP:PORT or GROUP:PORT@INTERFACE, as in "
                           "239.1.1.1:9101@eth0");
  }
  return MoldLine{.to = *endpoint, .interface = at == std::string::npos ? "" : text.substr(at + 1)};
}

Result<udp::endpoint> ResolveUdp(asio::io_context& context, const Endpoint& endpoint) {
  error_code error;
  udp::resolver resolver(context);
  const auto found = resolver.resolve(udp::v4(), endpoint.host, endpoint.port, error);
  if (error) return CannotUse(endpoint.text(), error, "give an IPv4 address and a port");
  return found.begin()->endpoint();
}

Result<udp::socket> OpenSender(asio::io_context& context, const MoldLine& line, int hops,
                               udp::endpoint* to) {
  const auto resolved = ResolveUdp(context, line.to);
  if (!resolved) return resolved.error();
  *to = *resolved;
  const auto interface = InterfaceAddress(line.interface);
  if (!interface) return interface.error();
  udp::socket socket(context);
  error_code error;
  socket.open(udp::v4(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error && to->address().is_multicast()) {
    socket.set_option(asio::ip::multicast::outbound_interface(*interface), error);
    if (!error) socket.set_option(asio::ip::multicast::hops(hops), error);
    if (!error) socket.set_option(asio::ip::multicast::enable_loopback(true), error);
  } else if (!error && !line.interface.empty()) {
    socket.bind({*interface, 0}, error);
  }
  if (error) return CannotUse(line.text(), error, "choose another interface");
  return socket;
}

Result<udp::socket> OpenReceiver(asio::io_context& context, const MoldLine& line) {
  const auto resolved = ResolveUdp(context, line.to);
  if (!resolved) return resolved.error();
  const auto interface = InterfaceAddress(line.interface);
  if (!interface) return interface.error();
  const bool is_group = resolved->address().is_multicast();
  udp::socket socket(context);
  error_code error;
  socket.open(udp::v4(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error && is_group) socket.set_option(udp::socket::reuse_address(true), error);
  if (!error) socket.bind(*resolved, error);
  if (!error && is_group) {
    socket.set_option(asio::ip::multicast::join_group(resolved->address().to_v4(), *interface),
                      error);
  }
  if (error) {
    return CannotUse(line.text(), error,
                     is_group ? "check the group and the interface"
                              : "give a multicast group, or an address and port of this host that "
                                "nobody else has");
  }
  error_code ignored;
  socket.set_option(udp::socket::receive_buffer_size(kReceiveBufferBytes), ignored);
  return socket;
}

Result<udp::socket> OpenUdp(asio::io_context& context, const Endpoint& endpoint) {
  const auto resolved = ResolveUdp(context, endpoint);
  if (!resolved) return resolved.error();
  udp::socket socket(context);
  error_code error;
  socket.open(udp::v4(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error) socket.bind(*resolved, error);
  if (error) {
    return CannotUse(endpoint.text(), error,
                     "stop the process that has the port or choose another one");
  }
  return socket;
}

}  // namespace tandem::engine
