// SPDX-License-Identifier: Apache-2.0
#include "pools/str.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "pools/hash_index.h"
#include "pools/lpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

static_assert(sizeof(Str<1>) == 1 && sizeof(Str<34>) == 34 && alignof(Str<34>) == 1);
static_assert(std::is_trivially_copyable_v<Str<34>>);
static_assert(std::has_unique_object_representations_v<Str<34>>);
static_assert(std::is_constructible_v<std::string_view, Str<3>>);

template <std::size_t kSize>
std::string BytesOf(const Str<kSize>& str) {
  return std::string(reinterpret_cast<const char*>(&str), sizeof str);
}

TEST(Str, IsEmptyAndZeroFromTheStart) {
  const Str<4> str;
  EXPECT_TRUE(str.empty());
  EXPECT_EQ(str.size(), 0u);
  EXPECT_EQ(BytesOf(str), std::string(4, '\0'));
}

TEST(Str, HoldsTextsUpToItsSizeWithZerosBehind) {
  Str<4> str;
  EXPECT_TRUE(str.Set("abcd"));
  EXPECT_EQ(str.view(), "abcd");
  EXPECT_TRUE(str.Set("x"));
  EXPECT_EQ(str.view(), "x");
  EXPECT_EQ(BytesOf(str), std::string("x\0\0\0", 4));
  EXPECT_TRUE(str.Set(""));
  EXPECT_EQ(BytesOf(str), std::string(4, '\0'));
}

TEST(Str, RefusesWhatIsTooLongAndStaysAsItWas) {
  Str<4> str = "abc";
  EXPECT_FALSE(str.Set("abcde"));
  EXPECT_FALSE(str.Set(std::string(1000, 'x')));
  EXPECT_EQ(str.view(), "abc");
}

TEST(Str, RefusesAZeroByteWhichWouldCutTheText) {
  Str<4> str = "abc";
  EXPECT_FALSE(str.Set(std::string_view("a\0b", 3)));
  EXPECT_FALSE(str.Set(std::string_view("a\0", 2)));
  EXPECT_EQ(str.view(), "abc");
}

TEST(Str, SaysWhatIsWrongWithATextFromOutside) {
  const Result<Str<4>> good = Str<4>::From("abcd");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, "abcd");
  EXPECT_EQ(Str<4>::From("abcde", "The symbol").error().text,
            "The symbol of 5 bytes is longer than 4 or holds a zero byte; shorten or correct it.");
}

TEST(Str, CanBeSetToAPartOfItself) {
  Str<6> str = "abcdef";
  EXPECT_TRUE(str.Set(str.view().substr(2, 3)));
  EXPECT_EQ(str.view(), "cde");
}

TEST(Str, ComparesAndOrdersAsTextsOfUnsignedBytesDo) {
  const std::vector<std::string> texts{"",     "a",    "aa",   "ab",      "b",
                                       "\x7f", "\x80", "\xff", "\xff\xff"};
  for (const std::string& a : texts) {
    for (const std::string& b : texts) {
      const Str<4> x = *Str<4>::From(a);
      const Str<4> y = *Str<4>::From(b);
      EXPECT_EQ(x == y, a == b) << a << " " << b;
      EXPECT_EQ(x < y, a < b) << a << " " << b;
      EXPECT_EQ(x == std::string_view(b), a == b);
      EXPECT_EQ(x < std::string_view(b), a < b);
      EXPECT_EQ(HashOf(x) == HashOf(y), a == b);
      EXPECT_EQ(HashOf(x), HashOf(std::string_view(a)));
    }
  }
}

struct Row {
  Str<12> name;
  std::uint32_t number;
  Row* next;
};

TEST(Str, IsAKeyOfAnIndex) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  HashIndex<Row, MemberKey<&Row::name, &Row::next>> rows(lpool);
  std::vector<Row> elements(10000);
  for (std::uint32_t i = 0; i < elements.size(); ++i) {
    ASSERT_TRUE(elements[i].name.Set("name-" + std::to_string(i)));
    elements[i].number = i;
    ASSERT_TRUE(rows.Insert(elements[i]));
  }
  for (std::uint32_t i = 0; i < elements.size(); ++i) {
    const Row* found = rows.Find(*Str<12>::From("name-" + std::to_string(i)));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->number, i);
  }
  EXPECT_EQ(rows.Find("name"), nullptr);
}

TEST(HashOf, SpreadsSimilarTextsOverAllBuckets) {
  std::vector<int> buckets(64);
  for (int i = 0; i < 6400; ++i) {
    ++buckets[HashOf(std::string_view("key" + std::to_string(i))) % buckets.size()];
  }
  for (const int count : buckets) {  // 100 on average, standard deviation 10
    EXPECT_GT(count, 40);
    EXPECT_LT(count, 160);
  }
}

TEST(HashOf, IsTheSameEverywhere) {
  EXPECT_EQ(HashOf(std::string_view("")), MixBits(1));
  EXPECT_EQ(HashOf(std::string_view("tandem")), MixBits(MixBits(7) ^ 0x6d65646e6174));
  EXPECT_EQ(HashOf(5), MixBits(5));
}

}  // namespace
}  // namespace tandem::pools
