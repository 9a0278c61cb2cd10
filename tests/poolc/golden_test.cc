// SPDX-License-Identifier: Apache-2.0
//
// What poolc makes of ledger.pools, byte for byte. After a change that is meant:
//   poolc tests/poolc/ledger.pools -o tests/poolc/ledger.golden.h
#include <gtest/gtest.h>

#include <string>

#include "pools/declarations/load.h"
#include "pools/declarations/resolve.h"
#include "pools/declarations/sources.h"
#include "tools/poolc/generate.h"

namespace tandem::poolc {
namespace {

const std::string kFolder = TANDEM_POOLC_TESTS "/";

std::string HeaderOf(const std::string& file) {
  const Result<declarations::Declarations> loaded = declarations::Load({kFolder + file});
  EXPECT_TRUE(loaded.ok()) << loaded.error().text;
  const Generated generated = Generate(*loaded, {.sources = {file}});
  EXPECT_TRUE(generated.problems.empty()) << generated.problems.front().text;
  return generated.header;
}

TEST(PoolcGolden, TheHeaderIsAsItWas) {
  const Result<std::string> golden = declarations::ReadFile(kFolder + "ledger.golden.h");
  ASSERT_TRUE(golden.ok()) << golden.error().text;
  EXPECT_EQ(HeaderOf("ledger.pools"), *golden);
}

TEST(PoolcGolden, TheSameDeclarationsGiveTheSameHeader) {
  for (const char* file : {"ledger.pools", "house.pools"}) {
    EXPECT_EQ(HeaderOf(file), HeaderOf(file)) << file;
  }
}

TEST(PoolcGolden, NoLineIsLongerThanAScreen) {
  std::size_t begin = 0;
  const std::string header = HeaderOf("ledger.pools");
  for (std::size_t end = 0; (end = header.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    EXPECT_LE(end - begin, 110u) << header.substr(begin, end - begin);
  }
}

}  // namespace
}  // namespace tandem::poolc
