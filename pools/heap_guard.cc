// SPDX-License-Identifier: Apache-2.0
#include "pools/heap_guard.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "pools/step_scope.h"

namespace tandem::pools {
namespace {

std::atomic<std::uint64_t> count{0};
std::atomic<bool> fatal{false};

}  // namespace

std::uint64_t HeapGuard::Count() { return count.load(std::memory_order_relaxed); }
void HeapGuard::Reset() { count.store(0, std::memory_order_relaxed); }
void HeapGuard::SetFatal(bool value) { fatal.store(value, std::memory_order_relaxed); }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool HeapGuard::Available() { return false; }

#else

bool HeapGuard::Available() { return true; }

namespace {

/// Prints the calls that led here. By addr2line of binutils, which names functions that are not
/// exported too; where it is missing, by what the dynamic linker knows.
void PrintCalls() {
  std::array<void*, 48> calls{};
  const int count = backtrace(calls.data(), static_cast<int>(calls.size()));
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&PrintCalls), &self);
  std::string command = "addr2line --demangle --functions --pretty-print --exe /proc/" +
                        std::to_string(::getpid()) + "/exe";
  constexpr int kOwnFrames = 3;  // this function, EndAtCall, malloc
  for (int i = kOwnFrames; i < count; ++i) {
    Dl_info info{};
    if (dladdr(calls[static_cast<std::size_t>(i)], &info) == 0) continue;
    if (info.dli_fbase != self.dli_fbase) continue;
    char offset[32];
    std::snprintf(offset, sizeof offset, " %tx",
                  static_cast<char*>(calls[static_cast<std::size_t>(i)]) - 1 -
                      static_cast<char*>(self.dli_fbase));
    command += offset;
  }
  if (std::system((command + " >&2 2>/dev/null").c_str()) != 0) {
    backtrace_symbols_fd(calls.data(), count, STDERR_FILENO);
  }
}

/// Allocates itself: nothing is counted any more.
[[noreturn]] void EndAtCall(std::size_t bytes) {
  fatal.store(false, std::memory_order_relaxed);
  std::fprintf(stderr,
               "tandem: a heap allocation of %zu bytes inside the step of message %" PRIu64
               ", which may only take memory from pools; it was made here:\n",
               bytes, StepScope::MessageNumber());
  PrintCalls();
  std::abort();
}

inline void CountCall(std::size_t bytes) {
  if (StepScope::Active()) [[unlikely]] {
    count.fetch_add(1, std::memory_order_relaxed);
    if (fatal.load(std::memory_order_relaxed)) {
      EndAtCall(bytes);
    }
  }
}

}  // namespace

#endif

}  // namespace tandem::pools

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// glibc's own entry points, which its manual names for this purpose's replacements to stand on.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  tandem::pools::CountCall(size);
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  tandem::pools::CountCall(count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  tandem::pools::CountCall(size);
  return __libc_realloc(memory, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall(size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall(size);
  void* block = __libc_memalign(alignment, size);
  if (block == nullptr) {
    return ENOMEM;
  }
  *memory = block;
  return 0;
}

}  // extern "C"

#endif
