// SPDX-License-Identifier: Apache-2.0
//
// The running digest. digest(n) = XXH3-64 with seed digest(n-1) over the message from the header's
// `type` to the end of the payload: every header field but digest and session. digest(0) is
// kDigestStart. Two streams whose digests are equal at n are equal in everything up to n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/header.h"

namespace tandem::proto {

constexpr std::uint64_t kDigestStart = 0x54414e44454d0001;  // "TANDEM", 1
constexpr std::size_t kDigestedFrom = offsetof(Header, type);

/// The digest of `message` (header and payload, at least 64 bytes) after `before`. About 7 ns for
/// 100 bytes. Pure; any thread.
[[nodiscard]] std::uint64_t Digest(std::uint64_t before, std::span<const std::byte> message);

/// How far a stream has been taken.
struct StreamPosition {
  std::uint64_t number = 0;             ///< of the last message taken; 0: none
  std::uint64_t digest = kDigestStart;  ///< running digest there
  bool operator==(const StreamPosition&) const = default;
};

}  // namespace tandem::proto
