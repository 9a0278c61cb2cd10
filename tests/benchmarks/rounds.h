// SPDX-License-Identifier: Apache-2.0
//
// Round trips in microseconds of several rounds, and the table that shows them. What the benchmarks
// of live pairs share.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/benchmarks/latency_svg.h"
#include "tests/benchmarks/measure.h"
#include "tools/process.h"

namespace tandem::benchmarks {

inline std::uint16_t PortOf(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

inline std::string ProgramBeside(const std::string& name) {
  return std::filesystem::path(tools::ThisProgram()).replace_filename(name);
}

/// `tandem` with these arguments, to its good end; what it says goes to the file `output`.
inline void Run(const std::vector<std::string>& arguments, const std::string& output,
                const std::function<void()>& prepare = {}) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), ProgramBeside("tandem"));
  tools::Process process = Must(tools::Process::Start(words, output, prepare));
  const auto code = process.Wait(std::chrono::hours(1));
  ENSURE(code == 0, "tandem %s ended badly, see %s", arguments.front().c_str(), output.c_str());
}

constexpr std::array<double, 6> kParts = {0.5, 0.9, 0.99, 0.999, 0.9999, 1};

inline void PrintHead(const char* first) {
  std::printf("%-34s %9s %9s %9s %9s %9s %9s\n", first, "p50", "p90", "p99", "p99.9", "p99.99",
              "max");
}

inline void PrintRow(const std::string& name, const std::array<double, kParts.size()>& values) {
  std::printf("%-34s", name.c_str());
  for (const double value : values) std::printf(" %9.*f", value < 10 ? 2 : 0, value);
  std::printf("\n");
}

/// One system's rounds: the percentiles of each, and all round trips together.
class Rounds {
 public:
  void Add(const std::vector<double>& sorted) {
    std::array<double, kParts.size()>& row = rows_.emplace_back();
    for (std::size_t i = 0; i < kParts.size(); ++i) row[i] = Percentile(sorted, kParts[i]);
    all_.insert(all_.end(), sorted.begin(), sorted.end());
  }
  /// Of each percentile the median over the rounds; of `over`, of the ratios to it.
  [[nodiscard]] std::array<double, kParts.size()> Medians(const Rounds* over = nullptr) const {
    std::array<double, kParts.size()> medians;
    for (std::size_t i = 0; i < kParts.size(); ++i) {
      std::vector<double> values;
      for (std::size_t round = 0; round < rows_.size(); ++round) {
        values.push_back(rows_[round][i] / (over != nullptr ? over->rows_[round][i] : 1));
      }
      medians[i] = Median(values);
    }
    return medians;
  }
  [[nodiscard]] Curve ToCurve(const std::string& name) const {
    Curve curve{name, all_};
    std::sort(curve.microseconds.begin(), curve.microseconds.end());
    return curve;
  }

 private:
  std::vector<std::array<double, kParts.size()>> rows_;
  std::vector<double> all_;
};

}  // namespace tandem::benchmarks
