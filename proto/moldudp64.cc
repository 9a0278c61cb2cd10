// SPDX-License-Identifier: Apache-2.0
#include "proto/moldudp64.h"

#include <cstring>
#include <limits>

#include "pools/ensure.h"

namespace tandem::proto::mold {

namespace {

constexpr std::size_t kSessionSize = 10;
constexpr std::size_t kNumberAt = kSessionSize;
constexpr std::size_t kCountAt = kNumberAt + 8;
static_assert(kCountAt + 2 == kHeaderSize && sizeof(Session) == kSessionSize);

void Put(std::byte* to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = std::byte(value >> (8 * (size - 1 - i)) & 0xff);
}

std::uint64_t Get(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

PacketHeader ReadHeader(const std::byte* bytes) {
  PacketHeader header;
  std::memcpy(header.session.bytes.data(), bytes, kSessionSize);
  header.number = Get(bytes + kNumberAt, 8);
  header.count = static_cast<std::uint16_t>(Get(bytes + kCountAt, 2));
  return header;
}

}  // namespace

std::array<std::byte, kHeaderSize> Encode(const PacketHeader& header) {
  std::array<std::byte, kHeaderSize> bytes;
  std::memcpy(bytes.data(), header.session.bytes.data(), kSessionSize);
  Put(bytes.data() + kNumberAt, header.number, 8);
  Put(bytes.data() + kCountAt, header.count, 2);
  return bytes;
}

std::optional<PacketHeader> ParseRequest(std::span<const std::byte> bytes) {
  if (bytes.size() != kHeaderSize) return std::nullopt;
  return ReadHeader(bytes.data());
}

std::span<const std::byte> Packet::TakeMessage() {
  ENSURE(blocks.size() >= kBlockPrefixSize, "%zu bytes are left of a packet", blocks.size());
  const std::size_t size = Get(blocks.data(), kBlockPrefixSize);
  ENSURE(size <= blocks.size() - kBlockPrefixSize, "a message of %zu bytes", size);
  const auto message = blocks.subspan(kBlockPrefixSize, size);
  blocks = blocks.subspan(kBlockPrefixSize + size);
  return message;
}

std::optional<Packet> ParsePacket(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderSize) return std::nullopt;
  const Packet packet{.header = ReadHeader(bytes.data()), .blocks = bytes.subspan(kHeaderSize)};
  if (!packet.header.has_messages()) {
    return packet.blocks.empty() ? std::optional(packet) : std::nullopt;
  }
  if (packet.header.number > std::numeric_limits<std::uint64_t>::max() - packet.header.count) {
    return std::nullopt;
  }
  std::size_t left = packet.blocks.size();
  const std::byte* at = packet.blocks.data();
  for (std::uint16_t i = 0; i < packet.header.count; ++i) {
    if (left < kBlockPrefixSize) return std::nullopt;
    const std::size_t size = kBlockPrefixSize + Get(at, kBlockPrefixSize);
    if (left < size) return std::nullopt;
    left -= size;
    at += size;
  }
  return left == 0 ? std::optional(packet) : std::nullopt;
}

Packer::Packer(Session session, std::size_t packet_size_max) : packet_size_max_(packet_size_max) {
  ENSURE(packet_size_max >= kHeaderSize && packet_size_max <= kPacketSizeMax,
         "packets of %zu bytes", packet_size_max);
  header_.session = session;
  bytes_.reserve(packet_size_max);
  Clear();
}

bool Packer::Add(std::uint64_t number, std::span<const std::byte> message) {
  if (header_.count == 0) {
    header_.number = number;
  } else if (number != header_.number + header_.count || header_.count == kCountMax) {
    return false;
  }
  if (message.size() > packet_size_max_ ||
      bytes_.size() + kBlockPrefixSize + message.size() > packet_size_max_) {
    return false;
  }
  std::byte prefix[kBlockPrefixSize];
  Put(prefix, message.size(), kBlockPrefixSize);
  bytes_.insert(bytes_.end(), prefix, prefix + kBlockPrefixSize);
  bytes_.insert(bytes_.end(), message.begin(), message.end());
  ++header_.count;
  return true;
}

std::span<const std::byte> Packer::Finish() {
  ENSURE(header_.count > 0, "an empty packet was to be sent");
  const auto header = Encode(header_);
  std::memcpy(bytes_.data(), header.data(), header.size());
  return bytes_;
}

void Packer::Clear() {
  header_.count = 0;
  bytes_.resize(kHeaderSize);
}

}  // namespace tandem::proto::mold
