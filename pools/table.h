// SPDX-License-Identifier: Apache-2.0
//
// Table<T, Index...>: rows of one type in a pool, found and walked by their keys.
//
//   struct Account { std::uint64_t id; std::int64_t cents; Str<34> iban; std::uint32_t branch; };
//
//   Table<Account, Hash<&Account::id>, Hash<&Account::iban>, HashMulti<&Account::branch>,
//         OrderedMulti<&Account::cents>, List<>> accounts("bank.FDb.account", lpool);
//
//   Account* account = accounts.Insert({.id = 7, .cents = 100});  // null: a key is taken
//   accounts.Find<&Account::id>(7);                               // the row, or null
//   accounts.Set<&Account::cents>(*account, 250);                 // false: the new key is taken
//   for (Account& a : accounts.FindAll<&Account::branch>(3)) ...  // the oldest first
//   for (Account& a : accounts.By<&Account::cents>().From(200)) ...
//   for (Account& a : accounts.Rows()) ...                        // as they were inserted
//   accounts.Erase(*account);
//
// The row type is plain C++ and knows nothing of the table, which keeps its links behind each row.
// The indexes are those of table_indexes.h, the keys those of table_keys.h. Rows never move; those
// that are trivially copyable may be changed as one likes through the pointers, but for their keys,
// which only Set and Modify may change (make a key const, and the compiler sees to it; Erase finds
// most violations). Everything that can be walked has an order that follows from the calls alone.
//
// Rows take their memory from the table's pool, which has the name, the limits and the figures; the
// bucket arrays of hash indexes take theirs from its base, which must serve any size, such as an
// Lpool. Out of memory ends the process, but for the functions named Maybe. Row types must be safe
// in a zone (zone_safe.h); constructors and keys must not throw. The table must not move, and may
// live in a zone. One thread. Costs: those of Tpool and of each index; Insert looks for taken keys
// first, so a refused row costs no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pools/checks.h"
#include "pools/ensure.h"
#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"
#include "pools/table_hash.h"
#include "pools/table_indexes.h"
#include "pools/table_node.h"
#include "pools/table_range.h"
#include "pools/table_select.h"
#include "pools/tpool.h"
#include "pools/zone_safe.h"

namespace tandem::pools {

template <class T, class... Indexes>
class Table {
  static_assert(internal::CheckTable<T, Indexes...>());
  using Node = internal::TableNode<T, Indexes...>;
  using Chosen = internal::TableIndexes<Node, Indexes...>;

 public:
  using Row = T;
  using IsZoneSafe = void;

  Table(const char* name, PoolRef base) : pool_(name, base), indexes_(base) {}
  ~Table() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      Clear();
    }
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// A copy of the row in the table, or null if a unique index has its key already; then nothing
  /// changes. Out of memory ends the process.
  [[nodiscard]] T* Insert(const T& row) {
    return FindTaken(row) != nullptr ? nullptr : &Link(pool_.Alloc(std::in_place, row));
  }
  /// As Insert, for a row whose keys are known not to be taken; looked at in checked mode only.
  T& InsertNew(const T& row) {
    if constexpr (kChecked) {
      ENSURE(FindTaken(row) == nullptr, "a row is inserted as new whose key is taken");
    }
    return Link(pool_.Alloc(std::in_place, row));
  }
  /// As Insert, with a row that is made of the arguments. One that cannot be copied by its bytes is
  /// made in its place, so it needs memory for a moment even if it is refused.
  template <class... Args>
  [[nodiscard]] T* Emplace(Args&&... args) {
    if constexpr (kCopiesRows) {
      return Insert(internal::MakeRow<T>(std::forward<Args>(args)...));
    } else {
      return KeepOrDrop(&pool_.Alloc(std::in_place, std::forward<Args>(args)...), false);
    }
  }
  /// As Insert and Emplace, but out of memory gives null outside a step; then nothing changes.
  [[nodiscard]] T* InsertMaybe(const T& row) {
    return FindTaken(row) != nullptr ? nullptr
                                     : KeepOrDrop(pool_.AllocMaybe(std::in_place, row), true);
  }
  template <class... Args>
  [[nodiscard]] T* EmplaceMaybe(Args&&... args) {
    if constexpr (kCopiesRows) {
      return InsertMaybe(internal::MakeRow<T>(std::forward<Args>(args)...));
    } else {
      return KeepOrDrop(pool_.AllocMaybe(std::in_place, std::forward<Args>(args)...), true);
    }
  }
  /// The first row, by the order of the indexes, that has the key of `row` in a unique index.
  [[nodiscard]] T* FindTaken(const T& row) {
    return internal::RowOrNull<T>(indexes_.FindTaken(row));
  }

  void Erase(T& row) { EraseNode(Node::Of(row)); }
  /// Erases the row with that key in a unique index. False: there is none.
  template <auto... kKeys, class... Parts>
  bool EraseKey(const Parts&... parts) {
    T* const row = Find<kKeys...>(parts...);
    if (row != nullptr) {
      Erase(*row);
    }
    return row != nullptr;
  }
  /// Erases all rows. The memory stays with the pool.
  void Clear() {
    indexes_.Full().Drain([this](Node& node) { EraseNode(node); });
  }

  /// Calls `change(T&)` with a copy of the row, and takes over what it did to it, unless that would
  /// give the row a key that another one has in a unique index: then false, and nothing changes. A
  /// row whose key changes comes last among those with the new one; otherwise it keeps its places.
  template <class Change>
  [[nodiscard]] bool Modify(T& row, Change&& change) {
    static_assert(std::is_trivially_copyable_v<T>,
                  "Modify works on a copy, so the rows must be trivially copyable: use Set, which "
                  "changes one member, or erase the row and insert another");
    internal::RowBytes<T> copy(row);
    change(copy.row());
    internal::ClearPadding(copy.row());
    return MoveTo(row, copy.row(), [&] { copy.WriteTo(row); });
  }
  /// As Modify, for one member, and for rows of any type.
  template <auto kMember, class Value>
  [[nodiscard]] bool Set(T& row, const Value& value) {
    using Member = std::remove_reference_t<decltype(row.*kMember)>;
    static_assert(std::is_trivially_copyable_v<Member>,
                  "Set changes a member that is trivially copyable; for another, erase the row and "
                  "insert one");
    const Member changed = value;
    internal::RowBytes<T> copy(row);
    copy.row().*kMember = changed;
    return MoveTo(row, copy.row(), [&] { row.*kMember = changed; });
  }

  /// The row with that key, or null. The index is Hash or Ordered; a Str or Text is found by any
  /// text.
  template <auto... kKeys, class... Parts>
  [[nodiscard]] T* Find(const Parts&... parts) {
    return internal::RowOrNull<T>(indexes_.template Unique<kKeys...>().Find(parts...));
  }
  template <auto... kKeys, class... Parts>
  [[nodiscard]] const T* Find(const Parts&... parts) const {
    return internal::RowOrNull<const T>(indexes_.template Unique<kKeys...>().Find(parts...));
  }

  /// The rows with that key, the oldest first. The index is HashMulti, OrderedMulti or Ordered. Of
  /// an ordered index the key may be cut short: then the rows that begin with it, in their order.
  template <auto... kKeys, class... Parts>
  [[nodiscard]] auto FindAll(const Parts&... parts) {
    return Chosen::template Equal<T>(indexes_.template Multi<kKeys...>(), parts...);
  }
  template <auto... kKeys, class... Parts>
  [[nodiscard]] auto FindAll(const Parts&... parts) const {
    return Chosen::template Equal<const T>(indexes_.template Multi<kKeys...>(), parts...);
  }

  /// All rows in the order of a key: to be walked, and for first, last, next and bounds (RowView).
  /// The index is Ordered or OrderedMulti.
  template <auto... kKeys>
  [[nodiscard]] auto By() {
    return Chosen::template View<T>(indexes_.template InOrder<kKeys...>());
  }
  template <auto... kKeys>
  [[nodiscard]] auto By() const {
    return Chosen::template View<const T>(indexes_.template InOrder<kKeys...>());
  }

  /// All rows as they were inserted, by a List<>; or those of a List with that predicate.
  template <auto... kPredicate>
  [[nodiscard]] auto Rows() {
    return Chosen::template View<T>(indexes_.template Listed<kPredicate...>());
  }
  template <auto... kPredicate>
  [[nodiscard]] auto Rows() const {
    return Chosen::template View<const T>(indexes_.template Listed<kPredicate...>());
  }

  /// Sees to it that the table can have that many rows with nothing from the base. False: out of
  /// memory; what was got is kept. Inside a step out of memory ends the process.
  [[nodiscard]] bool Reserve(std::uint64_t rows) {
    if (rows > N() && !pool_.Reserve(rows - N())) {
      return false;
    }
    const bool done = indexes_.TryReserve(rows);
    if (!done && StepScope::Active()) {
      EndOutOfMemory(*pool_.control().base, rows * sizeof(Node*));
    }
    return done;
  }

  /// Rows.
  [[nodiscard]] std::uint64_t N() const { return pool_.N(); }
  [[nodiscard]] bool EmptyQ() const { return N() == 0; }
  [[nodiscard]] Figures GetFigures() const { return pool_.GetFigures(); }
  /// An error if the table has held more.
  Status SetLimit(const Limit& limit) { return pool_.SetLimit(limit); }
  [[nodiscard]] const Limit& limit() const { return pool_.limit(); }
  [[nodiscard]] PoolControl& control() const { return pool_.control(); }

  /// Ends the process if an index does not have exactly the rows that it should have, each in its
  /// place. For tests and tools: O(N log N).
  void Check() const { indexes_.Check(N()); }

 private:
  static constexpr bool kCopiesRows =
      std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>;

  T& Link(Node& node) {
    indexes_.Insert(node);
    return node.row;
  }

  /// Takes a new node into the indexes, or gives it back and returns null.
  T* KeepOrDrop(Node* node, bool maybe) {
    if (node == nullptr) {
      return nullptr;
    }
    const bool may_fail = maybe && !StepScope::Active();
    if (indexes_.FindTaken(node->row) != nullptr || (may_fail && !indexes_.TryMakeRoom())) {
      pool_.Delete(*node);
      return nullptr;
    }
    return &Link(*node);
  }

  template <class Write>
  bool MoveTo(T& row, const T& changed, Write&& write) {
    Node& node = Node::Of(row);
    const auto moves = indexes_.Moves(row, changed);
    if (indexes_.FindTaken(changed, moves) != nullptr) {
      return false;
    }
    indexes_.Remove(node, moves);
    write();
    indexes_.Insert(node, moves);
    return true;
  }

  void EraseNode(Node& node) {
    indexes_.Remove(node);
    pool_.Delete(node);
  }

  Tpool<Node> pool_;
  Chosen indexes_;
};

}  // namespace tandem::pools
