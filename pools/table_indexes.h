// SPDX-License-Identifier: Apache-2.0
//
// The indexes of a Table:
//
//   Hash<key...>           finds one row by its key; refuses a second row with the same key
//   HashMulti<key...>      finds all rows with a key, in the order in which they got it
//   Ordered<key...>        keeps the rows in the order of a key; refuses a second row with the same
//   OrderedMulti<key...>   the same with equal keys, which stay in the order in which they got them
//   List<>                 keeps all rows in the order in which they came
//   List<predicate>        keeps the rows for which it holds, in the order in which it came to hold
//
// A hash index cannot be walked: its order says nothing. What may stand between the brackets is in
// table_keys.h; a predicate is a key that is a bool. Costs a node 8, 24, 24, 24 and 16 bytes for
// its links; a hash index takes 8 bytes more for each key, up to 16 just after its bucket array has
// doubled, from the base of the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "pools/ensure.h"
#include "pools/list_index.h"
#include "pools/ordered_index.h"
#include "pools/pool_ref.h"
#include "pools/table_keys.h"
#include "pools/table_node.h"

namespace tandem::pools {

template <auto... kKeys>
struct Hash {};
template <auto... kKeys>
struct HashMulti {};
template <auto... kKeys>
struct Ordered {};
template <auto... kKeys>
struct OrderedMulti {};
template <auto... kPredicate>
struct List {};

namespace internal {

enum class IndexKind : std::uint8_t { kHash, kOrdered, kList };

/// What a table asks of each of its indexes, beside Insert, Remove, Moves, Drain and Check.
template <class NodeType, class NameType, IndexKind kIndexKind, bool kIsUnique>
struct TableIndexBase {
  using Node = NodeType;
  using Row = typename Node::Row;
  using Name = NameType;  ///< a KeyList
  static constexpr IndexKind kKind = kIndexKind;
  static constexpr bool kUnique = kIsUnique;
  static constexpr bool kOrdered = kIndexKind == IndexKind::kOrdered;
  static constexpr bool kHasAll = true;  ///< every row is in

  /// Sees to it that the next Insert needs no memory. False: there is none; also in a step.
  [[nodiscard]] bool TryMakeRoom() { return true; }
  /// The same for as many rows in all.
  [[nodiscard]] bool TryReserve(std::uint64_t /*rows*/) { return true; }

  static void CheckCount(std::uint64_t count, std::uint64_t rows) {
    ENSURE(count == rows, "an index has %zu rows, but the table has %zu that should be in",
           static_cast<std::size_t>(count), static_cast<std::size_t>(rows));
  }
};

/// Index number kIndex of a table, as its Spec says.
template <class Node, std::size_t kIndex, class Spec>
class TableIndex;

template <class Node, std::size_t kIndex, bool kUnique, auto... kKeys>
class OrderedTableIndex
    : public TableIndexBase<Node, KeyList<kKeys...>, IndexKind::kOrdered, kUnique> {
  using Row = typename Node::Row;
  using RowKeys = Keys<Row, kKeys...>;
  static_assert(RowKeys::kSize > 0);

 public:
  explicit OrderedTableIndex(PoolRef /*base*/) {}

  void Insert(Node& node) { tree_.Insert(node); }
  void Remove(Node& node) { tree_.Remove(node); }
  static bool Moves(const Row& from, const Row& to) {
    return CompareRows<RowKeys::kSize>(from, to) != 0;
  }

  [[nodiscard]] Node* First() const { return tree_.First(); }
  [[nodiscard]] Node* Last() const { return tree_.Last(); }
  [[nodiscard]] Node* Next(Node& node) const { return tree_.Next(node); }
  [[nodiscard]] Node* Previous(Node& node) const { return tree_.Previous(node); }
  [[nodiscard]] bool EmptyQ() const { return tree_.EmptyQ(); }

  template <class... Args>
  [[nodiscard]] Node* LowerBound(const Args&... args) const {
    return LowerBoundOf(RowKeys::Lookup(args...));
  }
  template <class... Args>
  [[nodiscard]] Node* UpperBound(const Args&... args) const {
    const auto parts = RowKeys::Lookup(args...);
    return tree_.FirstNot(
        [&parts](const Node& node) { return CompareTo<sizeof...(Args)>(node.row, parts) <= 0; });
  }
  /// The first row whose key begins with the arguments, or null.
  template <class... Args>
  [[nodiscard]] Node* FindFirst(const Args&... args) const {
    const auto parts = RowKeys::Lookup(args...);
    Node* const node = LowerBoundOf(parts);
    return node != nullptr && CompareTo<sizeof...(Args)>(node->row, parts) == 0 ? node : nullptr;
  }
  template <class... Args>
  [[nodiscard]] Node* Find(const Args&... args) const {
    static_assert(sizeof...(Args) == RowKeys::kSize, "Find wants all parts of the key");
    return FindFirst(args...);
  }
  /// The row that has the key of `row`, or null.
  [[nodiscard]] Node* FindKeyOf(const Row& row) const {
    const auto parts = RowKeys::Of(row);
    Node* const node = LowerBoundOf(parts);
    return node != nullptr && CompareTo<RowKeys::kSize>(node->row, parts) == 0 ? node : nullptr;
  }

  /// The order of two rows by the first kCount parts of their keys.
  template <std::size_t kCount>
  static int CompareRows(const Row& a, const Row& b) {
    return RowKeys::template Compare<kCount>(RowKeys::Of(a), RowKeys::Of(b));
  }

  /// Calls `erase` for each node, which must take it out.
  template <class Erase>
  void Drain(Erase&& erase) {
    while (!EmptyQ()) {
      erase(*First());
    }
  }
  void Check(std::uint64_t rows) const {
    std::uint64_t count = 0;
    for (Node* node = First(); node != nullptr; ++count) {
      Node* const next = Next(*node);
      ENSURE(
          next == nullptr || CompareRows<RowKeys::kSize>(node->row, next->row) < (kUnique ? 0 : 1),
          "two rows of an ordered index are in the wrong order");
      node = next;
    }
    this->CheckCount(count, rows);
  }

 private:
  struct Policy {
    static bool Less(const Node& a, const Node& b) {
      return CompareRows<RowKeys::kSize>(a.row, b.row) < 0;
    }
    static OrderedLink& LinkOf(Node& node) { return internal::LinkOf<kIndex>(node); }
    static Node& ElementOf(OrderedLink& link) { return Node::template Of<kIndex>(link); }
  };

  template <std::size_t kCount, class Parts>
  static int CompareTo(const Row& row, const Parts& parts) {
    return RowKeys::template Compare<kCount>(RowKeys::Of(row), parts);
  }
  template <class Parts>
  [[nodiscard]] Node* LowerBoundOf(const Parts& parts) const {
    return tree_.FirstNot([&parts](const Node& node) {
      return CompareTo<std::tuple_size_v<Parts>>(node.row, parts) < 0;
    });
  }

  OrderedIndex<Node, Policy> tree_;
};

template <class Node, auto... kKeys>
struct LinkFor<Node, Ordered<kKeys...>> {
  using Type = OrderedLink;
};
template <class Node, std::size_t kIndex, auto... kKeys>
class TableIndex<Node, kIndex, Ordered<kKeys...>>
    : public OrderedTableIndex<Node, kIndex, true, kKeys...> {
  using OrderedTableIndex<Node, kIndex, true, kKeys...>::OrderedTableIndex;
};

template <class Node, auto... kKeys>
struct LinkFor<Node, OrderedMulti<kKeys...>> {
  using Type = OrderedLink;
};
template <class Node, std::size_t kIndex, auto... kKeys>
class TableIndex<Node, kIndex, OrderedMulti<kKeys...>>
    : public OrderedTableIndex<Node, kIndex, false, kKeys...> {
  using OrderedTableIndex<Node, kIndex, false, kKeys...>::OrderedTableIndex;
};

template <class Node, auto... kPredicate>
struct LinkFor<Node, List<kPredicate...>> {
  using Type = ListLink;
};
template <class Node, std::size_t kIndex, auto... kPredicate>
class TableIndex<Node, kIndex, List<kPredicate...>>
    : public TableIndexBase<Node, KeyList<kPredicate...>, IndexKind::kList, false> {
  using Row = typename Node::Row;
  static_assert(sizeof...(kPredicate) <= 1, "a List has one predicate, or none for all rows");
  static_assert((std::is_same_v<typename KeyPart<Row, kPredicate>::Key, bool> && ...),
                "the predicate of a List must be a bool");

 public:
  static constexpr bool kHasAll = sizeof...(kPredicate) == 0;

  explicit TableIndex(PoolRef /*base*/) {}

  void Insert(Node& node) {
    if (Holds(node.row)) {
      list_.Insert(node);
    }
  }
  void Remove(Node& node) {
    ENSURE(list_.Contains(node) == Holds(node.row),
           "the predicate of a List changed for a row while it was in the table");
    if (Holds(node.row)) {
      list_.Remove(node);
    }
  }
  static bool Moves(const Row& from, const Row& to) { return Holds(from) != Holds(to); }

  [[nodiscard]] Node* First() const { return list_.First(); }
  [[nodiscard]] Node* Last() const { return list_.Last(); }
  [[nodiscard]] Node* Next(Node& node) const { return list_.Next(node); }
  [[nodiscard]] Node* Previous(Node& node) const { return list_.Previous(node); }
  [[nodiscard]] bool EmptyQ() const { return list_.EmptyQ(); }
  [[nodiscard]] std::uint64_t N() const { return list_.N(); }

  template <class Erase>
  void Drain(Erase&& erase) {
    while (!EmptyQ()) {
      erase(*First());
    }
  }
  /// `rows`: of the table.
  void Check(std::uint64_t rows) const {
    std::uint64_t count = 0;
    for (Node* node = First(); node != nullptr; node = Next(*node)) {
      ENSURE(Holds(node->row), "a row is in a List whose predicate does not hold for it");
      ++count;
    }
    this->CheckCount(count, kHasAll ? rows : N());
  }

 private:
  struct Policy {
    static ListLink& LinkOf(Node& node) { return internal::LinkOf<kIndex>(node); }
    static Node& ElementOf(ListLink& link) { return Node::template Of<kIndex>(link); }
  };

  static bool Holds(const Row& row) { return (KeyPart<Row, kPredicate>::Of(row) && ...); }

  ListIndex<Node, Policy> list_;
};

}  // namespace internal
}  // namespace tandem::pools
