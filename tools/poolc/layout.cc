// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/layout.h"

#include <algorithm>

namespace tandem::poolc {
namespace {

using declarations::Declarations;
using declarations::Field;
using declarations::Reftype;

// What holds of every pool: words only. Their number is the compiler's business.
constexpr std::uint64_t kWordBytes = 8;
constexpr std::uint64_t kTypeBytesMax = std::uint64_t{1} << 30;

struct Extent {
  std::optional<std::uint64_t> size;  ///< if not known, a multiple of kWordBytes
  std::uint64_t alignment = kWordBytes;
};

std::uint64_t RoundUp(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

Extent ElementExtent(const MemberPlan& member) {
  if (const Builtin* builtin = FindBuiltin(member.field->arg)) {
    return {builtin->size, builtin->size};
  }
  if (const std::optional<std::uint64_t> size = StrSize(member.field->arg)) return {*size, 1};
  if (member.hand != nullptr) return {member.hand->size, member.hand->alignment};
  if (member.element == nullptr) return {};  // Text
  return {member.element->size, member.element->alignment};
}

Extent MemberExtent(const MemberPlan& member, const Declarations& declarations, bool& plain) {
  if (member.field->reftype == Reftype::kVal) return ElementExtent(member);
  if (member.field->reftype != Reftype::kInlary) return {};
  const Extent element = ElementExtent(member);
  const declarations::InlaryBounds& bounds = declarations.inlaries.at(member.field->name);
  if (bounds.min == bounds.max) {
    if (!element.size) return {std::nullopt, element.alignment};
    return {*element.size * bounds.max, element.alignment};
  }
  const std::uint64_t alignment = std::max(element.alignment, kWordBytes);
  if (!element.size) return {std::nullopt, alignment};
  const std::uint64_t elements = RoundUp(*element.size * bounds.max, kWordBytes);
  // The Inlary's own gap between its elements and their number is not ours to fill.
  plain = plain && elements == *element.size * bounds.max && alignment == kWordBytes;
  return {RoundUp(elements + kWordBytes, alignment), alignment};
}

// Would the type, of `offset` bytes so far, be larger than a type may be? Guards the arithmetic.
bool IsTooLarge(const MemberPlan& member, const Declarations& declarations, std::uint64_t offset) {
  std::uint64_t count = 1;
  if (member.field->reftype == Reftype::kInlary) {
    count = declarations.inlaries.at(member.field->name).max;
  } else if (member.field->reftype != Reftype::kVal) {
    return false;
  }
  const std::uint64_t size = std::max<std::uint64_t>(ElementExtent(member).size.value_or(1), 1);
  return count > kTypeBytesMax / size || offset > kTypeBytesMax - count * size;
}

Error TooLittleKnown(const Field& field) {
  return ErrorAbout(field,
                    "where it lies cannot be worked out, because the size of a type in front "
                    "of it is not known; give that type's tandem.ctype record a size, or "
                    "declare this field first.");
}

}  // namespace

std::optional<Error> LayOut(TypePlan& type, const Declarations& declarations) {
  std::uint64_t offset = 0;  // where the size is not known, right up to a multiple of kWordBytes
  bool known = true;
  for (MemberPlan& member : type.members) {
    if (IsTooLarge(member, declarations, offset)) {
      return ErrorAbout(*member.field, "with it, " + type.name + " has more than " +
                                           std::to_string(kTypeBytesMax) +
                                           " bytes; use a pool that takes memory as it needs it.");
    }
    const Extent extent = MemberExtent(member, declarations, type.plain);
    if (!known && extent.alignment > kWordBytes) {
      return TooLittleKnown(*member.field);
    }
    if (!extent.size && extent.alignment < kWordBytes) {
      return ErrorAbout(*member.field,
                        "its type is aligned to " + std::to_string(extent.alignment) +
                            " and of unknown size; give its tandem.ctype record a size.");
    }
    member.padding_bytes = RoundUp(offset, extent.alignment) - offset;
    offset += member.padding_bytes + extent.size.value_or(0);
    known = known && extent.size.has_value();
    type.alignment = std::max(type.alignment, extent.alignment);
  }
  if (!known && type.alignment > kWordBytes) {
    return TooLittleKnown(*type.members.back().field);
  }
  if (type.database) type.alignment = std::max(type.alignment, kWordBytes);
  type.tail_padding_bytes = RoundUp(offset, type.alignment) - offset;
  if (known && !type.database) {
    type.size = std::max<std::uint64_t>(offset + type.tail_padding_bytes, 1);
  }
  return std::nullopt;
}

}  // namespace tandem::poolc
