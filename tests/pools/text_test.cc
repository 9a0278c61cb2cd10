// SPDX-License-Identifier: Apache-2.0
#include "pools/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/step_scope.h"
#include "pools/tary.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

class TextTest : public ::testing::Test {
 protected:
  std::unique_ptr<Zone> zone_ = MapZone();
  Lpool lpool_{"lpool", zone_->sbrk()};
};

TEST_F(TextTest, TakesNothingWhileItIsEmpty) {
  Text text(lpool_);
  text.Set("");
  text.Append("");
  text.Clear();
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.view(), "");
  EXPECT_EQ(lpool_.N(), 0u);
}

TEST_F(TextTest, HoldsAnyBytesOfAnyLength) {
  Text text(lpool_);
  for (const std::size_t size : {1, 15, 16, 17, 4096, 100000, 3}) {
    std::string bytes(size, 'x');
    bytes[size / 2] = '\0';
    text.Set(bytes);
    EXPECT_EQ(text.view(), bytes);
    EXPECT_EQ(lpool_.N(), 1u);
  }
}

TEST_F(TextTest, GivesItsBlockBackWhenItIsDestroyed) {
  {
    Text text(lpool_);
    text.Set("abc");
    Text moved(std::move(text));
    EXPECT_EQ(moved.view(), "abc");
    EXPECT_EQ(lpool_.N(), 1u);
  }
  EXPECT_EQ(lpool_.N(), 0u);
}

TEST_F(TextTest, UsesAllOfItsBlockBeforeItTakesALargerOne) {
  Text text(lpool_);
  text.Set("0123456789");
  EXPECT_EQ(text.capacity(), 16u);
  const char* bytes = text.view().data();
  text.Append("012345");
  EXPECT_EQ(text.view().data(), bytes);
  text.Append("6");
  EXPECT_EQ(text.view(), "01234567890123456");
  EXPECT_EQ(text.capacity(), 32u);
  EXPECT_EQ(lpool_.N(), 1u);
}

TEST_F(TextTest, CanBeSetToAPartOfItselfAndHaveItAppended) {
  Text text(lpool_);
  text.Set("0123456789");
  text.Append(text.view());
  EXPECT_EQ(text.view(), "01234567890123456789");
  text.Append(text.view().substr(18));
  EXPECT_EQ(text.view(), "0123456789012345678989");
  text.Set(text.view().substr(19));
  EXPECT_EQ(text.view(), "989");
}

TEST_F(TextTest, AppendsManyTimesWithFewCopies) {
  Malloc heap;  // its blocks are not rounded up, so the text must
  Text text(heap);
  std::string expected;
  int moves = 0;
  for (int i = 0; i < 10000; ++i) {
    const char* bytes = text.view().data();
    text.Append("ab");
    expected += "ab";
    moves += text.view().data() != bytes ? 1 : 0;
  }
  EXPECT_EQ(text.view(), expected);
  EXPECT_LT(moves, 20);
}

TEST_F(TextTest, KeepsTheOldTextWhenThereIsNoMemoryForTheNew) {
  Text text(lpool_);
  text.Set("old");
  ASSERT_TRUE(lpool_.SetLimit({.elements = 1, .bytes = 2 * kMiB}).ok());
  EXPECT_FALSE(text.SetMaybe(std::string(17, 'x')));
  EXPECT_EQ(text.view(), "old");
  EXPECT_TRUE(text.SetMaybe("0123456789abcdef"));
}

TEST_F(TextTest, AppendsUpToTheLimitOfItsBase) {
  Malloc heap;
  ASSERT_TRUE(heap.SetLimit({.bytes = 4096 + 2048}).ok());
  Text text(heap);
  text.Set(std::string(2048, 'x'));
  text.Append(std::string(2048, 'y'));  // 4096 and the old block: all there is
  EXPECT_EQ(text.size(), 4096u);
}

using TextDeathTest = TextTest;

TEST_F(TextDeathTest, EndsTheProcessWhenMemoryIsOut) {
  Text text(lpool_);
  ASSERT_TRUE(lpool_.SetLimit({.elements = 0}).ok());
  EXPECT_EXIT(text.Set("x"), ExitedWithCode(3), HasSubstr("out of memory in pool lpool"));
  EXPECT_EXIT(text.Append("x"), ExitedWithCode(3), HasSubstr("out of memory in pool lpool"));
  EXPECT_EXIT(
      {
        const StepScope step(3);
        (void)text.SetMaybe("x");
      },
      ExitedWithCode(3), HasSubstr("while processing message 3"));
}

TEST_F(TextTest, AgreesWithAStringThroughRandomOperations) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Text text(lpool_);
  std::string model;
  for (int i = 0; i < 20000; ++i) {
    const std::size_t from = model.empty() ? 0 : random() % model.size();
    const std::size_t size = random() % 40;
    switch (random() % 8) {
      case 0:
        text.Set(text.view().substr(from, size));
        model = model.substr(from, size);
        break;
      case 1:
        text.Append(text.view().substr(from, size));
        model += model.substr(from, size);
        break;
      case 2:
        text.Set(std::string(size * 7, 's'));
        model = std::string(size * 7, 's');
        break;
      default:
        text.Append(std::string(size, 'a'));
        model += std::string(size, 'a');
        break;
    }
    ASSERT_EQ(text.view(), model);
  }
}

TEST_F(TextTest, MovesWithTheArrayThatHoldsIt) {
  Tary<Text> texts("texts", lpool_);
  for (int i = 0; i < 100; ++i) {
    texts.Alloc(PoolRef(lpool_)).Set(std::string(static_cast<std::size_t>(i), 'x'));
  }
  texts.Remove(50);
  for (std::uint64_t i = 0; i < texts.N(); ++i) {
    EXPECT_EQ(texts.qFind(i).size(), i < 50 ? i : i + 1);
  }
}

}  // namespace
}  // namespace tandem::pools
