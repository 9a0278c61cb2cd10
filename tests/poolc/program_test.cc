// SPDX-License-Identifier: Apache-2.0
//
// poolc as a program: what it writes, what it says, how it ends.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "pools/declarations/sources.h"
#include "tests/support/run_program.h"

namespace tandem::poolc {
namespace {

const std::string kLedger = TANDEM_POOLC_TESTS "/ledger.pools";

class PoolcProgram : public ::testing::Test {
 protected:
  PoolcProgram() {
    std::string pattern = ::testing::TempDir() + "/poolc_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PoolcProgram() override { std::filesystem::remove_all(folder_); }

  test::Ran Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TANDEM_POOLC);
    return test::RunProgram(arguments);
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }

  std::string folder_;
};

TEST_F(PoolcProgram, WritesTheHeaderAndNothingElse) {
  const test::Ran ran = Run({kLedger, "-o", Path("out.h")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  EXPECT_EQ(*declarations::ReadFile(Path("out.h")),
            *declarations::ReadFile(TANDEM_POOLC_TESTS "/ledger.golden.h"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(PoolcProgram, PutsNamespacesWithinAnother) {
  const test::Ran ran = Run({kLedger, "--namespace", "ledger", "--namespace", "desk", "--within",
                             "acme::bank", "-o", Path("out.h")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(declarations::ReadFile(Path("out.h"))->find("namespace acme::bank::ledger {"),
            std::string::npos);
}

TEST_F(PoolcProgram, NamesEveryProblemAndLeavesTheHeaderAlone) {
  Write("out.h", "as it was");
  Write("bad.pools",
        "dmmeta.field field:a.B.c arg:u8 reftype:Val\n"
        "dmmeta.field field:a.B.d arg:u8 reftype:Val\n");
  const test::Ran ran = Run({Path("bad.pools"), "-o", Path("out.h")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "poolc: " + Path("bad.pools") +
                         ":1: dmmeta.field of a.B.c: its type a.B is not declared; declare it with "
                         "a dmmeta.ctype record.\npoolc: " +
                         Path("bad.pools") +
                         ":2: dmmeta.field of a.B.d: its type a.B is not declared; declare it with "
                         "a dmmeta.ctype record.\n");
  EXPECT_EQ(*declarations::ReadFile(Path("out.h")), "as it was");
}

TEST_F(PoolcProgram, SaysWhatIsWrongWithItsArguments) {
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_EQ(Run({kLedger}).exit_code, 2);
  EXPECT_EQ(Run({kLedger, "-o", Path("out.h"), "--nonsense"}).exit_code, 2);
  EXPECT_EQ(Run({Path("none"), "-o", Path("out.h")}).exit_code, 2);
  const test::Ran no_folder = Run({kLedger, "-o", Path("none/out.h")});
  EXPECT_EQ(no_folder.exit_code, 5);
  EXPECT_EQ(no_folder.err, "poolc: Cannot write " + Path("none/out.h") +
                               ": No such file or directory; name a file in a folder that can be "
                               "written.\n");
  EXPECT_EQ(Run({"--help"}).exit_code, 0);
}

}  // namespace
}  // namespace tandem::poolc
