// SPDX-License-Identifier: Apache-2.0
//
// Unsequenced data: a header with number 0 and a Protobuf payload, beside a stream or before it is
// sequenced. No digest.
#pragma once

#include <cstring>
#include <vector>

#include "engine/context.h"
#include "pools/ensure.h"
#include "proto/message.h"

namespace tandem::engine {

template <class T>
[[nodiscard]] std::vector<std::byte> UnsequencedMessage(const T& payload) {
  const std::size_t size = payload.ByteSizeLong();
  ENSURE(size <= proto::kMessageSizeMax, "an unsequenced message of %zu bytes", size);
  proto::Header header;
  header.type = TypeOf<T>();
  header.payload_size = static_cast<std::uint16_t>(size);
  std::vector<std::byte> message(sizeof header + size);
  std::memcpy(message.data(), &header, sizeof header);
  payload.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(message.data() + sizeof header));
  return message;
}

/// False if `message` is not a T.
template <class T>
[[nodiscard]] bool ParseUnsequenced(const proto::MessageView& message, T& payload) {
  const std::string_view text = message.payload_text();
  return message.header.type == TypeOf<T>() &&
         payload.ParseFromArray(text.data(), static_cast<int>(text.size()));
}

}  // namespace tandem::engine
