// SPDX-License-Identifier: Apache-2.0
//
// Plan: what the generated header will have in it: the types in an order in which each is complete
// where it is needed, their members with padding, and where each pool gets its memory. Everything
// that can be wrong with declarations is found here; emit.h only writes down.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pools/declarations/model.h"
#include "pools/declarations/resolve.h"
#include "pools/result.h"
#include "tools/poolc/names.h"

namespace tandem::poolc {

struct TypePlan;

/// An index of a member that is a Table.
struct IndexPlan {
  std::string kind;  ///< Hash
  std::string name;  ///< of its functions: id, user_id
  std::string keys;  ///< between the brackets: &Order::user, &Order::id
  std::vector<const declarations::Field*> fields;
};

/// One member of a generated type.
struct MemberPlan {
  const declarations::Field* field = nullptr;
  const declarations::Field* base = nullptr;  ///< if it takes one; null: the built-in Malloc
  bool takes_base = false;
  TypePlan* element = nullptr;                  ///< null: builtin, text or hand-written
  const declarations::CppType* hand = nullptr;  ///< its hand-written type, if it has one
  std::string element_cpp;                      ///< std::uint64_t, Order, algo::Money
  std::string cpp;                              ///< with the pool around it: pools::Tpool<Order>
  std::string initializer;                      ///< of a Val
  std::uint64_t padding_bytes = 0;              ///< in front of it
  std::vector<IndexPlan> indexes;               ///< of a Tpool that is a Table
  bool shares_account = false;                  ///< a Lary, Tary or Delptr outside a database
};

/// What a constructor is given for a member: an account (pools/pool_account.h) or a base.
struct Need {
  const declarations::Field* field = nullptr;
  bool is_account = false;
  const declarations::Field* base =
      nullptr;  ///< where the memory comes from; null: built-in Malloc
};

struct TypePlan {
  std::string name;  ///< book.Order
  std::string ns;    ///< book
  std::string cpp;   ///< Order
  std::string comment;
  bool database = false;
  bool holds_pools = false;  ///< or what cannot be copied: neither copied nor compared as bytes
  bool plain = true;         ///< equal values have equal bytes, all the way down
  std::vector<MemberPlan> members;
  std::uint64_t tail_padding_bytes = 0;
  /// What its constructor takes, unless it is a database: for its members, and values within it,
  /// each once.
  std::vector<Need> needs;
  /// Of a database: accounts of everything below it, each in front of the member that needs it
  /// first, by position in members.
  std::vector<std::pair<std::size_t, const declarations::Field*>> owned_accounts;
  /// Of a database: bases that are not its own; null stands for the built-in Malloc.
  std::vector<const declarations::Field*> outside_bases;

  std::optional<std::uint64_t> size;  ///< bytes, if known
  std::uint64_t alignment = 1;
};

struct Plan {
  std::vector<TypePlan*> types;  ///< in the order in which they are written
  std::set<std::string> includes;
  std::unordered_map<const declarations::Field*, const MemberPlan*> members;
  std::vector<Error> problems;  ///< if there are any, the rest is of no use
};

/// Owns the types of a plan.
class Planner {
 public:
  Planner(const declarations::Declarations& declarations,
          const declarations::Resolution& resolution);
  ~Planner();
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  /// Plans all types of these namespaces; of all namespaces if there are none given.
  const Plan& Make(const std::vector<std::string>& namespaces);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An error about a field.
[[nodiscard]] Error ErrorAbout(const declarations::Field& field, const std::string& sentence);

/// How `to` is named in the code of namespace `ns`.
[[nodiscard]] std::string QualifiedName(const TypePlan& to, std::string_view ns);

/// The member of a database of `ns` that is the account of that field: Symbol_level.
[[nodiscard]] std::string AccountName(const declarations::Field& field, std::string_view ns);
/// The member of a database that refers to a base elsewhere: algo_lib_lpool.
[[nodiscard]] std::string OutsideName(const declarations::Field* base);
/// How a database names that base among its members: *sbrk, lpool, algo_lib_lpool.
[[nodiscard]] std::string BaseExpression(const TypePlan& database, const declarations::Field* base);

/// The parameter of a constructor for it.
[[nodiscard]] std::string NeedParameter(const Need& need, std::string_view ns);

/// N of Str<N>.
[[nodiscard]] std::optional<std::uint64_t> StrSize(std::string_view type);

}  // namespace tandem::poolc
