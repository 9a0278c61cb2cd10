// SPDX-License-Identifier: Apache-2.0
//
// MoldUDP64 1.00 packets (Nasdaq, "MoldUDP64 Protocol Specification V 1.00"): a header of session,
// sequence number of the first message and message count, then each message behind its length. All
// integers big-endian. Codec only: no socket, no clock. docs/wire.md says how Tandem uses it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/header.h"

namespace tandem::proto::mold {

constexpr std::size_t kHeaderSize = 20;
constexpr std::size_t kBlockPrefixSize = 2;       ///< the length before each message
constexpr std::size_t kPacketSizeDefault = 1400;  ///< what any network carries in one piece
constexpr std::size_t kPacketSizeMax = 65507;     ///< what a UDP packet over IPv4 can hold
constexpr std::uint16_t kHeartbeat = 0;           ///< as a count: no message
constexpr std::uint16_t kEndOfSession = 0xffff;   ///< as a count: no message, and none will follow
constexpr std::uint16_t kCountMax = 0xfffe;

/// Bytes of a packet with one message of this size.
[[nodiscard]] constexpr std::size_t PacketSizeFor(std::size_t message_size) {
  return kHeaderSize + kBlockPrefixSize + message_size;
}
static_assert(PacketSizeFor(kMessageSizeMaxDefault) <= kPacketSizeDefault);

/// Begins a downstream packet, and is all of a request.
struct PacketHeader {
  Session session;
  /// Of the first message; without messages: of the next one to come; in a request: the first one
  /// that is wanted.
  std::uint64_t number = 0;
  std::uint16_t count = 0;  ///< messages in it; in a request: messages that are wanted

  [[nodiscard]] bool has_messages() const { return count != kHeartbeat && count != kEndOfSession; }
  bool operator==(const PacketHeader&) const = default;
};

[[nodiscard]] std::array<std::byte, kHeaderSize> Encode(const PacketHeader& header);

/// Null if the bytes are not exactly one request: 20 bytes.
[[nodiscard]] std::optional<PacketHeader> ParseRequest(std::span<const std::byte> bytes);

/// A downstream packet whose lengths were checked. Looks at bytes that somebody else owns.
struct Packet {
  PacketHeader header;
  std::span<const std::byte> blocks;  ///< after the header

  /// Takes the next message off `blocks`. Call it `header.count` times if it has messages.
  std::span<const std::byte> TakeMessage();
};

/// Null unless the bytes are exactly one packet: as many messages as its count says, whole, and
/// nothing behind them; no number past the last one that 64 bits hold.
[[nodiscard]] std::optional<Packet> ParsePacket(std::span<const std::byte> bytes);

/// Fills one downstream packet after another. One thread.
class Packer {
 public:
  /// `packet_size_max`: of the whole packet, from kHeaderSize to kPacketSizeMax.
  Packer(Session session, std::size_t packet_size_max);

  /// False if the packet in hand has no room, or `number` does not follow what is in it: send it,
  /// Clear, and add again.
  [[nodiscard]] bool Add(std::uint64_t number, std::span<const std::byte> message);
  /// True if a packet can hold a message of this size.
  [[nodiscard]] bool Fits(std::size_t message_size) const {
    return PacketSizeFor(message_size) <= packet_size_max_;
  }
  [[nodiscard]] std::uint16_t count() const { return header_.count; }
  /// The packet in hand; not to be asked for while it is empty. Valid until Add or Clear.
  [[nodiscard]] std::span<const std::byte> Finish();
  void Clear();

 private:
  std::size_t packet_size_max_;
  PacketHeader header_;
  std::vector<std::byte> bytes_;
};

}  // namespace tandem::proto::mold
