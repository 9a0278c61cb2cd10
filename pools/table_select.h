// SPDX-License-Identifier: Apache-2.0
//
// TableIndexes: all indexes of a Table as one, and each of them by the key that names it; says at
// compile time, in words, what a table cannot be asked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pools/pool_ref.h"
#include "pools/table_hash.h"
#include "pools/table_indexes.h"
#include "pools/table_range.h"
#include "pools/zone_safe.h"

namespace tandem::pools::internal {

template <class Index>
inline constexpr bool kIsTableIndex = false;
template <auto... kKeys>
inline constexpr bool kIsTableIndex<Hash<kKeys...>> = true;
template <auto... kKeys>
inline constexpr bool kIsTableIndex<HashMulti<kKeys...>> = true;
template <auto... kKeys>
inline constexpr bool kIsTableIndex<Ordered<kKeys...>> = true;
template <auto... kKeys>
inline constexpr bool kIsTableIndex<OrderedMulti<kKeys...>> = true;
template <auto... kPredicate>
inline constexpr bool kIsTableIndex<List<kPredicate...>> = true;

template <class Index>
inline constexpr bool kIsPartial = false;
template <auto kPredicate>
inline constexpr bool kIsPartial<List<kPredicate>> = true;

template <class Index, class... Indexes>
inline constexpr std::size_t kTimesIn = (std::size_t{std::is_same_v<Index, Indexes>} + ... + 0);

/// Refuses tables that would not do what they seem to.
template <class T, class... Indexes>
constexpr bool CheckTable() {
  static_assert(std::is_class_v<T> && !std::is_const_v<T>, "the rows of a table are of a class");
  static_assert(alignof(T) <= kMaxAlignment, "a row may be aligned to 4096 bytes at most");
  CheckElementType<T>();
  static_assert((kIsTableIndex<Indexes> && ...),
                "the indexes of a table are Hash, HashMulti, Ordered, OrderedMulti and List");
  static_assert(((kTimesIn<Indexes, Indexes...> == 1) && ...), "a table has an index twice");
  static_assert((!kIsPartial<Indexes> || ...),
                "a table needs an index that has all rows: add a List<>");
  return true;
}

/// The bytes of a row outside of its table, to try a change on; of a row that cannot be copied so,
/// only to be read by its keys.
template <class T>
class RowBytes {
 public:
  explicit RowBytes(const T& row) {
    std::memcpy(bytes_, static_cast<const void*>(&row), sizeof(T));
  }
  T& row() { return *std::launder(reinterpret_cast<T*>(bytes_)); }
  void WriteTo(T& row) const { std::memcpy(static_cast<void*>(&row), bytes_, sizeof(T)); }

 private:
  alignas(T) std::byte bytes_[sizeof(T)];
};

/// The indexes one behind the other. Not a std::tuple: that has no standard layout, so neither
/// would a table have, nor a state with one, whose fields tools find by their offsets.
template <class First, class... Rest>
struct IndexChain {
  explicit IndexChain(PoolRef base) : first(base), rest(base) {}
  First first;
  IndexChain<Rest...> rest;
};
template <class Last>
struct IndexChain<Last> {
  explicit IndexChain(PoolRef base) : first(base) {}
  Last first;
};

template <std::size_t kIndex, class Chain>
auto& IndexAt(Chain& chain) {
  if constexpr (kIndex == 0) {
    return chain.first;
  } else {
    return IndexAt<kIndex - 1>(chain.rest);
  }
}

template <class Node, class Numbers, class... Specs>
struct IndexTypes;
template <class Node, std::size_t... kIndexes, class... Specs>
struct IndexTypes<Node, std::index_sequence<kIndexes...>, Specs...> {
  using Chain = IndexChain<TableIndex<Node, kIndexes, Specs>...>;
  template <std::size_t kIndex>
  using At = std::tuple_element_t<kIndex, std::tuple<TableIndex<Node, kIndexes, Specs>...>>;
};

template <class Node, class... Specs>
class TableIndexes {
  using T = typename Node::Row;
  static constexpr std::size_t kCount = sizeof...(Specs);
  using Numbers = std::index_sequence_for<Specs...>;
  using Types = IndexTypes<Node, Numbers, Specs...>;
  template <std::size_t kIndex>
  using At = typename Types::template At<kIndex>;

 public:
  using Flags = std::array<bool, kCount>;  ///< one for each index

  explicit TableIndexes(PoolRef base) : indexes_(base) {}

  [[nodiscard]] bool TryMakeRoom() {
    return Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      return (IndexAt<I>(indexes_).TryMakeRoom() && ...);
    });
  }
  [[nodiscard]] bool TryReserve(std::uint64_t rows) {
    return Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      return (IndexAt<I>(indexes_).TryReserve(rows) && ...);
    });
  }

  static constexpr Flags kAll = [] {
    Flags all;
    all.fill(true);
    return all;
  }();

  /// Those of the indexes in which the row takes another place when it becomes `to`.
  static Flags Moves(const T& from, const T& to) {
    return Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      return Flags{At<I>::Moves(from, to)...};
    });
  }
  /// The node that has the key of `row` in a unique one of the indexes, or null.
  [[nodiscard]] Node* FindTaken(const T& row, const Flags& in = kAll) const {
    Node* taken = nullptr;
    Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      (void)((in[I] && (taken = TakenIn<I>(row)) != nullptr) || ...);
    });
    return taken;
  }
  void Insert(Node& node, const Flags& in = kAll) {
    Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      ((in[I] ? IndexAt<I>(indexes_).Insert(node) : void()), ...);
    });
  }
  void Remove(Node& node, const Flags& in = kAll) {
    Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      ((in[I] ? IndexAt<I>(indexes_).Remove(node) : void()), ...);
    });
  }
  void Check(std::uint64_t rows) const {
    Each([&]<std::size_t... I>(std::index_sequence<I...>) {
      (IndexAt<I>(indexes_).Check(rows), ...);
    });
  }

  /// The index that finds one row by that key.
  template <auto... kKeys>
  [[nodiscard]] const auto& Unique() const {
    using Name = KeyList<kKeys...>;
    constexpr std::size_t kHash = First<Name>([](Traits t) { return t.unique && t.hash(); });
    constexpr std::size_t kAny = First<Name>([](Traits t) { return t.unique; });
    static_assert(kAny < kCount || First<Name>([](Traits t) { return !t.list(); }) == kCount,
                  "many rows may have that key: ask for them with FindAll");
    static_assert(kAny < kCount, "the table has no Hash or Ordered index with that key");
    return Get < kHash < kCount ? kHash : kAny > ();
  }

  /// The index that finds all rows with that key.
  template <auto... kKeys>
  [[nodiscard]] const auto& Multi() const {
    using Name = KeyList<kKeys...>;
    constexpr std::size_t kHash = First<Name>([](Traits t) { return !t.unique && t.hash(); });
    constexpr std::size_t kAny = First<Name>([](Traits t) { return t.ordered(); });
    constexpr std::size_t kMulti = kHash < kCount ? kHash : kAny;
    static_assert(kMulti < kCount || First<Name>([](Traits t) { return t.hash(); }) == kCount,
                  "one row at most has that key: ask for it with Find");
    static_assert(kMulti < kCount,
                  "the table has no HashMulti, OrderedMulti or Ordered index with that key");
    return Get<kMulti>();
  }

  /// The index that has all rows in the order of that key.
  template <auto... kKeys>
  [[nodiscard]] const auto& InOrder() const {
    using Name = KeyList<kKeys...>;
    constexpr std::size_t kOrdered = First<Name>([](Traits t) { return t.ordered(); });
    static_assert(kOrdered < kCount || First<Name>([](Traits t) { return t.hash(); }) == kCount,
                  "a hash index cannot be walked, since its order would reach the output: add an "
                  "Ordered index with that key, or a List<>");
    static_assert(kOrdered < kCount,
                  "the table has no Ordered or OrderedMulti index with that key");
    return Get<kOrdered>();
  }

  template <auto... kPredicate>
  [[nodiscard]] const auto& Listed() const {
    constexpr std::size_t kList = First<KeyList<kPredicate...>>([](Traits t) { return t.list(); });
    static_assert(kList < kCount || sizeof...(kPredicate) > 0,
                  "the table does not know in which order its rows came: add a List<>");
    static_assert(kList < kCount, "the table has no List with that predicate");
    return Get<kList>();
  }

  /// An index that has all rows, one with a plain order if there is one.
  [[nodiscard]] auto& Full() {
    constexpr std::size_t kWalked = FirstOfAll([](Traits t) { return t.has_all && !t.hash(); });
    constexpr std::size_t kAny = FirstOfAll([](Traits t) { return t.has_all; });
    return IndexAt < kWalked < kCount ? kWalked : kAny > (indexes_);
  }

  template <class Row, class Index>
  static auto View(const Index& index) {
    return RowView<Row, Node, Index>(index);
  }
  /// The rows with that key; `index` is from Multi.
  template <class Row, class Index, class... Parts>
  static auto Equal(const Index& index, const Parts&... parts) {
    if constexpr (Index::kKind == IndexKind::kHash) {
      return RowRange<Row, Node, GroupWalk<Index, Node>>({}, index.Find(parts...));
    } else {
      return RowRange<Row, Node, EqualWalk<Index, Node, sizeof...(parts)>>(
          {&index}, index.FindFirst(parts...));
    }
  }

 private:
  struct Traits {
    IndexKind kind;
    bool unique;
    bool has_all;
    [[nodiscard]] constexpr bool hash() const { return kind == IndexKind::kHash; }
    [[nodiscard]] constexpr bool ordered() const { return kind == IndexKind::kOrdered; }
    [[nodiscard]] constexpr bool list() const { return kind == IndexKind::kList; }
  };

  template <class Function>
  static constexpr auto Each(Function&& function) {
    return function(Numbers());
  }

  /// The number of the first index for which `is` holds; kCount: there is none.
  template <class Is>
  static constexpr std::size_t FirstOfAll(Is is) {
    return Each([is]<std::size_t... I>(std::index_sequence<I...>) {
      std::size_t first = kCount;
      (void)((is(Traits{At<I>::kKind, At<I>::kUnique, At<I>::kHasAll}) && (first = I, true)) ||
             ...);
      return first;
    });
  }
  /// The same among those with that name, a KeyList.
  template <class Name, class Is>
  static constexpr std::size_t First(Is is) {
    return Each([is]<std::size_t... I>(std::index_sequence<I...>) {
      std::size_t first = kCount;
      (void)((std::is_same_v<typename At<I>::Name, Name> &&
              is(Traits{At<I>::kKind, At<I>::kUnique, At<I>::kHasAll}) && (first = I, true)) ||
             ...);
      return first;
    });
  }

  /// So that what is asked for wrongly says so once.
  template <std::size_t kIndex>
  [[nodiscard]] const auto& Get() const {
    return IndexAt < kIndex < kCount ? kIndex : 0 > (indexes_);
  }

  template <std::size_t kIndex>
  [[nodiscard]] Node* TakenIn(const T& row) const {
    if constexpr (At<kIndex>::kUnique) {
      return IndexAt<kIndex>(indexes_).FindKeyOf(row);
    } else {
      return nullptr;
    }
  }

  typename Types::Chain indexes_;
};

}  // namespace tandem::pools::internal
