// SPDX-License-Identifier: Apache-2.0
//
// The demo, shorter than people run it, and a real day through a live pair.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>

#include "tests/support/data_folder.h"
#include "tests/support/shell.h"
#include "tools/pair.h"
#include "tools/process.h"

namespace tandem::tools {
namespace {

using std::chrono::milliseconds;
using tests::Shell;
using tests::ShellResult;

const std::string kProgram = TANDEM_PROGRAM;

class Demo : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "tandem-demo-" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override {
    if (!HasFailure()) std::filesystem::remove_all(folder_);
  }

  void ExpectPrinted(const ShellResult& result, const std::string& text) {
    EXPECT_NE(result.printed.find(text), std::string::npos) << text << "\nis not in\n"
                                                            << result.printed;
  }

  std::string folder_;
};

TEST_F(Demo, KillsBothEnginesAndEndsIdentical) {
  const std::string quoted = "'" + folder_ + "/a folder/it'\\''s";
  const ShellResult demo =
      Shell(kProgram + " demo --orders 40000 --rate 10000 --folder " + quoted + "'");
  EXPECT_EQ(demo.exit_code, 0) << demo.printed;
  ExpectPrinted(demo, "kill -9 engine A");
  ExpectPrinted(demo, "kill -9 engine B");
  ExpectPrinted(demo, "IDENTICAL: ");
  ExpectPrinted(demo, ", 2 kills,");
  ExpectPrinted(demo, "stat " + quoted + "/merged'");
  EXPECT_EQ(Shell(kProgram + " verify " + quoted + "/merged'").exit_code, 0);
}

TEST_F(Demo, CatchesAPlantedBitFlipAndNamesTheField) {
  const ShellResult demo =
      Shell(kProgram + " demo --plant bitflip --orders 60000 --rate 0 --folder " + folder_);
  EXPECT_EQ(demo.exit_code, 4) << demo.printed;
  ExpectPrinted(demo, "DIVERGENCE at output ");
  ExpectPrinted(demo, "published: ");
  ExpectPrinted(demo, "  engine ");  // whichever copy came second
  ExpectPrinted(demo, "differs: ");
  ExpectPrinted(demo, "engine B's output         DIFFERS from the replay at message ");
  EXPECT_EQ(Shell(kProgram + " diff " + folder_ + "/a " + folder_ + "/b").exit_code, 1);
}

TEST_F(Demo, CatchesThePlantedFaultHoweverShortTheFlowIs) {
  // Without an end that asks about every order, the fault shows in none of these.
  for (const auto* const flow : {"--orders 1000 --seed 1", "--orders 3000 --seed 1",
                                 "--orders 1000 --seed 6 --symbols 10000"}) {
    const ShellResult demo =
        Shell(kProgram + " demo --plant bitflip --rate 0 " + flow + " --folder " + folder_);
    EXPECT_EQ(demo.exit_code, 4) << flow << "\n" << demo.printed;
    ExpectPrinted(demo, "DIVERGENCE at output ");
    std::filesystem::remove_all(folder_);
  }
}

TEST_F(Demo, TakesAFolderOfItsOwnWhenOthersBeganInTheSameSecond) {
  // Folders of others for every second in which this demo may begin.
  std::filesystem::create_directories(folder_ + "/demo");
  const std::time_t now = std::time(nullptr);
  for (std::time_t second = now; second < now + 60; ++second) {
    char name[64];
    std::strftime(name, sizeof name, "/demo/%Y%m%d-%H%M%S", std::localtime(&second));
    std::filesystem::create_directories(folder_ + name + "/taken");
  }
  const ShellResult demo =
      Shell("cd " + folder_ + " && " + kProgram + " demo --orders 1000 --rate 0");
  EXPECT_EQ(demo.exit_code, 0) << demo.printed;
  ExpectPrinted(demo, "-2. Try next:");
}

TEST_F(Demo, LeavesNothingUnfinishedWhenItIsInterrupted) {
  auto started = Process::Start({kProgram, "demo", "--orders", "100000000", "--folder", folder_},
                                folder_ + ".out");
  ASSERT_TRUE(started.ok());
  for (int waited = 0; !std::filesystem::exists(folder_ + "/flow.partial"); ++waited) {
    ASSERT_LT(waited, 2'000) << "it does not generate";
    ASSERT_FALSE(started->Poll());
    std::this_thread::sleep_for(milliseconds(10));
  }
  started->Signal(SIGINT);
  EXPECT_EQ(started->Wait(milliseconds(20'000)), 5);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/flow.partial"));
  std::filesystem::remove(folder_ + ".out");
}

TEST_F(Demo, RefusesAFolderThatIsNotEmpty) {
  std::filesystem::create_directories(folder_ + "/something");
  const ShellResult demo = Shell(kProgram + " demo --folder " + folder_);
  EXPECT_EQ(demo.exit_code, 2);
  EXPECT_EQ(demo.printed,
            "tandem: the folder " + folder_ + " is not empty; give --folder a new one\n");
}

/// The command line that README.md gives for the hash of a day's trades.
std::string TradesHash(const std::string& log) {
  return Shell(kProgram + " cat " + log +
               " --type Trade --json | sed -E "
               "'s/.*\"maker_id\":\"([0-9]+)\",\"taker_id\":\"([0-9]+)\","
               "\"price\":\"([0-9]+)\",\"size\":\"([0-9]+)\".*/\\1,\\2,\\3,\\4/' | sha256sum")
      .printed;
}

// The expected hash was found by an independent program.
TEST_F(Demo, GivesTheTradesOfARealDayLiveAndInReplay) {
  const std::string file = tests::RealDayFile();
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "there is no " << file;
  const std::string expected =
      "30baa2bd5f81437f19c9fb85b5e6954b83a17c994c20c339faf094cfc607a9e4  -\n";
  std::filesystem::create_directories(folder_);
  const std::string day = folder_ + "/day";
  ASSERT_EQ(Shell(kProgram + " import lobster " + file + " -o " + day).exit_code, 0);
  ASSERT_EQ(Shell(kProgram + " replay " + day + " -o " + folder_ + "/replayed").exit_code, 0);
  EXPECT_EQ(TradesHash(folder_ + "/replayed"), expected);

  auto made = Pair::Make(kProgram, folder_, "DAY");
  ASSERT_TRUE(made.ok());
  Pair& pair = **made;
  ASSERT_TRUE(pair.StartAll().ok());
  const ShellResult submit = Shell(kProgram + " submit " + day + " --to " + pair.submissions());
  ASSERT_EQ(submit.exit_code, 0) << submit.printed;
  ExpectPrinted(submit, "119745 submissions acknowledged");
  for (int settled = 0, waited = 0; settled < 10; ++waited) {
    ASSERT_LT(waited, 1'200) << "the pair does not settle";
    pair.RunFor(milliseconds(50));
    settled = pair.Settled() ? settled + 1 : 0;
  }
  pair.StopAll();
  EXPECT_EQ(TradesHash(folder_ + "/merged"), expected);
}

}  // namespace
}  // namespace tandem::tools
