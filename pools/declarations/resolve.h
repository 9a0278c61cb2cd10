// SPDX-License-Identifier: Apache-2.0
//
// Resolve: from which pool each pool takes its memory, and by which rule.
//
//   its basepool record; else the pool of its namespace's nsx record; else the built-in Malloc
//
// Checks everything that must be true of a chain; each problem is one sentence with file and line.
// Fields of reftypes outside the ten are passed over. Cost: linear, about a microsecond a pool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pools/declarations/model.h"
#include "pools/result.h"

namespace tandem::declarations {

enum class BaseRule : std::uint8_t {
  kNone,      ///< the reftype takes no base
  kBasepool,  ///< its basepool record
  kNsx,       ///< its namespace's nsx record
  kMalloc     ///< neither: the built-in Malloc
};

/// basepool, nsx, malloc or none.
[[nodiscard]] std::string_view NameOf(BaseRule rule);

/// The name of the pool that is the base where nothing else is said.
inline constexpr std::string_view kBuiltInMalloc = "malloc";

/// A pool and its base. Points into the Declarations, which must outlive it.
struct ResolvedPool {
  const Field* field = nullptr;
  const Field* base = nullptr;  ///< null under kNone and kMalloc
  BaseRule rule = BaseRule::kNone;
  const Place* rule_place = nullptr;  ///< of the record that says so; null under kNone and kMalloc
};

struct Resolution {
  std::vector<ResolvedPool> pools;  ///< every field whose reftype is of the ten, as declared
  std::vector<Error> problems;      ///< by file and line; empty: the chains are sound

  /// The first problem.
  [[nodiscard]] Status status() const;
};

[[nodiscard]] Resolution Resolve(const Declarations& declarations);

}  // namespace tandem::declarations
