// SPDX-License-Identifier: Apache-2.0
//
// A role that is given one port for two things would find it taken by itself, or read itself.
#pragma once

#include <string>

#include "engine/transport/listener.h"

namespace tandem::tools {

/// An error if `a` and `b`, the values of these options, name one port. Port 0 is a new one each;
/// one without a host is not given.
[[nodiscard]] inline Status CheckTwoPorts(const std::string& option_a, const engine::Endpoint& a,
                                          const std::string& option_b, const engine::Endpoint& b) {
  const auto host = [](const engine::Endpoint& endpoint) {
    return endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  };
  const auto any = [](const engine::Endpoint& endpoint) {
    return endpoint.host == "0.0.0.0" || endpoint.host == "::";
  };
  if (a.host.empty() || b.host.empty()) return {};
  const int port = std::stoi(a.port);
  if (port == 0 || port != std::stoi(b.port)) return {};
  if (host(a) != host(b) && !any(a) && !any(b)) return {};
  return Error::BadInput(option_a + " and " + option_b + " are both port " + std::to_string(port) +
                         " of " + host(any(a) ? b : a) +
                         ": a port is for one thing; give two different ones");
}

}  // namespace tandem::tools
