// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "pools/declarations/load.h"

namespace tandem::declarations {
namespace {

Status CheckFields(const Declarations& declarations, const Declarations& site) {
  for (const Field& field : site.fields) {
    const Field* known = declarations.FindField(field.name);
    if (known != nullptr && known->arg == field.arg && known->reftype_name == field.reftype_name) {
      continue;
    }
    return ErrorAt(field.place,
                   "dmmeta.field of " + Shown(field.name) + ": " +
                       (known == nullptr ? "the program has no such field"
                                         : "the program has it as a " + known->reftype_name +
                                               " of " + known->arg) +
                       "; here, only change bases and tuning, or build the program anew.");
  }
  return {};
}

template <class T>
void Replace(std::vector<T>& rows, std::unordered_map<std::string, std::size_t>& index,
             const std::string& name, const T& row) {
  const auto [position, added] = index.emplace(name, rows.size());
  if (added) {
    rows.push_back(row);
  } else {
    rows[position->second] = row;
  }
}

}  // namespace

Status Override(Declarations& declarations, const Declarations& site) {
  if (Status status = CheckFields(declarations, site); !status) return status;
  std::uint32_t files = 0;  // of the site come after those of the program
  for (const Field& field : declarations.fields)
    files = std::max(files, field.place.file_index + 1);
  const auto later = [files](auto row) {
    row.place.file_index += files;
    return row;
  };

  std::unordered_set<std::string> relinked;
  for (const Basepool& record : site.basepools) relinked.insert(record.field);
  std::erase_if(declarations.basepools,
                [&](const Basepool& record) { return relinked.contains(record.field); });
  for (const Basepool& record : site.basepools) declarations.basepools.push_back(later(record));
  for (const Namespace& record : site.namespaces) {
    Replace(declarations.namespaces, declarations.namespace_index, record.name, later(record));
  }
  for (const Tuning& record : site.tunings) {
    Replace(declarations.tunings, declarations.tuning_index, record.field, later(record));
  }
  return {};
}

}  // namespace tandem::declarations
