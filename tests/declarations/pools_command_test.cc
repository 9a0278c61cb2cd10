// SPDX-License-Identifier: Apache-2.0
//
// `tandem pools` as a program, and what docs/declarations.md shows of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "pools/declarations/sources.h"
#include "tests/support/run_program.h"

namespace tandem::declarations {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The first block of the page: its chain and what is printed of it, both without indentation.
struct Shown {
  std::string schema;
  std::string output;
};

Shown ShownInDocs() {
  std::istringstream page(*ReadFile(TANDEM_DOCS "/declarations.md"));
  Shown shown;
  bool in_output = false;
  bool begun = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("    $ tandem pools ")) {
      in_output = true;
      continue;
    }
    if (!line.empty() && !line.starts_with("    ")) {
      if (begun) break;
      continue;
    }
    begun = begun || line.starts_with("    # book.pools");
    if (!begun) continue;
    (in_output ? shown.output : shown.schema) += (line.empty() ? "" : line.substr(4)) + "\n";
  }
  while (shown.output.ends_with("\n\n")) shown.output.pop_back();
  return shown;
}

class PoolsCommand : public ::testing::Test {
 protected:
  PoolsCommand() {
    std::string pattern = ::testing::TempDir() + "/pools_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    old_folder_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);  // so that files are shown as the page shows them
    Write("book.pools", ShownInDocs().schema);
  }
  ~PoolsCommand() override {
    std::filesystem::current_path(old_folder_);
    std::filesystem::remove_all(folder_);
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  static test::Ran Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {TANDEM_PROGRAM, "pools"});
    return test::RunProgram(arguments);
  }

  std::string folder_;
  std::filesystem::path old_folder_;
};

TEST_F(PoolsCommand, PrintsWhatThePageShows) {
  const test::Ran ran = Run({"book.pools"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, ShownInDocs().output);
}

TEST_F(PoolsCommand, PrintsJsonAndGraphs) {
  const test::Ran json = Run({"book.pools", "--json"});
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_THAT(json.out, StartsWith("{\"pools\":["));
  const test::Ran dot = Run({"book.pools", "--dot"});
  EXPECT_EQ(dot.exit_code, 0);
  EXPECT_THAT(dot.out, HasSubstr("\"book.FDb.order\" -> \"book.FDb.lpool\" [label=\"nsx\"];"));
  EXPECT_EQ(Run({"book.pools", "--dot", "--json"}).exit_code, 2);
}

TEST_F(PoolsCommand, TakesTheRecordsOfASiteInsteadOfThoseOfTheSchema) {
  Write("site.pools", "dmmeta.basepool field:book.FDb.order base:book.FDb.sbrk\n");
  const test::Ran ran = Run({"book.pools", "--site", "site.pools"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("its basepool record, site.pools:1"));
}

TEST_F(PoolsCommand, SaysEveryProblemOnALineAndEndsWithTwo) {
  Write("bad.pools",
        "dmmeta.basepool field:book.FDb.order base:book.FDb.none\n"
        "tandem.pool field:book.FDb.lpol limit_elems:1\n");
  const test::Ran ran = Run({"book.pools", "bad.pools"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "tandem: bad.pools:1: dmmeta.basepool of book.FDb.order: the base book.FDb.none is not "
            "declared; declare it, or name another base.\n"
            "tandem: bad.pools:2: tandem.pool of book.FDb.lpol: there is no pool of that name; "
            "declare it with a dmmeta.field record, or leave this record out.\n");
}

TEST_F(PoolsCommand, EndsWithTwoForWhatItCannotRead) {
  EXPECT_EQ(Run({"none.pools"}).exit_code, 2);
  EXPECT_EQ(Run({}).exit_code, 2);
  Write("noise",
        "\x7f"
        "ELF");
  const test::Ran ran = Run({"noise"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, StartsWith("tandem: noise:1: a record begins with space.table"));
}

TEST_F(PoolsCommand, HelpHasAnExample) {
  const test::Ran ran = Run({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("Example:\n  tandem pools "));
}

}  // namespace
}  // namespace tandem::declarations
