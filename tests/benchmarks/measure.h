// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks of logs and replays share.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "pools/ensure.h"
#include "pools/result.h"

namespace tandem::benchmarks {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class T>
T Must(Result<T> result) {
  ENSURE(result.ok(), "%s", result.error().text.c_str());
  return std::move(result).value();
}
inline void Must(const Status& status) { ENSURE(status.ok(), "%s", status.error().text.c_str()); }

}  // namespace tandem::benchmarks
