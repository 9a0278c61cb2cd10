// SPDX-License-Identifier: Apache-2.0
//
// diff as a person runs it: output, sentences, exit codes.
#include <gtest/gtest.h>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

TEST_F(LogTools, DiffSaysThatLogsAreTheSame) {
  Write("a", {.messages = 50});
  Write("b", {.messages = 50, .role = replay::kMergedRole, .segment_bytes = 12 << 10});
  for (const bool trust : {false, true}) {
    std::vector<std::string> arguments{"diff", Path("a"), Path("b")};
    if (trust) arguments.emplace_back("--trust-digests");
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out, "the logs are the same: messages 1 to 50\n");
  }
}

TEST_F(LogTools, DiffFindsTheFirstDifferenceWhereverItIs) {
  Write("a", {.messages = 40, .segment_bytes = 12 << 10});
  for (std::uint64_t at = 1; at <= 40; at += 3) {
    std::string name = std::to_string(at);
    Write(name, {.messages = 40, .differs_at = at});
    const Ran ran = Tandem({"diff", Path("a"), Path(name), "--context", "0"});
    EXPECT_EQ(ran.exit_code, 1) << ran.err;
    EXPECT_TRUE(
        ran.out.starts_with("the logs differ first at message " + std::to_string(at) + "\n"))
        << ran.out;
  }
}

TEST_F(LogTools, DiffShowsBothMessagesTheFieldsAndWhatWentBefore) {
  Write("a", {.messages = 12});
  Write("b", {.messages = 12, .differs_at = 7});
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "2"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 9u) << ran.out;
  EXPECT_EQ(lines[0], "the logs differ first at message 7");
  EXPECT_TRUE(lines[1].starts_with("      5 2012-06-21T13:30:00.000000005Z Cancel")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("      6 2012-06-21T13:30:00.000000006Z Tick")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("  A:  7 ") && lines[3].ends_with("price: 100 }")) << lines[3];
  EXPECT_TRUE(lines[4].starts_with("  B:  7 ") && lines[4].ends_with("price: 101 }")) << lines[4];
  EXPECT_EQ(lines[5], "  differs: price: A 100, B 101");
  EXPECT_TRUE(lines[6].starts_with("  differs: digest: A ")) << lines[6];
  // What follows is alike but for its digests.
  EXPECT_TRUE(lines[7].starts_with("      8 2012-06-21T13:30:00.000000008Z Cancel")) << lines[7];
  EXPECT_TRUE(lines[8].starts_with("      9 2012-06-21T13:30:00.000000009Z Tick")) << lines[8];
  ran = Tandem({"diff", Path("a"), Path("b"), "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(ran.out.starts_with(
      "{\"result\":\"differs\",\"first\":1,\"differs_before\":false,\"number\":7,\"last_a\":12,"
      "\"last_b\":12,\"ignored\":0,\"text\":\"the logs differ first at message 7\","
      "\"a\":{\"number\":7,"))
      << ran.out;
  EXPECT_NE(ran.out.find("\"fields\":[{\"path\":\"price\",\"a\":\"100\",\"b\":\"101\"},{\"path\":"
                         "\"digest\","),
            std::string::npos)
      << ran.out;
}

TEST_F(LogTools, DiffSaysWhichLogIsLonger) {
  Write("a", {.messages = 5});
  Write("b", {.messages = 8});
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "1"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 5u) << ran.out;
  EXPECT_EQ(lines[0], Path("a") + " ends at message 5 and " + Path("b") +
                          " goes on to message 8; messages 1 to 5 are the same");
  EXPECT_EQ(lines[2], "  A:  (the log ends here)");
  EXPECT_TRUE(lines[3].starts_with("  B:  6 ")) << lines[3];
  EXPECT_TRUE(lines[4].starts_with("  B:  7 ")) << lines[4];
}

TEST_F(LogTools, DiffTakesNoOptionThatDoesNothing) {
  Write("a", {.messages = 5});
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--examples", "1"}, "--examples requires --all"},
      {{"--all", "--context", "1"}, "--context excludes --all"},
      {{"--context", "18446744073709551615"},
       "--context: \"18446744073709551615\" is not a whole number from 0 to 1000000"},
  };
  for (const auto& [options, sentence] : cases) {
    std::vector<std::string> arguments{"diff", Path("a"), Path("a")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_EQ(ran.err, "tandem: " + sentence + "; see `tandem diff --help`\n");
  }
  // An input has no cause, whatever its origin says.
  Write("in", {.messages = 5, .role = replay::kInputRole});
  Write("other", {.messages = 5, .differs_at = 4, .role = replay::kInputRole});
  for (const std::string option : {"--all", "--json"}) {
    const Ran ran = Tandem({"diff", Path("in"), Path("other"), "--input", Path("in"), option});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.err, "tandem: --input shows the causes of outputs, and " + Path("in") +
                           " holds inputs, which have none; leave it away\n");
  }
}

TEST_F(LogTools, DiffDoesNotCompareStreamsThatAreNoCopies) {
  Write("a", {.messages = 5});
  Write("b", {.messages = 5, .session = "DAY2"});
  Write("c", {.messages = 5, .role = replay::kInputRole});
  Ran ran = Tandem({"diff", Path("a"), Path("b")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_EQ(ran.out, Path("a") + " is of session DAY1 and " + Path("b") +
                         " is of session DAY2: they are not copies of one stream\n");
  ran = Tandem({"diff", Path("a"), Path("b"), "--ignore-session"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"diff", Path("c"), Path("a")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_EQ(ran.out, Path("c") + " is of role \"input\" and " + Path("a") +
                         " of role \"output\": they are not copies of one stream\n");
  // Who made a copy need not have known what it is.
  Write("d", {.messages = 5, .role = replay::LogRole("recorded")});
  ran = Tandem({"diff", Path("c"), Path("d")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST_F(LogTools, DiffIgnoresTimeAndTypeByBothOfTheirNames) {
  const auto make = [&](const std::string& name, const std::string& line) {
    std::ofstream(Path(name + ".jsonl")) << line << "\n";
    const Ran ran = Tandem({"import", "jsonl", Path(name + ".jsonl"), "--session", "DAY1", "--app",
                            "book", "-o", Path(name)});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
  };
  make("a", R"({"type":"NewOrder","time_ns":5})");
  make("other_time", R"({"type":"NewOrder","time_ns":6})");
  make("other_type", R"({"type":"Cancel","time_ns":5})");
  std::vector<std::string> same;
  for (const std::string other : {"other_time", "other_type"}) {
    for (const std::string field : {"time", "time_ns", "type", "type_number", "NewOrder.time_ns"}) {
      const Ran ran = Tandem({"diff", Path("a"), Path(other), "--ignore", field});
      EXPECT_EQ(ran.exit_code, ran.out.starts_with("the logs are the same: ") ? 0 : 1) << ran.err;
      if (ran.exit_code == 0) same.push_back(other + " but for " + field);
    }
  }
  EXPECT_EQ(same, (std::vector<std::string>{"other_time but for time", "other_time but for time_ns",
                                            "other_time but for NewOrder.time_ns",
                                            "other_type but for type",
                                            "other_type but for type_number"}));
}

TEST_F(LogTools, DiffIgnoresTheFieldsThatItIsTold) {
  Write("a", {.messages = 30});
  Write("b", {.messages = 30, .differs_at = 10});
  for (const std::string field : {"price", "NewOrder.price"}) {
    const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", field});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out,
              "the logs are the same: messages 1 to 30 (in 7 messages what differs is ignored)\n");
  }
  for (const std::string field : {"order_id", "Cancel.price", "time"}) {
    const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", field, "--context", "0"});
    if (field == "Cancel.price") {
      EXPECT_EQ(ran.exit_code, 2);
      EXPECT_TRUE(ran.err.starts_with(
          "tandem: no message of these logs has a field \"Cancel.price\"; give it as in"))
          << ran.err;
      continue;
    }
    EXPECT_EQ(ran.exit_code, 1);
    const auto lines = Lines(ran.out);
    ASSERT_EQ(lines.size(), 4u) << ran.out;
    EXPECT_EQ(lines[0], "the logs differ first at message 10");
    EXPECT_EQ(lines[3], "  differs: price: A 100, B 101");
  }
  Write("c", {.messages = 30, .session = "DAY2"});
  const Ran ran = Tandem({"diff", Path("a"), Path("c"), "--ignore", "session"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST_F(LogTools, DiffIgnoresAFieldThatOnlyASchemaInBetweenKnows) {
  for (const std::string name : {"a", "b"}) {
    Write(name, {.messages = 10, .schema = ""});
    Write(name, {.messages = 20, .differs_at = name == "a" ? UINT64_MAX : 15});
    Write(name, {.messages = 24, .schema = proto::SchemaOf({})});
  }
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", "price"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"diff", Path("a"), Path("b"), "--ignore", "prise"});
  EXPECT_EQ(ran.exit_code, 2) << ran.out;
}

TEST_F(LogTools, DiffIgnoresTheSessionBesideOtherFields) {
  Write("a", {.messages = 30});
  Write("b", {.messages = 30, .differs_at = 10, .session = "DAY2"});
  for (const std::string session : {"--ignore-session", "--ignore=session"}) {
    const Ran ran = Tandem({"diff", Path("a"), Path("b"), session, "--ignore", "price"});
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
}

TEST_F(LogTools, DiffRefusesInputsOfAnotherSession) {
  Write("a", {.messages = 9});
  Write("b", {.messages = 9, .differs_at = 4});
  Write("input", {.messages = 9, .session = "DAY2", .role = replay::kInputRole});
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--input", Path("input")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: the log " + Path("input") + " is of session DAY2, and " + Path("a") +
                         " of session DAY1: it does not hold the causes of its messages\n");
}

TEST_F(LogTools, DiffShowsTheCauseFromTheInputLog) {
  Write("in", {.messages = 12, .role = replay::kInputRole});
  Write("a", {.messages = 12});
  Write("b", {.messages = 12, .differs_at = 7});
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--context", "0", "--input", Path("in")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 6u) << ran.out;
  EXPECT_TRUE(lines[1].starts_with("  cause: 3 2012-06-21T13:30:00.000000003Z Tick")) << lines[1];
  ran = Tandem({"diff", Path("a"), Path("b"), "--json", "--input", Path("in")});
  EXPECT_NE(ran.out.find(",\"cause\":{\"number\":3,"), std::string::npos) << ran.out;
  ran = Tandem({"diff", Path("a"), Path("b"), "--input", Path("a")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("a") + " holds outputs")) << ran.err;
}

}  // namespace
}  // namespace tandem::test
