// SPDX-License-Identifier: Apache-2.0
//
// The hash indexes of a Table (see table_indexes.h), on a HashIndex (see hash_index.h): Find costs
// a load for the bucket array, one for the bucket and one for each row passed, 1.5 at most on
// average; an insert splits at most one bucket, so none pauses however large the table is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pools/hash_index.h"
#include "pools/table_indexes.h"

namespace tandem::pools::internal {

/// What both have in common.
template <class Node, std::size_t kIndex, bool kUnique, auto... kKeys>
class HashTableIndex : public TableIndexBase<Node, KeyList<kKeys...>, IndexKind::kHash, kUnique> {
  using Row = typename Node::Row;
  using RowKeys = Keys<Row, kKeys...>;

 public:
  explicit HashTableIndex(PoolRef base) : hash_(base) {}

  [[nodiscard]] bool TryMakeRoom() { return hash_.TryMakeRoom(); }
  [[nodiscard]] bool TryReserve(std::uint64_t rows) { return hash_.TryReserve(rows); }
  static bool Moves(const Row& from, const Row& to) {
    return !RowKeys::Equal(RowKeys::Of(from), RowKeys::Of(to));
  }

  /// The row with that key, or the first of them, or null.
  template <class... Args>
  [[nodiscard]] Node* Find(const Args&... args) const {
    return FindParts(RowKeys::Lookup(args...));
  }
  [[nodiscard]] Node* FindKeyOf(const Row& row) const { return FindParts(RowKeys::Of(row)); }

 protected:
  struct Policy {
    using Key = typename RowKeys::View;
    static Key KeyOf(const Node& node) { return RowKeys::Of(node.row); }
    static std::uint64_t Hash(const Key& key) { return RowKeys::HashParts(key); }
    static Node*& Next(Node& node) { return LinkOf<kIndex>(node).next; }
  };

  HashIndex<Node, Policy> hash_;

 private:
  template <class Parts>
  [[nodiscard]] Node* FindParts(const Parts& parts) const {
    return hash_.FindIf(RowKeys::HashParts(parts), [&parts](const Node& node) {
      return RowKeys::Equal(RowKeys::Of(node.row), parts);
    });
  }
};

template <class Node>
struct HashLink {
  Node* next = nullptr;  ///< in the bucket
};
template <class Node, auto... kKeys>
struct LinkFor<Node, Hash<kKeys...>> {
  using Type = HashLink<Node>;
};

template <class Node, std::size_t kIndex, auto... kKeys>
class TableIndex<Node, kIndex, Hash<kKeys...>>
    : public HashTableIndex<Node, kIndex, true, kKeys...> {
  using Base = HashTableIndex<Node, kIndex, true, kKeys...>;

 public:
  using Base::Base;

  void Insert(Node& node) { this->hash_.InsertNew(node); }
  void Remove(Node& node) { this->hash_.Remove(node); }

  /// Calls `erase` for each node, which must take it out.
  template <class Erase>
  void Drain(Erase&& erase) {
    this->hash_.ForEach(erase);
  }
  void Check(std::uint64_t rows) const {
    std::uint64_t count = 0;
    this->hash_.ForEach([this, &count](Node& node) {
      ENSURE(this->FindKeyOf(node.row) == &node, "a hash index does not find a row by its key");
      ++count;
    });
    this->CheckCount(count, rows);
  }
};

/// Rows with equal keys are a list, the oldest first; the hash index has the first of each list.
template <class Node>
struct GroupLink {
  Node* next = nullptr;  ///< in the bucket; only of a first row
  Node* next_equal = nullptr;
  Node* previous_equal = nullptr;  ///< of a first row: the last
};
template <class Node, auto... kKeys>
struct LinkFor<Node, HashMulti<kKeys...>> {
  using Type = GroupLink<Node>;
};

template <class Node, std::size_t kIndex, auto... kKeys>
class TableIndex<Node, kIndex, HashMulti<kKeys...>>
    : public HashTableIndex<Node, kIndex, false, kKeys...> {
  using Base = HashTableIndex<Node, kIndex, false, kKeys...>;

 public:
  using Base::Base;

  void Insert(Node& node) {
    GroupLink<Node>& link = LinkOf<kIndex>(node);
    Node* const first = this->FindKeyOf(node.row);
    if (first == nullptr) {
      this->hash_.InsertNew(node);
      link.previous_equal = &node;
    } else {
      Node*& last = LinkOf<kIndex>(*first).previous_equal;
      LinkOf<kIndex>(*last).next_equal = &node;
      link.previous_equal = last;
      last = &node;
    }
  }

  void Remove(Node& node) {
    GroupLink<Node>& link = LinkOf<kIndex>(node);
    Node* const first = this->FindKeyOf(node.row);
    Node* const next = link.next_equal;
    ENSURE(first != nullptr && link.previous_equal != nullptr, "%s", kNotIn);
    if (first != &node) {
      Node*& behind = LinkOf<kIndex>(next == nullptr ? *first : *next).previous_equal;
      Node*& before = LinkOf<kIndex>(*link.previous_equal).next_equal;
      ENSURE(before == &node && behind == &node, "%s", kNotIn);
      before = next;
      behind = link.previous_equal;
    } else if (next != nullptr) {
      this->hash_.Replace(node, *next);
      LinkOf<kIndex>(*next).previous_equal = link.previous_equal;
    } else {
      this->hash_.Remove(node);
    }
    link = GroupLink<Node>();
  }

  static Node* NextEqual(Node& node) { return LinkOf<kIndex>(node).next_equal; }

  /// Calls `erase` for each node, which must take it out.
  template <class Erase>
  void Drain(Erase&& erase) {
    this->hash_.ForEach([&erase](Node& first) {
      while (Node* const second = NextEqual(first)) {
        erase(*second);
      }
      erase(first);
    });
  }
  void Check(std::uint64_t rows) const {
    std::uint64_t count = 0;
    this->hash_.ForEach([this, &count](Node& first) {
      Node* last = nullptr;
      for (Node* node = &first; node != nullptr; node = NextEqual(*node)) {
        ENSURE(this->FindKeyOf(node->row) == &first, "a hash index does not find a row by its key");
        ENSURE(last == nullptr || LinkOf<kIndex>(*node).previous_equal == last,
               "two rows with the same key are not linked both ways");
        last = node;
        ++count;
      }
      ENSURE(LinkOf<kIndex>(first).previous_equal == last, "the last row with a key is not known");
    });
    this->CheckCount(count, rows);
  }

 private:
  static constexpr const char* kNotIn =
      "a row is removed from a hash index that it is not in, or changed its key while it was in";
};

}  // namespace tandem::pools::internal
