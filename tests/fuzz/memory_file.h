// SPDX-License-Identifier: Apache-2.0
//
// MemoryFile: bytes under a path, for readers that want a file. One at a time: they share one file
// of the process. One thread.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "pools/ensure.h"

namespace tandem::test {

class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) {
    ENSURE(Descriptor() >= 0 && ::ftruncate(Descriptor(), 0) == 0, "no memory for a file");
    ENSURE(::pwrite(Descriptor(), data, size, 0) == static_cast<ssize_t>(size),
           "no memory for a file");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] static const std::string& path() {
    static const std::string path = "/proc/self/fd/" + std::to_string(Descriptor());
    return path;
  }

 private:
  static int Descriptor() {
    static const int descriptor = ::memfd_create("input", MFD_CLOEXEC);
    return descriptor;
  }
};

}  // namespace tandem::test
