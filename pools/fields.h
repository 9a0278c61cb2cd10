// SPDX-License-Identifier: Apache-2.0
//
// Fields: what tools know about a type: its name and, for each field, name, type, reftype, offset
// and size. The same for types that poolc generates and for those written by hand, which name their
// fields once, behind the type and in its namespace, which has a name:
//
//   namespace ledger {
//   struct Account { std::uint64_t id; std::int64_t cents; };
//   TANDEM_FIELDS(Account, "ledger.Account", id, cents)
//   }
//
// Then InfoOf<ledger::Account>() describes it at compile time; pools/declarations/describe.h prints
// and compares values by it, and prints its declarations. Constants only: costs nothing at run
// time, may be used from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pools/index_names.h"
#include "pools/inlary.h"

namespace tandem::pools {

class Blkpool;
class Lpool;
class Malloc;
class Sbrk;
class Text;
template <std::size_t kSize>
class Str;
template <class T>
class Tpool;
template <class T, class... Indexes>
class Table;
template <class T, class Account>
class Lary;
template <class T, class Account>
class Tary;
template <class T, class Account>
class Delptr;

/// How the bytes of a field, or of each of its elements, are read.
enum class FieldKind : std::uint8_t {
  kUnsigned,  ///< little-endian integer of 1, 2, 4 or 8 bytes, as all of these
  kSigned,
  kBool,
  kChar,
  kStr,  ///< characters, zeros behind them
  kPointer,
  kStruct,  ///< of fields of its own
  kPool,    ///< its elements lie elsewhere
  kOpaque   ///< nothing is known but its bytes
};

struct TypeInfo;

struct FieldInfo {
  std::string_view name;
  std::string_view type;     ///< as declared: u64, book.Order; of a pool that of its elements
  std::string_view reftype;  ///< Val, Tpool ...; Ptr for a pointer
  std::uint64_t offset;      ///< bytes from the begin of the type
  std::uint64_t size;        ///< bytes of the whole field
  std::uint64_t count_min;   ///< elements: 1, or those of an array
  std::uint64_t count_max;
  std::uint64_t element_size;  ///< bytes of each; 0 of a pool, whose elements are elsewhere
  FieldKind kind;
  const TypeInfo* (*element)();  ///< describes the type, or what it points to; null: not described
  std::string_view indexes;      ///< of a Table: Hash(client,id),Ordered(-price),List()
};

struct TypeInfo {
  std::string_view name;  ///< book.Order
  std::uint64_t size;
  std::uint64_t alignment;
  std::span<const FieldInfo> fields;
};

/// Has the type a description? True from TANDEM_NAME on.
template <class T>
concept Described = requires {
  TandemDescription(static_cast<const T*>(nullptr));
};

template <Described T>
[[nodiscard]] constexpr const TypeInfo& InfoOf() {
  using Fields = std::remove_pointer_t<decltype(TandemDescription(static_cast<const T*>(nullptr)))>;
  return Fields::kType;
}

namespace internal {

/// Not constexpr, so that it is made last of all: types may point to each other.
template <class T>
const TypeInfo* ElementInfo() {
  if constexpr (Described<T>) {
    return &InfoOf<T>();
  } else {
    return nullptr;
  }
}

template <class T>
inline constexpr std::size_t kStrSize = 0;
template <std::size_t kSize>
inline constexpr std::size_t kStrSize<Str<kSize>> = kSize;

/// "Str<N>"
template <std::size_t kSize>
struct StrName {
  static constexpr auto kText = [] {
    std::array<char, 32> text = {'S', 't', 'r', '<'};
    std::size_t digits = 1;
    for (std::size_t left = kSize; left >= 10; left /= 10) ++digits;
    std::size_t left = kSize;
    for (std::size_t i = digits; i > 0; --i, left /= 10) {
      text[3 + i] = static_cast<char>('0' + left % 10);
    }
    text[4 + digits] = '>';
    return std::pair(text, digits + 5);
  }();
  static constexpr std::string_view kName{kText.first.data(), kText.second};
};

template <class T>
constexpr std::string_view TypeName() {
  if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, char>) {
    return "char";
  } else if constexpr (std::is_same_v<T, Text>) {
    return "Text";
  } else if constexpr (kStrSize<T> != 0) {
    return StrName<kStrSize<T>>::kName;
  } else if constexpr (std::is_enum_v<T>) {
    return TypeName<std::underlying_type_t<T>>();
  } else if constexpr (std::is_integral_v<T>) {
    constexpr std::string_view kUnsigned[] = {"u8", "u16", "u32", "u64"};
    constexpr std::string_view kSigned[] = {"i8", "i16", "i32", "i64"};
    constexpr std::size_t kIndex = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return std::is_signed_v<T> ? kSigned[kIndex] : kUnsigned[kIndex];
  } else {
    static_assert(Described<T>,
                  "a field must be an integer, bool, char, enum, Str, Text, pool or pointer, or of "
                  "a type whose "
                  "fields are named with TANDEM_FIELDS");
    return TandemName(static_cast<const T*>(nullptr));
  }
}

template <class T>
constexpr FieldKind KindOf() {
  if constexpr (std::is_same_v<T, bool>) {
    return FieldKind::kBool;
  } else if constexpr (std::is_same_v<T, char>) {
    return FieldKind::kChar;
  } else if constexpr (std::is_same_v<T, Text>) {
    return FieldKind::kPool;
  } else if constexpr (kStrSize<T> != 0) {
    return FieldKind::kStr;
  } else if constexpr (std::is_enum_v<T>) {
    return KindOf<std::underlying_type_t<T>>();
  } else if constexpr (std::is_integral_v<T>) {
    return std::is_signed_v<T> ? FieldKind::kSigned : FieldKind::kUnsigned;
  } else if constexpr (Described<T>) {
    return FieldKind::kStruct;
  } else {
    return FieldKind::kOpaque;
  }
}

/// What a member is: by default a value.
template <class M>
struct Shape {
  using Element = M;
  static constexpr std::string_view kReftype = "Val";
  static constexpr FieldKind kKind = KindOf<M>();
  static constexpr std::uint64_t kCountMin = 1;
  static constexpr std::uint64_t kCountMax = 1;
  static constexpr std::uint64_t kElementSize = sizeof(M);
};

template <class T, std::uint64_t kMin, std::uint64_t kMax>
struct ArrayShape {
  using Element = T;
  static constexpr std::string_view kReftype = "Inlary";
  static constexpr FieldKind kKind = KindOf<T>();
  static constexpr std::uint64_t kCountMin = kMin;
  static constexpr std::uint64_t kCountMax = kMax;
  static constexpr std::uint64_t kElementSize = sizeof(T);
};
template <class T, std::uint64_t kMin, std::uint64_t kMax, PoolName kName>
struct Shape<Inlary<T, kMin, kMax, kName>> : ArrayShape<T, kMin, kMax> {};
template <class T, std::size_t kSize>
struct Shape<T[kSize]> : ArrayShape<T, kSize, kSize> {};
template <class T, std::size_t kSize>
struct Shape<std::array<T, kSize>> : ArrayShape<T, kSize, kSize> {};

template <class T>
struct Shape<T*> {
  using Element = T;
  static constexpr std::string_view kReftype = "Ptr";
  static constexpr FieldKind kKind = FieldKind::kPointer;
  static constexpr std::uint64_t kCountMin = 1;
  static constexpr std::uint64_t kCountMax = 1;
  static constexpr std::uint64_t kElementSize = sizeof(T*);
};

template <class M>
inline constexpr std::string_view kIndexesOf{};
template <class T, class... Indexes>
inline constexpr std::string_view kIndexesOf<Table<T, Indexes...>> = IndexNames<Indexes...>::kText;

template <class T>
struct PoolShape {
  using Element = T;
  static constexpr FieldKind kKind = FieldKind::kPool;
  static constexpr std::uint64_t kCountMin = 0;
  static constexpr std::uint64_t kCountMax = 0;
  static constexpr std::uint64_t kElementSize = 0;
};
template <>
struct Shape<Sbrk*> : PoolShape<std::uint8_t> {
  static constexpr std::string_view kReftype = "Sbrk";
};
template <>
struct Shape<Malloc> : PoolShape<std::uint8_t> {
  static constexpr std::string_view kReftype = "Malloc";
};
template <>
struct Shape<Lpool> : PoolShape<std::uint8_t> {
  static constexpr std::string_view kReftype = "Lpool";
};
template <>
struct Shape<Blkpool> : PoolShape<std::uint8_t> {
  static constexpr std::string_view kReftype = "Blkpool";
};
template <class T>
struct Shape<Tpool<T>> : PoolShape<T> {
  static constexpr std::string_view kReftype = "Tpool";
};
template <class T, class... Indexes>
struct Shape<Table<T, Indexes...>> : PoolShape<T> {
  static constexpr std::string_view kReftype = "Tpool";
};
template <class T, class Account>
struct Shape<Lary<T, Account>> : PoolShape<T> {
  static constexpr std::string_view kReftype = "Lary";
};
template <class T, class Account>
struct Shape<Tary<T, Account>> : PoolShape<T> {
  static constexpr std::string_view kReftype = "Tary";
};
template <class T, class Account>
struct Shape<Delptr<T, Account>> : PoolShape<T> {
  static constexpr std::string_view kReftype = "Delptr";
};

template <class M>
constexpr FieldInfo DescribeField(std::string_view name, std::string_view type,
                                  std::string_view reftype, std::uint64_t offset) {
  using Element = typename Shape<M>::Element;
  return {name,
          type,
          reftype,
          offset,
          sizeof(M),
          Shape<M>::kCountMin,
          Shape<M>::kCountMax,
          Shape<M>::kElementSize,
          Shape<M>::kKind,
          &ElementInfo<std::remove_cv_t<Element>>,
          kIndexesOf<M>};
}

template <class M>
constexpr FieldInfo DescribeField(std::string_view name, std::uint64_t offset) {
  using Element = typename Shape<M>::Element;
  return DescribeField<M>(name, TypeName<std::remove_cv_t<Element>>(), Shape<M>::kReftype, offset);
}

template <class Class, class Member>
constexpr std::size_t SizeOfMember(Member Class::*) {
  return sizeof(Member);
}

}  // namespace internal

/// The bytes of these members together; if they are all of a type, its size shows that it has no
/// padding: static_assert(sizeof(T) == MemberBytes<&T::a, &T::b>()).
template <auto... kMembers>
[[nodiscard]] consteval std::size_t MemberBytes() {
  return (internal::SizeOfMember(kMembers) + ... + 0);
}

}  // namespace tandem::pools

// The compilers we have give the offsets of any member, but warn about types that are not laid out
// as in C.
#define TANDEM_OFFSETOF_BEGIN \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")
#define TANDEM_OFFSETOF_END _Pragma("GCC diagnostic pop")

/// One field, of the type and reftype that are declared.
#define TANDEM_FIELD_AS(Type, member, type, reftype)                                       \
  ::tandem::pools::internal::DescribeField<decltype(Type::member)>(#member, type, reftype, \
                                                                   offsetof(Type, member))
/// One field, of the type and reftype that its C++ type stands for.
#define TANDEM_FIELD(Type, member) \
  ::tandem::pools::internal::DescribeField<decltype(Type::member)>(#member, offsetof(Type, member))

/// Names the type and its fields, at most 64; stands behind the type, in its namespace.
#define TANDEM_FIELDS(Type, kName, ...) \
  TANDEM_NAME(Type, kName)              \
  TANDEM_NAMED_FIELDS(Type, __VA_ARGS__)

/// The two halves, for types that point to each other: first all names, then the fields of each.
#define TANDEM_NAME(Type, kName)                \
  struct Type##Fields;                          \
  Type##Fields* TandemDescription(const Type*); \
  [[maybe_unused]] constexpr ::std::string_view TandemName(const Type*) { return kName; }
#define TANDEM_NAMED_FIELDS(Type, ...)                                                        \
  TANDEM_OFFSETOF_BEGIN                                                                       \
  struct Type##Fields {                                                                       \
    static constexpr ::tandem::pools::FieldInfo kFields[] = {                                 \
        TANDEM_INTERNAL_EXPAND(TANDEM_INTERNAL_EACH(Type, __VA_ARGS__))};                     \
    static constexpr ::tandem::pools::TypeInfo kType{                                         \
        TandemName(static_cast<const Type*>(nullptr)), sizeof(Type), alignof(Type), kFields}; \
  };                                                                                          \
  TANDEM_OFFSETOF_END

#define TANDEM_INTERNAL_EACH(Type, member, ...) \
  TANDEM_FIELD(Type, member),                   \
      __VA_OPT__(TANDEM_INTERNAL_AGAIN TANDEM_INTERNAL_NONE(Type, __VA_ARGS__))
#define TANDEM_INTERNAL_AGAIN() TANDEM_INTERNAL_EACH
#define TANDEM_INTERNAL_NONE ()
#define TANDEM_INTERNAL_EXPAND(...) \
  TANDEM_INTERNAL_EXPAND_3(TANDEM_INTERNAL_EXPAND_3(TANDEM_INTERNAL_EXPAND_3(__VA_ARGS__)))
#define TANDEM_INTERNAL_EXPAND_3(...) \
  TANDEM_INTERNAL_EXPAND_2(TANDEM_INTERNAL_EXPAND_2(TANDEM_INTERNAL_EXPAND_2(__VA_ARGS__)))
#define TANDEM_INTERNAL_EXPAND_2(...) \
  TANDEM_INTERNAL_EXPAND_1(TANDEM_INTERNAL_EXPAND_1(TANDEM_INTERNAL_EXPAND_1(__VA_ARGS__)))
#define TANDEM_INTERNAL_EXPAND_1(...) \
  TANDEM_INTERNAL_EXPAND_0(TANDEM_INTERNAL_EXPAND_0(TANDEM_INTERNAL_EXPAND_0(__VA_ARGS__)))
#define TANDEM_INTERNAL_EXPAND_0(...) __VA_ARGS__
