// SPDX-License-Identifier: Apache-2.0
//
// Draws distributions of latencies as SVG: across, the share of round trips that took less, on a
// scale that stretches the tail (50 %, 90 %, 99 % ...); upwards, microseconds on a logarithmic
// scale.
#pragma once

#include <string>
#include <vector>

namespace tandem::benchmarks {

struct Curve {
  std::string name;
  std::vector<double> microseconds;  ///< sorted, not empty
};

/// The share `part` (0 to 1) of `sorted` is at most this.
[[nodiscard]] double Percentile(const std::vector<double>& sorted, double part);

[[nodiscard]] std::string DrawDistributions(const std::string& title,
                                            const std::vector<Curve>& curves);

}  // namespace tandem::benchmarks
