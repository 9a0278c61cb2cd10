// SPDX-License-Identifier: Apache-2.0
//
// ITCH 5.0 files: every message is counted once, and what is wrong is a sentence.
#include "engine/book/itch.h"
#include "pools/ensure.h"
#include "tests/fuzz/memory_file.h"

using namespace tandem;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)book::ParseItch(std::as_bytes(std::span(data, size)));
  const test::MemoryFile file(data, size);
  std::uint64_t given = 0;
  const auto totals =
      book::ReadItch(file.path(), 0, proto::User("FUZZ"), [&](const book::FlowMessage& message) {
        ENSURE(message.payload.size() < 200, "a payload of %zu bytes", message.payload.size());
        ++given;
        return Status();
      });
  if (!totals) {
    ENSURE(!totals.error().text.empty(), "an error without a word");
    return 0;
  }
  ENSURE(totals->messages == given, "other messages than were given");
  ENSURE(totals->taken + totals->unknown_order <= totals->read, "more taken than read");
  return 0;
}
