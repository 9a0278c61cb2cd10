// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/complete.h"

#include <algorithm>
#include <unordered_set>

#include "tools/poolc/layout.h"

namespace tandem::poolc {
namespace {

using declarations::Declarations;
using declarations::ErrorAt;
using declarations::Field;
using declarations::Reftype;

class Completion {
 public:
  Completion(Plan& plan, const Declarations& declarations)
      : plan_(plan), declarations_(declarations) {}

  void Run(const std::vector<TypePlan*>& declared) {
    for (TypePlan* type : declared) Sort(*type);
    for (TypePlan* type : plan_.types) Finish(*type);
  }

 private:
  void Report(const Field& field, const std::string& sentence) {
    plan_.problems.push_back(ErrorAbout(field, sentence));
  }

  // Puts what a type is made of in front of it; what it only has pools of too, if it can be.
  void Sort(TypePlan& type) {
    if (!visited_.insert(&type).second) return;
    visiting_.push_back(&type);
    for (const bool needed : {true, false}) {
      for (const MemberPlan& member : type.members) {
        if (member.element == nullptr || IsPart(*member.field) != needed) continue;
        if (needed &&
            std::find(visiting_.begin(), visiting_.end(), member.element) != visiting_.end()) {
          Report(*member.field,
                 "its type " + member.element->name + " would be a part of itself; use a Delptr.");
          continue;
        }
        Sort(*member.element);
      }
    }
    visiting_.pop_back();
    plan_.types.push_back(&type);
  }

  static bool IsPart(const Field& field) {
    return field.reftype == Reftype::kVal || field.reftype == Reftype::kInlary;
  }

  // ---- what follows from the parts

  void Finish(TypePlan& type) {
    for (MemberPlan& member : type.members) {
      if (member.field->reftype != Reftype::kVal && member.field->reftype != Reftype::kInlary) {
        type.holds_pools = true;
      }
      if (member.hand != nullptr) {
        type.plain = false;
      }
      type.holds_pools = type.holds_pools || member.takes_base;
      if (member.shares_account || (member.takes_base && !type.database)) {
        type.needs.push_back({member.field, member.shares_account, member.base});
      }
      if (member.element == nullptr) continue;
      const TypePlan& element = *member.element;
      const Reftype reftype = member.field->reftype;
      if (reftype == Reftype::kVal) {
        type.needs.insert(type.needs.end(), element.needs.begin(), element.needs.end());
      }
      if (IsPart(*member.field)) {
        type.holds_pools = type.holds_pools || element.holds_pools;
        type.plain = type.plain && element.plain;
      }
      if (element.holds_pools && (reftype == Reftype::kInlary || reftype == Reftype::kTary)) {
        Report(*member.field, "the elements of " +
                                  std::string(reftype == Reftype::kTary ? "a Tary" : "an Inlary") +
                                  " hold no pools, but " + element.name +
                                  " does; use a Lary or a Tpool.");
      }
    }
    type.plain = type.plain && !type.holds_pools;
    if (type.database) FinishDatabase(type);
    if (plan_.problems.empty()) {
      if (const std::optional<Error> problem = LayOut(type, declarations_)) {
        plan_.problems.push_back(*problem);
      }
    }
  }

  void FinishDatabase(TypePlan& type) {
    std::unordered_set<const TypePlan*> seen;
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      const MemberPlan& member = type.members[i];
      if (member.takes_base) AddOutside(type, member.base);
      if (member.element != nullptr) AddAccounts(type, i, *member.element, seen);
    }
    std::unordered_set<std::string> names;
    for (const MemberPlan& member : type.members)
      names.insert(std::string(member.field->own_name()));
    const auto take = [&](const std::string& name) {
      if (!names.insert(name).second) {
        plan_.problems.push_back(
            ErrorAt(type.members.front().field->place,
                    "dmmeta.ctype of " + type.name + ": its member " + name +
                        " has the name of one that poolc adds; choose another word."));
      }
    };
    for (const auto& [at, account] : type.owned_accounts) take(AccountName(*account, type.ns));
    for (const Field* base : type.outside_bases) take(OutsideName(base));
  }

  void AddOutside(TypePlan& type, const Field* base) {
    if (base != nullptr && base->parent() == type.name) return;
    if (std::find(type.outside_bases.begin(), type.outside_bases.end(), base) ==
        type.outside_bases.end()) {
      type.outside_bases.push_back(base);
    }
  }

  // The accounts of all pools within elements of `element`, and of their elements.
  void AddAccounts(TypePlan& type, std::size_t at, const TypePlan& element,
                   std::unordered_set<const TypePlan*>& seen) {
    if (!seen.insert(&element).second) return;
    for (const MemberPlan& member : element.members) {
      if (member.shares_account) type.owned_accounts.emplace_back(at, member.field);
      if (member.takes_base) {
        AddOutside(type, member.base);
        CheckOrder(type, at, member);
      }
      if (member.element != nullptr) AddAccounts(type, at, *member.element, seen);
    }
  }

  void CheckOrder(const TypePlan& type, std::size_t at, const MemberPlan& member) {
    for (std::size_t i = at; i < type.members.size(); ++i) {
      if (type.members[i].field != member.base) continue;
      Report(*member.base, "it is declared after " + type.members[at].field->name + " (" +
                               type.members[at].field->place.Text() +
                               "), whose elements take memory from it for " + member.field->name +
                               "; declare " + std::string(member.base->own_name()) + " first.");
    }
  }

  Plan& plan_;
  const Declarations& declarations_;
  std::unordered_set<const TypePlan*> visited_;
  std::vector<const TypePlan*> visiting_;
};

}  // namespace

void Complete(Plan& plan, const std::vector<TypePlan*>& declared,
              const Declarations& declarations) {
  Completion(plan, declarations).Run(declared);
}

}  // namespace tandem::poolc
