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
  MessageView message{.header = {}, .bytes = bytes};
  std::memcpy(&message.header, bytes.data(), sizeof(Header));
  if (message.header.version != kHeaderVersion) return std::nullopt;
  if (bytes.size() != sizeof(Header) + message.header.payload_size) return std::nullopt;
  return message;
}

}  // namespace tandem::proto
