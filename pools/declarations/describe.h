// SPDX-License-Identifier: Apache-2.0
//
// Values by the names of their fields: printed, compared, and declared. Works from descriptions
// (pools/fields.h) only, so it is the same for generated and hand-written types, and for values in
// an image of another process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pools/fields.h"

namespace tandem::declarations {

/// A value of `size` bytes that is no struct and no pool: a number in decimal, `Y` or `N`, a text
/// in quotes where it needs them, an address, or bytes as hexadecimal digits.
[[nodiscard]] std::string ScalarText(pools::FieldKind kind, const std::byte* bytes,
                                     std::uint64_t size);

/// The fields of a value as one record, `ledger.Account  id:7  held.cents:0`: a type within it by
/// the path to its fields, an array by the numbers of its elements, a pointer as address. Pools
/// hold their elements elsewhere and are left out.
[[nodiscard]] std::string RecordOf(const pools::TypeInfo& type, const void* value);
template <pools::Described T>
[[nodiscard]] std::string RecordOf(const T& value) {
  return RecordOf(pools::InfoOf<T>(), &value);
}

struct FieldDifference {
  std::string field;  ///< held.cents
  std::string a;
  std::string b;
  bool operator==(const FieldDifference&) const = default;
};

/// The fields in which two values of a type differ, in their order; pools are left out.
[[nodiscard]] std::vector<FieldDifference> Differences(const pools::TypeInfo& type, const void* a,
                                                       const void* b);
template <pools::Described T>
[[nodiscard]] std::vector<FieldDifference> Differences(const T& a, const T& b) {
  return Differences(pools::InfoOf<T>(), &a, &b);
}

/// The declarations of these types and, in front of them, of the types that their fields are of:
/// dmmeta.ctype, field and inlary records, which Load reads.
[[nodiscard]] std::string DeclarationsOf(std::span<const pools::TypeInfo* const> types);
template <pools::Described... T>
[[nodiscard]] std::string DeclarationsOf() {
  const pools::TypeInfo* const types[] = {&pools::InfoOf<T>()...};
  return DeclarationsOf(types);
}

}  // namespace tandem::declarations
