// SPDX-License-Identifier: Apache-2.0
//
// ZoneSafe<T>: may a T be an element of a pool, whose bytes are copied, hashed and mapped again as
// they are? Trivially copyable types may. Another type opts in with `using IsZoneSafe = void;` in
// the class or a specialisation: it promises that it owns no heap, file or lock, and holds no
// pointers that lead out of its zone. Polymorphic types may never: a vtable pointer is an address
// of code.
#pragma once

#include <type_traits>

namespace tandem::pools {

template <class T>
        struct ZoneSafe : std::bool_constant < std::is_trivially_copyable_v<T> ||
    requires {
  typename T::IsZoneSafe;
} > {};

/// Refuses, at compile time and in words, what may not be an element.
template <class T>
constexpr void CheckElementType() {
  static_assert(!std::is_polymorphic_v<T>,
                "a pool element may have no virtual functions: the vtable pointer is an address of "
                "code, which differs between builds and processes");
  static_assert(ZoneSafe<T>::value,
                "a pool element must be trivially copyable, or opt in with `using IsZoneSafe = "
                "void;` if it owns nothing outside its zone");
}

}  // namespace tandem::pools
