// SPDX-License-Identifier: Apache-2.0
//
// Declarations of pools: any text is a sentence, or can be resolved and printed.
#include "pools/declarations/load.h"
#include "pools/declarations/print.h"
#include "pools/declarations/resolve.h"
#include "pools/ensure.h"

using namespace tandem::declarations;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto loaded = LoadText({reinterpret_cast<const char*>(data), size}, "t");
  if (!loaded) {
    ENSURE(loaded.error().text.starts_with("t:"), "an error without its place: %s",
           loaded.error().text.c_str());
    return 0;
  }
  const Resolution resolution = Resolve(*loaded);
  if (!resolution.problems.empty()) return 0;
  ENSURE(!Text(*loaded, resolution, {.values = true}).empty(), "nothing is printed");
  (void)Json(*loaded, resolution);
  (void)Dot(*loaded, resolution, {});
  return 0;
}
