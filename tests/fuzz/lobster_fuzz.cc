// SPDX-License-Identifier: Apache-2.0
//
// LOBSTER files: every row is counted once, and what is wrong is a sentence.
#include "engine/book/lobster.h"
#include "pools/ensure.h"
#include "tests/fuzz/memory_file.h"

using namespace tandem;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const test::MemoryFile file(data, size);
  const book::LobsterDay day{.symbol = "ABC", .midnight_ns = 0};
  std::uint64_t given = 0;
  const auto totals = book::ReadLobster(file.path(), day, proto::User("FUZZ"),
                                        [&](const book::FlowMessage& message) {
                                          ENSURE(message.payload.size() < 200, "a long payload");
                                          ++given;
                                          return Status();
                                        });
  if (!totals) {
    ENSURE(!totals.error().text.empty(), "an error without a word");
    return 0;
  }
  ENSURE(totals->messages == given, "other messages than were given");
  ENSURE(totals->messages == totals->rows - totals->skipped() + totals->opened, "rows are missing");
  return 0;
}
