// SPDX-License-Identifier: Apache-2.0
//
// Where MoldUDP64 packets go: the sockets of lines and of requests. IPv4. Any thread. In no header
// that a role includes: the simulated network has no UDP.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "engine/transport/mold_line.h"
#include "pools/result.h"

namespace tandem::engine {

[[nodiscard]] Result<boost::asio::ip::udp::endpoint> ResolveUdp(boost::asio::io_context& context,
                                                                const Endpoint& endpoint);

/// A socket that does not block, connected to nothing, from which packets go out by the line's
/// interface; `to`: where they are to be sent.
[[nodiscard]] Result<boost::asio::ip::udp::socket> OpenSender(boost::asio::io_context& context,
                                                              const MoldLine& line, int hops,
                                                              boost::asio::ip::udp::endpoint* to);

/// A socket that does not block, and receives the packets of the line. Several processes of a host
/// may receive one group.
[[nodiscard]] Result<boost::asio::ip::udp::socket> OpenReceiver(boost::asio::io_context& context,
                                                                const MoldLine& line);

/// A socket that does not block, bound to `endpoint`.
[[nodiscard]] Result<boost::asio::ip::udp::socket> OpenUdp(boost::asio::io_context& context,
                                                           const Endpoint& endpoint);

}  // namespace tandem::engine
