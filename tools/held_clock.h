// SPDX-License-Identifier: Apache-2.0
//
// HoldWallClock: from then on the wall clock of this process says what it is told to: `start_ns`
// when it is asked first, and a microsecond more each time. So two processes that ask alike are
// told alike, and one that is told another start shows whether its answers depend on it.
//
// It replaces the functions that the kernel maps into each process (vDSO), so every library is told
// the same, whatever loaded it. Not held: system calls made by hand, clocks that nobody sets
// (CLOCK_MONOTONIC, the processor's counter). Any thread may ask the clock afterwards.
#pragma once

#include <cstdint>

#include "pools/result.h"

namespace tandem::tools {

/// Does it work with this processor and system? Tried in a process that is forked for it.
[[nodiscard]] bool CanHoldWallClock();

/// To be called while there is one thread.
[[nodiscard]] Status HoldWallClock(std::int64_t start_ns);

}  // namespace tandem::tools
