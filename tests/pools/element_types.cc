// SPDX-License-Identifier: Apache-2.0
//
// Compiled alone by ctest: with one of the macros it must be refused, without it must not.
#include <cstdint>
#include <string>

#include "pools/tpool.h"

#if defined(TANDEM_TEST_VIRTUAL)
struct Element {
  virtual void Run() {}
};
#elif defined(TANDEM_TEST_STRING)
struct Element {
  std::string text;
};
#elif defined(TANDEM_TEST_OVERALIGNED)
struct alignas(8192) Element {
  char bytes[8192];
};
#else
struct Element {
  std::uint64_t value;
};
#endif

void Use(tandem::pools::PoolRef base) { tandem::pools::Tpool<Element> pool("pool", base); }
