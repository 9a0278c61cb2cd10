// SPDX-License-Identifier: Apache-2.0
//
// replay as a person runs it: ranges, pace, comparison with what was recorded, exit codes.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/tools/log_tools.h"
#include "tools/pace.h"

namespace tandem::test {
namespace {

class ReplayTools : public LogTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    EXPECT_EQ(Tandem({"generate", "--orders", "2000", "--seed", "7", "-o", Path("flow")}).exit_code,
              0);
    EXPECT_EQ(Tandem({"replay", Path("flow"), "-o", Path("out")}).exit_code, 0);
  }

  Ran Replay(std::vector<std::string> options) {
    options.insert(options.begin(), {"replay", Path("flow")});
    return Tandem(options);
  }
  /// number and type of the lines that cat prints, "12 Trade".
  std::vector<std::string> Cat(const std::string& log, std::vector<std::string> options) {
    options.insert(options.begin(), {"cat", Path(log)});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return Lines(ran.out);
  }
};

TEST_F(ReplayTools, GivesTheOutputsOfARangeOfInputs) {
  Ran ran = Replay({"--from", "501", "--to", "1000", "-o", Path("part")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("500 inputs, ")) << ran.out;
  const auto part = Cat("part", {});
  std::vector<std::string> expected;
  for (const std::string& line : Cat("out", {})) {
    const std::size_t at = line.find(" origin=") + 8;
    const std::uint64_t origin = std::stoull(line.substr(at));
    if (origin > 500 && origin <= 1000) expected.push_back(line);
  }
  EXPECT_GT(expected.size(), 500u);
  EXPECT_EQ(part, expected);
  ran = Tandem({"verify", Path("part")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
}

TEST_F(ReplayTools, TakesTimesForTheRange) {
  // The times of inputs 501 and 1000, as cat shows them.
  const std::string from = Cat("flow", {"--from", "501", "--count", "1"})[0].substr(4, 30);
  const std::string to = Cat("flow", {"--from", "1000", "--count", "1"})[0].substr(5, 30);
  EXPECT_EQ(Replay({"--from", "501", "--to", "1000", "-o", Path("numbers")}).exit_code, 0);
  Ran ran = Replay({"--from", from, "--to", to, "-o", Path("times")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Cat("times", {}), Cat("numbers", {}));
  ran = Replay({"--from", from.substr(11), "--to", to.substr(11, 18), "-o", Path("of_day")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Cat("of_day", {}), Cat("numbers", {}));
}

TEST_F(ReplayTools, RefusesARangeThatCannotBe) {
  EXPECT_EQ(Replay({"--to", "150", "--image-out", Path("image")}).exit_code, 0);
  const std::string time = Cat("flow", {"--from", "5", "--count", "1"})[0].substr(2, 30);
  const std::string time_before = Cat("flow", {"--from", "4", "--count", "1"})[0].substr(2, 30);
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--from", "5", "--to", "4"}, "--from 5 is after --to 4"},
      {{"--from", "5", "--to", time_before},
       "--from 5 is after --to " + time_before + ": message 5 is of " + time},
      {{"--from", time, "--to", "4"},
       "--from " + time + " is after --to 4: message 4 is of " + time_before},
      {{"--from", "2002"},
       "the input log " + Path("flow") + " ends at message 2000; --from 2002 is not in it"},
      {{"--from", "2001"},
       "the input log " + Path("flow") + " ends at message 2000; --from 2001 is not in it"},
      {{"--to", "2000-01-01"},
       "the input log " + Path("flow") + " begins at message 1; --to 2000-01-01 is before it"},
      {{"--image", Path("image"), "--to", "100"},
       "the image " + Path("image") +
           " stands after input 150, and --to 100 is before it; give an older one, or none"},
      {{"--from", "noon"},
       "--from: \"noon\" is neither a number from 1 on nor a time as 2012-06-21T13:30:00.5 or "
       "13:30:00; see `tandem replay --help`"},
      {{"--to", "0"},
       "--to: \"0\" is neither a number from 1 on nor a time as 2012-06-21T13:30:00.5 or "
       "13:30:00; see `tandem replay --help`"},
      {{"--from", "2026-01-06", "--to", "2026-01-05"},
       "--from 2026-01-06 is after --to 2026-01-05"},
      {{"--speed", "-1"},
       "--speed: \"-1\" is not a speed; give 1 for the recorded pace, 10 for ten times that, or 0 "
       "for as fast as it goes; see `tandem replay --help`"},
  };
  for (auto [options, sentence] : cases) {
    options.insert(options.end(), {"-o", Path("never"), "--image-out", Path("never_image")});
    const Ran ran = Replay(options);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_EQ(ran.err, "tandem: " + sentence + "\n");
    EXPECT_FALSE(std::filesystem::exists(Path("never")));
    EXPECT_FALSE(std::filesystem::exists(Path("never_image")));
  }
  const Ran ran = Replay({});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: there is nothing to do with the outputs: give -o "))
      << ran.err;
}

TEST(SpeedPace, TakesTheFirstInputAtOnceAndTheOthersByTheirTimes) {
  constexpr std::int64_t kHour = 3'600'000'000'000;
  tools::SpeedPace recorded(1);
  EXPECT_TRUE(recorded.IsDue(5 * kHour));
  EXPECT_TRUE(recorded.IsDue(5 * kHour));
  EXPECT_FALSE(recorded.IsDue(6 * kHour));
  EXPECT_TRUE(recorded.IsDue(4 * kHour));
  tools::SpeedPace fast(1e12);
  EXPECT_TRUE(fast.IsDue(5 * kHour));
  while (!fast.IsDue(6 * kHour)) fast.Wait(6 * kHour);
  tools::SpeedPace slow(1e-6);
  EXPECT_TRUE(slow.IsDue(5 * kHour));
  EXPECT_FALSE(slow.IsDue(5 * kHour + 1'000'000'000));
}

TEST_F(ReplayTools, GivesTheSameOutputsAtAnyPace) {
  const Ran ran = Replay({"--speed", "0.2", "--against", Path("out")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST_F(ReplayTools, SaysThatItGivesWhatWasRecorded) {
  Ran ran = Replay({"--against", Path("out")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 2u) << ran.out;
  const std::string last = std::to_string(Cat("out", {}).size());
  EXPECT_EQ(lines[1], "the replay gives what " + Path("out") + " has: outputs 1 to " + last +
                          " are the same");
  ran = Replay({"--against", Path("out"), "--to", "100", "-o", Path("both")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Cat("both", {}), Cat("out", {"--to", std::to_string(Cat("both", {}).size())}));
  ran = Replay({"--against", Path("out"), "--from", "1001", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("{\"inputs\":1000,\"outputs\":")) << ran.out;
  EXPECT_NE(ran.out.find(",\"result\":\"same\"}}\n"), std::string::npos) << ran.out;
}

TEST_F(ReplayTools, ShowsTheFirstOutputThatIsNotTheRecordedOne) {
  // What was recorded is of another flow with the same session.
  EXPECT_EQ(Tandem({"generate", "--orders", "2000", "--seed", "8", "-o", Path("other")}).exit_code,
            0);
  EXPECT_EQ(Tandem({"replay", Path("other"), "-o", Path("other_out")}).exit_code, 0);
  Ran ran = Replay({"--against", Path("other_out")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_GE(lines.size(), 6u) << ran.out;
  EXPECT_EQ(lines[1],
            "the replay differs from " + Path("other_out") + " first at output 1, of input 1");
  EXPECT_EQ(lines[2], "  cause:     " + Cat("flow", {"--count", "1"})[0]);
  EXPECT_EQ(lines[3], "  recorded:  " + Cat("other_out", {"--count", "1"})[0]);
  EXPECT_EQ(lines[4], "  replayed:  " + Cat("out", {"--count", "1"})[0]);
  EXPECT_TRUE(lines[5].starts_with("  differs: ") &&
              lines[5].find(": recorded ") != std::string::npos)
      << lines[5];
  ran = Replay({"--against", Path("other_out"), "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_NE(ran.out.find("\"against\":{\"first\":1,\"compared\":0,\"result\":\"differs\","
                         "\"number\":1,\"input\":1,\"cause\":{\"number\":1,"),
            std::string::npos)
      << ran.out;
}

TEST_F(ReplayTools, SaysWhichSideGoesOn) {
  EXPECT_EQ(Replay({"--to", "1000", "-o", Path("half")}).exit_code, 0);
  const std::string half = std::to_string(Cat("half", {}).size());
  const std::string next = std::to_string(Cat("half", {}).size() + 1);
  Ran ran = Replay({"--against", Path("half")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 5u) << ran.out;
  EXPECT_EQ(lines[1], Path("half") + " ends before output " + next +
                          ", of input 1001; outputs 1 to " + half + " are the same");
  EXPECT_EQ(lines[3], "  recorded:  (no such output)");

  EXPECT_EQ(Tandem({"generate", "--orders", "1000", "--seed", "7", "-o", Path("short")}).exit_code,
            0);
  ran = Tandem({"replay", Path("short"), "--against", Path("out")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 2u) << ran.out;
  EXPECT_EQ(lines[1], Path("out") + " goes on with outputs of input 1001, and " + Path("short") +
                          " ends before it; outputs 1 to " + half + " are the same");
}

TEST_F(ReplayTools, SaysThatWhatWasRecordedBeginsBehindItOrAfterADifference) {
  EXPECT_EQ(Replay({"--from", "501", "--to", "1000", "-o", Path("part")}).exit_code, 0);
  const std::string first =
      std::to_string(replay::LogReader::Open(storage_, Path("part"), {})->first_number());
  EXPECT_EQ(Replay({"--to", "100", "-o", Path("little")}).exit_code, 0);
  Ran ran = Replay({"--to", "100", "--against", Path("part")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(Lines(ran.out).back(), "nothing was compared: " + Path("part") + " begins at output " +
                                       first + ", and the replay ends before output " +
                                       std::to_string(Cat("little", {}).size() + 1));
  EXPECT_EQ(Replay({"--from", "101", "-o", Path("rest")}).exit_code, 0);
  EXPECT_EQ(Replay({"--to", "100", "--against", Path("rest")}).exit_code, 1);
  ran = Replay({"--against", Path("part"), "--to", "1000"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;

  EXPECT_EQ(Tandem({"generate", "--orders", "2000", "--seed", "8", "-o", Path("other")}).exit_code,
            0);
  EXPECT_EQ(Tandem({"replay", Path("other"), "--from", "501", "-o", Path("other_part")}).exit_code,
            0);
  const std::string other =
      std::to_string(replay::LogReader::Open(storage_, Path("other_part"), {})->first_number());
  ran = Replay({"--against", Path("other_part")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(Lines(ran.out).back(), "the replay differs from " + Path("other_part") +
                                       " before output " + other +
                                       ", where that begins or --from does: their running digests "
                                       "say so");
  ran = Replay({"--against", Path("other_part"), "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find("\"result\":\"differs_before\",\"number\":" + other + "}"),
            std::string::npos)
      << ran.out;
}

TEST_F(ReplayTools, SaysNoWhereNothingWasCompared) {
  EXPECT_EQ(Replay({"--to", "150", "--image-out", Path("image"), "-o", Path("begin")}).exit_code,
            0);
  Ran ran = Replay({"--image", Path("image"), "--to", "150", "--against", Path("out")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(Lines(ran.out).back(), "nothing was compared: no input was replayed");
  ran = Replay({"--image", Path("image"), "--to", "150", "--against", Path("out"), "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find(",\"compared\":0,\"result\":\"nothing_compared\"}}\n"), std::string::npos)
      << ran.out;
  // It can be told even so where the outputs before it differ.
  EXPECT_EQ(Tandem({"generate", "--orders", "2000", "--seed", "8", "-o", Path("other")}).exit_code,
            0);
  EXPECT_EQ(Tandem({"replay", Path("other"), "-o", Path("other_out")}).exit_code, 0);
  ran = Replay({"--image", Path("image"), "--to", "150", "--against", Path("other_out")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Lines(ran.out).back().starts_with("the replay differs from " + Path("other_out") +
                                                " before output "))
      << ran.out;

  Write("ticks", {.messages = 0, .session = "GENERATED", .role = replay::kInputRole});
  Write("none", {.messages = 0, .session = "GENERATED"});
  ran = Tandem({"replay", Path("ticks"), "--against", Path("none")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(Lines(ran.out).back(), "nothing was compared: no input was replayed");
  // Inputs without an output on either side are compared.
  std::ofstream(Path("ticks.jsonl")) << R"({"type":"Tick"})"
                                     << "\n"
                                     << R"({"type":"Tick"})"
                                     << "\n";
  ASSERT_EQ(Tandem({"import", "jsonl", Path("ticks.jsonl"), "--session", "GENERATED", "--app",
                    "book", "-o", Path("two")})
                .exit_code,
            0);
  ran = Tandem({"replay", Path("two"), "--against", Path("none")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_EQ(Lines(ran.out).back(),
            "the replay gives what " + Path("none") + " has: no output of 2 inputs");
}

TEST_F(ReplayTools, RefusesToCompareWithWhatCannotBeItsOutputs) {
  Ran ran = Replay({"--against", Path("flow")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("flow") + " holds inputs; "))
      << ran.err;
  EXPECT_EQ(Tandem({"generate", "--orders", "9", "--session", "OTHER", "-o", Path("o")}).exit_code,
            0);
  EXPECT_EQ(Tandem({"replay", Path("o"), "-o", Path("oo")}).exit_code, 0);
  ran = Replay({"--against", Path("oo")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: the log " + Path("oo") +
                         " is of session OTHER and the inputs are of session GENERATED: it does "
                         "not hold their outputs\n");
}

TEST_F(ReplayTools, SaysInJsonTooWhatIsWrongBehindTheEndOfTheInput) {
  Ran ran = Replay({"-o", Path("whole"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find(",\"input_end_problems\":[]}"), std::string::npos) << ran.out;
  {
    const auto writer = Write("torn", {.messages = 9, .role = replay::kInputRole, .close = false});
    std::filesystem::remove(Path("torn") + "/mark");
    TearTail("torn", writer.position());
  }
  ran = Tandem({"replay", Path("torn"), "-o", Path("torn_out"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string note = "tandem: note: ";
  ASSERT_EQ(Lines(ran.err).size(), 1u) << ran.err;
  ASSERT_TRUE(ran.err.starts_with(note)) << ran.err;
  const std::string problem = Lines(ran.err)[0].substr(note.size());
  EXPECT_NE(problem.find(" bytes that are no whole message; no mark says "), std::string::npos);
  EXPECT_NE(ran.out.find(",\"input_end_problems\":[\"" + problem + "\"]}"), std::string::npos)
      << ran.out;
  // Who stops before it does not look there.
  ran = Tandem({"replay", Path("torn"), "--to", "9", "-o", Path("nine_out"), "--json"});
  EXPECT_EQ(ran.err, "");
  EXPECT_NE(ran.out.find(",\"input_end_problems\":[]}"), std::string::npos) << ran.out;
}

TEST_F(ReplayTools, NotesWhatIsWrongBehindTheEndOfTheRecordedOutputs) {
  const std::uint64_t outputs = Cat("out", {}).size();
  const std::string last = replay::SegmentPath(Path("out"), 1);
  const auto size = std::filesystem::file_size(last);
  std::filesystem::remove(Path("out") + "/mark");
  std::filesystem::resize_file(last, size - sizeof(replay::RecordHeader));  // its end record
  Ran ran = Replay({"--against", Path("out"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string problem = "the log " + Path("out") + " ends in segment 1 at offset " +
                              std::to_string(size - sizeof(replay::RecordHeader)) +
                              " after message " + std::to_string(outputs) +
                              " without an end record, and the file is shorter than it was made: "
                              "what was there was cut off";
  EXPECT_EQ(ran.err, "tandem: note: " + problem + "\n");
  EXPECT_NE(ran.out.find(",\"input_end_problems\":[],\"recorded_end_problems\":[\"" + problem +
                         "\"],\"against\":{"),
            std::string::npos)
      << ran.out;
  // Who stops before it does not look there.
  ran = Replay({"--against", Path("out"), "--to", "1000", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_NE(ran.out.find(",\"recorded_end_problems\":[],"), std::string::npos) << ran.out;
  // With an output less the replay differs there, and the note says why.
  std::filesystem::resize_file(last, size - 2 * sizeof(replay::RecordHeader));
  ran = Replay({"--against", Path("out")});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_NE(ran.out.find(Path("out") + " ends before output " + std::to_string(outputs)),
            std::string::npos)
      << ran.out;
  ASSERT_EQ(Lines(ran.err).size(), 2u) << ran.err;
  EXPECT_NE(Lines(ran.err)[0].find(" bytes that are no whole message; "), std::string::npos);
  EXPECT_NE(Lines(ran.err)[1].find("what was there was cut off"), std::string::npos);
}

}  // namespace
}  // namespace tandem::test
