// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/names.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace tandem::poolc {
namespace {

std::optional<std::string> Value(const char* type, const char* dflt) {
  return Initializer(*FindBuiltin(type), dflt);
}

TEST(PoolcNames, BuiltinTypesAreFoundByTheirShortNames) {
  EXPECT_EQ(FindBuiltin("u8")->cpp, "std::uint8_t");
  EXPECT_EQ(FindBuiltin("i64")->cpp, "std::int64_t");
  EXPECT_EQ(FindBuiltin("i64")->size, 8u);
  EXPECT_EQ(FindBuiltin("char")->size, 1u);
  for (const char* name : {"", "u128", "int", "double", "book.Order", "Str<3>"}) {
    EXPECT_EQ(FindBuiltin(name), nullptr) << name;
  }
}

TEST(PoolcNames, ADefaultIsAValueOfItsType) {
  EXPECT_EQ(Value("u8", ""), "0");
  EXPECT_EQ(Value("bool", ""), "false");
  EXPECT_EQ(Value("char", ""), "'\\0'");
  EXPECT_EQ(Value("u8", "255"), "255");
  EXPECT_EQ(Value("u16", "0xffff"), "0xffff");
  EXPECT_EQ(Value("u32", "4294967295"), "4294967295");
  EXPECT_EQ(Value("u64", "18446744073709551615"), "18446744073709551615ULL");
  EXPECT_EQ(Value("u64", "0x7fffffffffffffff"), "0x7fffffffffffffffULL");
  EXPECT_EQ(Value("i8", "-128"), "-127 - 1");
  EXPECT_EQ(Value("i8", "127"), "127");
  EXPECT_EQ(Value("i32", "-1"), "-1");
  EXPECT_EQ(Value("i64", "-9223372036854775808"), "-9223372036854775807LL - 1");
  EXPECT_EQ(Value("i64", "9223372036854775807"), "9223372036854775807LL");
  EXPECT_EQ(Value("bool", "true"), "true");
  EXPECT_EQ(Value("char", "'x'"), "'x'");
}

TEST(PoolcNames, ADefaultThatIsNoValueIsNone) {
  for (const char* dflt : {"256", "-1", "x", "1 ", "0x", "0x100", "--1", "1.0", "true"}) {
    EXPECT_EQ(Value("u8", dflt), std::nullopt) << dflt;
  }
  EXPECT_EQ(Value("i8", "128"), std::nullopt);
  EXPECT_EQ(Value("i8", "-129"), std::nullopt);
  EXPECT_EQ(Value("i8", "-0"), std::nullopt);
  EXPECT_EQ(Value("u64", "18446744073709551616"), std::nullopt);
  EXPECT_EQ(Value("bool", "1"), std::nullopt);
  for (const char* dflt : {"x", "''", "'xy'", "'''", "'\\'", "'\n'"}) {
    EXPECT_EQ(Value("char", dflt), std::nullopt) << dflt;
  }
}

TEST(PoolcNames, ATextFitsOrIsNone) {
  EXPECT_EQ(StrInitializer(3, ""), "{}");
  EXPECT_EQ(StrInitializer(3, "EUR"), "\"EUR\"");
  EXPECT_EQ(StrInitializer(3, "\"EUR\""), "\"EUR\"");
  EXPECT_EQ(StrInitializer(3, "\"\""), "{}");
  EXPECT_EQ(StrInitializer(3, "a\"b"), "\"a\\\"b\"");
  EXPECT_EQ(StrInitializer(3, "EURO"), std::nullopt);
  EXPECT_EQ(StrInitializer(3, std::string("a\0b", 3)), std::nullopt);
}

TEST(PoolcNames, KeywordsAndReservedWordsAreNoNames) {
  for (const char* word : {"a", "order", "Order_2", "_a"}) EXPECT_TRUE(IsCppName(word)) << word;
  for (const char* word : {"", "9a", "class", "xor", "co_await", "a__b", "_Order", "a.b", "a b"}) {
    EXPECT_FALSE(IsCppName(word)) << word;
  }
}

TEST(PoolcNames, MacrosAreNoNames) {
  for (const char* word : {"NULL", "EOF", "errno", "assert", "offsetof", "INT64_MAX", "CHAR_MIN"}) {
    EXPECT_FALSE(IsCppName(word)) << word;
  }
  for (const char* word : {"null", "EUR", "order_MAX", "MAX", "MIN_SIZE"}) {
    EXPECT_TRUE(IsCppName(word)) << word;
  }
}

TEST(PoolcNames, AWordOfCodeIsWholeAndUnqualified) {
  for (const char* code : {"O", "O*", "List<O>", "a::List<const O*>", "OO, O"}) {
    EXPECT_TRUE(SaysUnqualified(code, "O")) << code;
  }
  for (const char* code : {"", "OO", "a::O", "O::Item", "xO", "O_", "List<&Item::O>"}) {
    EXPECT_FALSE(SaysUnqualified(code, "O")) << code;
  }
}

TEST(PoolcNames, CommentsStayOnTheirLine) {
  EXPECT_EQ(CommentText("a\nb\tc"), "a b c");
  EXPECT_EQ(CommentText("ends in a backslash \\ \\"), "ends in a backslash");
}

TEST(PoolcNames, NoTextMakesATrigraph) {
  EXPECT_EQ(CommentText("why?\?/"), "why?? /");
  EXPECT_EQ(CommentText("??\?/ ?/ ??"), "??? / ?/ ??");
  EXPECT_EQ(Literal("?\?/ ? ??\?="), R"("?\?/ ? ?\?\?=")");
}

TEST(PoolcNames, LiteralsStandForTheirText) {
  EXPECT_EQ(Literal("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\001\"");
}

}  // namespace
}  // namespace tandem::poolc
