// SPDX-License-Identifier: Apache-2.0
//
// MemoryFile: bytes under a path, for readers that want a file. One thread.
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
  MemoryFile(const std::uint8_t* data, std::size_t size)
      : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    ENSURE(descriptor_ >= 0, "no memory for a file");
    ENSURE(::write(descriptor_, data, size) == static_cast<ssize_t>(size), "no memory for a file");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace tandem::test
