// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tandem::benchmarks {

/// Returns as soon as somebody serves message `number` of the stream on `port` of loopback.
void AwaitMessage(std::uint16_t port, std::uint64_t number);

}  // namespace tandem::benchmarks
