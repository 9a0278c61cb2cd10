// SPDX-License-Identifier: Apache-2.0
//
// States as text for a person and as JSON for a program: what `tandem state` prints, and what
// others say of two states that differ.
#pragma once

#include <string>
#include <vector>

#include "pools/state/compare.h"
#include "pools/state/zone_scan.h"
#include "pools/state/zone_walk.h"
#include "tools/state_image.h"

namespace tandem::tools {

/// What an image says of itself, its pools with their figures, and its root.
[[nodiscard]] std::string OverviewText(const LoadedImage& image);
/// The same as one JSON object, with a line end.
[[nodiscard]] std::string OverviewJson(const LoadedImage& image);

/// `book.FDb.order#0  id:7  left:5 ...`, with a line end.
[[nodiscard]] std::string ElementText(const state::ZoneWalk& walk, const state::StatePool& pool,
                                      std::uint64_t number);
[[nodiscard]] std::string ElementJson(const state::ZoneWalk& walk, const state::StatePool& pool,
                                      std::uint64_t number);

/// "3 fields, 2 places beside them; 17 bytes in all"; an element that only one has is a field, too.
[[nodiscard]] std::string ExtentText(const state::Comparison& comparison);
/// A line each, indented; the last one says how many there are beside them.
[[nodiscard]] std::string DifferencesText(const state::Comparison& comparison);
/// One difference as a JSON object.
void AppendDifference(const state::Difference& difference, std::string* out);
/// `"same":false,...,"differences":[...]`
[[nodiscard]] std::string ComparisonJson(const state::Comparison& comparison);

/// A word that leads out of the zone, as a JSON object with a line end.
[[nodiscard]] std::string StrayJson(const state::StrayWord& stray);

/// Any bytes as a JSON string: what is not printable ASCII is escaped as \u00xx.
void AppendJsonBytes(std::string_view text, std::string* out);

}  // namespace tandem::tools
