// SPDX-License-Identifier: Apache-2.0
//
// The demo, shorter than people run it, and a real day through a live pair.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/support/data_folder.h"
#include "tests/support/shell.h"
#include "tools/pair.h"

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
