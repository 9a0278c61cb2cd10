// SPDX-License-Identifier: Apache-2.0
//
// The keys of a Table: what may stand between the brackets of an index, Hash<...> or Ordered<...>:
//
//   &Account::id             a member
//   &Account::Available      a const member function that returns the key
//   ByName{}                 a function object: struct ByName { Key operator()(const T&) const; };
//   kDescending<one of them> the same, last first; for ordered indexes
//
// More than one of them make a composite key, compared from left to right. Keys are compared by ==
// and <, and hashed by HashOf(key) (hash.h); a function object may bring its own
// `static bool Less(const Key&, const Key&)` and `static std::uint64_t Hash(const Key&)`. Str and
// Text are looked up by any text. What would make an order or a hash differ between copies of a
// state, or compare badly, is refused here at compile time, in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pools/hash.h"
#include "pools/str.h"
#include "pools/text.h"

namespace tandem::pools {
namespace internal {

template <auto kKey>
struct DescendingKey {
  template <class T>
  constexpr auto operator()(const T& row) const -> std::invoke_result_t<decltype(kKey), const T&> {
    return std::invoke(kKey, row);
  }
};

/// What a function object that extracts keys is, without its direction.
template <class Extractor>
struct Direction {
  using Base = Extractor;
  static constexpr bool kDescends = false;
};
template <auto kKey>
struct Direction<DescendingKey<kKey>> {
  using Base = std::remove_const_t<decltype(kKey)>;
  static constexpr bool kDescends = true;
};

template <class Key>
inline constexpr bool kIsText = std::is_same_v<Key, Text> || std::is_same_v<Key, std::string_view>;
template <std::size_t kSize>
inline constexpr bool kIsText<Str<kSize>> = true;

template <class Key>
inline constexpr bool kIsCharPointer =
    std::is_pointer_v<Key> &&
    sizeof(std::conditional_t<std::is_object_v<std::remove_pointer_t<Key>>,
                              std::remove_pointer_t<Key>, int>) == 1;

/// The names that tell indexes apart.
template <auto... kKeys>
struct KeyList {};

/// One part of a key of rows of type T.
template <class T, auto kPart>
struct KeyPart {
  using Extractor = std::remove_const_t<decltype(kPart)>;
  static constexpr bool kApplies = std::is_invocable_v<Extractor, const T&>;
  static_assert(kApplies,
                "a key must be a member of the row type, a const member function of it without "
                "arguments, or a function object that takes a const row");
  /// By reference where the row holds the key, else by value.
  using Result = typename std::conditional_t<kApplies, std::invoke_result<Extractor, const T&>,
                                             std::type_identity<int>>::type;
  using Key = std::remove_cvref_t<Result>;
  using View = std::conditional_t<std::is_lvalue_reference_v<Result>, const Key&, Key>;

  static_assert(!std::is_floating_point_v<Key>,
                "a key may not be a floating-point number: NaN has no place in an order, and "
                "values that are equal may differ in their bytes; use an integer in small units");
  static_assert(!std::is_array_v<Key>, "a key may not be a C array: use Str<N> or std::array");
  static_assert(!kIsCharPointer<Key>,
                "a key may not be a pointer to characters, whose address would be compared: use "
                "Str<N>, Text or std::string_view");

  using Base = typename Direction<Extractor>::Base;
  static constexpr bool kOwnLess = requires(const Key& key) { Base::Less(key, key); };
  static constexpr bool kOwnHash = requires(const Key& key) { Base::Hash(key); };

  static View Of(const T& row) { return std::invoke(kPart, row); }

  /// What is looked up, as something that can be compared to a key.
  template <class Arg>
  static decltype(auto) ToCompare(const Arg& arg) {
    if constexpr (std::is_same_v<Arg, Key>) {
      return (arg);
    } else if constexpr (kIsText<Key> && !kOwnLess && !kOwnHash) {
      static_assert(std::is_convertible_v<const Arg&, std::string_view>,
                    "a key that is a text is looked up by a text");
      return std::string_view(arg);
    } else {
      static_assert(std::is_convertible_v<const Arg&, Key>,
                    "a key is looked up by a value that converts to the type of the key");
      return static_cast<Key>(arg);
    }
  }

  template <class A>
  static std::uint64_t HashPart(const A& a) {
    if constexpr (kOwnHash) {
      return Base::Hash(a);
    } else if constexpr (std::is_pointer_v<Key>) {
      return MixBits(reinterpret_cast<std::uintptr_t>(a));
    } else {
      static_assert(
          requires { HashOf(a); },
          "a hash key must be an integer, an enum, a Str or a Text, or there must be a "
          "std::uint64_t HashOf(const Key&) in the namespace of its type");
      return HashOf(a);
    }
  }

  /// What the part adds to the hash of a key of several, which is mixed as a whole.
  template <class A>
  static std::uint64_t WordOf(const A& a) {
    if constexpr (kOwnHash) {
      return Base::Hash(a);
    } else if constexpr (std::is_pointer_v<Key>) {
      return reinterpret_cast<std::uintptr_t>(a);
    } else if constexpr (std::is_integral_v<Key>) {
      return static_cast<std::uint64_t>(a);
    } else {
      return HashPart(a);
    }
  }

  template <class A, class B>
  static bool EqualPart(const A& a, const B& b) {
    if constexpr (std::is_same_v<A, B>) {
      return a == b;
    } else {
      return std::string_view(a) == std::string_view(b);
    }
  }

  template <class A, class B>
  static bool LessPart(const A& a, const B& b) {
    static_assert(!std::is_pointer_v<Key>,
                  "a pointer may not be the key of an order: addresses differ between copies of a "
                  "state; order by something that the element says");
    if constexpr (Direction<Extractor>::kDescends) {
      return Ascending(b, a);
    } else {
      return Ascending(a, b);
    }
  }

 private:
  template <class A, class B>
  static bool Ascending(const A& a, const B& b) {
    if constexpr (kOwnLess) {
      return Base::Less(a, b);
    } else if constexpr (std::is_same_v<A, B>) {
      return a < b;
    } else {
      return std::string_view(a) < std::string_view(b);
    }
  }
};

/// A key of one part or several. Lookups, here `Parts`, are tuples too.
template <class T, auto... kParts>
struct Keys {
  static_assert(sizeof...(kParts) > 0,
                "an index needs a key: a member, a const member function or a function object");
  static_assert((KeyPart<T, kParts>::kApplies && ...));  // says now what is wrong with a part
  using View = std::tuple<typename KeyPart<T, kParts>::View...>;
  static constexpr std::size_t kSize = sizeof...(kParts);

  static View Of(const T& row) { return View(KeyPart<T, kParts>::Of(row)...); }

  /// As many of the leading parts as there are arguments.
  template <class... Args>
  static auto Lookup(const Args&... args) {
    static_assert(sizeof...(Args) > 0 && sizeof...(Args) <= kSize,
                  "more arguments than the key of the index has parts");
    return LookupParts(std::index_sequence_for<Args...>(), args...);
  }

  template <class Parts>
  static std::uint64_t HashParts(const Parts& parts) {
    static_assert(std::tuple_size_v<Parts> == kSize, "a hash index is asked with its whole key");
    if constexpr (kSize == 1) {
      return Part<0>::HashPart(std::get<0>(parts));
    }
    return WithIndexes<kSize>([&]<std::size_t... I>(std::index_sequence<I...>) {
      std::uint64_t hash = 0;
      ((hash = I == 0 ? Part<I>::WordOf(std::get<I>(parts))
                      : MixBits(hash * 0x9E3779B97F4A7C15 ^ Part<I>::WordOf(std::get<I>(parts)))),
       ...);
      return hash;
    });
  }

  template <class Parts>
  static bool Equal(const View& view, const Parts& parts) {
    return WithIndexes<kSize>([&]<std::size_t... I>(std::index_sequence<I...>) {
      return (Part<I>::EqualPart(std::get<I>(view), std::get<I>(parts)) && ...);
    });
  }

  /// The order of the first kCount parts: negative, 0 or positive, as memcmp.
  template <std::size_t kCount, class A, class B>
  static int Compare(const A& a, const B& b) {
    return WithIndexes<kCount>([&]<std::size_t... I>(std::index_sequence<I...>) {
      int order = 0;
      (void)((order = ComparePart<I>(std::get<I>(a), std::get<I>(b)), order != 0) || ...);
      return order;
    });
  }

 private:
  template <std::size_t kIndex>
  using Part = std::tuple_element_t<kIndex, std::tuple<KeyPart<T, kParts>...>>;

  template <std::size_t kCount, class Function>
  static auto WithIndexes(Function&& function) {
    return function(std::make_index_sequence<kCount>());
  }

  template <std::size_t... I, class... Args>
  static auto LookupParts(std::index_sequence<I...>, const Args&... args) {
    return std::tuple<decltype(Part<I>::ToCompare(args))...>(Part<I>::ToCompare(args)...);
  }

  template <std::size_t kIndex, class A, class B>
  static int ComparePart(const A& a, const B& b) {
    return Part<kIndex>::LessPart(a, b) ? -1 : Part<kIndex>::LessPart(b, a) ? 1 : 0;
  }
};

}  // namespace internal

/// The key, last first.
template <auto kKey>
inline constexpr internal::DescendingKey<kKey> kDescending{};

}  // namespace tandem::pools
