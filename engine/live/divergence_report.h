// SPDX-License-Identifier: Apache-2.0
//
// The report of a divergence, for a person: both messages decoded, and the fields that differ.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/deduplicator.h"

namespace tandem::engine {

/// `published`: the merged stream's copy of the message; null if there is none. `names`: of the
/// engines. `schema`: FileDescriptorSet of the messages, may be empty.
[[nodiscard]] std::string DescribeDivergence(
    const Deduplicator::Divergence& divergence, std::optional<std::span<const std::byte>> published,
    std::span<const std::string_view, Deduplicator::kEngines> names, std::string_view schema);

}  // namespace tandem::engine
