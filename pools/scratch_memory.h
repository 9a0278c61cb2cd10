// SPDX-License-Identifier: Apache-2.0
//
// Memory that is not state: buffers, scratch, what tools hold. It is bounded too, and running out
// of it ends the process like a pool does, with one sentence and exit code 3; nothing is flushed,
// for what was not flushed yet was not published either. Any thread. Nothing here allocates.
#pragma once

#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <new>

#include "pools/result.h"

namespace tandem::pools {

/// "tandem: out of memory: WHAT would take more than N bytes, which is the bound; REMEDY."
[[noreturn]] inline void EndScratchFull(const char* what, std::uint64_t bound_bytes,
                                        const char* remedy) {
  char text[512];
  const int size = std::snprintf(text, sizeof text,
                                 "tandem: out of memory: %s would take more than %" PRIu64
                                 " bytes, which is the bound; %s.\n",
                                 what, bound_bytes, remedy);
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, text,
              static_cast<std::size_t>(size) < sizeof text ? static_cast<std::size_t>(size)
                                                           : sizeof text - 1);
  ::_exit(static_cast<int>(ExitCode::kOutOfMemory));
}

/// From now on a heap that the operating system refuses to grow ends the process, instead of
/// throwing where nobody could go on.
inline void EndWhenHeapIsRefused() {
  std::set_new_handler([] {
    constexpr char kText[] =
        "tandem: out of memory: the operating system refuses memory that is not state (buffers, "
        "scratch); give the process more, see ulimit -v and the limits of its cgroup.\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
    ::_exit(static_cast<int>(ExitCode::kOutOfMemory));
  });
}

}  // namespace tandem::pools
