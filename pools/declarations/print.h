// SPDX-License-Identifier: Apache-2.0
//
// Chains of pools for people, programs and Graphviz. The same declarations always print the same.
#pragma once

#include <string>

#include "pools/declarations/model.h"
#include "pools/declarations/resolve.h"

namespace tandem::declarations {

struct PrintOptions {
  bool values = false;  ///< Val fields too, which live in their parents
};

/// A table with one line a pool, each below its base and indented.
[[nodiscard]] std::string Text(const Declarations& declarations, const Resolution& resolution,
                               const PrintOptions& options);
/// One JSON object with every pool, Val fields too.
[[nodiscard]] std::string Json(const Declarations& declarations, const Resolution& resolution);
/// A digraph for Graphviz: an edge leads from a pool to its base.
[[nodiscard]] std::string Dot(const Declarations& declarations, const Resolution& resolution,
                              const PrintOptions& options);

}  // namespace tandem::declarations
