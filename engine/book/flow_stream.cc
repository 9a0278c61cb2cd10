// SPDX-License-Identifier: Apache-2.0
#include "engine/book/flow_stream.h"

#include <cstring>

#include "pools/ensure.h"

namespace tandem::book {

std::span<const std::byte> FlowStream::Next(const FlowMessage& message) {
  ENSURE(message.payload.size() <= proto::kMessageSizeMaxDefault - sizeof(proto::Header),
         "a payload of %zu bytes", message.payload.size());
  proto::Header header;
  header.session = session_;
  header.type = message.type;
  header.payload_size = static_cast<std::uint16_t>(message.payload.size());
  header.flags = proto::kLast;
  header.number = position_.number + 1;
  header.time_ns = message.time_ns;
  header.origin = ++sent_[message.user];
  header.user = message.user;
  header.epoch = 1;
  bytes_.resize(sizeof header + message.payload.size());
  std::memcpy(bytes_.data(), &header, sizeof header);
  std::memcpy(bytes_.data() + sizeof header, message.payload.data(), message.payload.size());
  header.digest = proto::Digest(position_.digest, bytes_);
  std::memcpy(bytes_.data(), &header.digest, sizeof header.digest);
  position_ = {.number = header.number, .digest = header.digest};
  return bytes_;
}

}  // namespace tandem::book
