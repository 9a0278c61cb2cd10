// SPDX-License-Identifier: Apache-2.0
//
// MoldUDP64: any bytes are one packet or none, and a packet comes back as it was.
#include <algorithm>
#include <vector>

#include "pools/ensure.h"
#include "proto/moldudp64.h"

using namespace tandem::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto request = mold::ParseRequest(bytes)) {
    ENSURE(std::ranges::equal(mold::Encode(*request), bytes), "another request");
  }
  auto packet = mold::ParsePacket(bytes);
  if (!packet) return 0;
  if (!packet->header.has_messages()) {
    ENSURE(std::ranges::equal(mold::Encode(packet->header), bytes), "another heartbeat");
    return 0;
  }
  if (size > mold::kPacketSizeMax) return 0;
  mold::Packer packer(packet->header.session, mold::kPacketSizeMax);
  for (std::uint16_t i = 0; i < packet->header.count; ++i) {
    ENSURE(packer.Add(packet->header.number + i, packet->TakeMessage()), "message %d", i);
  }
  ENSURE(packet->blocks.empty(), "%zu bytes are left", packet->blocks.size());
  ENSURE(std::ranges::equal(packer.Finish(), bytes), "another packet");
  return 0;
}
