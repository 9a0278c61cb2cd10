// SPDX-License-Identifier: Apache-2.0
//
// SoupBinTCP: any bytes are packets or end the connection, and a packet comes back as it was.
#include <algorithm>
#include <vector>

#include "pools/ensure.h"
#include "proto/soupbintcp.h"

using namespace tandem::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto received = std::as_bytes(std::span(data, size));
  while (!received.empty()) {
    const auto framed = soup::NextPacket(received);
    if (!framed || !framed->packet) break;
    ENSURE(framed->size >= soup::kPrefixSize && framed->size <= received.size(), "%zu bytes",
           framed->size);
    const soup::Packet& packet = *framed->packet;
    std::vector<std::byte> again;
    soup::AppendPacket(again, packet.type, packet.payload);
    ENSURE(std::ranges::equal(again, received.first(framed->size)), "another packet");
    if (const auto login = soup::ParseLoginRequest(packet.payload)) {
      const std::string text = soup::Encode(*login);
      const auto same = soup::ParseLoginRequest(std::as_bytes(std::span(text)));
      ENSURE(same && same->user == login->user && same->session == login->session &&
                 same->number == login->number,
             "another login");
    }
    if (const auto accepted = soup::ParseLoginAccepted(packet.payload)) {
      const std::string text = soup::Encode(*accepted);
      const auto same = soup::ParseLoginAccepted(std::as_bytes(std::span(text)));
      ENSURE(same && same->number == accepted->number, "another answer");
    }
    received = received.subspan(framed->size);
  }
  return 0;
}
