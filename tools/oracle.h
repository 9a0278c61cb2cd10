// SPDX-License-Identifier: Apache-2.0
//
// What must be true of a pair's logs, whatever happened to the pair. Used by the demo and by the
// tests that kill processes.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"

namespace tandem::tools {

struct Sameness {
  bool same = false;
  bool is_prefix = false;        ///< a ended first, and what it has is the same
  std::uint64_t messages = 0;    ///< compared, all equal
  std::uint64_t difference = 0;  ///< first number that differs or that only one log has; 0: none
};

/// Compares two logs message by message, byte for byte.
Result<Sameness> CompareLogs(const std::string& a, const std::string& b);

/// Checks that every acknowledgement that `tandem submit --acks` wrote to `acknowledgements` is for
/// a message that stands in the input log as it says, that each application message there was
/// acknowledged, and that every client's messages are there once and in its order. Gives their
/// number; an error says what is wrong.
Result<std::uint64_t> CheckAcknowledgements(const std::string& acknowledgements,
                                            const std::string& input);

}  // namespace tandem::tools
