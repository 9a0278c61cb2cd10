// SPDX-License-Identifier: Apache-2.0
//
// A line of MoldUDP64, as a person writes it. No socket. Any thread.
#pragma once

#include <string>

#include "engine/transport/listener.h"
#include "pools/result.h"

namespace tandem::engine {

/// One line: the group and port of its packets, and the interface to send and receive them by. An
/// address that is no multicast group is one reader's: packets go to it alone.
struct MoldLine {
  Endpoint to;
  std::string interface;  ///< an address of this host or a name, as eth0; "": loopback
  [[nodiscard]] std::string text() const {
    return to.text() + (interface.empty() ? "" : "@" + interface);
  }
  bool operator==(const MoldLine&) const = default;
};

/// "GROUP:PORT[@INTERFACE]".
[[nodiscard]] Result<MoldLine> ParseMoldLine(const std::string& text);

/// How many routers a packet may pass, plus one.
constexpr int kMulticastHopsDefault = 1;

}  // namespace tandem::engine
