// SPDX-License-Identifier: Apache-2.0
//
// Runs seeds, in a process of their own where a broken ENSURE of the product must not end the
// caller: what the simulation calls found.
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/planted.h"
#include "tests/simulation/world.h"

namespace tandem::simulation {

/// One run. Should the product abort in it, the seed is said on stderr.
[[nodiscard]] Outcome Simulate(const Options& options);

/// What happened in many runs.
struct Totals {
  std::uint64_t runs = 0;
  Outcome sum;

  void Add(const Outcome& outcome);
  [[nodiscard]] std::string Describe() const;
};

/// How to see a run again.
[[nodiscard]] std::string CommandFor(const Options& options, Planted bug);

struct Found {
  std::uint64_t seeds = 0;  ///< how many were run, the one that failed included; 0: none failed
  std::string failure;      ///< "aborted" if the product ended itself
};

/// Runs `count` seeds from options.seed on with `bug` in the product, until one fails.
[[nodiscard]] Found Search(Options options, Planted bug, std::uint64_t count);

/// The first seed of the n-th search for a bug, so that searches are far apart.
[[nodiscard]] constexpr std::uint64_t SearchFrom(std::uint64_t n) { return 1 + 1'000'000 * n; }

}  // namespace tandem::simulation
