// SPDX-License-Identifier: Apache-2.0
//
// OrderedIndex: keeps elements of a pool in an order. Intrusive: a red-black tree (the algorithms
// of Boost.Intrusive) through an OrderedLink in the elements, so it allocates nothing, ever.
// Elements that are equal in the order stay in the order in which they were put in.
//
//   struct Level : OrderedLink { std::int64_t price; };
//   struct ByPrice {
//     static bool Less(const Level& a, const Level& b) { return a.price < b.price; }
//     static OrderedLink& LinkOf(Level& level) { return level; }
//     static Level& ElementOf(OrderedLink& link) { return static_cast<Level&>(link); }
//   };
//   OrderedIndex<Level, ByPrice> levels;
//
// Use it where first, last, next or a range is asked for; for exact keys alone HashIndex is faster.
// Never order by a pointer or an address: it differs between copies of a state.
//
// An element is in one index for each of its links, and must not move or change its place in the
// order while it is in; checked mode looks at its neighbours when it is removed. The index must not
// move either. Owns nothing. Lives in a zone; deterministic. One thread. Costs: O(log N), about
// 1.4 log2 N compared at most; First and Last O(1). 24 bytes for a link.
#pragma once

#include <boost/intrusive/rbtree_algorithms.hpp>
#include <cstdint>
#include <type_traits>

#include "pools/checks.h"
#include "pools/ensure.h"

namespace tandem::pools {

/// What an element needs to be in one OrderedIndex.
struct OrderedLink {
  std::uintptr_t parent_and_color = 0;  ///< the lowest bit is set for black
  OrderedLink* left = nullptr;
  OrderedLink* right = nullptr;
};
static_assert(sizeof(OrderedLink) == 24 && std::is_trivially_copyable_v<OrderedLink>);

namespace internal {

/// What the algorithms of Boost.Intrusive want to know about a link.
struct OrderedLinkTraits {
  using node = OrderedLink;
  using node_ptr = OrderedLink*;
  using const_node_ptr = const OrderedLink*;
  using color = std::uintptr_t;
  static constexpr color kColorBit = 1;

  static node_ptr get_parent(const_node_ptr n) {
    return reinterpret_cast<node_ptr>(n->parent_and_color & ~kColorBit);
  }
  static void set_parent(node_ptr n, node_ptr parent) {
    n->parent_and_color =
        reinterpret_cast<std::uintptr_t>(parent) | (n->parent_and_color & kColorBit);
  }
  static node_ptr get_left(const_node_ptr n) { return n->left; }
  static void set_left(node_ptr n, node_ptr left) { n->left = left; }
  static node_ptr get_right(const_node_ptr n) { return n->right; }
  static void set_right(node_ptr n, node_ptr right) { n->right = right; }
  static color get_color(const_node_ptr n) { return n->parent_and_color & kColorBit; }
  static void set_color(node_ptr n, color c) {
    n->parent_and_color = (n->parent_and_color & ~kColorBit) | c;
  }
  static color black() { return kColorBit; }
  static color red() { return 0; }
};

}  // namespace internal

template <class T, class Policy>
class OrderedIndex {
 public:
  using IsZoneSafe = void;

  OrderedIndex() { Tree::init_header(&header_); }
  OrderedIndex(const OrderedIndex&) = delete;
  OrderedIndex& operator=(const OrderedIndex&) = delete;

  /// Puts the element in, behind those that are equal to it.
  void Insert(T& element) {
    OrderedLink& link = Policy::LinkOf(element);
    ENSURE(link.parent_and_color == 0, "an element is put into an ordered index that it is in");
    Tree::insert_equal_upper_bound(&header_, &link, [](const OrderedLink* a, const OrderedLink* b) {
      return Policy::Less(ElementOf(a), ElementOf(b));
    });
  }

  /// Takes the element out; it must be in.
  void Remove(T& element) {
    OrderedLink& link = Policy::LinkOf(element);
    ENSURE(link.parent_and_color != 0,
           "an element is removed from an ordered index that it is not in");
    if constexpr (kChecked) {
      CheckPlace(element);
    }
    Tree::erase(&header_, &link);
    link = OrderedLink();
  }

  /// The first element for which `is_before` is false, or null; it must be true for some elements
  /// from the first one on and false for all others.
  template <class IsBefore>
  [[nodiscard]] T* FirstNot(IsBefore&& is_before) const {
    return OrNull(Tree::lower_bound(&header_, 0, [&is_before](const OrderedLink* link, int) {
      return is_before(ElementOf(link));
    }));
  }

  /// Null where there is none.
  [[nodiscard]] T* First() const { return OrNull(header_.left); }
  [[nodiscard]] T* Last() const { return OrNull(header_.right); }
  [[nodiscard]] T* Next(T& element) const {
    return OrNull(Tree::next_node(&Policy::LinkOf(element)));
  }
  [[nodiscard]] T* Previous(T& element) const {
    OrderedLink* const link = &Policy::LinkOf(element);
    return link == header_.left ? nullptr : OrNull(Tree::prev_node(link));
  }
  [[nodiscard]] bool EmptyQ() const { return header_.left == &header_; }

 private:
  using Tree = boost::intrusive::rbtree_algorithms<internal::OrderedLinkTraits>;

  static const T& ElementOf(const OrderedLink* link) {
    return Policy::ElementOf(const_cast<OrderedLink&>(*link));
  }
  T* OrNull(OrderedLink* link) const {
    return link == &header_ ? nullptr : &Policy::ElementOf(*link);
  }

  void CheckPlace(T& element) const {
    T* const previous = Previous(element);
    T* const next = Next(element);
    ENSURE((previous == nullptr || !Policy::Less(element, *previous)) &&
               (next == nullptr || !Policy::Less(*next, element)),
           "an element changed its place in the order while it was in an ordered index");
  }

  OrderedLink header_;  ///< parent: the root; left: the first; right: the last
};

}  // namespace tandem::pools
