// SPDX-License-Identifier: Apache-2.0
//
// RowRange: rows of a Table one after the other, for a range-for. Inside the loop the row that it
// stands on may be changed or erased; the loop knows the one behind it, which must stay. A row that
// a change moves ahead in the order that is walked comes up again.
//
// Walk says how to go on: `Node* operator()(Node&) const`, null at the end. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace tandem::pools {

/// Row is T or const T.
template <class Row, class Node, class Walk>
class RowRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    using reference = Row&;
    using pointer = Row*;

    Iterator() = default;
    Row& operator*() const { return node_->row; }
    Row* operator->() const { return &node_->row; }
    Iterator& operator++() {
      MoveTo(next_);
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.node_ == b.node_; }

   private:
    friend RowRange;
    Iterator(Walk walk, Node* node) : walk_(walk) { MoveTo(node); }
    void MoveTo(Node* node) {
      node_ = node;
      next_ = node == nullptr ? nullptr : walk_(*node);
    }

    Walk walk_ = {};
    Node* node_ = nullptr;
    Node* next_ = nullptr;
  };

  RowRange(Walk walk, Node* first) : walk_(walk), first_(first) {}

  [[nodiscard]] Iterator begin() const { return Iterator(walk_, first_); }
  [[nodiscard]] Iterator end() const { return Iterator(); }
  /// The first row, or null.
  [[nodiscard]] Row* First() const { return first_ == nullptr ? nullptr : &first_->row; }
  [[nodiscard]] bool EmptyQ() const { return first_ == nullptr; }

 private:
  Walk walk_;
  Node* first_;
};

namespace internal {

template <class Index, class Node>
struct ForwardWalk {
  const Index* index = nullptr;
  Node* operator()(Node& node) const { return index->Next(node); }
};

template <class Index, class Node>
struct BackwardWalk {
  const Index* index = nullptr;
  Node* operator()(Node& node) const { return index->Previous(node); }
};

/// Forward, while the first kCount parts of the key are the same.
template <class Index, class Node, std::size_t kCount>
struct EqualWalk {
  const Index* index = nullptr;
  Node* operator()(Node& node) const {
    Node* const next = index->Next(node);
    return next != nullptr && Index::template CompareRows<kCount>(node.row, next->row) == 0
               ? next
               : nullptr;
  }
};

/// Along the rows of a hash index that have the same key.
template <class Index, class Node>
struct GroupWalk {
  Node* operator()(Node& node) const { return Index::NextEqual(node); }
};

template <class Row, class Node>
Row* RowOrNull(Node* node) {
  return node == nullptr ? nullptr : &node->row;
}

}  // namespace internal

/// The rows of a Table in the order of an Ordered or List index of it, as By and Rows give it;
/// cheap to copy. Row is T or const T.
template <class Row, class Node, class Index>
class RowView {
 public:
  using Forward = RowRange<Row, Node, internal::ForwardWalk<Index, Node>>;
  using Backward = RowRange<Row, Node, internal::BackwardWalk<Index, Node>>;

  explicit RowView(const Index& index) : index_(&index) {}

  /// Null where there is none.
  [[nodiscard]] Row* First() const { return internal::RowOrNull<Row>(index_->First()); }
  [[nodiscard]] Row* Last() const { return internal::RowOrNull<Row>(index_->Last()); }
  /// The neighbours of a row, which must be in the index; null at the ends.
  [[nodiscard]] Row* Next(Row& row) const {
    return internal::RowOrNull<Row>(index_->Next(NodeOf(row)));
  }
  [[nodiscard]] Row* Previous(Row& row) const {
    return internal::RowOrNull<Row>(index_->Previous(NodeOf(row)));
  }

  /// The first row whose key is not before that key, or null. Fewer arguments than the key has
  /// parts stand for all keys that begin with them, as in the functions that follow.
  template <class... Parts>
  [[nodiscard]] Row* LowerBound(const Parts&... parts) const requires(Index::kOrdered) {
    return internal::RowOrNull<Row>(index_->LowerBound(parts...));
  }
  /// The first row whose key is behind that key, or null.
  template <class... Parts>
  [[nodiscard]] Row* UpperBound(const Parts&... parts) const requires(Index::kOrdered) {
    return internal::RowOrNull<Row>(index_->UpperBound(parts...));
  }
  /// The rows from LowerBound on.
  template <class... Parts>
  [[nodiscard]] Forward From(const Parts&... parts) const requires(Index::kOrdered) {
    return Forward({index_}, index_->LowerBound(parts...));
  }
  /// The rows from the last one to the first.
  [[nodiscard]] Backward Backwards() const { return Backward({index_}, index_->Last()); }

  [[nodiscard]] auto begin() const { return Forward({index_}, index_->First()).begin(); }
  [[nodiscard]] auto end() const { return typename Forward::Iterator(); }
  [[nodiscard]] bool EmptyQ() const { return index_->EmptyQ(); }
  /// Rows in it.
  [[nodiscard]] std::uint64_t N() const requires(!Index::kOrdered) { return index_->N(); }

 private:
  static Node& NodeOf(Row& row) { return Node::Of(const_cast<typename Node::Row&>(row)); }

  const Index* index_;
};

}  // namespace tandem::pools
