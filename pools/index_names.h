// SPDX-License-Identifier: Apache-2.0
//
// IndexNames: what a table's indexes are called, as text: Hash(client,id),Ordered(-price),List().
// Keys are called as in the source: a member by its name, a function object by that of its type; a
// descending one has a `-` in front. Constants only. Private to fields.h.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace tandem::pools {

template <auto... kKeys>
struct Hash;
template <auto... kKeys>
struct HashMulti;
template <auto... kKeys>
struct Ordered;
template <auto... kKeys>
struct OrderedMulti;
template <auto... kPredicate>
struct List;

namespace internal {

template <auto kKey>
struct DescendingKey;

/// What the compiler calls a key, down to its last name: id of &book::Order::id.
template <auto kKey>
constexpr std::string_view KeyName() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("kKey = ") + 7);
  text = text.substr(0, text.find_first_of(";]{()"));
  const std::size_t last = text.rfind(':');
  return last == text.npos ? text : text.substr(last + 1);
}

template <class... Indexes>
class IndexNames {
  static constexpr std::size_t kSizeMax = 512;

  struct Writer {
    constexpr void Add(std::string_view text) {
      for (const char c : text) characters[size++] = c;
    }

    template <auto kKey, class Key>
    constexpr void AddKey(const Key*) {
      Add(KeyName<kKey>());
    }
    template <auto, auto kInner>
    constexpr void AddKey(const DescendingKey<kInner>*) {
      Add("-");
      Add(KeyName<kInner>());
    }

    template <auto... kKeys>
    constexpr void AddIndex(std::string_view kind) {
      if (size != 0) Add(",");
      Add(kind);
      Add("(");
      std::size_t count = 0;
      ((Add(count++ == 0 ? "" : ","), AddKey<kKeys>(static_cast<const decltype(kKeys)*>(nullptr))),
       ...);
      Add(")");
    }
    template <auto... kKeys>
    constexpr void AddIndex(const Hash<kKeys...>*) {
      AddIndex<kKeys...>("Hash");
    }
    template <auto... kKeys>
    constexpr void AddIndex(const HashMulti<kKeys...>*) {
      AddIndex<kKeys...>("HashMulti");
    }
    template <auto... kKeys>
    constexpr void AddIndex(const Ordered<kKeys...>*) {
      AddIndex<kKeys...>("Ordered");
    }
    template <auto... kKeys>
    constexpr void AddIndex(const OrderedMulti<kKeys...>*) {
      AddIndex<kKeys...>("OrderedMulti");
    }
    template <auto... kPredicate>
    constexpr void AddIndex(const List<kPredicate...>*) {
      AddIndex<kPredicate...>("List");
    }

    std::array<char, kSizeMax> characters = {};
    std::size_t size = 0;
  };
  static constexpr Writer kWritten = [] {
    Writer writer;
    (writer.AddIndex(static_cast<const Indexes*>(nullptr)), ...);
    return writer;
  }();

 public:
  static constexpr std::string_view kText{kWritten.characters.data(), kWritten.size};
};

}  // namespace internal
}  // namespace tandem::pools
