// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/complete.h"

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "tools/poolc/layout.h"

namespace tandem::poolc {
namespace {

using declarations::Declarations;
using declarations::ErrorAt;
using declarations::Field;
using declarations::Reftype;

constexpr std::size_t kNestingMax = 500;

bool IsPart(const Field& field) {
  return field.reftype == Reftype::kVal || field.reftype == Reftype::kInlary;
}

class Completion {
 public:
  Completion(Plan& plan, const Declarations& declarations)
      : plan_(plan), declarations_(declarations) {}

  // Databases go last: they have pools of the other types, and nothing has them.
  void Run(const std::vector<TypePlan*>& declared) {
    for (const bool databases : {false, true}) {
      for (TypePlan* type : declared) {
        if (type->database == databases) Sort(*type, 0);
      }
    }
    if (!plan_.problems.empty()) return;
    for (TypePlan* type : plan_.types) AddParts(*type);
    for (TypePlan* type : plan_.types) CheckElements(*type);
    for (TypePlan* type : plan_.types) {
      if (type->database) FinishDatabase(*type);
    }
    if (!plan_.problems.empty()) return;
    for (TypePlan* type : plan_.types) {
      if (const std::optional<Error> problem = LayOut(*type, declarations_)) {
        plan_.problems.push_back(*problem);
        return;
      }
    }
  }

 private:
  void Report(const Field& field, const std::string& sentence) {
    plan_.problems.push_back(ErrorAbout(field, sentence));
  }

  // Puts what a type is made of in front of it.
  void Sort(TypePlan& type, std::size_t depth) {
    if (!begun_.insert(&type).second) return;
    for (const MemberPlan& member : type.members) {
      plan_.members.emplace(member.field, &member);
      if (member.element == nullptr || !IsPart(*member.field)) continue;
      if (begun_.contains(member.element) && !sorted_.contains(member.element)) {
        Report(*member.field,
               "its type " + member.element->name + " would be a part of itself; use a Delptr.");
      } else if (depth == kNestingMax) {
        Report(*member.field, "it is the value of a value and so on, more than " +
                                  std::to_string(kNestingMax) + " types deep; use a Delptr.");
      } else {
        Sort(*member.element, depth + 1);
      }
    }
    sorted_.insert(&type);
    plan_.types.push_back(&type);
  }

  // What a type is, by its members; its parts are known already.
  static void AddParts(TypePlan& type) {
    std::unordered_set<const Field*> needed;
    const auto need = [&](const Need& one) {
      if (needed.insert(one.field).second) type.needs.push_back(one);
    };
    for (const MemberPlan& member : type.members) {
      const bool part = IsPart(*member.field);
      type.holds_pools = type.holds_pools || !part || member.takes_base ||
                         (member.hand != nullptr && !member.hand->copyable);
      type.plain = type.plain && member.hand == nullptr;
      if (member.shares_account || member.takes_base) {
        need({member.field, member.shares_account, member.base});
      }
      if (!part || member.element == nullptr) continue;
      type.holds_pools = type.holds_pools || member.element->holds_pools;
      type.plain = type.plain && member.element->plain;
      for (const Need& inner : member.element->needs) need(inner);
    }
    if (type.database) type.needs.clear();  // it has what its members need
    type.plain = type.plain && !type.holds_pools;
  }

  void CheckElements(const TypePlan& type) {
    for (const MemberPlan& member : type.members) {
      const Reftype reftype = member.field->reftype;
      if (member.element == nullptr || !member.element->holds_pools ||
          (reftype != Reftype::kInlary && reftype != Reftype::kTary)) {
        continue;
      }
      Report(*member.field,
             "the elements of " + std::string(reftype == Reftype::kTary ? "a Tary" : "an Inlary") +
                 " hold no pools, but " + member.element->name + " does; use a Lary or a Tpool.");
    }
  }

  // ---- databases

  void FinishDatabase(TypePlan& type) {
    std::unordered_map<const Field*, std::size_t> positions;
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      positions.emplace(type.members[i].field, i);
    }
    std::unordered_set<const TypePlan*> seen;
    std::unordered_set<const Field*> outside;
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      const MemberPlan& member = type.members[i];
      if (member.takes_base) AddOutside(type, member.base, outside);
      if (member.element == nullptr) continue;
      // The accounts of all pools within its elements, and within theirs.
      std::vector<const TypePlan*> waiting = {member.element};
      while (!waiting.empty()) {
        const TypePlan& element = *waiting.back();
        waiting.pop_back();
        if (!seen.insert(&element).second) continue;
        for (const MemberPlan& inner : element.members) {
          if (inner.shares_account) type.owned_accounts.emplace_back(i, inner.field);
          if (inner.takes_base) {
            AddOutside(type, inner.base, outside);
            const auto base = positions.find(inner.base);
            if (base != positions.end() && base->second >= i) ReportOrder(member, inner);
          }
          if (inner.element != nullptr) waiting.push_back(inner.element);
        }
      }
    }
    CheckNames(type);
  }

  static void AddOutside(TypePlan& type, const Field* base,
                         std::unordered_set<const Field*>& outside) {
    if (base != nullptr && base->parent() == type.name) return;
    if (outside.insert(base).second) type.outside_bases.push_back(base);
  }

  void ReportOrder(const MemberPlan& member, const MemberPlan& inner) {
    Report(*inner.base, "it is declared after " + member.field->name + " (" +
                            member.field->place.Text() +
                            "), whose elements take memory from it for " + inner.field->name +
                            "; declare " + std::string(inner.base->own_name()) + " first.");
  }

  // What is added to a database must not have the name of a field.
  void CheckNames(const TypePlan& type) {
    std::unordered_set<std::string> names;
    for (const MemberPlan& member : type.members) {
      names.insert(std::string(member.field->own_name()));
    }
    const auto take = [&](const std::string& name) {
      if (names.insert(name).second) return;
      plan_.problems.push_back(
          ErrorAt(type.members.front().field->place,
                  "dmmeta.ctype of " + type.name + ": its member " + name +
                      " has the name of one that poolc adds; choose another word."));
    };
    for (const auto& [at, account] : type.owned_accounts) take(AccountName(*account, type.ns));
    for (const Field* base : type.outside_bases) take(OutsideName(base));
  }

  Plan& plan_;
  const Declarations& declarations_;
  std::unordered_set<const TypePlan*> begun_;
  std::unordered_set<const TypePlan*> sorted_;
};

}  // namespace

void Complete(Plan& plan, const std::vector<TypePlan*>& declared,
              const Declarations& declarations) {
  Completion(plan, declarations).Run(declared);
}

}  // namespace tandem::poolc
