// SPDX-License-Identifier: Apache-2.0
//
// diff --all as a person runs it: what is summed up, and that it never disagrees with diff.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <random>

#include "tests/tools/diff_all_logs.h"

namespace tandem::test {
namespace {

TEST_F(DiffAll, SumsUpWhatTheCausesWereAnsweredWith) {
  Write("in", {.messages = 9, .role = replay::kInputRole});
  Answers("a", {{1, 'a', 1},
                {1, 't', 5},
                {2, 'a', 2},
                {3, 'a', 3},
                {4, 'a', 4},
                {4, 't', 9},
                {5, 'a', 5},
                {6, 'a', 6},
                {6, 't', 1},
                {8, 'a', 8}});
  Answers("b", {{1, 'a', 1},
                {1, 't', 5},
                {2, 'c', 7},
                {2, 'a', 2},
                {3, 'a', 3},
                {4, 'a', 4},
                {4, 't', 8},
                {5, 'a', 5},
                {6, 't', 1},
                {6, 'a', 6},
                {7, 'c', 7},
                {8, 'a', 8}});
  EXPECT_EQ(Counts({}), (std::vector<std::string>{
                            "the logs differ first at message 3",
                            "compared 7 causes, 2 to 8: 3 have the same outputs, 4 have not",
                            "  2  Cancelled only in B",
                            "  1  Accepted at another place among the outputs",
                            "  1  Trade with another size",
                            "exit 1",
                        }));
  EXPECT_EQ(Counts({"--input", Path("in"), "--ignore", "Trade.size"}),
            (std::vector<std::string>{
                "the logs differ first at message 3",
                "compared 7 causes, 2 to 8: 4 have the same outputs, 3 have not",
                "  1  Accepted at another place among the outputs, caused by Tick",
                "  1  Cancelled only in B, caused by Cancel",
                "  1  Cancelled only in B, caused by NewOrder",
                "exit 1",
            }));
}

TEST_F(DiffAll, ShowsExamplesWithTheirCauses) {
  Write("in", {.messages = 9, .role = replay::kInputRole});
  Answers("a", {{1, 'a', 1}, {2, 't', 5}, {3, 't', 6}, {4, 't', 7}});
  Answers("b", {{1, 'a', 1}, {2, 't', 50}, {3, 't', 60}, {4, 't', 70}});
  Ran ran =
      Tandem({"diff", Path("a"), Path("b"), "--all", "--examples", "1", "--input", Path("in")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 17u) << ran.out;
  EXPECT_EQ(lines[2], "  1  Trade with another size, caused by Cancel");
  EXPECT_EQ(lines[3],
            "      cause: 2 2012-06-21T13:30:00.000000002Z Cancel origin=1 user=alice index=1 "
            "epoch=1 { order_id: 1 }");
  EXPECT_EQ(lines[4],
            "        A:  2 1970-01-01T00:00:00.000000005Z Trade origin=2 last epoch=1 "
            "{ size: 5 }");
  EXPECT_EQ(lines[6], "        differs: size: A 5, B 50");
  ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(ran.out.starts_with(
      "{\"result\":\"differs\",\"differs_before\":false,\"first_difference\":2,\"first_cause\":2,"
      "\"last_cause\":4,"
      "\"causes\":3,\"causes_different\":3,\"causes_cut_short\":0,\"causes_in_parts\":0,\"goes_"
      "on\":null,\"goes_on_causes\":0,\"goes_on_types\":"
      "[],\"changes\":[{\"type\":\"Trade\","
      "\"change\":\"changed\",\"fields\":\"size\",\"cause_type\":null,\"count\":3,"
      "\"examples\":[{\"cause\":2,\"cause_message\":null,\"a\":{\"number\":2,"))
      << ran.out;
}

TEST_F(DiffAll, SumsUpWhatLiesBeforeDamageAndThenNamesIt) {
  std::vector<Answer> a;
  for (std::uint64_t cause = 1; cause <= 400; ++cause) a.push_back({cause, 'a', cause});
  std::vector<Answer> b = a;
  b[9].value = 0;
  Answers("a", a);
  Answers("b", b);
  std::uint64_t offset = 0;
  {
    auto reader = replay::LogReader::Open(storage_, Path("b"), {.from_number = 301});
    ASSERT_TRUE(reader);
    offset = reader->offset();
  }
  FlipByte("b/00000001.segment", static_cast<std::int64_t>(offset + 20));
  Ran ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--examples", "0"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(Lines(ran.out), (std::vector<std::string>{
                                "the logs differ first at message 10",
                                "compared 290 causes, 10 to 299: 289 have the same outputs, 1 has "
                                "not",
                                "  1  Accepted with another order_id"}));
  EXPECT_NE(ran.err.find("tandem: the log " + Path("b") + " is damaged in segment 1 at offset " +
                         std::to_string(offset) + ", where message 301 should be: "),
            std::string::npos)
      << ran.err;
  ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
}

TEST_F(DiffAll, SumsUpWhatOneLogGoesOnWith) {
  Answers("a", {{1, 'a', 1}, {2, 'a', 2}});
  Answers("b", {{1, 'a', 1}, {2, 'a', 2}, {3, 'a', 3}, {3, 't', 1}, {3, 't', 2}, {4, 'a', 4}});
  const std::string first = Path("a") + " ends at message 2 and " + Path("b") +
                            " goes on to message 6; messages 1 to 2 are the same";
  EXPECT_EQ(Counts({}),
            (std::vector<std::string>{
                first, Path("b") + " goes on where the other one ends, with 4 messages of 2 causes",
                "  2  Accepted", "  2  Trade", "exit 1"}));
  const Ran ran = Tandem({"diff", Path("b"), Path("a"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out,
            "{\"result\":\"longer\",\"differs_before\":false,\"first_difference\":3,\"first_"
            "cause\":0,\"last_cause\":0,"
            "\"causes\":0,\"causes_different\":0,\"causes_cut_short\":0,\"causes_in_parts\":0,"
            "\"goes_on\":\"a\",\"goes_on_causes\":2,"
            "\"goes_on_types\":[{\"type\":\"Accepted\",\"count\":2},{\"type\":\"Trade\","
            "\"count\":2}],\"changes\":[]}\n");
}

TEST_F(DiffAll, KeepsOutputsOfOneCauseTogetherWhateverTheirFlagsSay) {
  // Trades that were picked: none is the last one of its cause.
  std::vector<Answer> a;
  std::vector<Answer> b;
  for (std::uint64_t cause = 1; cause <= 40; ++cause) {
    a.push_back({cause, 't', cause, 1, 0});
    a.push_back({cause, 't', cause + 7, 2, 0});
    b.push_back(a[a.size() - 2]);
    b.push_back(a.back());
    if (cause > 10) b.back().value = 5;
  }
  Answers("a", a);
  Answers("b", b);
  EXPECT_EQ(Counts({}), (std::vector<std::string>{
                            "the logs differ first at message 22",
                            "compared 30 causes, 11 to 40: 0 have the same outputs, 30 have not",
                            "  30  Trade with another size", "exit 1"}));
}

TEST_F(DiffAll, ComparesTheCauseInWhichLogsEnd) {
  Answers("a", {{1, 'a', 1}, {2, 'a', 2}, {2, 't', 5}, {2, 't', 6, -1, 0}});
  Answers("b", {{1, 'a', 1}, {2, 'a', 2}, {2, 't', 5}, {2, 't', 7, -1, 0}});
  Answers("short", {{1, 'a', 1}, {2, 'a', 2, -1, 0}});
  EXPECT_EQ(Counts({}), (std::vector<std::string>{
                            "the logs differ first at message 4",
                            "compared 1 cause, 2 to 2: 0 have the same outputs, 1 has not",
                            "  1  Trade with another size", "exit 1"}));
  std::filesystem::remove_all(Path("b"));
  std::filesystem::rename(Path("short"), Path("b"));
  EXPECT_EQ(Counts({}), (std::vector<std::string>{
                            Path("b") + " ends at message 2 and " + Path("a") +
                                " goes on to message 4; messages 1 to 2 are the same",
                            "compared 1 cause, 2 to 2: 0 have the same outputs, 1 has not",
                            "  2  Trade only in A", "exit 1"}));
}

TEST_F(DiffAll, NeverCallsLogsTheSameThatDifferBeforeTheyBegin) {
  Answers("a", {{5, 'a', 1}, {6, 'a', 2}}, 9, 0x1111);
  Answers("b", {{5, 'a', 1}, {6, 'a', 2}}, 9, 0x2222);
  EXPECT_EQ(Counts({}),
            (std::vector<std::string>{
                "the logs differ before message 9, where the later of them begins: their running "
                "digests say so",
                "compared 2 causes, 5 to 6: 2 have the same outputs, 0 have not", "exit 1"}));
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(ran.out.starts_with("{\"result\":\"differs_earlier\",")) << ran.out;
}

TEST_F(DiffAll, DoesNotCallTheSameWhatItCannotProveToBe) {
  Answers("a", {{5, 'a', 1}, {6, 't', 2}, {7, 'a', 7}}, 9, 0x1111);
  Answers("b", {{5, 'a', 1}, {6, 't', 3}, {7, 'a', 7}}, 9, 0x2222);
  const std::string before =
      "; they differ before message 9, where the later of them begins, for their running digests "
      "do, and whether only in what is ignored cannot be told";
  for (const bool all : {false, true}) {
    std::vector<std::string> options{"diff", Path("a"), Path("b"), "--ignore", "size"};
    if (all) options.emplace_back("--all");
    Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 1) << ran.err;
    EXPECT_EQ(ran.out, "messages 9 to 11 (in 1 message what differs is ignored) are the same" +
                           before + "\n");
    options.emplace_back("--json");
    ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 1) << ran.err;
    EXPECT_TRUE(
        ran.out.starts_with("{\"result\":\"unproven\",\"first\":9,"
                            "\"differs_before\":true,\"number\":11,"))
        << ran.out;
  }
  EXPECT_EQ(
      Counts({"--ignore", "order_id"}),
      (std::vector<std::string>{"the logs differ first at message 10" + before,
                                "compared 2 causes, 6 to 7: 1 have the same outputs, 1 has not",
                                "  1  Trade with another size", "exit 1"}));
}

TEST_F(DiffAll, KnowsInputsAndOutputsByTheirHeadersWhereNobodyWasTold) {
  // Two users' inputs: what is a cause elsewhere is the user's own number here.
  std::vector<Answer> inputs;
  for (std::uint64_t i = 1; i <= 20; ++i) inputs.push_back({(i + i % 2 * 40) / 2, 'a', i, 0, 1});
  std::vector<Answer> others = inputs;
  others[6].value = 99;
  others[12].value = 99;
  for (const replay::LogRole role : {replay::kRecordedRole, replay::kInputRole}) {
    Answers("a", inputs, 1, proto::kDigestStart, replay::kRecordedRole);
    Answers("b", others, 1, proto::kDigestStart, role);
    EXPECT_EQ(Counts({}), (std::vector<std::string>{
                              "the logs differ first at message 7",
                              "compared 14 causes, 7 to 20: 12 have the same outputs, 2 have not",
                              "  2  Accepted with another order_id", "exit 1"}));
    std::filesystem::remove_all(Path("a"));
    std::filesystem::remove_all(Path("b"));
  }
  // What is one of two outputs is none of two inputs.
  for (const replay::LogRole role : {replay::kRecordedRole, replay::kMergedRole}) {
    Answers("a", {{1, 'a', 1}, {2, 'a', 2}, {2, 't', 3}, {3, 'a', 4}}, 1, proto::kDigestStart,
            replay::kRecordedRole);
    Answers("b", {{1, 'a', 1}, {2, 'c', 9}, {2, 'a', 2}, {2, 't', 3}, {3, 'a', 4}}, 1,
            proto::kDigestStart, role);
    EXPECT_EQ(Counts({}), (std::vector<std::string>{
                              "the logs differ first at message 2",
                              "compared 2 causes, 2 to 3: 1 have the same outputs, 1 has not",
                              "  1  Cancelled only in B", "exit 1"}));
    std::filesystem::remove_all(Path("a"));
    std::filesystem::remove_all(Path("b"));
  }
}

TEST_F(DiffAll, FindsAFewDifferencesAmongThousandsOfOutputsOfOneCause) {
  std::vector<Answer> a{{1, 'a', 1}};
  for (std::uint64_t i = 0; i < 5'000; ++i) a.push_back({2, "atc"[i % 3], 10 + i});
  a.push_back({3, 'a', 1});
  std::vector<Answer> b = a;
  b[4'000].value = 7;
  b.erase(b.begin() + 1'000);
  b.insert(b.begin() + 10, {{2, 'c', 3}, {2, 'c', 4}});
  Answers("a", a);
  Answers("b", b);
  for (const bool ignores : {false, true}) {
    EXPECT_EQ(
        Counts(ignores ? std::vector<std::string>{"--ignore", "epoch"}
                       : std::vector<std::string>{}),
        (std::vector<std::string>{"the logs differ first at message 11",
                                  "compared 2 causes, 2 to 3: 1 have the same outputs, 1 has not",
                                  "  2  Cancelled only in B", "  1  Accepted with another order_id",
                                  "  1  Accepted only in A", "exit 1"}));
  }
}

TEST_F(DiffAll, SaysWhereItStoppedLookingForWhatIsTheSame) {
  // What was given once is given in another order.
  std::vector<Answer> a;
  for (std::uint64_t i = 0; i < 12'000; ++i) a.push_back({1, 'a', 1 + i});
  std::vector<Answer> b = a;
  std::ranges::shuffle(b, std::mt19937_64(7));
  Answers("a", a);
  Answers("b", b);
  auto lines = Counts({});
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[2],
            "the outputs of 1 cause differ in so much that the search for what is the same was cut "
            "short: more may be said to have moved or changed there than has");
  EXPECT_TRUE(lines[3].ends_with("  Accepted at another place among the outputs")) << lines[3];
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_NE(ran.out.find("\"causes_cut_short\":1,\"causes_in_parts\":0,"), std::string::npos);
}

TEST_F(DiffAll, SaysThatItComparedACauseInParts) {
  std::vector<Answer> a;
  for (std::uint64_t i = 0; i < 100'010; ++i) a.push_back({1, 'a', 1 + i});
  std::vector<Answer> b = a;
  b[50].value = 0;
  Answers("a", a);
  Answers("b", b);
  EXPECT_EQ(Counts({}),
            (std::vector<std::string>{
                "the logs differ first at message 51",
                "compared 2 causes, 1 to 1: 1 have the same outputs, 1 has not",
                "1 time a cause had more than 100000 outputs and was compared in parts: what moved "
                "from one part to another is told for each log",
                "  1  Accepted with another order_id", "exit 1"}));
}

TEST_F(DiffAll, SeesIndexAndLastWhereNoOtherOutputExplainsThem) {
  const std::vector<Answer> answers{
      {1, 'a', 1}, {2, 'a', 2}, {2, 't', 3}, {2, 't', 4}, {3, 'a', 5}};
  Answers("a", answers);
  std::vector<Answer> changed = answers;
  changed[2].index = 9;
  changed[3].index = 2;
  Answers("b", changed);
  const std::string first = "the logs differ first at message 3";
  const std::string compared = "compared 2 causes, 2 to 3: 1 have the same outputs, 1 has not";
  EXPECT_EQ(Counts({}),
            (std::vector<std::string>{first, compared, "  1  Trade with another index", "exit 1"}));
  for (const std::string field : {"last", "flags"}) {
    std::filesystem::remove_all(Path("b"));
    changed = answers;
    if (field == "last") changed[2].last = 1;
    if (field == "flags") changed[2].other_flags = 4;
    Answers("b", changed);
    EXPECT_EQ(Counts({}), (std::vector<std::string>{first, compared,
                                                    "  1  Trade with another " + field, "exit 1"}));
    EXPECT_EQ(Counts({"--ignore", field}),
              (std::vector<std::string>{"the logs are the same: messages 1 to 5 (in 1 message what "
                                        "differs is ignored)",
                                        "exit 0"}));
  }
}

TEST_F(DiffAll, BlamesTheCauseWhoseLastOutputIsMissing) {
  Answers("a", {{1, 'a', 1}, {2, 'a', 2}, {2, 't', 3}, {3, 'a', 4}, {3, 't', 5}});
  Answers("b", {{1, 'a', 1}, {2, 'a', 2, -1, 0}, {3, 'a', 4}, {3, 't', 5}});
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_NE(ran.out.find("\"causes\":2,\"causes_different\":1,"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("\"change\":\"only_a\",\"fields\":\"\",\"cause_type\":null,\"count\":1,"
                         "\"examples\":[{\"cause\":2,"),
            std::string::npos)
      << ran.out;
}

TEST_F(DiffAll, AgreesWithDiffOnRandomPairs) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 30; ++round) {
    std::vector<Answer> a;
    for (std::uint64_t cause = 1 + below(3); a.size() < 12; cause += below(3)) {
      a.push_back({cause, "atc"[below(3)], 1 + below(3)});
    }
    a = Placed(a);
    std::vector<Answer> b = a;
    for (std::uint64_t changes = below(3); changes > 0 && !b.empty(); --changes) {
      const std::size_t at = below(b.size());
      const auto place = b.begin() + static_cast<std::ptrdiff_t>(at);
      switch (below(8)) {
        case 0:
          b.erase(place);
          break;
        case 1:
          b.insert(place, b[below(b.size())]);
          break;
        case 2:
          b.resize(at);
          break;
        case 3:
          ++place->value;
          break;
        case 4:
          ++place->index;
          break;
        case 5:
          place->last ^= 1;
          break;
        case 6:
          place->other_flags ^= 8;
          break;
        default:
          place->cause = below(2) == 0 ? place->cause + 1 : 1 + below(1'000);
      }
    }
    const std::string ignored =
        std::array{"", "last", "index", "flags", "origin", "size"}[below(6)];
    const auto what_counts = [&](std::vector<Answer> answers) {
      for (Answer& answer : answers) {
        if (ignored == "last") answer.last = 0;
        if (ignored == "index") answer.index = 0;
        if (ignored == "flags") answer.other_flags = 0;
        if (ignored == "origin") answer.cause = 0;
        if (ignored == "size" && answer.kind == 't') answer.value = 0;
      }
      return answers;
    };
    const int expected = what_counts(a) == what_counts(b) ? 0 : 1;
    Answers("a", a);
    Answers("b", b);
    std::vector<std::string> arguments{"diff", Path("a"), Path("b")};
    if (!ignored.empty()) arguments.insert(arguments.end(), {"--ignore", ignored});
    EXPECT_EQ(Tandem(arguments).exit_code, expected) << "round " << round << " " << ignored;
    arguments.insert(arguments.end(), {"--all", "--examples", "0"});
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, expected) << "round " << round << " " << ignored << "\n" << ran.out;
    // And it says what differs.
    EXPECT_EQ(ran.out.find("\n  ") != std::string::npos, expected == 1)
        << "round " << round << " " << ignored << "\n"
        << ran.out;
    std::filesystem::remove_all(Path("a"));
    std::filesystem::remove_all(Path("b"));
  }
}

}  // namespace
}  // namespace tandem::test
