// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests that feed streams to steps: make the messages of a chained stream, show a message
// as one line of text so that whole lists are compared as text.
#pragma once

#include <google/protobuf/message.h>

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/context.h"
#include "pools/ensure.h"
#include "proto/digest.h"
#include "proto/message.h"

namespace tandem::test {

using Bytes = std::vector<std::byte>;

[[nodiscard]] inline proto::MessageView View(std::span<const std::byte> bytes) {
  const auto message = proto::ParseMessage(bytes);
  ENSURE(message.has_value(), "a test made %zu bytes that are no message", bytes.size());
  return *message;
}

/// Header and payload in one piece, payload_size filled in, the digest as the header has it.
[[nodiscard]] inline Bytes Join(proto::Header header, std::string_view payload = {}) {
  header.payload_size = static_cast<std::uint16_t>(payload.size());
  Bytes bytes(sizeof header + payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
  return bytes;
}

/// Join, then the digest that follows from `before`.
[[nodiscard]] inline Bytes Seal(proto::Header header, std::string_view payload,
                                std::uint64_t before) {
  Bytes bytes = Join(header, payload);
  const std::uint64_t digest = proto::Digest(before, bytes);
  std::memcpy(bytes.data(), &digest, sizeof digest);
  return bytes;
}

/// What a client sends: type, payload and its own number.
[[nodiscard]] inline Bytes Submission(std::uint64_t origin, std::uint16_t type,
                                      std::string_view payload = {}) {
  proto::Header header;
  header.type = type;
  header.origin = origin;
  return Join(header, payload);
}

template <std::derived_from<google::protobuf::Message> T>
[[nodiscard]] Bytes Submission(std::uint64_t origin, const T& payload) {
  return Submission(origin, engine::TypeOf<T>(), payload.SerializeAsString());
}

/// Makes a chained stream, message by message. Fields of `next` that are not set by the verbs stand
/// for the following messages, so a test may bend them.
class TestStream {
 public:
  explicit TestStream(std::string_view session = "TEST") {
    next.session = proto::Session(session);
    next.flags = proto::kLast;
    next.time_ns = 1000;
    next.epoch = 1;
  }

  /// The next message. Its time is one more than that of the one before.
  Bytes Add(std::uint16_t type, std::string_view payload = {}, std::string_view user = "U1") {
    const bool is_control = type < proto::kFirstApplicationType;
    proto::Header header = next;
    header.type = type;
    header.number = position.number + 1;
    header.time_ns = ++next.time_ns;
    header.user = proto::User(is_control ? "" : user);
    header.origin = is_control ? 0 : ++next.origin;
    Bytes bytes = Seal(header, payload, position.digest);
    position = {.number = header.number, .digest = View(bytes).header.digest};
    return bytes;
  }
  template <std::derived_from<google::protobuf::Message> T>
  Bytes Add(const T& payload) {
    return Add(engine::TypeOf<T>(), payload.SerializeAsString());
  }

  proto::Header next;
  proto::StreamPosition position;
};

/// "3 at 1003: type 200 for U1, cause 2 index 0, last, 5 bytes". Not the digest: chains are checked
/// by CheckChain.
[[nodiscard]] inline std::string Show(std::span<const std::byte> bytes) {
  const proto::Header header = View(bytes).header;
  return std::to_string(header.number) + " at " + std::to_string(header.time_ns) + ": type " +
         std::to_string(header.type) + (header.user.empty() ? "" : " for " + header.user.str()) +
         ", cause " + std::to_string(header.origin) + " index " + std::to_string(header.index) +
         (header.last() ? ", last" : "") + ", " + std::to_string(header.payload_size) + " bytes";
}

/// True if each message carries the digest that follows from `before` and those ahead of it.
[[nodiscard]] inline bool IsChained(const std::vector<Bytes>& messages,
                                    std::uint64_t before = proto::kDigestStart) {
  for (const Bytes& bytes : messages) {
    if (proto::Digest(before, bytes) != View(bytes).header.digest) return false;
    before = View(bytes).header.digest;
  }
  return true;
}

}  // namespace tandem::test
