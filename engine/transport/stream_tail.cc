// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_tail.h"

#include <algorithm>
#include <cstring>

#include "engine/context.h"
#include "pools/ensure.h"
#include "proto/soupbintcp.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

using proto::soup::PacketType;

void StreamTail::Append(std::span<const std::byte> message) {
  proto::Header header;
  ENSURE(message.size() >= sizeof header, "a message of %zu bytes", message.size());
  std::memcpy(&header, message.data(), sizeof header);
  if (header.number != first_ + ends_.size()) {
    first_ = header.number;
    packets_.clear();
    ends_.clear();
  }
  if (packets_.size() >= 2 * kBytes) DropOldHalf();
  AppendPacket(packets_, PacketType::kSequenced, message);
  if (header.type == TypeOf<pb::EndOfSession>()) {
    AppendPacket(packets_, PacketType::kEndOfSession);
  }
  ends_.push_back(static_cast<std::uint32_t>(packets_.size()));
}

void StreamTail::DropOldHalf() {
  const auto middle = std::upper_bound(ends_.begin(), ends_.end(), packets_.size() - kBytes) - 1;
  const std::uint32_t dropped = *middle;
  first_ += static_cast<std::uint64_t>(middle + 1 - ends_.begin());
  packets_.erase(packets_.begin(), packets_.begin() + dropped);
  ends_.erase(ends_.begin(), middle + 1);
  for (std::uint32_t& end : ends_) end -= dropped;
}

std::span<const std::byte> StreamTail::Packets(std::uint64_t number, std::uint64_t last,
                                               std::size_t bytes_max, std::uint64_t& next) const {
  const std::size_t from = static_cast<std::size_t>(number - first_);
  const std::size_t begin = from == 0 ? 0 : ends_[from - 1];
  const auto stop = ends_.begin() + static_cast<std::ptrdiff_t>(
                                        std::min<std::uint64_t>(last - first_ + 1, ends_.size()));
  const auto after = ends_.begin() + static_cast<std::ptrdiff_t>(from) + 1;
  const auto end = std::max(after, std::upper_bound(after, stop, begin + bytes_max));
  next = first_ + static_cast<std::uint64_t>(end - ends_.begin());
  return std::span(packets_).subspan(begin, *(end - 1) - begin);
}

}  // namespace tandem::engine
