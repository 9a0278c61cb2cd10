// SPDX-License-Identifier: Apache-2.0
//
// `tandem new` as a person runs it. That what it writes builds and passes is shown by
// docs/tutorial.md, which is run as a test.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> NamesIn(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST_F(LogTools, NewWritesAnApplicationUnderItsOwnName) {
  const Ran ran = Tandem({"new", "order_book", "--folder", Path("exchange")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with(Path("exchange") + ": an application with its tests")) << ran.out;
  EXPECT_EQ(NamesIn(Path("exchange")),
            (std::set<std::string>{".gitignore", "CMakeLists.txt", "README.md", "inputs.jsonl",
                                   "order_book.cc", "order_book.h", "order_book.proto",
                                   "order_book_test.cc"}));
  for (const auto& entry : fs::directory_iterator(Path("exchange"))) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_EQ(text.str().find('@'), std::string::npos) << entry.path();
    EXPECT_FALSE(text.str().empty()) << entry.path();
  }
  std::stringstream text;
  text << std::ifstream(Path("exchange/order_book.cc")).rdbuf();
  EXPECT_NE(text.str().find("TANDEM_APPLICATION(apps::order_book::OrderBook, \"order_book\", "),
            std::string::npos)
      << text.str();
}

TEST_F(LogTools, NewRefusesANameThatIsNoneInOneSentence) {
  const auto refused = [&](const std::string& name, const std::string& why) {
    const Ran ran = Tandem({"new", "--folder", Path("project"), "--", name});
    EXPECT_EQ(ran.exit_code, 2) << name;
    EXPECT_EQ(ran.err, "tandem: \"" + name + "\" is no name for an application: " + why + "\n");
    EXPECT_TRUE(NamesIn(Path("")).empty()) << name;
  };
  for (const char* name :
       {"", "Ledger", "9lives", "my-ledger", "a b", "../x", "x/y", "led\u00e9ger", "_x", "x_",
        "x__y", "a23456789012345678901234567890123"}) {
    refused(name,
            "choose 1 to 32 small letters and digits, with single underscores between them and a "
            "letter first, as in order_book");
  }
  for (const char* name : {"class", "int", "co_await"}) {
    refused(name, "C++ has that word for itself; choose another");
  }
  for (const char* name : {"std", "tandem", "state", "test", "all"}) {
    refused(name, "something else beside the application has that name; choose another");
  }
}

TEST_F(LogTools, NewLeavesAloneWhatIsThere) {
  fs::create_directory(Path("there"));
  Ran ran = Tandem({"new", "ledger", "--folder", Path("there/")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("there") +
                         " is there already: remove it, or choose another place with --folder\n");
  EXPECT_TRUE(NamesIn(Path("there")).empty());
  ran = Tandem({"new", "ledger", "--folder", Path("nowhere/ledger")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: cannot make the folder " + Path("nowhere/ledger.partial") +
                         ": No such file or directory\n");
}

}  // namespace
}  // namespace tandem::test
