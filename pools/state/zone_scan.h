// SPDX-License-Identifier: Apache-2.0
//
// ScanZone: finds words of a state that are addresses outside of its zone: of the heap, a stack,
// code, a library. Such a word means nothing in another process, and differs between two copies of
// a state, so an element that has one is not safe in a zone, whatever its type promised
// (pools/zone_safe.h). Names each by pool, element and field.
//
//   auto walk = state::ZoneWalk::Of(state::StateView::Of(zone));
//   for (const auto& stray : ScanZone(*walk, ProcessMemory::OfThisProcess())) ...
//
// Looks at every aligned word of the state, free memory too, for what is free is part of an image
// and of its hash. A number that happens to be an address is taken for one: exact bounds make that
// rare, see ProcessMemory. Reads the state once; the walk must stay good meanwhile. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pools/result.h"
#include "pools/state/zone_walk.h"

namespace tandem::state {

/// Where a process has memory that is not its zone.
class ProcessMemory {
 public:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string what = {};  ///< "the heap", "a stack", "code of /usr/lib/...", "data of ..."
  };

  /// Of this process, now, by /proc/self/maps: for the state of a live zone. Of 2^64 numbers some
  /// 2^30 are such addresses; under valgrind small ones are among them. An error says why it cannot
  /// be read.
  static Result<ProcessMemory> OfThisProcess();
  /// Where processes of 64-bit Linux on x86 have programs, heaps, libraries and stacks, with
  /// sanitizers too: for an image, whose process is gone. One random number in 100,000 lies there;
  /// small ones do not.
  static ProcessMemory OfAnyProcess();
  /// By rising address, without overlaps.
  explicit ProcessMemory(std::vector<Range> ranges);

  /// What lies there; null: nothing is known to.
  [[nodiscard]] const Range* Find(std::uint64_t address) const;

 private:
  std::vector<Range> ranges_;
};

/// A word that leads out of the zone.
struct StrayWord {
  std::uint64_t address = 0;  ///< where in the zone it lies
  std::uint64_t value = 0;    ///< where it leads
  std::string place = {};     ///< "ledger.account#17+24 (note)", as ZoneWalk::PointerText
  std::string what = {};      ///< to what it leads
  bool is_free = false;       ///< of an element that is deleted: its bytes are still in an image
};

/// "ledger.account#17+24 (note) holds 0x55d0c0ffee00, an address of the heap"
[[nodiscard]] std::string TextOf(const StrayWord& stray);

/// The first `count_max` of them, by address.
[[nodiscard]] std::vector<StrayWord> ScanZone(const ZoneWalk& walk, const ProcessMemory& memory,
                                              std::size_t count_max = 1000);

}  // namespace tandem::state
