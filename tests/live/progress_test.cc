// SPDX-License-Identifier: Apache-2.0
#include "engine/live/progress.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <vector>

namespace tandem::engine {
namespace {

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() {
    std::string pattern = testing::TempDir() + "/tandem-progress-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ProgressTest() override { std::filesystem::remove_all(folder_); }

  /// The next process of the engine.
  std::unique_ptr<Progress> Next(const std::string& session = "TEST") {
    auto progress = std::make_unique<Progress>();
    const Status status = progress->Open(folder_ + "/a.progress", proto::Session(session));
    EXPECT_TRUE(status.ok()) << status.error().text;
    return progress;
  }
  static void Begin(Progress& progress, std::uint64_t number) {
    proto::Header header;
    header.number = number;
    header.type = 100;
    header.user = proto::User("U1");
    progress.Begin(header);
  }
  /// A process that steps from `first` on and dies in the step of `last`.
  void DieIn(std::uint64_t first, std::uint64_t last) {
    const auto progress = Next();
    for (std::uint64_t i = first; i < last; ++i) {
      Begin(*progress, i);
      progress->End(i);
    }
    Begin(*progress, last);
  }

  std::string folder_;
};

TEST_F(ProgressTest, SaysNothingOfAProcessThatDidNotDieInAStep) {
  {
    const auto progress = Next();
    Begin(*progress, 1);
    progress->End(1);
  }
  const auto progress = Next();
  EXPECT_EQ(progress->died_at(), 0u);
  EXPECT_EQ(progress->deaths(), 0u);
}

TEST_F(ProgressTest, CountsDeathsInARowInOneInput) {
  std::vector<std::uint32_t> deaths;
  for (int i = 0; i < 3; ++i) {
    DieIn(1, 7);
    const auto progress = Next();
    EXPECT_EQ(progress->died_at(), 7u);
    deaths.push_back(progress->deaths());
  }
  EXPECT_EQ(deaths, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(Next()->deaths(), 3u) << "a process that did not die adds nothing";
}

TEST_F(ProgressTest, BeginsToCountAgainWhenAProcessDiesElsewhere) {
  DieIn(1, 7);
  DieIn(1, 7);
  DieIn(1, 4);  // killed from outside, in mid-step
  const auto progress = Next();
  EXPECT_EQ(progress->died_at(), 4u);
  EXPECT_EQ(progress->deaths(), 1u);
}

TEST_F(ProgressTest, ForgetsOnceTheInputIsPassed) {
  DieIn(1, 7);
  DieIn(1, 7);
  {
    const auto progress = Next();
    for (std::uint64_t i = 1; i <= 7; ++i) {
      EXPECT_EQ(progress->died_at(), 7u);
      Begin(*progress, i);
      progress->End(i);
    }
    EXPECT_EQ(progress->died_at(), 0u);
  }
  DieIn(8, 7);
  EXPECT_EQ(Next()->deaths(), 1u);
}

TEST_F(ProgressTest, BelongsToOneSession) {
  DieIn(1, 7);
  EXPECT_EQ(Next("OTHER")->died_at(), 0u);
}

TEST_F(ProgressTest, ShowsTheStepThatIsRunning) {
  Progress progress;
  EXPECT_EQ(progress.current().number, 0u);
  Begin(progress, 9);
  EXPECT_EQ(progress.current().number, 9u);
  EXPECT_EQ(progress.current().type, 100u);
  EXPECT_EQ(progress.current().user.view(), "U1");
  progress.End(9);
  EXPECT_EQ(progress.current().number, 0u);
}

TEST_F(ProgressTest, IsAnErrorWhereNoFileCanBe) {
  Progress progress;
  const Status status = progress.Open(folder_ + "/none/a.progress", proto::Session("TEST"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().text, "cannot keep " + folder_ +
                                     "/none/a.progress, which says which input is being stepped: "
                                     "No such file or directory");
}

}  // namespace
}  // namespace tandem::engine
