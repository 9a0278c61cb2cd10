// SPDX-License-Identifier: Apache-2.0
#include "replay/output_batch.h"

#include <gtest/gtest.h>

#include <new>

#include "pools/scratch_memory.h"
#include "tests/support/instrumented.h"

namespace tandem::replay {
namespace {

TEST(OutputBatch, TakesOutputsUpToItsLastByte) {
  OutputBatch batch(1200, 4 * 128);
  for (int i = 0; i < 4; ++i) batch.Append(100, proto::User("alice"), 64);
  EXPECT_EQ(batch.count(), 4u);
  batch.Seal(proto::Header{}, proto::Session("S"), {});
  EXPECT_EQ(batch.message(3).size(), 128u);
}

TEST(OutputBatchDeathTest, EndsTheProcessWhenOneInputSaysTooMuch) {
  OutputBatch batch(1200, 4 * 128);
  for (int i = 0; i < 4; ++i) batch.Append(100, proto::User("alice"), 64);
  EXPECT_EXIT(batch.Append(100, proto::User("alice"), 0), ::testing::ExitedWithCode(3),
              "tandem: out of memory: the outputs of one input would take more than 512 bytes, "
              "which is the bound; ");
}

TEST(ScratchMemoryDeathTest, AHeapThatIsRefusedEndsTheProcess) {
  if (tests::Instrumented()) {
    GTEST_SKIP() << "a sanitizer or valgrind ends the process in its own way";
  }
  EXPECT_EXIT(
      {
        pools::EndWhenHeapIsRefused();
        ::operator delete(::operator new (std::size_t{1} << 50));
      },
      ::testing::ExitedWithCode(3), "the operating system refuses memory that is not state");
}

}  // namespace
}  // namespace tandem::replay
