// SPDX-License-Identifier: Apache-2.0
//
// The fields of one element of a state as values: structs and arrays within it by the path to their
// fields, and elements of pools that are its members. Private to pools/state/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pools/state/layout.h"
#include "pools/state/zone_walk.h"

namespace tandem::state {

/// Memory of elements of a pool that is a member of an element.
using OnNested = std::function<void(const Elements& elements)>;

/// Adds the fields of a `type` that lies at `address`. What a damaged state makes of them is
/// bounded: at most kValuesMax. `on_nested`: null, or called for each pool that is a member.
inline constexpr std::size_t kValuesMax = 100'000;
void AddValues(const ZoneWalk& walk, const LayoutType& type, std::uint64_t address,
               std::vector<Value>& values, const OnNested& on_nested = {});

/// The path of the field that has the byte `offset` of a `type`, `held.cents`; empty: none has it.
[[nodiscard]] std::string FieldAt(const LayoutType& type, std::uint64_t offset);

/// A type with one value of that declared type, which is no struct: u64, Str<8>. Without fields if
/// it is none of those.
[[nodiscard]] LayoutType PlainType(const std::string& arg, std::uint64_t size);

}  // namespace tandem::state
