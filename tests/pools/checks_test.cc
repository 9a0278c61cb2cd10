// SPDX-License-Identifier: Apache-2.0
//
// What checked mode catches, and that it is off where it costs.
#include "pools/checks.h"

#include <gtest/gtest.h>

#include <cstring>

#include "pools/lpool.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using Row = Sized<64 - kFenceBytes>;  // a stride of 64 bytes, with a fence or without

#if defined(TANDEM_CHECKED) || defined(__SANITIZE_ADDRESS__)

using ChecksDeathTest = ::testing::Test;

TEST(Checks, TakeMemoryThatWasFreeInAPoolBeforeForFresh) {
  auto zone = MapZone();
  for (int i = 0; i < 2; ++i) {
    Tpool<Row> rows("rows", zone->sbrk());  // the second has the block of the first
    void* memory = rows.AllocMem();
    rows.FreeMem(memory);
    EXPECT_EQ(rows.N(), 0u);
  }
}

TEST(ChecksDeathTest, CatchWhatIsFreedTwiceWithOthersBetween) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Tpool<Row> rows("rows", lpool);
  Row& first = rows.Alloc();
  Row& second = rows.Alloc();
  (void)rows.Alloc();
  rows.Delete(first);
  rows.Delete(second);
  EXPECT_DEATH(rows.Delete(first), "pool rows: .* is freed twice");

  void* a = lpool.AllocMem(32);
  void* b = lpool.AllocMem(32);
  (void)lpool.AllocMem(32);
  lpool.FreeMem(a, 32);
  lpool.FreeMem(b, 32);
  EXPECT_DEATH(lpool.FreeMem(a, 32), "pool lpool: .* is freed twice");
}

TEST(ChecksDeathTest, CatchWhatComesFromAnotherPoolOrLiesInsideAnElement) {
  auto zone = MapZone();
  Tpool<Row> rows("rows", zone->sbrk());
  Tpool<Row> others("others", zone->sbrk());
  Row& row = rows.Alloc();
  Row& other = others.Alloc();
  (void)other;
  EXPECT_DEATH(rows.Delete(other), "pool rows: .* comes from elsewhere");
  EXPECT_DEATH(rows.FreeMem(row.bytes + 16), "pool rows: .* lies inside an element");
}

TEST(ChecksDeathTest, CatchAWriteAfterDelete) {
  auto zone = MapZone();
  Tpool<Row> rows("rows", zone->sbrk());
  Row& row = rows.Alloc();
  rows.Delete(row);
  volatile std::byte* bytes = row.bytes;
  EXPECT_DEATH((bytes[40] = std::byte{1}, (void)rows.Alloc()),
               "written to after it was freed|use-after-poison");
}

TEST(Checks, DoNotMistakeMemoryThatWasNeverWrittenForFreed) {
  auto zone = MapZone();
  Tpool<Row> rows("rows", zone->sbrk());
  for (int i = 0; i < 3; ++i) {
    rows.FreeMem(rows.AllocMem());
  }
  EXPECT_EQ(rows.N(), 0u);
}

#if defined(__SANITIZE_ADDRESS__)

TEST(ChecksDeathTest, AddressSanitizerSeesFreedAndFreshMemory) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  Tpool<Row> rows("rows", zone->sbrk());
  Row& row = rows.Alloc();
  const auto* fresh = reinterpret_cast<const volatile char*>(&row + 1);
  EXPECT_DEATH((void)fresh[0], "use-after-poison");
  rows.Delete(row);
  const auto* freed = reinterpret_cast<const volatile char*>(&row);
  EXPECT_DEATH((void)freed[0], "use-after-poison");
  auto* block = static_cast<volatile char*>(lpool.AllocMem(64));
  EXPECT_DEATH(block[64] = 1, "use-after-poison");
}

#endif
#else

TEST(Checks, LeaveFreedMemoryAloneInReleaseBuilds) {
  auto zone = MapZone();
  Tpool<Row> rows("rows", zone->sbrk());
  auto* memory = static_cast<volatile unsigned char*>(rows.AllocMem());
  memory[63] = 0x11;
  rows.FreeMem(const_cast<unsigned char*>(memory));
  EXPECT_EQ(int{memory[63]}, 0x11);
}

#endif

}  // namespace
}  // namespace tandem::pools
