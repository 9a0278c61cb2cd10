// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/model.h"

#include <array>

namespace tandem::declarations {
namespace {

// By Reftype.
constexpr std::array<ReftypeTraits, 11> kReftypes = {{
    {"Sbrk", false, true, true},
    {"Malloc", false, true, true},
    {"Lpool", true, true, true},
    {"Tpool", true, false, true},
    {"Blkpool", true, true, true},
    {"Lary", true, false, true},
    {"Tary", true, false, true},
    {"Inlary", true, false, false},
    {"Delptr", true, false, false},
    {"Val", false, false, false},
    {"", false, false, false},
}};

template <class T>
const T* Find(const std::vector<T>& all, const std::unordered_map<std::string, std::size_t>& index,
              std::string_view name) {
  const auto found = index.find(std::string(name));
  return found == index.end() ? nullptr : &all[found->second];
}

}  // namespace

const ReftypeTraits& TraitsOf(Reftype reftype) {
  return kReftypes[static_cast<std::size_t>(reftype)];
}

Reftype ReftypeOf(std::string_view name) {
  for (std::size_t i = 0; i + 1 < kReftypes.size(); ++i) {
    if (kReftypes[i].name == name) return static_cast<Reftype>(i);
  }
  return Reftype::kOther;
}

std::string_view Field::parent() const {
  return std::string_view(name).substr(0,
                                       name.rfind('.') == std::string::npos ? 0 : name.rfind('.'));
}

std::string_view Field::ns() const {
  return std::string_view(name).substr(0, name.find('.') == std::string::npos ? 0 : name.find('.'));
}

std::string_view Field::own_name() const {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string_view(name) : std::string_view(name).substr(dot + 1);
}

bool Field::global() const {
  const std::string_view ctype = parent();
  return ctype.size() == ns().size() + 1 + kDatabaseName.size() && ctype.ends_with(kDatabaseName);
}

const Ctype* Declarations::FindCtype(std::string_view name) const {
  return Find(ctypes, ctype_index, name);
}

const CppType* Declarations::FindCppType(std::string_view name) const {
  return Find(cpp_types, cpp_type_index, name);
}

const Field* Declarations::FindField(std::string_view name) const {
  return Find(fields, field_index, name);
}

const Namespace* Declarations::FindNamespace(std::string_view name) const {
  return Find(namespaces, namespace_index, name);
}

const Tuning* Declarations::FindTuning(std::string_view field) const {
  return Find(tunings, tuning_index, field);
}

}  // namespace tandem::declarations
