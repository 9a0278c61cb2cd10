// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "pools/declarations/values.h"
#include "tools/poolc/complete.h"
#include "tools/poolc/concat.h"

namespace tandem::poolc {
namespace {

using declarations::CppType;
using declarations::Ctype;
using declarations::Declarations;
using declarations::ErrorAt;
using declarations::Field;
using declarations::kDatabaseName;
using declarations::Place;
using declarations::Reftype;
using declarations::ResolvedPool;
using declarations::Shown;

constexpr std::size_t kPoolNameMax = 63;  // PoolControl::kNameSize less the zero
constexpr std::string_view kTheTen =
    "Sbrk, Malloc, Lpool, Tpool, Blkpool, Lary, Tary, Inlary, Delptr and Val";

// Lives in a database only: it has a control of its own, and one for each element is too many.
bool IsGlobalOnly(Reftype reftype) {
  return reftype == Reftype::kSbrk || reftype == Reftype::kMalloc || reftype == Reftype::kLpool ||
         reftype == Reftype::kBlkpool || reftype == Reftype::kTpool;
}

std::string HeaderOf(Reftype reftype) {
  switch (reftype) {
    case Reftype::kMalloc:
      return "pools/malloc_pool.h";
    case Reftype::kVal:
    case Reftype::kOther:
      return "";
    default: {
      std::string name(TraitsOf(reftype).name);
      name.front() = static_cast<char>(name.front() - 'A' + 'a');
      return "pools/" + name + ".h";
    }
  }
}

}  // namespace

class Planner::Impl {
 public:
  Impl(const Declarations& declarations, const declarations::Resolution& resolution)
      : declarations_(declarations) {
    for (const ResolvedPool& pool : resolution.pools) pools_.emplace(pool.field, &pool);
    for (const declarations::Index& index : declarations.indexes) {
      indexes_[declarations.FindField(index.field)].push_back(&index);
    }
  }

  const Plan& Make(const std::vector<std::string>& namespaces) {
    CollectTypes(namespaces);
    for (TypePlan* type : declared_) PlanMembers(*type);
    ReportOthers();
    if (!plan_.problems.empty()) return plan_;
    Complete(plan_, declared_, declarations_);
    return plan_;
  }

 private:
  void Report(const Place& place, const std::string& sentence) {
    plan_.problems.push_back(ErrorAt(place, sentence));
  }
  void Report(const Field& field, const std::string& sentence) {
    plan_.problems.push_back(ErrorAbout(field, sentence));
  }

  // ---- types

  void CollectTypes(const std::vector<std::string>& namespaces) {
    const auto selected = [&](std::string_view ns) {
      return !ns.empty() && (namespaces.empty() || std::find(namespaces.begin(), namespaces.end(),
                                                             ns) != namespaces.end());
    };
    std::unordered_set<std::string> known;
    for (const Ctype& ctype : declarations_.ctypes) {
      known.insert(std::string(FirstPart(ctype.name)));
      if (selected(FirstPart(ctype.name)) && declarations_.FindCppType(ctype.name) == nullptr) {
        AddType(ctype.name, ctype.comment, ctype.place);
      }
    }
    for (const Field& field : declarations_.fields) {
      known.insert(std::string(field.ns()));
      if (!selected(field.ns())) continue;
      const std::string parent(field.parent());
      if (const auto found = types_.find(parent); found != types_.end()) {
        fields_[found->second.get()].push_back(&field);
      } else if (field.global()) {
        fields_[&AddType(parent, "", field.place)].push_back(&field);
      } else if (declarations_.FindCppType(parent) == nullptr) {
        Report(field, "its type " + Shown(parent) +
                          " is not declared; declare it with a dmmeta.ctype record.");
      }
    }
    for (const std::string& ns : namespaces) {
      if (!known.contains(ns)) {
        plan_.problems.push_back(Error::BadInput("There is no namespace " + Shown(ns) +
                                                 " in the declarations; choose one that is."));
      }
    }
  }

  TypePlan& AddType(const std::string& name, const std::string& comment, const Place& place) {
    const std::string_view ns = FirstPart(name);
    const std::string_view own = LastPart(name);
    if (!IsCppName(ns) || !IsCppName(own) || name.size() != ns.size() + own.size() + 1) {
      Report(place, "dmmeta.ctype of " + Shown(name) +
                        ": it cannot be named so in C++; choose namespace.Type with words that are "
                        "neither keywords nor reserved.");
    }
    auto& type = types_[name];
    type = std::make_unique<TypePlan>();
    type->name = name;
    type->ns = ns;
    type->cpp = own;
    type->comment = comment;
    type->database = own == kDatabaseName;
    declared_.push_back(type.get());
    return *type;
  }

  // ---- members

  void PlanMembers(TypePlan& type) {
    for (const Field* field : fields_[&type]) {
      if (field->reftype == Reftype::kOther) {
        others_.push_back(field);
        continue;
      }
      MemberPlan member;
      member.field = field;
      CheckName(type, *field);
      if (!SetElement(type, *field, member)) continue;
      CheckMember(type, *field, member);
      SetBase(*field, member);
      SetCpp(type, *field, member);
      type.members.push_back(std::move(member));
    }
    CheckNamesOfHandTypes(type);
  }

  void ReportOthers() {
    if (others_.empty()) return;
    std::string rest;
    for (std::size_t i = 1; i < others_.size(); ++i) {
      rest += std::string(i == 1 ? ", and so are " : ", ") + others_[i]->name + " (" +
              Shown(others_[i]->reftype_name) + ")";
    }
    const Field& first = *others_.front();
    Report(first, "reftype " + Shown(first.reftype_name) + " is no pool" + rest +
                      "; poolc generates " + std::string(kTheTen) +
                      ", so leave the field out, or write its type in C++ and name it in a "
                      "tandem.ctype record.");
  }

  void CheckName(const TypePlan& type, const Field& field) {
    const std::string_view name = field.own_name();
    if (!IsCppName(name) || name == type.cpp || name.starts_with("padding_")) {
      Report(field, "a member cannot be named so in C++; choose another word.");
    } else if (types_.contains(type.ns + "." + std::string(name))) {
      ReportNamedLike(field, type.ns + "." + std::string(name));
    }
    if (field.reftype != Reftype::kVal && field.name.size() > kPoolNameMax) {
      Report(field, "a pool's name has at most " + std::to_string(kPoolNameMax) +
                        " characters; shorten it.");
    }
  }

  void ReportNamedLike(const Field& field, const std::string& name) {
    Report(field, "it is named like the type " + name +
                      ", which a C++ compiler would then not find there; choose another word.");
  }

  // Types written by hand that members say, in a type that has a member of the same name.
  void CheckNamesOfHandTypes(const TypePlan& type) {
    for (const MemberPlan& member : type.members) {
      const auto user =
          std::find_if(type.members.begin(), type.members.end(), [&](const MemberPlan& other) {
            return other.hand != nullptr &&
                   SaysUnqualified(other.hand->cpp, member.field->own_name());
          });
      const std::string like = type.ns + "." + std::string(member.field->own_name());
      if (user != type.members.end() && !types_.contains(like)) {
        ReportNamedLike(*member.field, user->hand->cpp);
      }
    }
  }

  // What the field holds. False: reported.
  bool SetElement(const TypePlan& type, const Field& field, MemberPlan& member) {
    if (const Builtin* builtin = FindBuiltin(field.arg)) {
      member.element_cpp = builtin->cpp;
    } else if (const std::optional<std::uint64_t> size = StrSize(field.arg)) {
      member.element_cpp = "pools::Str<" + std::to_string(*size) + ">";
      plan_.includes.insert("pools/str.h");
    } else if (field.arg == "Text") {
      member.element_cpp = "pools::Text";
      member.takes_base = true;
      plan_.includes.insert("pools/text.h");
    } else if (const CppType* hand = declarations_.FindCppType(field.arg)) {
      member.takes_base = hand->takes_base;
      member.hand = hand;
      member.element_cpp = hand->cpp;
      if (!hand->include.empty()) plan_.includes.insert(hand->include);
    } else if (const auto found = types_.find(field.arg); found != types_.end()) {
      member.element = found->second.get();
      member.element_cpp = QualifiedName(*member.element, type.ns);
    } else if (declarations_.FindCtype(field.arg) != nullptr && !FirstPart(field.arg).empty()) {
      Report(field, "its type " + Shown(field.arg) + " is of a namespace that is not generated; " +
                        "add --namespace " + std::string(FirstPart(field.arg)) +
                        ", or name its header in a tandem.ctype record.");
      return false;
    } else {
      Report(field, "its type " + Shown(field.arg) +
                        " is not declared; declare it with a dmmeta.ctype record, or choose u8 to "
                        "u64, i8 to i64, bool, char, Str<N> or Text.");
      return false;
    }
    return true;
  }

  void CheckMember(const TypePlan& type, const Field& field, const MemberPlan& member) {
    if (IsGlobalOnly(field.reftype) && !type.database) {
      Report(field, "a " + field.reftype_name + " is shared by all elements; make it a member of " +
                        type.ns + ".FDb.");
    }
    if (member.element != nullptr && member.element->database) {
      Report(field, "a database is no element; choose another type.");
    }
    if (member.takes_base && field.reftype != Reftype::kVal) {
      Report(field, "a " + Shown(field.arg) + " takes a base, so it must be a Val; put it into a " +
                        "type of its own.");
    }
    if (field.reftype == Reftype::kInlary && !declarations_.inlaries.contains(field.name)) {
      Report(field, "an Inlary needs bounds; add dmmeta.inlary  field:" + field.name +
                        "  min:0  max:8, or what fits.");
    }
    if (field.dflt.empty()) return;
    if (!ValueOf(field)) {
      Report(field, "its dflt " + Shown(field.dflt) + " is no value of a " + field.reftype_name +
                        " of " + Shown(field.arg) + "; correct it or leave it empty.");
    }
  }

  // How a Val begins; nothing if its dflt is not a value of its type.
  static std::optional<std::string> ValueOf(const Field& field) {
    if (field.reftype != Reftype::kVal) return std::nullopt;
    if (const Builtin* builtin = FindBuiltin(field.arg)) return Initializer(*builtin, field.dflt);
    if (const std::optional<std::uint64_t> size = StrSize(field.arg)) {
      return StrInitializer(*size, field.dflt);
    }
    return std::nullopt;
  }

  void SetBase(const Field& field, MemberPlan& member) {
    if (TraitsOf(field.reftype).takes_base && field.reftype != Reftype::kInlary) {
      member.takes_base = true;
      member.base = pools_.at(&field)->base;
    } else if (member.takes_base) {
      const declarations::Namespace* ns = declarations_.FindNamespace(field.ns());
      if (ns == nullptr || ns->pool.empty()) return;
      member.base = declarations_.FindField(ns->pool);
      if (member.base == nullptr || !TraitsOf(member.base->reftype).serves_any_size ||
          !member.base->global()) {
        Report(field, "its type takes a base, but the pool " + Shown(ns->pool) +
                          " of its namespace's dmmeta.nsx record cannot be one; name another.");
      }
    }
  }

  void SetCpp(const TypePlan& type, const Field& field, MemberPlan& member) {
    if (const std::string header = HeaderOf(field.reftype); !header.empty()) {
      plan_.includes.insert(header);
    }
    if (member.takes_base) plan_.includes.insert("pools/pool_ref.h");
    const std::string pool = "pools::" + field.reftype_name;
    switch (field.reftype) {
      case Reftype::kSbrk:
        member.cpp = pool + "*";
        break;
      case Reftype::kMalloc:
      case Reftype::kLpool:
      case Reftype::kBlkpool:
        member.cpp = pool;
        break;
      case Reftype::kTpool:
        member.cpp = pool + "<" + member.element_cpp + ">";
        if (indexes_.contains(&field)) SetIndexes(field, member);
        break;
      case Reftype::kLary:
      case Reftype::kTary:
      case Reftype::kDelptr:
        member.shares_account = !type.database;
        member.cpp = pool + "<" + member.element_cpp +
                     (member.shares_account ? ", pools::SharedAccount>" : ">");
        if (member.shares_account) plan_.includes.insert("pools/pool_account.h");
        break;
      case Reftype::kInlary:
        if (const auto bounds = declarations_.inlaries.find(field.name);
            bounds != declarations_.inlaries.end()) {
          member.cpp = pool + "<" + member.element_cpp + ", " + std::to_string(bounds->second.min) +
                       ", " + std::to_string(bounds->second.max) + ", " + Literal(field.name) + ">";
        }
        break;
      case Reftype::kVal:
        member.cpp = member.element_cpp;
        if (!member.takes_base) member.initializer = " = " + ValueOf(field).value_or("{}");
        break;
      case Reftype::kOther:
        break;
    }
  }

  // Makes a Tpool a Table. Several indexes stand one on a line.
  void SetIndexes(const Field& field, MemberPlan& member) {
    plan_.includes.insert("pools/table.h");
    const std::string_view separator = indexes_.at(&field).size() > 1 ? ",\n      " : ", ";
    std::unordered_set<std::string> names;
    std::string indexes;
    for (const declarations::Index* index : indexes_.at(&field)) {
      IndexPlan one{index->kind, "", "", {}};
      for (const std::string_view key : index->keys) {
        const bool descends = key.starts_with('-');
        const std::string name(key.substr(descends ? 1 : 0));
        const Field* key_field = declarations_.FindField(field.arg + "." + name);
        if (member.element == nullptr || key_field == nullptr ||
            key_field->reftype != Reftype::kVal || types_.contains(key_field->arg)) {
          Report(index->place, "tandem.index of " + field.name + ": its key " + name +
                                   " is no Val of " + Shown(field.arg) +
                                   " that can be compared; name one that is.");
          return;
        }
        const std::string pointer = "&" + member.element_cpp + "::" + name;
        one.keys += one.keys.empty() ? "" : ", ";
        one.keys += descends ? "pools::kDescending<" + pointer + ">" : pointer;
        one.name += one.name.empty() ? "" : "_";
        one.name += name;
        one.fields.push_back(key_field);
      }
      if (!names.insert(one.kind + " " + one.keys).second) {
        Report(index->place, "tandem.index of " + field.name +
                                 ": there is such an index already; leave one out.");
      }
      indexes += Concat(separator, "pools::", one.kind, "<", one.keys, ">");
      member.indexes.push_back(std::move(one));
    }
    member.cpp = "pools::Table<" + member.element_cpp + indexes + ">";
  }

  const Declarations& declarations_;
  std::unordered_map<const Field*, const ResolvedPool*> pools_;
  std::unordered_map<const Field*, std::vector<const declarations::Index*>> indexes_;
  std::unordered_map<std::string, std::unique_ptr<TypePlan>> types_;
  std::unordered_map<const TypePlan*, std::vector<const Field*>> fields_;
  std::vector<TypePlan*> declared_;
  std::vector<const Field*> others_;
  Plan plan_;
};

Planner::Planner(const Declarations& declarations, const declarations::Resolution& resolution)
    : impl_(std::make_unique<Impl>(declarations, resolution)) {}

Planner::~Planner() = default;

const Plan& Planner::Make(const std::vector<std::string>& namespaces) {
  return impl_->Make(namespaces);
}

}  // namespace tandem::poolc
