// SPDX-License-Identifier: Apache-2.0
#include "tools/held_clock.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>

namespace tandem::tools {
namespace {

#if defined(__x86_64__)

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStep = 1'000;

std::atomic<std::int64_t> now_ns = 0;

std::int64_t Ask() { return now_ns.fetch_add(kStep, std::memory_order_relaxed); }

// These take the place of the kernel's functions: they give a negative errno, not -1.
long ClockGetTime(clockid_t clock, timespec* time) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE && clock != CLOCK_TAI) {
    return ::syscall(SYS_clock_gettime, clock, time) == 0 ? 0 : -errno;
  }
  const std::int64_t now = Ask();
  *time = {.tv_sec = now / kSecond, .tv_nsec = now % kSecond};
  return 0;
}
long GetTimeOfDay(timeval* time, struct timezone* zone) {
  const std::int64_t now = Ask();
  if (time != nullptr) *time = {.tv_sec = now / kSecond, .tv_usec = now % kSecond / 1'000};
  if (zone != nullptr) *zone = {};
  return 0;
}
std::time_t Time(std::time_t* time) {
  const std::time_t seconds = Ask() / kSecond;
  if (time != nullptr) *time = seconds;
  return seconds;
}

struct Replacement {
  const char* name;
  void* function;
};
const std::array<Replacement, 3> kReplacements = {{
    {"__vdso_clock_gettime", reinterpret_cast<void*>(ClockGetTime)},
    {"__vdso_gettimeofday", reinterpret_cast<void*>(GetTimeOfDay)},
    {"__vdso_time", reinterpret_cast<void*>(Time)},
}};

/// movabs rax, address; jmp rax
constexpr std::size_t kJumpBytes = 12;

/// Where the kernel's function of that name begins; null if it is not there or too short.
unsigned char* FindInVdso(const char* name) {
  void* const library = ::dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_LAZY);
  void* const function = library != nullptr ? ::dlsym(library, name) : nullptr;
  if (library != nullptr) ::dlclose(library);
  Dl_info information;
  ElfW(Sym)* symbol = nullptr;
  if (function == nullptr ||
      ::dladdr1(function, &information, reinterpret_cast<void**>(&symbol), RTLD_DL_SYMENT) == 0) {
    return nullptr;
  }
  const bool is_long = symbol != nullptr && symbol->st_size >= kJumpBytes;
  return is_long ? static_cast<unsigned char*>(function) : nullptr;
}

/// All of what the kernel maps; it may not be split.
struct Mapping {
  void* begin = nullptr;
  std::size_t bytes = 0;
};
Mapping FindMapping() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with("[vdso]")) continue;
    char* end = nullptr;
    const std::uintptr_t from = std::strtoull(line.c_str(), &end, 16);
    const std::uintptr_t to = std::strtoull(end + 1, nullptr, 16);
    return {reinterpret_cast<void*>(from), to - from};
  }
  return {};
}

void JumpTo(unsigned char* from, void* to) {
  const unsigned char head[] = {0x48, 0xb8};
  const unsigned char tail[] = {0xff, 0xe0};
  std::memcpy(from, head, sizeof head);
  std::memcpy(from + sizeof head, &to, sizeof to);
  std::memcpy(from + sizeof head + sizeof to, tail, sizeof tail);
}

#endif

}  // namespace

bool CanHoldWallClock() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(HoldWallClock(0) ? 0 : 1);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

Status HoldWallClock([[maybe_unused]] std::int64_t start_ns) {
#if defined(__x86_64__)
  for (const Replacement& replacement : kReplacements) {
    if (FindInVdso(replacement.name) == nullptr) {
      return Error::Failure(std::string("the kernel maps no ") + replacement.name +
                            " into processes");
    }
  }
  const Mapping mapping = FindMapping();
  constexpr int kLocked = PROT_READ | PROT_EXEC;
  if (::mprotect(mapping.begin, mapping.bytes, kLocked | PROT_WRITE) != 0) {
    return Error::Failure(
        "the system does not let a process change what the kernel maps into it: " +
        std::string(std::strerror(errno)));
  }
  now_ns = start_ns;
  for (const Replacement& replacement : kReplacements) {
    JumpTo(FindInVdso(replacement.name), replacement.function);
  }
  ::mprotect(mapping.begin, mapping.bytes, kLocked);
  return {};
#else
  return Error::Failure("that is only done on x86-64 processors");
#endif
}

}  // namespace tandem::tools
