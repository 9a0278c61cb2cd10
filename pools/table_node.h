// SPDX-License-Identifier: Apache-2.0
//
// TableNode: a row of a Table and behind it one link for each of its indexes, in one element of a
// Tpool. The row comes first, so its address is the element's. No byte of a node is left as it
// happens to be: gaps between row and links are zero, and so is the padding inside of rows that are
// copied in, whatever the source had there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace tandem::pools::internal {

/// Sets the bytes of a row that no member covers to zero.
template <class T>
void ClearPadding([[maybe_unused]] T& row) {
  if constexpr (std::is_trivially_copyable_v<T> && !std::has_unique_object_representations_v<T>) {
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&row);
#else
    static_assert(sizeof(T) == 0,
                  "this compiler cannot clear the padding of a row, whose bytes would differ "
                  "between copies of a state: give the row integer members that leave no gaps");
#endif
  }
}

/// A T from the arguments, in parentheses or as an aggregate, right where it is needed.
template <class T, class... Args>
T MakeRow(Args&&... args) {
  if constexpr (std::is_constructible_v<T, Args...>) {
    return T(std::forward<Args>(args)...);
  } else {
    return T{std::forward<Args>(args)...};
  }
}

template <int kPlace, std::size_t kBytes>
struct ZeroBytes {
  unsigned char zeros[kBytes] = {};
};
template <int kPlace>
struct ZeroBytes<kPlace, 0> {};

template <class T>
struct RowHolder {
  template <class... Args>
  explicit RowHolder(std::in_place_t, Args&&... args)
      : row(MakeRow<T>(std::forward<Args>(args)...)) {
    ClearPadding(row);
  }
  T row;
};

template <std::size_t kIndex, class Link>
struct LinkSlot {
  Link link = {};
};

/// What must follow `bytes` to reach a multiple of `alignment`.
constexpr std::size_t GapBehind(std::size_t bytes, std::size_t alignment) {
  return (alignment - bytes % alignment) % alignment;
}

inline constexpr std::size_t kLinkAlignment = alignof(void*);

template <class T, class Indexes, class... Links>
struct NodeParts;
template <class T, std::size_t... kIndexes, class... Links>
struct NodeParts<T, std::index_sequence<kIndexes...>, Links...>
    : RowHolder<T>,
      ZeroBytes<0, GapBehind(sizeof(T), kLinkAlignment)>,
      LinkSlot<kIndexes, Links>...,
      ZeroBytes<1, GapBehind((sizeof(Links) + ... + 0), std::max(alignof(T), kLinkAlignment))> {
  using RowHolder<T>::RowHolder;
};

/// The link of a node of an index of kind Spec.
template <class Node, class Spec>
struct LinkFor;

template <class T, class... Specs>
struct TableNode : NodeParts<T, std::index_sequence_for<Specs...>,
                             typename LinkFor<TableNode<T, Specs...>, Specs>::Type...> {
  using Row = T;
  using IsZoneSafe = void;  ///< if T is, which the table checks: links lead to nodes of the table

  using NodeParts<T, std::index_sequence_for<Specs...>,
                  typename LinkFor<TableNode<T, Specs...>, Specs>::Type...>::NodeParts;

  static TableNode& Of(T& row) {
    return static_cast<TableNode&>(reinterpret_cast<RowHolder<T>&>(row));
  }
  template <std::size_t kIndex, class Link>
  static TableNode& Of(Link& link) {
    return static_cast<TableNode&>(reinterpret_cast<LinkSlot<kIndex, Link>&>(link));
  }
};

template <std::size_t kIndex, class Link>
Link& LinkOf(LinkSlot<kIndex, Link>& slot) {
  return slot.link;
}

}  // namespace tandem::pools::internal
