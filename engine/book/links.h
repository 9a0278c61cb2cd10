// SPDX-License-Identifier: Apache-2.0
//
// What the declarations of book's state (book.pools) name but do not say: the tree of levels on a
// side, and how a user is hashed. Included by the generated header only.
#pragma once

#include <bit>
#include <boost/intrusive/set.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pools/fields.h"
#include "pools/hash.h"
#include "proto/header.h"

namespace tandem::proto {

inline std::uint64_t HashOf(const User& user) {
  return pools::MixBits(std::bit_cast<std::uint64_t>(user));
}

}  // namespace tandem::proto

/// Users are printed as text.
template <>
inline constexpr std::size_t tandem::pools::internal::kStrSize<tandem::proto::User> =
    sizeof(tandem::proto::User);

namespace tandem::book {

/// A link of a tree, `offset` bytes into a hook; leads to another hook.
constexpr pools::FieldInfo LinkField(std::string_view name, std::uint64_t offset) {
  constexpr std::uint64_t kBytes = sizeof(void*);
  return {name,
          "book.LevelHook",
          "Ptr",
          offset,
          kBytes,
          1,
          1,
          kBytes,
          pools::FieldKind::kPointer,
          +[]() -> const pools::TypeInfo* { return nullptr; },
          ""};
}

/// By which a level is among the levels of its side.
struct LevelHook
    : boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>> {
  using IsZoneSafe = void;  ///< links levels of the same zone
};

TANDEM_NAME(LevelHook, "book.LevelHook")
struct LevelHookFields {
  static constexpr pools::FieldInfo kFields[] = {
      LinkField("parent", 0),  ///< with the colour in its lowest bit: 1 is black
      LinkField("left", 8), LinkField("right", 16)};
  static constexpr pools::TypeInfo kType{"book.LevelHook", sizeof(LevelHook), alignof(LevelHook),
                                         kFields};
};
static_assert(sizeof(LevelHook) == 24);

template <class Level>
struct KeyOfLevel {
  using type = std::int64_t;
  type operator()(const Level& level) const { return level.key; }
};

/// One side of a book, best level first. A template, because the level is declared elsewhere.
template <class Level>
struct LevelsOf
    : boost::intrusive::set<Level, boost::intrusive::member_hook<Level, LevelHook, &Level::hook>,
                            boost::intrusive::key_of_value<KeyOfLevel<Level>>,
                            boost::intrusive::constant_time_size<false>> {
  using IsZoneSafe = void;  ///< links levels of the same zone
};

/// The header of its tree.
struct LevelsFields {
  static constexpr pools::FieldInfo kFields[] = {LinkField("root", 0), LinkField("best", 8),
                                                 LinkField("worst", 16)};
  static constexpr pools::TypeInfo kType{"book.Levels", sizeof(LevelHook), alignof(LevelHook),
                                         kFields};
};
template <class Level>
LevelsFields* TandemDescription(const LevelsOf<Level>*);

}  // namespace tandem::book
