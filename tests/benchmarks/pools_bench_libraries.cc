// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/pools_bench_libraries.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace tandem::pools_bench {

void RestartWithRoomForLibraries(char** arguments) {
  constexpr const char* kVariable = "GLIBC_TUNABLES";
  const std::string room = "glibc.rtld.optional_static_tls=65536";
  const char* const before = std::getenv(kVariable);
  const std::string tunables = before == nullptr ? "" : before;
  if (tunables.find(room) == std::string::npos) {
    setenv(kVariable, (tunables.empty() ? room : tunables + ":" + room).c_str(), 1);
    execv("/proc/self/exe", arguments);  // if that fails, fewer libraries can be loaded
  }
}

std::vector<Library> LoadLibraries(std::vector<std::string>& missing) {
  struct Candidate {
    const char* name;
    const char* file;
    const char* package;
  };
  constexpr Candidate kCandidates[] = {
      {"jemalloc", "libjemalloc.so.2", "libjemalloc2"},
      {"mimalloc", "libmimalloc.so.2", "libmimalloc2.0"},
      {"tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"},
  };
  std::vector<Library> libraries = {{"glibc malloc", {&std::malloc, &std::free}}};
  for (const Candidate& candidate : kCandidates) {
    void* handle = dlopen(candidate.file, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      missing.push_back(std::string(candidate.name) + " (package " + candidate.package +
                        "): " + dlerror());
      continue;
    }
    MallocFunctions functions;
    functions.malloc = reinterpret_cast<void* (*)(std::size_t)>(dlsym(handle, "malloc"));
    functions.free = reinterpret_cast<void (*)(void*)>(dlsym(handle, "free"));
    ENSURE(functions.malloc != nullptr && functions.malloc != &std::malloc, "%s has no malloc",
           candidate.file);
    libraries.push_back({candidate.name, functions});
  }
  return libraries;
}

}  // namespace tandem::pools_bench
