// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "pools/declarations/load.h"

namespace tandem::declarations {
namespace {

/// Finds the first record of a site, by file and line, that is not as in the program.
class Comparison {
 public:
  Comparison(const Declarations& program, const Declarations& site)
      : program_(program), site_(site) {}

  Status Run() {
    for (const Field& field : site_.fields) CheckField(field);
    for (const Ctype& ctype : site_.ctypes) {
      if (program_.FindCtype(ctype.name) == nullptr) {
        Report(ctype.place, "dmmeta.ctype of ", ctype.name, "the program has no such type");
      }
    }
    for (const CppType& type : site_.cpp_types) CheckCppType(type);
    for (const auto& [field, bounds] : site_.inlaries) CheckInlary(field, bounds);
    for (const auto& [field, options] : site_.taries) CheckTary(field, options);
    for (const Index& index : site_.indexes) CheckIndex(index);
    return place_ == nullptr ? Status() : ErrorAt(*place_, sentence_);
  }

 private:
  void Report(const Place& place, const char* table, const std::string& name,
              const std::string& what) {
    const auto position = [](const Place& p) { return std::pair(p.file_index, p.line); };
    if (place_ != nullptr && position(*place_) <= position(place)) return;
    place_ = &place;
    sentence_ = table + Shown(name) + ": " + what +
                "; here, only change bases and tuning, or build the program anew.";
  }

  void CheckField(const Field& field) {
    const Field* known = program_.FindField(field.name);
    if (known == nullptr) {
      Report(field.place, "dmmeta.field of ", field.name, "the program has no such field");
    } else if (known->arg != field.arg || known->reftype_name != field.reftype_name) {
      Report(field.place, "dmmeta.field of ", field.name,
             "the program has it as a " + known->reftype_name + " of " + known->arg);
    }
  }

  void CheckCppType(const CppType& type) {
    const auto facts = [](const CppType& t) {
      return std::tie(t.cpp, t.include, t.size, t.alignment, t.takes_base, t.copyable);
    };
    const CppType* known = program_.FindCppType(type.ctype);
    if (known == nullptr) {
      Report(type.place, "tandem.ctype of ", type.ctype, "the program has no such record");
    } else if (facts(*known) != facts(type)) {
      Report(type.place, "tandem.ctype of ", type.ctype,
             "the program has it with other values, as " + Shown(known->cpp));
    }
  }

  void CheckInlary(const std::string& field, const InlaryBounds& bounds) {
    const auto known = program_.inlaries.find(field);
    if (known == program_.inlaries.end()) {
      Report(bounds.place, "dmmeta.inlary of ", field, "the program has no such record");
    } else if (known->second.min != bounds.min || known->second.max != bounds.max) {
      Report(bounds.place, "dmmeta.inlary of ", field,
             "the program has it with min " + std::to_string(known->second.min) + " and max " +
                 std::to_string(known->second.max));
    }
  }

  void CheckTary(const std::string& field, const TaryOptions& options) {
    const auto known = program_.taries.find(field);
    const bool aliased = known != program_.taries.end() && known->second.aliased;
    if (aliased != options.aliased) {
      Report(options.place, "dmmeta.tary of ", field,
             std::string("the program has it with aliased ") + (aliased ? "Y" : "N"));
    }
  }

  void CheckIndex(const Index& index) {
    if (std::none_of(program_.indexes.begin(), program_.indexes.end(), [&](const Index& known) {
          return known.field == index.field && known.kind == index.kind && known.keys == index.keys;
        })) {
      Report(index.place, "tandem.index of ", index.field, "the program has no such index");
    }
  }

  const Declarations& program_;
  const Declarations& site_;
  const Place* place_ = nullptr;
  std::string sentence_;
};

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
  if (Status status = Comparison(declarations, site).Run(); !status) return status;
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
