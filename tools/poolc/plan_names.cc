// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/values.h"
#include "tools/poolc/concat.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

using declarations::Field;
using declarations::Reftype;

Error ErrorAbout(const Field& field, const std::string& sentence) {
  return declarations::ErrorAt(field.place, "dmmeta.field of " + field.name + ": " + sentence);
}

std::string QualifiedName(const TypePlan& to, std::string_view ns) {
  return to.ns == ns ? to.cpp : to.ns + "::" + to.cpp;
}

std::string AccountName(const Field& field, std::string_view ns) {
  std::string name = field.ns() == ns ? "" : std::string(field.ns()) + "_";
  name += LastPart(field.parent());
  name += "_";
  name += field.own_name();
  return name;
}

std::string OutsideName(const Field* base) {
  if (base == nullptr) return "builtin_malloc";
  return std::string(base->ns()) + "_" + std::string(base->own_name());
}

std::string BaseExpression(const TypePlan& database, const Field* base) {
  if (base == nullptr || base->parent() != database.name) return OutsideName(base);
  return Concat(base->reftype == Reftype::kSbrk ? "*" : "", base->own_name());
}

std::string NeedParameter(const Need& need, std::string_view ns) {
  return (need.is_account ? "pools::PoolAccount& " : "pools::PoolRef ") +
         AccountName(*need.field, ns);
}

std::optional<std::uint64_t> StrSize(std::string_view type) {
  if (!type.starts_with("Str<") || !type.ends_with('>')) return std::nullopt;
  const std::optional<std::uint64_t> size =
      declarations::ParseCount(type.substr(4, type.size() - 5));
  return size && *size > 0 && *size <= 4096 ? size : std::nullopt;
}

}  // namespace tandem::poolc
