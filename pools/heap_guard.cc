// SPDX-License-Identifier: Apache-2.0
#include "pools/heap_guard.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

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

inline void CountCall() {
  if (StepScope::Active()) [[unlikely]] {
    count.fetch_add(1, std::memory_order_relaxed);
    if (fatal.load(std::memory_order_relaxed)) {
      std::abort();
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
  tandem::pools::CountCall();
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  tandem::pools::CountCall();
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  tandem::pools::CountCall();
  return __libc_realloc(memory, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  tandem::pools::CountCall();
  void* block = __libc_memalign(alignment, size);
  if (block == nullptr) {
    return ENOMEM;
  }
  *memory = block;
  return 0;
}

}  // extern "C"

#endif
