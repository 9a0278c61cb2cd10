// SPDX-License-Identifier: Apache-2.0
//
// ListIndex: keeps elements of a pool in the order in which they were put in. Intrusive: a doubly
// linked list (the algorithms of Boost.Intrusive) through a ListLink in the elements, so it
// allocates nothing, ever.
//
//   struct Order : ListLink { std::uint64_t id; };
//   struct Queue {
//     static ListLink& LinkOf(Order& order) { return order; }
//     static Order& ElementOf(ListLink& link) { return static_cast<Order&>(link); }
//   };
//   ListIndex<Order, Queue> queue;
//
// An element is in one list for each of its links, and must not move while it is in, nor may the
// list. Owns nothing. Lives in a zone; deterministic. One thread. Everything is O(1). 16 bytes for
// a link.
#pragma once

#include <boost/intrusive/circular_list_algorithms.hpp>
#include <cstdint>
#include <type_traits>

#include "pools/ensure.h"

namespace tandem::pools {

/// What an element needs to be in one ListIndex. Null while it is in none.
struct ListLink {
  ListLink* next = nullptr;
  ListLink* previous = nullptr;
};
static_assert(sizeof(ListLink) == 16 && std::is_trivially_copyable_v<ListLink>);

namespace internal {

/// What the algorithms of Boost.Intrusive want to know about a link.
struct ListLinkTraits {
  using node = ListLink;
  using node_ptr = ListLink*;
  using const_node_ptr = const ListLink*;

  static node_ptr get_next(const_node_ptr n) { return n->next; }
  static void set_next(node_ptr n, node_ptr next) { n->next = next; }
  static node_ptr get_previous(const_node_ptr n) { return n->previous; }
  static void set_previous(node_ptr n, node_ptr previous) { n->previous = previous; }
};

}  // namespace internal

template <class T, class Policy>
class ListIndex {
 public:
  using IsZoneSafe = void;

  ListIndex() { List::init_header(&header_); }
  ListIndex(const ListIndex&) = delete;
  ListIndex& operator=(const ListIndex&) = delete;

  /// Puts the element in, as the last one.
  void Insert(T& element) {
    ListLink& link = Policy::LinkOf(element);
    ENSURE(link.next == nullptr, "an element is put into a list that it is in");
    List::link_before(&header_, &link);
    ++count_;
  }

  /// Takes the element out; it must be in.
  void Remove(T& element) {
    ListLink& link = Policy::LinkOf(element);
    ENSURE(link.next != nullptr && count_ != 0,
           "an element is removed from a list that it is not in");
    List::unlink(&link);
    link = ListLink();
    --count_;
  }

  [[nodiscard]] bool Contains(T& element) const { return Policy::LinkOf(element).next != nullptr; }

  /// Null where there is none.
  [[nodiscard]] T* First() const { return OrNull(header_.next); }
  [[nodiscard]] T* Last() const { return OrNull(header_.previous); }
  [[nodiscard]] T* Next(T& element) const { return OrNull(Policy::LinkOf(element).next); }
  [[nodiscard]] T* Previous(T& element) const { return OrNull(Policy::LinkOf(element).previous); }
  /// Elements in the list.
  [[nodiscard]] std::uint64_t N() const { return count_; }
  [[nodiscard]] bool EmptyQ() const { return count_ == 0; }

 private:
  using List = boost::intrusive::circular_list_algorithms<internal::ListLinkTraits>;

  T* OrNull(ListLink* link) const { return link == &header_ ? nullptr : &Policy::ElementOf(*link); }

  ListLink header_;  ///< next: the first; previous: the last
  std::uint64_t count_ = 0;
};

}  // namespace tandem::pools
