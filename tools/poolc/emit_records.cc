// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/emit_records.h"

#include <set>
#include <unordered_map>
#include <vector>

#include "tools/poolc/concat.h"
#include "tools/poolc/names.h"

namespace tandem::poolc {
namespace {

using declarations::Declarations;
using declarations::Field;
using declarations::Quoted;

// The fields of a namespace, and the bases elsewhere that its chains lead over.
class RecordEmitter {
 public:
  RecordEmitter(const Declarations& declarations, std::string_view ns)
      : declarations_(declarations), ns_(ns) {
    for (const declarations::Basepool& record : declarations.basepools) {
      basepools_.emplace(record.field, record.base);
    }
  }

  std::string Run() {
    for (const Field& field : declarations_.fields) {
      if (field.ns() == ns_ && field.reftype != declarations::Reftype::kOther) Need(field);
    }
    for (const declarations::Namespace& ns : declarations_.namespaces) {
      if (namespaces_.contains(ns.name)) Add("dmmeta.nsx", {{"ns", ns.name}, {"pool", ns.pool}});
    }
    for (const declarations::CppType& type : declarations_.cpp_types) {
      if (IsOwn(type.ctype) || args_.contains(type.ctype)) AddCppType(type);
    }
    for (const declarations::Ctype& ctype : declarations_.ctypes) {
      if (IsOwn(ctype.name) || parents_.contains(ctype.name)) {
        Add("dmmeta.ctype", {{"ctype", ctype.name}});
      }
    }
    for (const Field& field : declarations_.fields) {
      if (!needed_.contains(&field)) continue;
      Add("dmmeta.field",
          {{"field", field.name}, {"arg", field.arg}, {"reftype", field.reftype_name}});
      AddOptions(field);
    }
    return "/// The declarations of " + std::string(ns_) +
           ", so that a file read at start-up can change its chains.\n"
           "inline constexpr std::string_view kDeclarations =\n" +
           lines_ + "    \"\";\n\n";
  }

 private:
  bool IsOwn(std::string_view ctype) const {
    return ctype.size() > ns_.size() && ctype.starts_with(ns_) && ctype[ns_.size()] == '.';
  }

  void AddCppType(const declarations::CppType& type) {
    std::vector<declarations::Pair> pairs = {{"ctype", type.ctype}, {"cpp", type.cpp}};
    if (!type.include.empty()) pairs.push_back({"include", type.include});
    if (type.size) pairs.push_back({"size", std::to_string(*type.size)});
    pairs.push_back({"align", std::to_string(type.alignment)});
    pairs.push_back({"base", YesNo(type.takes_base)});
    pairs.push_back({"copy", YesNo(type.copyable)});
    Add("tandem.ctype", pairs);
  }

  void Need(const Field& field) {
    const Field* at = &field;
    while (at != nullptr && needed_.insert(at).second) {
      parents_.insert(at->parent());
      args_.insert(at->arg);
      const Field* base = nullptr;
      if (const auto found = basepools_.find(at->name); found != basepools_.end()) {
        base = declarations_.FindField(found->second);
      }
      if (base == nullptr && TraitsOf(at->reftype).takes_base) {
        const declarations::Namespace* ns = declarations_.FindNamespace(at->ns());
        if (ns != nullptr) {
          namespaces_.insert(ns->name);
          base = declarations_.FindField(ns->pool);
        }
      }
      at = base;
    }
  }

  void AddOptions(const Field& field) {
    if (const auto found = basepools_.find(field.name); found != basepools_.end()) {
      Add("  dmmeta.basepool", {{"field", field.name}, {"base", std::string(found->second)}});
    }
    if (const auto bounds = declarations_.inlaries.find(field.name);
        bounds != declarations_.inlaries.end()) {
      Add("  dmmeta.inlary", {{"field", field.name},
                              {"min", std::to_string(bounds->second.min)},
                              {"max", std::to_string(bounds->second.max)}});
    }
    if (const auto options = declarations_.taries.find(field.name);
        options != declarations_.taries.end()) {
      Add("  dmmeta.tary", {{"field", field.name}, {"aliased", YesNo(options->second.aliased)}});
    }
    for (const declarations::Index& index : declarations_.indexes) {
      if (index.field != field.name) continue;
      std::string keys;
      for (const std::string& key : index.keys) keys += Concat(keys.empty() ? "" : ",", key);
      std::vector<declarations::Pair> values = {{"field", field.name}, {"kind", index.kind}};
      if (!keys.empty()) values.push_back({"key", keys});
      Add("  tandem.index", values);
    }
    if (const declarations::Tuning* tuning = declarations_.FindTuning(field.name)) {
      AddTuning(*tuning);
    }
  }

  void AddTuning(const declarations::Tuning& tuning) {
    std::vector<declarations::Pair> pairs = {{"field", tuning.field}};
    const auto count = [&](const char* key, const std::optional<std::uint64_t>& value) {
      if (value) pairs.push_back({key, std::to_string(*value)});
    };
    const auto flag = [&](const char* key, const std::optional<bool>& value) {
      if (value) pairs.push_back({key, YesNo(*value)});
    };
    count("limit_elems", tuning.limit_elems);
    count("limit_bytes", tuning.limit_bytes);
    count("reserve_elems", tuning.reserve_elems);
    count("reserve_bytes", tuning.reserve_bytes);
    flag("huge_pages", tuning.huge_pages);
    count("huge_page_limit", tuning.huge_page_limit);
    flag("prefault", tuning.prefault);
    flag("mlock", tuning.mlock);
    flag("zero", tuning.zero);
    Add(tuning.is_sbrk ? "  tandem.sbrk" : "  tandem.pool", pairs);
  }

  static std::string YesNo(bool value) { return value ? "Y" : "N"; }

  void Add(const char* head, const std::vector<declarations::Pair>& pairs) {
    std::string line = head;
    for (const declarations::Pair& pair : pairs) {
      line += "  ";
      line += pair.key;
      line += ":";
      line += Quoted(pair.value);
    }
    lines_ += "    " + Literal(line + "\n") + "\n";
  }

  const Declarations& declarations_;
  std::string_view ns_;
  std::unordered_map<std::string_view, std::string_view> basepools_;  ///< base by field
  std::set<const Field*> needed_;
  std::set<std::string_view> parents_;  ///< types of needed fields
  std::set<std::string_view> args_;     ///< and of what is in them
  std::set<std::string> namespaces_;
  std::string lines_;
};

}  // namespace

std::string RecordsText(const Declarations& declarations, std::string_view ns) {
  return RecordEmitter(declarations, ns).Run();
}

}  // namespace tandem::poolc
