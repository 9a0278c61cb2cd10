// SPDX-License-Identifier: Apache-2.0
//
// tandem check finds each planted defect, says which perturbation shows it and where, and finds
// nothing in what has none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>

#include "tests/support/run_program.h"
#include "tests/support/shell.h"
#include "tools/process.h"

namespace tandem::test {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Names = std::vector<std::string>;

class Check : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "check_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  static Ran Tandem(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TANDEM_PROGRAM);
    return RunProgram(arguments, std::chrono::seconds(100));
  }

  /// A log whose first message asks for that defect, and 100 that put and take items.
  void WriteInput(const std::string& defect) {
    std::ofstream file(Path("input.jsonl"));
    file << R"({"type":"Begin","user":"U1","payload":{"defect":")" << defect << "\"}}\n";
    std::mt19937_64 random(1);
    for (int i = 0; i < 100; ++i) {
      file << R"({"type":"Put","user":"U1","payload":{"key":")" << 1 + random() % 24 << "\"}}\n";
    }
    file.close();
    std::filesystem::remove_all(Path("input"));
    const Ran ran = Tandem({"import", "jsonl", Path("input.jsonl"), "--session", "CHECK", "--app",
                            SUBJECT, "-o", Path("input")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }

  Ran RunCheck(std::vector<std::string> options) {
    options.insert(options.begin(), {"check", Path("input"), "--app", SUBJECT});
    return Tandem(options);
  }

  static Names NamesIn(const std::string& json, const std::string& list) {
    const std::string head = "\"" + list + "\":[";
    std::size_t at = json.find(head);
    EXPECT_NE(at, std::string::npos) << json;
    Names names;
    std::string name;
    for (at += head.size(); at < json.size() && json[at] != ']'; ++at) {
      if (json[at] == ',') {
        names.push_back(std::exchange(name, ""));
      } else if (json[at] != '"') {
        name += json[at];
      }
    }
    if (!name.empty()) names.push_back(name);
    return names;
  }

  /// The perturbations that show the defect, all of them tried.
  Names ExposedBy(const std::string& defect, std::vector<std::string> options = {"--runs", "1"}) {
    WriteInput(defect);
    options.insert(options.end(), {"--seed", "2", "--json"});
    last_ = RunCheck(options);
    SCOPED_TRACE(defect + ": " + last_.out + last_.err);
    const Names names = NamesIn(last_.out, "exposed_by");
    EXPECT_EQ(last_.exit_code, names.empty() ? 0 : 1);
    return names;
  }

  std::string folder_;
  Ran last_;
};

TEST_F(Check, PassesAnApplicationWithoutDefects) {
  EXPECT_THAT(ExposedBy("none"), IsEmpty()) << last_.out << last_.err;
}

TEST_F(Check, FindsTheWallClock) { EXPECT_THAT(ExposedBy("wall clock"), ElementsAre("clock")); }

TEST_F(Check, FindsRandomNumbers) {
  EXPECT_THAT(ExposedBy("random device"), ElementsAre("repeat"));
  EXPECT_THAT(last_.out, HasSubstr("outputs change with nothing changed"));
  EXPECT_THAT(ExposedBy("rand"), ElementsAre("restore"));
}

TEST_F(Check, FindsWhatIsKeptOutsideOfTheState) {
  EXPECT_THAT(ExposedBy("outside of the state", {"--only", "repeat,restore"}),
              ElementsAre("restore"));
}

TEST_F(Check, FindsAStateThatDiffersWhereNoOutputDoes) {
  EXPECT_THAT(ExposedBy("state"), ElementsAre("aslr"));
  EXPECT_THAT(last_.out,
              HasSubstr("\"difference\":{\"number\":0,\"input\":6,\"state_same_after\":0}"));
  const Ran ran = RunCheck({"--only", "aslr"});
  EXPECT_THAT(ran.out,
              HasSubstr("\naslr          DIFFERS   in run 1, in its state, after input 6\n"));
}

TEST_F(Check, FindsAnOrderByPointers) {
  EXPECT_THAT(ExposedBy("pointer order"), Contains("free-order"));
}

TEST_F(Check, FindsTheOrderOfAHashTableWithPointersForKeys) {
  EXPECT_THAT(ExposedBy("hash order"), Contains("free-order"));
}

TEST_F(Check, FindsAddressesOfState) {
  EXPECT_THAT(ExposedBy("pool address"), ElementsAre("zone-address", "chain", "free-order"));
}

TEST_F(Check, FindsAddressesOfTheProgram) {
  EXPECT_THAT(ExposedBy("address"), ElementsAre("aslr"));
}

TEST_F(Check, FindsUninitialisedMemoryOfPools) {
  EXPECT_THAT(ExposedBy("uninitialised pool"), ElementsAre("free-order", "pool-fill"));
}

TEST_F(Check, FindsUninitialisedMemoryOfTheHeap) {
  EXPECT_THAT(ExposedBy("uninitialised heap"), Contains("heap-fill"));
}

TEST_F(Check, FindsUninitialisedVariables) {
  EXPECT_THAT(ExposedBy("uninitialised stack"), Contains("stack-fill"));
}

TEST_F(Check, FindsTheEnvironment) {
  EXPECT_THAT(ExposedBy("environment", {"--only", "repeat,environment"}),
              ElementsAre("environment"));
  EXPECT_THAT(ExposedBy("working folder", {"--only", "repeat,environment"}),
              ElementsAre("environment"));
}

TEST_F(Check, FindsARaceOfThreads) {
  EXPECT_THAT(ExposedBy("thread race"), ElementsAre(AnyOf("repeat", "scheduling")));
}

TEST_F(Check, FindsTheLocale) { EXPECT_THAT(ExposedBy("locale"), ElementsAre("locale")); }

TEST_F(Check, FindsTheTimeZone) { EXPECT_THAT(ExposedBy("time zone"), ElementsAre("time-zone")); }

TEST_F(Check, FindsWhatDependsOnTheProcessor) {
  const Names exposed = ExposedBy("libm");
  if (last_.out.find("this processor has none that can be hidden") != std::string::npos) {
    GTEST_SKIP() << "this processor has no FMA, so libm has one variant of sin";
  }
  EXPECT_THAT(exposed, ElementsAre("cpu-features"));
}

TEST_F(Check, FindsAnotherBuild) {
  WriteInput("other build");
  EXPECT_EQ(RunCheck({"--only", "other-build", "--other", SUBJECT}).exit_code, 0);
  const Ran ran = RunCheck({"--only", "other-build", "--other", OTHER_BUILD});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("differs: value: first run 1, this run 2\n"));
}

TEST_F(Check, NamesTheFirstOutputThatDiffersAndTheCommandThatShowsItAgain) {
  WriteInput("pointer order");
  const Ran ran = RunCheck({"--seed", "7", "--runs", "2", "--only", "repeat,free-order"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("; seed 7\nrepeat        same      2 runs\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nfree-order    DIFFERS   in run 1, at output "));
  EXPECT_THAT(ran.out,
              HasSubstr("NOT DETERMINISTIC: outputs depend on what is changed by free-order\n"));
  const std::string details = ran.out.substr(ran.out.find("\n\n"));
  EXPECT_THAT(details, HasSubstr("\n  cause:      "));
  EXPECT_THAT(details, HasSubstr(" Put "));
  EXPECT_THAT(details, HasSubstr("\n  first run:  "));
  EXPECT_THAT(details, HasSubstr("\n  this run:   "));
  EXPECT_THAT(details, HasSubstr("\n  differs: value: first run "));
  const std::string head = "\n  again:      tandem ";
  const std::size_t again = details.find(head);
  ASSERT_NE(again, std::string::npos) << details;
  const std::size_t begin = again + head.size();
  const auto repeated = tests::Shell(std::string(TANDEM_PROGRAM) + " " +
                                     details.substr(begin, details.find('\n', begin) - begin));
  EXPECT_EQ(repeated.exit_code, 1);
  EXPECT_EQ(repeated.printed.substr(repeated.printed.find("\n\n")), details);
}

TEST_F(Check, SaysThatOutputsChangeWithNothingChanged) {
  WriteInput("random device");
  const Ran ran = RunCheck({"--only", "repeat", "--runs", "1", "--seed", "2"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\nNOT DETERMINISTIC: outputs change with nothing changed\n"));
}

TEST_F(Check, LeavesNothingBehindWhenItIsInterrupted) {
  WriteInput("none");
  const std::string temporary = Path("tmp");
  std::filesystem::create_directories(temporary);
  const auto is_empty = [&] { return std::filesystem::is_empty(temporary); };
  auto check = tools::Process::Start(
      {TANDEM_PROGRAM, "check", Path("input"), "--app", SUBJECT, "--runs", "1000000"}, Path("said"),
      [&] { ::setenv("TMPDIR", temporary.c_str(), 1); });
  ASSERT_TRUE(check.ok()) << check.error().text;
  const auto said = [&] {
    std::ifstream file(Path("said"));
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto child = [&] {
    std::ifstream file("/proc/" + std::to_string(check->pid()) + "/task/" +
                       std::to_string(check->pid()) + "/children");
    pid_t id = 0;
    file >> id;
    return id;
  };
  const auto until = [](const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!is_so() && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
    return is_so();
  };
  ASSERT_TRUE(until([&] { return said().find("first run ") != std::string::npos; })) << said();
  pid_t run = 0;
  ASSERT_TRUE(until([&] { return (run = child()) != 0; })) << said();
  EXPECT_FALSE(is_empty());
  check->Signal(SIGINT);
  const auto code = check->Wait(std::chrono::seconds(60));
  ASSERT_TRUE(code.has_value());
  EXPECT_EQ(*code, 5) << said();
  EXPECT_THAT(said(), HasSubstr("\ntandem: interrupted in repeat, after "));
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(::kill(run, 0), -1) << "process " << run << " of a run goes on";
}

TEST_F(Check, SaysWhereAProcessDied) {
  EXPECT_THAT(ExposedBy("dies of fill", {"--only", "repeat,pool-fill"}), ElementsAre("pool-fill"));
  EXPECT_THAT(last_.out, HasSubstr("\"why\":\"was ended by signal 6 (Aborted) in input "));
  WriteInput("dies");
  const Ran ran = RunCheck({});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err,
              HasSubstr("tandem: the first run, with nothing changed, was ended by signal 6 "
                        "(Aborted) in input "));
}

TEST_F(Check, RefusesWhatItCannotCheck) {
  const auto says = [&](const std::vector<std::string>& options, const std::string& what) {
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.err, HasSubstr(what));
    EXPECT_THAT(ran.out, IsEmpty());
  };
  says({"check", Path("none")}, "there is no log at " + Path("none"));
  WriteInput("none");
  says({"check", Path("input"), "--app", Path("libnone.so")},
       "the first run, with nothing changed, ended with exit code 2: cannot load the application " +
           Path("libnone.so") + ": No such file or directory");
  says({"check", Path("input"), "--app", SUBJECT, "--only", "moon"},
       "there is no perturbation \"moon\"; there is: repeat, aslr, zone-address,");
  says({"check", Path("input"), "--app", SUBJECT, "--runs", "0"},
       "is not a whole number from 1 on");
  std::filesystem::create_directories(Path("full/of"));
  says({"check", Path("input"), "--app", SUBJECT, "--keep", Path("full")}, "is not empty");
  const Ran ran = Tandem({"check", Path("input"), "--app", SUBJECT, "--other", Path("libnone.so"),
                          "--only", "other-build"});
  EXPECT_EQ(ran.exit_code, 2) << ran.out;
  EXPECT_THAT(ran.err, HasSubstr("other-build cannot be tried with " + Path("libnone.so") +
                                 ": the process ended with exit code 2: "));
}

TEST_F(Check, PassesTheExchange) {
  ASSERT_EQ(Tandem({"generate", "--orders", "3000", "--seed", "3", "-o", Path("flow")}).exit_code,
            0);
  const Ran ran = Tandem({"check", Path("flow"), "--app", "book", "--runs", "1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr(" runs gave the outputs of the first one, byte for byte, "));
  EXPECT_THAT(ran.out, Not(HasSubstr("DIFFERS")));
}

}  // namespace
}  // namespace tandem::test
