// SPDX-License-Identifier: Apache-2.0
//
// What the sequencer answers to an accepted submission: the header that it has in the input stream,
// and the digest of the message before it. With the payload that was submitted they give the digest
// in the header: so a client can tell what the sequencer holds from what it meant to submit.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "proto/digest.h"
#include "proto/header.h"

namespace tandem::engine {

struct Acknowledgement {
  proto::Header header;
  std::uint64_t digest_before = 0;
};
static_assert(sizeof(Acknowledgement) == sizeof(proto::Header) + 8);

[[nodiscard]] inline std::span<const std::byte> BytesOf(const Acknowledgement& acknowledgement) {
  return std::as_bytes(std::span(&acknowledgement, 1));
}

[[nodiscard]] inline std::optional<Acknowledgement> ParseAcknowledgement(
    std::span<const std::byte> bytes) {
  Acknowledgement acknowledgement;
  if (bytes.size() != sizeof acknowledgement) return std::nullopt;
  std::memcpy(&acknowledgement, bytes.data(), sizeof acknowledgement);
  return acknowledgement;
}

/// True if the acknowledged message is `submission`: the same type and payload, byte for byte.
/// `submission` is a header and a payload, of which the header's other fields do not count.
[[nodiscard]] inline bool Acknowledges(const Acknowledgement& acknowledgement,
                                       std::span<const std::byte> submission) {
  const proto::Header& header = acknowledgement.header;
  proto::Header ours;
  std::memcpy(&ours, submission.data(), sizeof ours);
  if (header.type != ours.type || header.payload_size != ours.payload_size) return false;
  std::vector<std::byte> message(submission.begin(), submission.end());
  std::memcpy(message.data(), &header, sizeof header);
  return proto::Digest(acknowledgement.digest_before, message) == header.digest;
}

}  // namespace tandem::engine
