// SPDX-License-Identifier: Apache-2.0
//
// jemalloc, mimalloc and tcmalloc, as Debian packages them: each would replace malloc of the whole
// process, so none is linked. They are loaded beside each other and called through their own
// handles; nothing else in the process uses them.
#pragma once

#include <string>
#include <vector>

#include "tests/benchmarks/pools_bench_contestants.h"

namespace tandem::pools_bench {

struct Library {
  std::string name;
  MallocFunctions functions;
};

/// Starts the program anew, once, in a surrounding in which all of them can be loaded: the C
/// library has to keep room for their thread-local memory from the start.
void RestartWithRoomForLibraries(char** arguments);

/// glibc, and those of the others that are installed; `missing` says why others are not there.
std::vector<Library> LoadLibraries(std::vector<std::string>& missing);

}  // namespace tandem::pools_bench
