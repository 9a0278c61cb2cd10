// SPDX-License-Identifier: Apache-2.0
//
// How much a process may keep for others. planted_bugs.cmake makes the product's own limits small,
// so that short runs reach them, and puts a CheckBound where each queue grows. What else waits has
// memory of a fixed size from the start: what a connection has received, the deduplicator's ring
// and its messages that wait for a second copy.
#pragma once

#include <cstddef>

namespace tandem::simulation {

/// Beyond Connection::kSendAhead: what a login brings (schema, status), a report of a divergence,
/// the acknowledgements of one turn.
inline constexpr std::size_t kSentBeyond = 20u << 10;
/// A message of these runs, in a packet.
inline constexpr std::size_t kMessageMax = 256;

/// Fails the run if there is more.
void CheckBound(const char* what, std::size_t size, std::size_t bound);

}  // namespace tandem::simulation
