// SPDX-License-Identifier: Apache-2.0
//
// `tandem generate` and `tandem import lobster` as programs: what they write, say and leave behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/data_folder.h"
#include "tests/support/run_program.h"

namespace tandem::tests {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test.
class FlowTools : public testing::Test {
 protected:
  FlowTools() {
    std::string pattern = (fs::temp_directory_path() / "flow_tools_XXXXXX").string();
    ENSURE(mkdtemp(pattern.data()) != nullptr, "no folder");
    folder_ = pattern;
  }
  ~FlowTools() override { fs::remove_all(folder_); }

  static test::Ran Tandem(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TANDEM_PROGRAM);
    return test::RunProgram(arguments);
  }
  /// Runs what must succeed and gives what it printed.
  static std::string Told(const std::vector<std::string>& arguments) {
    const test::Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
  /// Runs what must be refused, with nothing but `left` in the folder after it, and gives its
  /// words.
  std::string Refused(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& left = {}) {
    const test::Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(Names(), left);
    return ran.err;
  }
  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] std::string In(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string Bytes(const std::string& name) const {
    std::ifstream file(In(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(In(name), std::ios::binary) << text;
  }

  fs::path folder_;
};

TEST_F(FlowTools, GenerateWritesTheSameLogFromTheSameSeed) {
  const auto generate = [this](const std::string& seed, const std::string& log) {
    Told({"generate", "--orders", "20000", "--symbols", "10", "--users", "3", "--seed", seed, "-o",
          In(log)});
    return Bytes(log + "/00000001.segment");
  };
  const std::string first = generate("7", "a");
  EXPECT_GT(first.size(), 20'000u * 64);
  EXPECT_EQ(generate("7", "b"), first);
  EXPECT_NE(generate("8", "c"), first);
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(FlowTools, GenerateCanEndWithTheCancelOfEveryOrder) {
  const auto generate = [this](std::vector<std::string> extra, const std::string& log) {
    std::vector<std::string> arguments = {"generate", "--orders", "5000", "--users",
                                          "3",        "--json",   "-o",   In(log)};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return Told(arguments);
  };
  const auto number = [](const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\"" + name + "\":");
    EXPECT_NE(at, std::string::npos) << text;
    return std::stoul(text.substr(at + name.size() + 3));
  };
  const std::string plain = generate({}, "plain");
  const std::string flat = generate({"--cancel-all"}, "flat");
  EXPECT_GT(number(plain, "live_orders"), 0u);
  EXPECT_EQ(number(flat, "live_orders"), 0u);
  EXPECT_EQ(number(flat, "messages"), 5003u);
  Told({"replay", In("flat"), "-o", In("answers")});
  const std::string answers = Told({"cat", In("answers"), "--type", "MassCancelled"});
  std::size_t lines = 0;
  std::size_t orders = 0;
  const std::string field = " orders: ";
  for (std::size_t at = answers.find(field); at != std::string::npos;
       at = answers.find(field, at + 1)) {
    ++lines;
    orders += std::stoul(answers.substr(at + field.size()));
  }
  EXPECT_EQ(lines, 3u) << answers;
  EXPECT_EQ(orders, number(plain, "live_orders")) << answers;
}

TEST_F(FlowTools, GenerateTellsWhatItMade) {
  EXPECT_NE(
      Told({"generate", "--orders", "1000", "--session", "DAY-1", "-o", In("flow/")})
          .find("input log of session DAY-1 with 1000 messages from 8 users over 100 symbols"),
      std::string::npos);
  EXPECT_EQ(Told({"generate", "--orders", "1000", "--json", "-o", In("json")})
                .find("{\"session\":\"GENERATED\",\"messages\":1000,\"digest\":\""),
            0u);
}

TEST_F(FlowTools, LongWorkShowsItsProgressOnATerminalAndThereOnly) {
  const auto on_terminal = [](const std::string& command) {
    return test::RunProgram(
        {"/usr/bin/script", "-qec", TANDEM_PROGRAM + (" " + command), "/dev/null"});
  };
  const test::Ran generate = on_terminal("generate --orders 50000 -o " + In("flow"));
  EXPECT_EQ(generate.exit_code, 0);
  EXPECT_NE(generate.out.find("\r16384 of 50000 messages, "), std::string::npos) << generate.out;
  EXPECT_NE(generate.out.find("\r\033[K" + In("flow") + ": input log"), std::string::npos)
      << generate.out;

  std::string rows;
  for (int i = 0; i < 20'000; ++i) {
    rows += std::to_string(i) + ",1," + std::to_string(i) + ",1,1,1\n";
  }
  Write("AAPL_2012-06-21.csv", rows);
  const test::Ran import =
      on_terminal("import lobster " + In("AAPL_2012-06-21.csv") + " -o " + In("day"));
  EXPECT_EQ(import.exit_code, 0);
  EXPECT_NE(import.out.find("\r16384 messages, "), std::string::npos) << import.out;
  EXPECT_EQ(Tandem({"generate", "--orders", "50000", "-o", In("quiet")}).err, "");
}

TEST_F(FlowTools, GeneratedFlowIsWholeAndReplaysTheSameEachTime) {
  Told({"generate", "--orders", "50000", "--all-kinds", "-o", In("flow")});
  Told({"verify", In("flow")});
  Told({"replay", In("flow"), "--app", "book", "-o", In("one")});
  Told({"replay", In("flow"), "--app", "book", "-o", In("two")});
  Told({"diff", In("one"), In("two")});
}

TEST_F(FlowTools, GenerateRefusesWhatCannotBe) {
  const auto with = [this](const std::string& option, const std::string& value) {
    return Refused({"generate", option, value, "-o", In("flow")});
  };
  EXPECT_NE(with("--symbols", "0").find("\"0\" is not a whole number from 1 to 10000"),
            std::string::npos);
  EXPECT_NE(with("--users", "10000").find("\"10000\" is not a whole number from 1 to 9999"),
            std::string::npos);
  EXPECT_EQ(with("--session", "A DAY"),
            "tandem: the session name \"A DAY\" is not 1 to 10 letters, digits, '-' or '_'\n");
  EXPECT_NE(with("--orders", "0").find("--orders"), std::string::npos);
  EXPECT_NE(with("--seed", "x").find("--seed"), std::string::npos);
  EXPECT_NE(Refused({"generate"}).find("--output"), std::string::npos);
}

TEST_F(FlowTools, AFolderThatIsTakenIsLeftAlone) {
  fs::create_directory(In("empty"));
  Told({"generate", "--orders", "10", "-o", In("empty")});
  const std::string before = Bytes("empty/00000001.segment");
  EXPECT_EQ(Refused({"generate", "--orders", "20", "-o", In("empty")}, {"empty"}),
            "tandem: " + In("empty") + " is there already: remove it or choose another folder\n");
  EXPECT_EQ(Bytes("empty/00000001.segment"), before);
  Write("file", "");
  EXPECT_NE(Refused({"generate", "-o", In("file")}, {"empty", "file"}).find("is there already"),
            std::string::npos);
  fs::create_directory(In("log.partial"));
  EXPECT_NE(Refused({"generate", "-o", In("log")}, {"empty", "file", "log.partial"})
                .find("another run is writing it, or one was ended before it was done"),
            std::string::npos);
}

TEST_F(FlowTools, ImportTellsWhatItDidInNumbers) {
  Write("AAPL_2012-06-21_x_message_1.csv",
        "1,1,7,100,5000,1\n"
        "2,2,7,30,5000,1\n"
        "3,3,8,70,5010,-1\n"
        "4,4,7,20,5000,1\n"
        "5,5,0,9,5000,1\n");
  const std::string file = In("AAPL_2012-06-21_x_message_1.csv");
  EXPECT_EQ(Told({"import", "lobster", file, "-o", In("day")}),
            file +
                ": a day of AAPL\n"
                "             5  rows\n"
                "             1  new orders (type 1)\n"
                "             1  partial cancels (2): reduces\n"
                "             1  deletes (3): cancels\n"
                "             1  executions (4): immediate-or-cancel orders of the other side\n"
                "             1  rows skipped: hidden executions (5), crosses (6), halts (7)\n"
                "             1  orders entered that the file never opened\n" +
                In("day") +
                ": input log of session LOBSTER\n"
                "             5  messages\n");
  EXPECT_EQ(
      Told({"import", "lobster", file, "--json", "-o", In("json")}),
      "{\"rows\":5,\"rows_by_type\":{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":0,\"7\":0},"
      "\"skipped\":1,\"opened\":1,\"messages\":5}\n");
  Told({"verify", In("day")});
}

TEST_F(FlowTools, ImportRefusesABadFileAndLeavesNothing) {
  Write("AAPL_2012-06-21.csv", "1,1,7,100,5000,1\n2,1,8,oops,5000,1\n");
  const std::string file = In("AAPL_2012-06-21.csv");
  const auto refused = [&](const std::vector<std::string>& more, const std::string& from) {
    std::vector<std::string> arguments{"import", "lobster", from, "-o", In("day")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Refused(arguments, {"AAPL_2012-06-21.csv"});
  };
  EXPECT_EQ(refused({}, file),
            "tandem: " + file + " line 2: size 'oops' is not a number from 1 to 1000000000000\n");
  EXPECT_EQ(refused({}, In("AAPL_2012-06-22.csv")),
            "tandem: cannot read " + In("AAPL_2012-06-22.csv") + ": No such file or directory\n");
  EXPECT_EQ(refused({}, In("x.csv")),
            "tandem: the file name 'x.csv' does not begin with a ticker: give --symbol\n");
  EXPECT_EQ(refused({"--date", "21.6.2012"}, file),
            "tandem: the date '21.6.2012' is not a day from 1677-09-22 to 2262-04-10 written as "
            "YYYY-MM-DD\n");
  EXPECT_EQ(refused({"--user", "TOOLONG"}, file),
            "tandem: the user name \"TOOLONG\" is not 1 to 6 letters, digits, '-' or '_'\n");
}

TEST_F(FlowTools, ImportOfACompressedFileWhoseSecondPartIsDamagedLeavesNothing) {
  const std::string file = In("AAPL_2012-06-21.csv.gz");
  const std::string make =
      "{ echo 1,1,7,100,5000,1 | gzip -n; echo 2,1,8,100,5000,1 | gzip -n | "
      "sed '1s/^./\\x1e/'; } >" +
      file;
  ASSERT_EQ(test::RunProgram({"/bin/sh", "-c", "LC_ALL=C; export LC_ALL; " + make}).exit_code, 0);
  EXPECT_EQ(Refused({"import", "lobster", file, "-o", In("day")}, {"AAPL_2012-06-21.csv.gz"}),
            "tandem: cannot read " + file +
                " after line 1: at byte 35 of the compressed file a part of it ends, and what "
                "follows begins no other one: data may be missing; restore the file, or cut it "
                "there if what follows does not belong to it\n");
}

TEST_F(FlowTools, ImportTellsOfAnItchDayWithoutTheLengthThatEndsIt) {
  const std::string message("\0\x0cS\0\0\0\0\0\0\0\0\0\1O", 14);
  Write("whole", message + std::string(2, '\0'));
  Write("open", message);
  for (const bool json : {false, true}) {
    const auto import = [&](const std::string& name) {
      std::vector<std::string> arguments{"import",
                                         "itch",
                                         In(name),
                                         "--date",
                                         "2019-12-30",
                                         "-o",
                                         In(name + (json ? "_j" : "_t"))};
      if (json) arguments.emplace_back("--json");
      const test::Ran ran = Tandem(arguments);
      EXPECT_EQ(ran.exit_code, 0);
      EXPECT_NE(ran.out, "");
      return ran.err;
    };
    EXPECT_EQ(import("whole"), "");
    EXPECT_EQ(import("open"), "tandem: note: " + In("open") +
                                  " ends without the length of zero that should end it; messages "
                                  "may be missing behind the last one\n");
  }
}

TEST_F(FlowTools, ARealDayHasTheHashOfItsTradesThatOthersFound) {
  const std::string file = RealDayFile();
  if (!fs::exists(file)) GTEST_SKIP() << "there is no " << file;
  Told({"import", "lobster", file, "-o", In("day")});
  Told({"replay", In("day"), "--app", "book", "-o", In("answers")});
  const std::string command =
      std::string(TANDEM_PROGRAM) + " cat " + In("answers") +
      " --type Trade --json | sed -E "
      "'s/.*\"maker_id\":\"([0-9]+)\",\"taker_id\":\"([0-9]+)\",\"price\":\"([0-9]+)\","
      "\"size\":\"([0-9]+)\".*/\\1,\\2,\\3,\\4/' | sha256sum";
  const test::Ran ran = test::RunProgram({"/bin/sh", "-c", command});
  EXPECT_EQ(ran.out, "30baa2bd5f81437f19c9fb85b5e6954b83a17c994c20c339faf094cfc607a9e4  -\n")
      << ran.err;
}

}  // namespace
}  // namespace tandem::tests
