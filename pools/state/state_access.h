// SPDX-License-Identifier: Apache-2.0
//
// What the pools of a zone keep about their elements, read without running the application: blocks
// and arrays, which elements are live, bucket arrays of indexes. It reads the pools' own members,
// so it knows the pools of its own build only, which the layout version of a zone vouches for; it
// believes none of the addresses in them. Private to pools/state/.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pools/pool_account.h"
#include "pools/pool_ref.h"
#include "pools/state/state_view.h"
#include "pools/tpool_core.h"

namespace tandem::state {

inline constexpr std::uint64_t kTpoolBytes = sizeof(pools::TpoolCore);

/// How many bytes an index takes of an element, and of the table; null: there is no such kind.
struct IndexBytes {
  std::string_view kind;
  std::uint64_t link = 0;
  std::uint64_t index = 0;
  bool is_hash = false;
};
[[nodiscard]] const IndexBytes* BytesOfIndex(std::string_view kind);

/// Elements side by side.
struct Run {
  std::uint64_t block = 0;        ///< address of the memory from the base that they lie in
  std::uint64_t block_bytes = 0;  ///< of it
  std::uint64_t begin = 0;        ///< address of the first
  std::uint64_t first = 0;        ///< its number in the pool, from 0
  std::uint64_t count = 0;        ///< of those that were ever live
};

struct Elements {
  std::uint64_t stride = 0;              ///< bytes from one to the next
  std::vector<Run> runs = {};            ///< by their numbers
  std::vector<std::uint64_t> free = {};  ///< addresses of those that are not live
  bool damaged = false;                  ///< an address led out of the zone, or a list has no end
};

/// Of a Tpool. `checked`: its build was one (TANDEM_CHECKED).
[[nodiscard]] Elements ElementsOfTpool(const StateView& view, const pools::TpoolCore& pool,
                                       bool checked);

/// Of a Lary, Tary or Delptr at that address. `shares`: it is a member of elements.
[[nodiscard]] Elements ElementsOfArray(const StateView& view, pools::PoolKind kind,
                                       std::uint64_t address, bool shares);
/// Bytes of such a pool that is alone, and of one that is a member of elements.
[[nodiscard]] std::uint64_t BytesOfArray(pools::PoolKind kind, bool shares);

/// Of a Text: its characters, and its memory. Null memory: it has none.
struct TextMemory {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
};
[[nodiscard]] TextMemory MemoryOfText(const StateView& view, std::uint64_t address);

/// The pieces of the bucket array of a hash index: numbers of buckets. Stride 8.
[[nodiscard]] Elements BucketsOf(const StateView& view, std::uint64_t index);

[[nodiscard]] pools::Figures FiguresOf(const StateView& view, pools::PoolKind kind,
                                       std::uint64_t address);

}  // namespace tandem::state
