// SPDX-License-Identifier: Apache-2.0
//
// ENSURE: the error channel for our own bugs. Always on, in release builds too. It ends the process
// with SIGABRT after one line with file, line, the condition and a sentence. It never allocates.
// What comes from outside (peers, disks, files, users) is never checked with it: see result.h.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace tandem {

[[noreturn]] [[gnu::cold]] [[gnu::noinline]] [[gnu::format(printf, 4, 5)]] inline void EnsureFailed(
    const char* file, int line, const char* condition, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "tandem: internal error at %s:%d: %s: %s\n", file, line, condition, text);
  std::abort();
}

}  // namespace tandem

/// ENSURE(condition, format, ...): a printf format and its values say what was found.
#define ENSURE(condition, ...)                                             \
  do {                                                                     \
    if (!(condition)) [[unlikely]] {                                       \
      ::tandem::EnsureFailed(__FILE__, __LINE__, #condition, __VA_ARGS__); \
    }                                                                      \
  } while (false)
