// SPDX-License-Identifier: Apache-2.0
//
// An incident in words: both copies decoded, the fields that differ, what was published, the
// engines side by side.
#pragma once

#include <string>
#include <string_view>

#include "engine/live/incident.h"

namespace tandem::engine {

/// `schema`: FileDescriptorSet of the outputs, may be empty or bad: then payloads stay undecoded.
/// `cause`: the input, decoded; empty: not known.
[[nodiscard]] std::string DescribeIncident(const Incident& incident, std::string_view schema,
                                           std::string_view cause = "");

}  // namespace tandem::engine
