// SPDX-License-Identifier: Apache-2.0
//
// SoupBinTCP 3.00 packets (Nasdaq, "SoupBinTCP Version 3.00"): a big-endian u16 length that counts
// type and payload, a type byte, the payload. Codec only: no socket, no clock. docs/wire.md says
// how Tandem uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::proto::soup {

enum class PacketType : char {
  kDebug = '+',            // both ways: text for a person
  kLoginAccepted = 'A',    // server
  kLoginRejected = 'J',    // server
  kSequenced = 'S',        // server
  kServerHeartbeat = 'H',  // server
  kEndOfSession = 'Z',     // server
  kLoginRequest = 'L',     // client
  kClientHeartbeat = 'R',  // client
  kLogout = 'O',           // client
  kUnsequenced = 'U',      // both ways
};

constexpr std::size_t kPrefixSize = 3;          ///< length and type
constexpr std::size_t kPayloadSizeMax = 65534;  ///< what the length field can say, less the type
constexpr std::int64_t kHeartbeatMs = 1'000;    ///< send one after this much silence of our own
constexpr std::int64_t kPeerDeadMs = 15'000;    ///< a peer this silent is gone

struct Packet {
  PacketType type;
  std::span<const std::byte> payload;
};

/// What the bytes received so far begin with.
struct Framed {
  std::optional<Packet> packet;  ///< null: more bytes are needed
  std::size_t size = 0;          ///< bytes that the packet takes; drop them before the next call
};

/// Null if the bytes cannot be SoupBinTCP: a length of zero.
[[nodiscard]] std::optional<Framed> NextPacket(std::span<const std::byte> received);

/// Appends a packet to `to`. `payload` is at most kPayloadSizeMax.
void AppendPacket(std::vector<std::byte>& to, PacketType type, std::span<const std::byte> payload);
void AppendPacket(std::vector<std::byte>& to, PacketType type, std::string_view text = {});

struct LoginRequest {
  std::string user;          ///< up to 6 characters
  std::string password;      ///< up to 10
  std::string session;       ///< up to 10; empty: the current one
  std::uint64_t number = 0;  ///< the next number wanted; 0: begin with the most recent
};

struct LoginAccepted {
  std::string session;
  std::uint64_t number = 0;  ///< of the first sequenced packet that follows
};

enum class RejectReason : char {
  kNotAuthorised = 'A',
  kSessionNotAvailable = 'S',
};

[[nodiscard]] std::string Encode(const LoginRequest& login);
[[nodiscard]] std::string Encode(const LoginAccepted& accepted);

/// Null if the payload is not one: wrong size, or a number that is not one.
[[nodiscard]] std::optional<LoginRequest> ParseLoginRequest(std::span<const std::byte> payload);
[[nodiscard]] std::optional<LoginAccepted> ParseLoginAccepted(std::span<const std::byte> payload);

}  // namespace tandem::proto::soup
