// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/values.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string_view>

namespace tandem::declarations {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Values, CountsAreWholeDecimalNumbersUpToTheLargest) {
  EXPECT_EQ(ParseCount("0"), 0u);
  EXPECT_EQ(ParseCount("007"), 7u);
  EXPECT_EQ(ParseCount("18446744073709551615"), kMax);
  for (const std::string_view text : {"", " ", "1 ", " 1", "+1", "-1", "1.0", "0x10", "1e3", "one",
                                      "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_EQ(ParseCount(text), std::nullopt) << text;
  }
}

TEST(Values, SizesMayHaveABinaryUnit) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("4096"), 4096u);
  EXPECT_EQ(ParseSize("1KiB"), std::uint64_t{1} << 10);
  EXPECT_EQ(ParseSize("3MiB"), std::uint64_t{3} << 20);
  EXPECT_EQ(ParseSize("64GiB"), std::uint64_t{64} << 30);
  EXPECT_EQ(ParseSize("16777215TiB"), std::uint64_t{16777215} << 40);
  for (const std::string_view text :
       {"", "KiB", "1kib", "1KB", "1K", "1 KiB", "1KiBMiB", "-1KiB", "1.5GiB", "1PiB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(Values, ASizeThatDoesNotFitIntoSixtyFourBitsIsNone) {
  EXPECT_EQ(ParseSize("16777216TiB"), std::nullopt);
  EXPECT_EQ(ParseSize("18446744073709551615KiB"), std::nullopt);
  EXPECT_EQ(ParseSize("18446744073709551615"), kMax);
}

TEST(Values, YesAndNoAreOneLetter) {
  EXPECT_EQ(ParseYesNo("Y"), true);
  EXPECT_EQ(ParseYesNo("N"), false);
  for (const std::string_view text : {"", "y", "n", "Yes", "1", "true"}) {
    EXPECT_EQ(ParseYesNo(text), std::nullopt) << text;
  }
}

TEST(Values, IdentifiersAreLettersDigitsAndUnderscores) {
  for (const std::string_view text : {"a", "Z", "_", "_9", "FDb", "algo_lib"}) {
    EXPECT_TRUE(IsIdentifier(text)) << text;
  }
  for (const std::string_view text : {"", "9a", "a-b", "a b", "a.b", "\xC3\xA4", "a\n"}) {
    EXPECT_FALSE(IsIdentifier(text)) << text;
  }
}

}  // namespace
}  // namespace tandem::declarations
