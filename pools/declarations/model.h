// SPDX-License-Identifier: Apache-2.0
//
// Declarations: what the records say, as values. Made by Load (load.h); which pool takes memory
// from which is worked out by Resolve (resolve.h). Names are kept as written, `ns.Ctype.field`.
// Nothing here depends on the pools themselves. Immutable once loaded: may be read by many threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pools/declarations/record.h"

namespace tandem::declarations {

/// The ten kinds of pool, and everything else that a field may be in a larger system.
enum class Reftype : std::uint8_t {
  kSbrk,
  kMalloc,
  kLpool,
  kTpool,
  kBlkpool,
  kLary,
  kTary,
  kInlary,
  kDelptr,
  kVal,
  kOther
};

struct ReftypeTraits {
  std::string_view name;
  bool takes_base;       ///< its memory comes from another pool
  bool serves_any_size;  ///< may be a base
  bool tunable;          ///< holds any number of elements: may be bounded and reserved
};

[[nodiscard]] const ReftypeTraits& TraitsOf(Reftype reftype);
[[nodiscard]] Reftype ReftypeOf(std::string_view name);

/// The type that holds the pools of a namespace.
inline constexpr std::string_view kDatabaseName = "FDb";

/// dmmeta.ctype
struct Ctype {
  std::string name;  ///< book.Order
  std::string comment;
  Place place;
};

/// tandem.ctype: a type that is written in C++ by hand, or another C++ name.
struct CppType {
  std::string ctype;
  std::string cpp;      ///< as the generated code names it, seen from the type's namespace
  std::string include;  ///< header with its definition; may be empty
  std::optional<std::uint64_t> size;
  std::uint64_t alignment = 8;
  bool takes_base = false;  ///< its constructor takes a PoolRef
  bool copyable = true;
  Place place;
};

/// dmmeta.field
struct Field {
  std::string name;          ///< book.FDb.order
  std::string arg;           ///< book.Order
  std::string reftype_name;  ///< as written; the only sign of what a kOther is
  std::string dflt;
  std::string comment;
  Reftype reftype = Reftype::kOther;
  Place place;

  /// book.FDb
  [[nodiscard]] std::string_view parent() const;
  /// book
  [[nodiscard]] std::string_view ns() const;
  /// order
  [[nodiscard]] std::string_view own_name() const;
  /// Is it a member of a namespace's database?
  [[nodiscard]] bool global() const;
};

/// dmmeta.basepool
struct Basepool {
  std::string field;
  std::string base;
  Place place;
};

/// dmmeta.nsx
struct Namespace {
  std::string name;
  std::string pool;  ///< where its pools get their memory; empty: not said
  Place place;
};

/// dmmeta.inlary
struct InlaryBounds {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  Place place;
};

/// dmmeta.tary
struct TaryOptions {
  bool aliased = false;
  Place place;
};

/// tandem.pool and tandem.sbrk: bounds and pages of one pool.
struct Tuning {
  std::string field;
  std::optional<std::uint64_t> limit_elems;
  std::optional<std::uint64_t> limit_bytes;
  std::optional<std::uint64_t> reserve_elems;
  std::optional<std::uint64_t> reserve_bytes;
  std::optional<std::uint64_t> huge_page_limit;  ///< bytes
  std::optional<bool> huge_pages;
  std::optional<bool> prefault;
  std::optional<bool> mlock;
  std::optional<bool> zero;
  bool is_sbrk = false;  ///< a tandem.sbrk record
  Place place;
};

/// tandem.index: makes a Tpool a Table, with an index by these keys (pools/table.h).
struct Index {
  std::string field;
  std::string kind;               ///< Hash, HashMulti, Ordered, OrderedMulti or List
  std::vector<std::string> keys;  ///< own names of fields of the element; -name: descending
  Place place;
};

/// What the records of some files say. Everything is in the order in which it was read.
struct Declarations {
  std::vector<Ctype> ctypes;
  std::vector<CppType> cpp_types;
  std::vector<Field> fields;
  std::vector<Basepool> basepools;
  std::vector<Namespace> namespaces;
  std::vector<Tuning> tunings;
  std::vector<Index> indexes;
  std::unordered_map<std::string, InlaryBounds> inlaries;  ///< by field
  std::unordered_map<std::string, TaryOptions> taries;     ///< by field

  // Positions by name.
  std::unordered_map<std::string, std::size_t> ctype_index;
  std::unordered_map<std::string, std::size_t> cpp_type_index;
  std::unordered_map<std::string, std::size_t> field_index;
  std::unordered_map<std::string, std::size_t> namespace_index;
  std::unordered_map<std::string, std::size_t> tuning_index;

  [[nodiscard]] const Ctype* FindCtype(std::string_view name) const;
  [[nodiscard]] const CppType* FindCppType(std::string_view name) const;
  [[nodiscard]] const Field* FindField(std::string_view name) const;
  [[nodiscard]] const Namespace* FindNamespace(std::string_view name) const;
  [[nodiscard]] const Tuning* FindTuning(std::string_view field) const;
};

}  // namespace tandem::declarations
