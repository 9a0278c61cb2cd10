// SPDX-License-Identifier: Apache-2.0
//
// Two states compared, by declared names: which element, which field, both values. States that lay
// at the same address and have the same description are compared byte for byte; then whatever
// differs is named, if not as a field then as what it is: a link of an index, a free list, memory
// that nobody holds. States at other addresses, or of other layouts, are compared field by field,
// with pointers as names of elements.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pools/state/zone_walk.h"

namespace tandem::state {

struct Difference {
  std::string pool = {};     ///< empty: none; the root, or the zone itself
  std::string element = {};  ///< book.FDb.order#17; root; empty: not one element
  std::string field = {};    ///< left; empty: the element is there in one of them only
  std::string a = {};        ///< values; empty: not there
  std::string b = {};
  /// 0: a field. Else no field: `field` says in words what it is, `a` and `b` are the first words
  /// that differ, and this many bytes do.
  std::uint64_t bytes = 0;

  friend bool operator==(const Difference&, const Difference&) = default;
};
/// One line: `book.FDb.order#17 left: 5 | 4`.
[[nodiscard]] std::string TextOf(const Difference& difference);

struct Comparison {
  bool by_bytes = false;     ///< every byte of both was compared
  std::uint64_t bytes = 0;   ///< that differ, if so
  std::uint64_t count = 0;   ///< differences; fields first
  std::uint64_t fields = 0;  ///< of those, differences of fields, or of elements being there
  std::vector<Difference> differences = {};  ///< the first ones

  [[nodiscard]] bool same() const { return count == 0; }
};

/// At most `max` differences are kept; all are counted. `only_fields`: whatever else differs is
/// left out, as it must be for states with other chains.
[[nodiscard]] Comparison Compare(const ZoneWalk& a, const ZoneWalk& b, std::uint64_t max,
                                 bool only_fields = false);

}  // namespace tandem::state
