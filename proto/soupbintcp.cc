// SPDX-License-Identifier: Apache-2.0
#include "proto/soupbintcp.h"

#include <charconv>

#include "pools/ensure.h"

namespace tandem::proto::soup {

namespace {

constexpr std::size_t kUserSize = 6;
constexpr std::size_t kPasswordSize = 10;
constexpr std::size_t kSessionSize = 10;
constexpr std::size_t kNumberSize = 20;

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

void AppendLeft(std::string& to, std::string_view text, std::size_t size) {
  ENSURE(text.size() <= size, "a field of %zu characters where %zu fit", text.size(), size);
  to.append(text).append(size - text.size(), ' ');
}

void AppendRight(std::string& to, std::string_view text, std::size_t size) {
  ENSURE(text.size() <= size, "a field of %zu characters where %zu fit", text.size(), size);
  to.append(size - text.size(), ' ').append(text);
}

/// A field of blanks stands for 0.
std::optional<std::uint64_t> ParseNumber(std::string_view field) {
  const std::string_view text = Trim(field);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && (error != std::errc() || end != text.data() + text.size())) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::optional<Framed> NextPacket(std::span<const std::byte> received) {
  if (received.size() < kPrefixSize) {
    const bool is_zero_length =
        received.size() == 2 && received[0] == std::byte{0} && received[1] == std::byte{0};
    if (is_zero_length) return std::nullopt;
    return Framed{};
  }
  const std::size_t length =
      std::to_integer<std::size_t>(received[0]) << 8 | std::to_integer<std::size_t>(received[1]);
  if (length == 0) return std::nullopt;
  if (received.size() < 2 + length) return Framed{};
  return Framed{.packet = Packet{.type = static_cast<PacketType>(received[2]),
                                 .payload = received.subspan(kPrefixSize, length - 1)},
                .size = 2 + length};
}

void AppendPacket(std::vector<std::byte>& to, PacketType type, std::span<const std::byte> payload) {
  ENSURE(payload.size() <= kPayloadSizeMax, "a packet of %zu bytes", payload.size());
  const std::size_t length = payload.size() + 1;
  const std::byte prefix[kPrefixSize] = {std::byte(length >> 8), std::byte(length & 0xff),
                                         std::byte(type)};
  to.insert(to.end(), prefix, prefix + kPrefixSize);
  to.insert(to.end(), payload.begin(), payload.end());
}

void AppendPacket(std::vector<std::byte>& to, PacketType type, std::string_view text) {
  AppendPacket(to, type, std::as_bytes(std::span(text)));
}

std::string Encode(const LoginRequest& login) {
  std::string payload;
  AppendLeft(payload, login.user, kUserSize);
  AppendLeft(payload, login.password, kPasswordSize);
  AppendRight(payload, login.session, kSessionSize);
  AppendRight(payload, std::to_string(login.number), kNumberSize);
  return payload;
}

std::string Encode(const LoginAccepted& accepted) {
  std::string payload;
  AppendRight(payload, accepted.session, kSessionSize);
  AppendRight(payload, std::to_string(accepted.number), kNumberSize);
  return payload;
}

std::optional<LoginRequest> ParseLoginRequest(std::span<const std::byte> payload) {
  if (payload.size() != kUserSize + kPasswordSize + kSessionSize + kNumberSize) return std::nullopt;
  const std::string_view text = Text(payload);
  const auto number = ParseNumber(text.substr(kUserSize + kPasswordSize + kSessionSize));
  if (!number) return std::nullopt;
  return LoginRequest{
      .user = std::string(Trim(text.substr(0, kUserSize))),
      .password = std::string(Trim(text.substr(kUserSize, kPasswordSize))),
      .session = std::string(Trim(text.substr(kUserSize + kPasswordSize, kSessionSize))),
      .number = *number};
}

std::optional<LoginAccepted> ParseLoginAccepted(std::span<const std::byte> payload) {
  if (payload.size() != kSessionSize + kNumberSize) return std::nullopt;
  const std::string_view text = Text(payload);
  const auto number = ParseNumber(text.substr(kSessionSize));
  if (!number) return std::nullopt;
  return LoginAccepted{.session = std::string(Trim(text.substr(0, kSessionSize))),
                       .number = *number};
}

}  // namespace tandem::proto::soup
