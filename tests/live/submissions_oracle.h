// SPDX-License-Identifier: Apache-2.0
//
// What must be true of the submissions in an input log, whatever died. An error says what is wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pools/result.h"

namespace tandem::test {

/// `flows`: user and the log that was submitted as this user. Each message of each flow must stand
/// in the input exactly once, in the flow's order, type and payload byte for byte, and nothing else
/// of anybody. Gives their number.
Result<std::uint64_t> CheckFlows(const std::string& input,
                                 const std::map<std::string, std::string>& flows);

/// Each user's own numbers are 1, 2, 3 ... in the input. Gives the number of submissions.
Result<std::uint64_t> CheckEachOnce(const std::string& input);

/// Each line of `acknowledgements`, which `tandem submit --acks` wrote, is for a submission that
/// stands in the input as it says, and none is there twice. Gives the number of lines.
Result<std::uint64_t> CheckAcknowledged(const std::string& acknowledgements,
                                        const std::string& input);

}  // namespace tandem::test
