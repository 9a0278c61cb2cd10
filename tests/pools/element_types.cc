// SPDX-License-Identifier: Apache-2.0
//
// Compiled alone by ctest: with one of the macros it must be refused, without it must not.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pools/tpool.h"

#if defined(TANDEM_TEST_VIRTUAL)
struct Element {
  virtual void Run() {}
};
#elif defined(TANDEM_TEST_VIRTUAL_OPTED_IN)
struct Element {
  using IsZoneSafe = void;
  virtual void Run() {}
};
#elif defined(TANDEM_TEST_STRING)
struct Element {
  std::string text;
};
#elif defined(TANDEM_TEST_VECTOR)
struct Element {
  std::vector<int> numbers;
};
#elif defined(TANDEM_TEST_MAP)
struct Element {
  std::map<int, int> numbers;
};
#elif defined(TANDEM_TEST_UNIQUE_PTR)
struct Element {
  std::unique_ptr<int> number;
};
#elif defined(TANDEM_TEST_FUNCTION)
struct Element {
  std::function<void()> run;
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
