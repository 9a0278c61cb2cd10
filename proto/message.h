// SPDX-License-Identifier: Apache-2.0
//
// A message as it stands in a log or in a packet: header, then payload, in one piece.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "proto/header.h"

namespace tandem::proto {

/// Looks at a message that somebody else owns. The header is a copy, so the bytes may lie anywhere.
/// Valid as long as the bytes are. Any thread.
struct MessageView {
  MessageView() = default;
  MessageView(const Header& header_in, std::span<const std::byte> bytes_in)
      : header(header_in), bytes(bytes_in) {}

  Header header;
  std::span<const std::byte> bytes;  ///< header and payload

  [[nodiscard]] std::span<const std::byte> payload() const { return bytes.subspan(sizeof(Header)); }
  [[nodiscard]] std::string_view payload_text() const {
    return {reinterpret_cast<const char*>(bytes.data()) + sizeof(Header),
            bytes.size() - sizeof(Header)};
  }
};

/// Null if `bytes` is not exactly one message of this header version.
[[nodiscard]] inline std::optional<MessageView> ParseMessage(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Header)) return std::nullopt;
  // Checked where it lies: a header that was just copied and is copied again waits for the first.
  std::uint16_t payload_size;
  std::memcpy(&payload_size, bytes.data() + offsetof(Header, payload_size), sizeof payload_size);
  if (bytes[offsetof(Header, version)] != std::byte{kHeaderVersion} ||
      bytes.size() != sizeof(Header) + payload_size) {
    return std::nullopt;
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return std::optional<MessageView>(std::in_place, header, bytes);
}

/// a == b; std::ranges::equal compares bytes one at a time.
[[nodiscard]] inline bool SameBytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace tandem::proto
