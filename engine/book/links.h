// SPDX-License-Identifier: Apache-2.0
//
// What the declarations of book's state (book.pools) name but do not say: the tree of levels on a
// side, and how a user is hashed. Included by the generated header only.
#pragma once

#include <bit>
#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "pools/hash.h"
#include "proto/header.h"

namespace tandem::proto {

inline std::uint64_t HashOf(const User& user) {
  return pools::MixBits(std::bit_cast<std::uint64_t>(user));
}

}  // namespace tandem::proto

namespace tandem::book {

/// By which a level is among the levels of its side.
struct LevelHook
    : boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>> {
  using IsZoneSafe = void;  ///< links levels of the same zone
};

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

}  // namespace tandem::book
