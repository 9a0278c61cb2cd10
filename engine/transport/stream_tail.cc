// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_tail.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/context.h"
#include "pools/ensure.h"
#include "proto/soupbintcp.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

using proto::soup::PacketType;

void StreamTail::Half::BeginAt(std::uint64_t number) {
  first = number;
  packets.clear();
  ends.clear();
}

void StreamTail::Append(std::span<const std::byte> message) {
  proto::Header header;
  ENSURE(message.size() >= sizeof header, "a message of %zu bytes", message.size());
  std::memcpy(&header, message.data(), sizeof header);
  if (header.number != newer_.end()) {
    older_.BeginAt(header.number);
    newer_.BeginAt(header.number);
  } else if (newer_.packets.size() >= kBytes) {
    std::swap(older_, newer_);
    newer_.BeginAt(header.number);
  }
  AppendPacket(newer_.packets, PacketType::kSequenced, message);
  if (header.type == TypeOf<pb::EndOfSession>()) {
    AppendPacket(newer_.packets, PacketType::kEndOfSession);
  }
  newer_.ends.push_back(static_cast<std::uint32_t>(newer_.packets.size()));
}

std::span<const std::byte> StreamTail::Packets(std::uint64_t number, std::uint64_t last,
                                               std::size_t bytes_max, std::uint64_t& next) const {
  const Half& half = number < newer_.first ? older_ : newer_;
  const std::size_t from = static_cast<std::size_t>(number - half.first);
  const std::size_t begin = from == 0 ? 0 : half.ends[from - 1];
  const std::uint64_t count = std::min<std::uint64_t>(last - half.first + 1, half.ends.size());
  const auto stop = half.ends.begin() + static_cast<std::ptrdiff_t>(count);
  const auto after = half.ends.begin() + static_cast<std::ptrdiff_t>(from) + 1;
  const auto end = std::max(after, std::upper_bound(after, stop, begin + bytes_max));
  next = half.first + static_cast<std::uint64_t>(end - half.ends.begin());
  return std::span(half.packets).subspan(begin, *(end - 1) - begin);
}

}  // namespace tandem::engine
