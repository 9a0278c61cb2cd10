// SPDX-License-Identifier: Apache-2.0
//
// cat, stat and export: what is wanted and not in a log, what is still to come, and names of
// whatever bytes.
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

constexpr std::chrono::seconds kSoon{20};

class LogRange : public LogTools {
 protected:
  static std::vector<Words> Tools(const std::string& log) {
    return {{"cat", log}, {"stat", log}, {"export", "jsonl", log}};
  }
  static Ran With(Words tool, const Words& options) {
    tool.insert(tool.end(), options.begin(), options.end());
    return Tandem(tool);
  }
  static Ran Follow(const std::string& log, const Words& options) {
    Words arguments{TANDEM_PROGRAM, "cat", log, "--follow"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunProgram(arguments, kSoon);
  }
  static std::string Numbers(const Ran& ran) {
    std::string text;
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text + "exit " + std::to_string(ran.exit_code);
  }
  [[nodiscard]] std::string BytesOf(const std::string& file) const {
    std::ifstream stream(Path(file), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void Overwrite(const std::string& file, std::uint64_t offset, const std::string& bytes) const {
    std::fstream stream(Path(file), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(stream) << file;
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << bytes;
  }
};

TEST_F(LogRange, RefusesWhatLiesWhollyBeforeOrBehindTheLog) {
  Write("log", {.messages = 30});
  Write("empty", {.messages = 0});
  const std::string ends = "the log " + Path("log") + " ends at message 30; --from ";
  const std::string begins = "the log " + Path("log") + " begins at message 1; --to ";
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--from", "31"}, ends + "31 is not in it"},
      {{"--from", "40", "--to", "50"}, ends + "40 is not in it"},
      {{"--from", "2012-06-22"}, ends + "2012-06-22 is not in it"},
      {{"--from", "2012-06-22", "--to", "2012-06-23"}, ends + "2012-06-22 is not in it"},
      {{"--to", "2012-06-21T13:30"}, begins + "2012-06-21T13:30 is before it"},
      {{"--from", "2011-01-01", "--to", "2012-01-01"}, begins + "2012-01-01 is before it"},
  };
  for (const auto& [options, sentence] : cases) {
    for (const Words& tool : Tools(Path("log"))) {
      const Ran ran = With(tool, options);
      EXPECT_EQ(ran.exit_code, 2) << tool[0];
      EXPECT_EQ(ran.out, "") << tool[0];
      EXPECT_EQ(ran.err, "tandem: " + sentence + "\n") << tool[0];
    }
  }
  for (const Words& tool : Tools(Path("empty"))) {
    EXPECT_EQ(With(tool, {}).exit_code, 0);
    const Ran ran = With(tool, {"--from", "1"});
    EXPECT_EQ(ran.exit_code, 2) << tool[0];
    EXPECT_EQ(ran.err,
              "tandem: the log " + Path("empty") + " has no messages yet; --from 1 is not in it\n");
  }
  // A part is enough, and two times with nothing between them are no mistake.
  EXPECT_EQ(Numbers(With({"cat", Path("log")}, {"--from", "29", "--to", "40"})), "29 30 exit 0");
  EXPECT_EQ(Numbers(With({"cat", Path("log")}, {"--from", "2011-01-01", "--to", "2"})),
            "1 2 exit 0");
}

TEST_F(LogRange, RefusesARangeThatEndsBeforeItBeginsInWhateverWay) {
  Write("log", {.messages = 30});
  const auto time = [](int number) { return "13:30:00.0000000" + std::to_string(number); };
  const std::string day = "2012-06-21T";
  const std::string is_of = " is of 2012-06-21T13:30:00.0000000";
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--from", "20", "--to", "19"}, ""},
      {{"--from", time(20), "--to", time(19)}, ""},
      {{"--from", day + time(20), "--to", time(19)}, ""},
      {{"--from", "13:29:59.9", "--to", "13:29:59.8"}, ""},
      {{"--from", "20", "--to", time(19)}, ": message 20" + is_of + "20Z"},
      {{"--from", "20", "--to", day + time(11)}, ": message 20" + is_of + "20Z"},
      {{"--from", time(20), "--to", "19"}, ": message 19" + is_of + "19Z"},
      {{"--from", day + time(29), "--to", "11"}, ": message 11" + is_of + "11Z"},
      {{"--from", "2030-01-01", "--to", "30"}, ": message 30" + is_of + "30Z"},
      {{"--from", "40", "--to", time(29)}, ": message 30" + is_of + "30Z"},
  };
  std::vector<Words> tools = Tools(Path("log"));
  tools.push_back({"export", "binaryfile", Path("log")});
  tools.push_back({"cat", Path("log"), "--follow"});
  for (const auto& [options, why] : cases) {
    for (const Words& tool : tools) {
      const Ran ran = With(tool, options);
      EXPECT_EQ(ran.exit_code, 2) << tool[0];
      EXPECT_EQ(ran.out, "") << tool[0];
      EXPECT_EQ(ran.err,
                "tandem: --from " + options[1] + " is after --to " + options[3] + why + "\n")
          << tool[0];
    }
  }
  const auto cat = [&](const std::string& from, const std::string& to) {
    return Numbers(With({"cat", Path("log")}, {"--from", from, "--to", to}));
  };
  EXPECT_EQ(cat("20", time(20)), "20 exit 0");
  EXPECT_EQ(cat(time(20), "20"), "20 exit 0");
  EXPECT_EQ(cat(time(20), time(20)), "20 exit 0");
  std::ofstream(Path("lines")) << R"({"type":"Tick","time":"2012-06-21T13:30:00Z"})"
                               << "\n"
                               << R"({"type":"Tick","time":"2012-06-21T13:30:09Z"})"
                               << "\n";
  ASSERT_EQ(
      Tandem({"import", "jsonl", Path("lines"), "--session", "A", "-o", Path("two")}).exit_code, 0);
  EXPECT_EQ(Numbers(With({"cat", Path("two")}, {"--from", "13:30:02", "--to", "13:30:07"})),
            "exit 0");
}

TEST_F(LogRange, FindsATimeOfDayBehindADamagedBeginning) {
  for (const int offset : {50, 200}) {  // in the header of the first segment, and in a record
    Write("log", {.messages = 300, .close = false, .segment_bytes = 12 << 10});
    FlipByte("log/00000001.segment", offset);
    for (const Words& tool : Tools(Path("log"))) {
      const Ran dated = With(tool, {"--from", "2012-06-21T13:30:00.000000290"});
      ASSERT_EQ(dated.exit_code, 0) << dated.err;
      const Ran ran = With(tool, {"--from", "13:30:00.000000290"});
      EXPECT_EQ(ran.exit_code, 0) << ran.err;
      EXPECT_EQ(ran.out, dated.out);
      const std::string damaged =
          "tandem: note: the log " + Path("log") + " is damaged in segment 1";
      EXPECT_TRUE(ran.err.starts_with(damaged)) << ran.err;
      EXPECT_NE(ran.err.find("; 13:30:00.000000290 is taken to be on the day of message "),
                std::string::npos)
          << ran.err;
    }
    const Ran whole = With({"cat", Path("log")}, {});
    EXPECT_EQ(whole.exit_code, 2) << offset;
    // What is to be taken away must not hang on a guess.
    EXPECT_EQ(
        Tandem({"trim", Path("log"), "--before", "13:30:00.000000290", "--archive"}).exit_code, 2);
    std::filesystem::remove_all(Path("log"));
  }
}

TEST_F(LogRange, OfATrimmedLogRefusesWhatIsGone) {
  Write("log", {.messages = 300, .close = false, .segment_bytes = 12 << 10});
  std::filesystem::remove(replay::SegmentPath(Path("log"), 1));
  const Ran ran = With({"cat", Path("log")}, {"--to", "5"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("log") + " begins at message ") &&
              ran.err.ends_with("; --to 5 is before it\n"))
      << ran.err;
}

TEST_F(LogRange, AFollowerWaitsForWhatIsStillToCome) {
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--from", "8", "--to", "10"}, "8 9 10 exit 0"},
      {{"--from", "13:30:00.000000008", "--count", "2"}, "8 9 exit 0"},
      {{"--from", "13:30:00.000000004", "--to", "13:30:00.000000007"}, "4 5 6 7 exit 0"},
  };
  for (const auto& [options, expected] : cases) {
    Recipe recipe{.messages = 5, .close = false};
    std::optional<replay::LogWriter> writer = Write("log", recipe);
    std::thread thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      writer.reset();
      recipe.messages = 12;
      writer = Write("log", recipe);
    });
    EXPECT_EQ(Numbers(Follow(Path("log"), options)), expected);
    thread.join();
    writer.reset();
    std::filesystem::remove_all(Path("log"));
  }
  Write("log", {.messages = 5});
  const Ran before = Follow(Path("log"), {"--to", "2012-06-21T13:30"});
  EXPECT_EQ(before.exit_code, 2);
  EXPECT_EQ(before.err, "tandem: the log " + Path("log") +
                            " begins at message 1; --to 2012-06-21T13:30 is before it\n");
  const Ran never = Follow(Path("log"), {"--from", "2030-01-02", "--to", "2030-01-01"});
  EXPECT_EQ(never.exit_code, 2);
  EXPECT_EQ(never.err, "tandem: --from 2030-01-02 is after --to 2030-01-01\n");
}

TEST_F(LogRange, AFollowerGoesOnUpToATimeThatIsStillToCome) {
  Recipe recipe{.messages = 5, .close = false};
  std::optional<replay::LogWriter> writer = Write("log", recipe);
  std::thread thread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    writer.reset();
    recipe.messages = 20;
    writer = Write("log", recipe);
  });
  const Ran ran = Tandem({"cat", Path("log"), "--follow", "--to", "13:30:00.000000012"});
  thread.join();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Lines(ran.out).size(), 12u);
}

TEST_F(LogRange, AFollowerEndsWhereNoWriterCouldGoOn) {
  Write("log", {.messages = 300, .close = false, .segment_bytes = 1 << 20});
  Overwrite("log/00000001.segment", 30'000, std::string(400, '\0'));
  const Ran ran = Follow(Path("log"), {});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_GT(Lines(ran.out).size(), 100u);
  EXPECT_TRUE(
      ran.err.starts_with("tandem: the log " + Path("log") + " is damaged in segment 1 at offset "))
      << ran.err;
  EXPECT_NE(ran.err.find(", where message " + std::to_string(Lines(ran.out).size() + 1)),
            std::string::npos)
      << ran.err;
}

TEST_F(LogRange, AFollowerEndsWhereWhatWasSyncedCannotBeRead) {
  const Recipe recipe{.messages = 5, .close = false};
  replay::LogWriter writer = Write("log", recipe);
  ASSERT_TRUE(writer.Sync());
  const std::string mark = BytesOf("log/mark");
  std::uint64_t offset = 0;
  {
    auto reader =
        replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
    ASSERT_TRUE(reader);
    offset = reader->offset();
  }
  while (writer.position().number < 20) writer.Append(MessageAfter(writer.position(), recipe));
  ASSERT_TRUE(writer.Sync());
  const std::string later_mark = BytesOf("log/mark");
  ASSERT_NE(mark, later_mark);
  // The follower begins before the mark says that there should be more.
  Overwrite("log/00000001.segment", offset, std::string(4'000, '\0'));
  Overwrite("log/mark", 0, mark);
  std::thread thread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Overwrite("log/mark", 0, later_mark);
  });
  const Ran ran = Follow(Path("log"), {});
  thread.join();
  EXPECT_EQ(Numbers(ran), "1 2 3 4 5 exit 2");
  EXPECT_EQ(ran.err.find("tandem: the log " + Path("log") + " is damaged in segment 1 at offset " +
                         std::to_string(offset) + ", where message 6 should be: there are only "),
            0u)
      << ran.err;
}

TEST_F(LogRange, AFollowerEndsWhereWhatIsWrittenCannotBecomeWhole) {
  const Recipe recipe{.messages = 5, .close = false};
  replay::LogWriter writer = Write("log", recipe);
  auto reader =
      replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
  ASSERT_TRUE(reader);
  const std::uint64_t offset = reader->offset();
  while (writer.position().number < 20) writer.Append(MessageAfter(writer.position(), recipe));
  ASSERT_TRUE(writer.Flush());
  Overwrite("log/00000001.segment", offset, std::string(40, '\0'));
  const Ran ran = Follow(Path("log"), {});
  EXPECT_EQ(Numbers(ran), "1 2 3 4 5 exit 2");
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("log") +
                                  " is damaged in segment 1 at offset " + std::to_string(offset) +
                                  ", where message 6 should be: no whole message is there, and "))
      << ran.err;
}

TEST_F(LogRange, AFollowerGoesOnWaitingBehindATornTail) {
  std::optional<replay::LogWriter> writer = Write("log", {.messages = 5, .close = false});
  TearTail("log", writer->position());
  writer.reset();
  std::thread thread([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(1'300));  // it has looked by now
    writer = Write("log", {.messages = 9, .close = false});
  });
  EXPECT_EQ(Numbers(Follow(Path("log"), {"--to", "9"})), "1 2 3 4 5 6 7 8 9 exit 0");
  thread.join();
}

TEST_F(LogRange, SaysThatANameIsTooLongForAUser) {
  Write("log", {.messages = 3});
  for (const Words& tool : Tools(Path("log"))) {
    const Ran ran = With(tool, {"--user", "TOOLONGUSER"});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_TRUE(ran.err.starts_with(
        "tandem: --user: \"TOOLONGUSER\" is no user: a name has up to 8 characters"))
        << ran.err;
    EXPECT_EQ(With(tool, {"--user", "12345678"}).exit_code, 0);
  }
}

TEST_F(LogRange, NoMessageCommandsATerminal) {
  // ESC [ 3 1 m as a user; the same character of ISO 8859 as a user and, in UTF-8, as a symbol.
  std::ofstream lines(Path("lines"));
  lines << R"({"type":"Cancel","user_hex":"1b5b33316d202020","payload":{"order_id":"1"}})"
        << "\n"
        << R"({"type":"NewOrder","user_hex":"9b33316d20202020","payload":{"symbol":"\u009b31m"}})"
        << "\n"
        << R"({"type":"NewOrder","user":"\u00e9","payload":{"symbol":"\u00e9\u001b"}})"
        << "\n";
  lines.close();
  Ran ran = Tandem(
      {"import", "jsonl", Path("lines"), "--session", "A", "--app", "book", "-o", Path("log")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto is_harmless = [](const std::string& text) {
    return text.find('\x1b') == std::string::npos && text.find('\x9b') == std::string::npos;
  };
  ran = Tandem({"cat", Path("log")});
  EXPECT_TRUE(is_harmless(ran.out)) << ran.out;
  auto shown = Lines(ran.out);
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_NE(shown[0].find(" user=\\x1b[31m last "), std::string::npos) << shown[0];
  EXPECT_NE(shown[1].find(" user=\\x9b31m last "), std::string::npos) << shown[1];
  EXPECT_NE(shown[2].find(" user=\xc3\xa9 last "), std::string::npos) << shown[2];
  ran = Tandem({"cat", Path("log"), "--json"});
  EXPECT_TRUE(is_harmless(ran.out)) << ran.out;
  shown = Lines(ran.out);
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_NE(shown[0].find("\"user\":\"\\u001b[31m\""), std::string::npos) << shown[0];
  EXPECT_NE(shown[1].find("\"user\":\"\\u009b31m\""), std::string::npos) << shown[1];
  EXPECT_NE(shown[2].find("\"user\":\"\xc3\xa9\""), std::string::npos) << shown[2];
  EXPECT_NE(shown[1].find("\"symbol\":\"\\u009b31m\""), std::string::npos) << shown[1];
  // Escaped or not, what is exported comes back.
  ASSERT_EQ(Tandem({"export", "jsonl", Path("log"), "-o", Path("again.jsonl")}).exit_code, 0);
  ASSERT_EQ(Tandem({"import", "jsonl", Path("again.jsonl"), "-o", Path("again")}).exit_code, 0);
  EXPECT_EQ(Tandem({"diff", Path("log"), Path("again")}).exit_code, 0);
  // A session is a name; a log may say something else.
  Write("odd", {.messages = 3, .session = "\x1b[31m\x9b", .role = replay::kInputRole});
  for (const std::string tool : {"cat", "stat"}) {
    for (const Words& options : {Words{}, Words{"--json"}}) {
      ran = With({tool, Path("odd")}, options);
      EXPECT_TRUE(is_harmless(ran.out + ran.err)) << ran.out << ran.err;
    }
  }
  ran = Tandem({"diff", Path("odd"), Path("log")});
  EXPECT_EQ(ran.out, Path("odd") + " is of session \\x1b[31m\\x9b and " + Path("log") +
                         " is of session A: they are not copies of one stream\n");
  // diff shows fields alone.
  std::ofstream(Path("other")) << R"({"type":"Cancel","user":"a","payload":{"order_id":"1"}})"
                               << "\n"
                               << R"({"type":"NewOrder","payload":{"symbol":"\u001b"}})"
                               << "\n";
  ASSERT_EQ(
      Tandem({"import", "jsonl", Path("other"), "--session", "A", "--app", "book", "-o", Path("b")})
          .exit_code,
      0);
  for (const Words& options :
       {Words{}, Words{"--json"}, Words{"--all"}, Words{"--ignore", "user"}}) {
    ran = With({"diff", Path("log"), Path("b")}, options);
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_TRUE(is_harmless(ran.out)) << ran.out;
  }
  EXPECT_NE(ran.out.find("differs: symbol: A \\u009b31m, B \\x1b"), std::string::npos) << ran.out;
}

TEST_F(LogRange, AnEmptyNameIsNone) {
  Write("log", {.messages = 3});
  const std::vector<std::pair<Words, std::string>> cases{
      {{"cat", ""}, "LOG: \"\" names no folder"},
      {{"stat", ""}, "LOG: \"\" names no folder"},
      {{"export", "jsonl", ""}, "LOG: \"\" names no folder"},
      {{"export", "binaryfile", Path("log"), "-o", ""}, "--output: \"\" names no file"},
      {{"diff", "", Path("log")}, "A: \"\" names no folder or stream"},
      {{"diff", Path("log"), ""}, "B: \"\" names no folder or stream"},
      {{"diff", Path("log"), Path("log"), "--input", ""}, "--input: \"\" is no folder"},
      {{"import", "jsonl", "", "-o", Path("new")}, "FILE: \"\" names no file"},
      {{"import", "jsonl", Path("lines"), "-o", ""}, "--output: \"\" names no folder"},
      {{"import", "jsonl", Path("lines"), "--session", "", "-o", Path("new")},
       "--session: \"\" names no session"},
      {{"import", "jsonl", Path("lines"), "--app", "", "-o", Path("new")},
       "--app: \"\" names no application"},
      {{"import", "binaryfile", "", "-o", Path("new")}, "FILE: \"\" names no file"},
      {{"import", "itch", "", "-o", Path("new")}, "FILE: \"\" names no file"},
      {{"import", "lobster", "", "-o", Path("new")}, "FILE: \"\" names no file"},
      {{"import", "lobster", Path("lines"), "-o", ""}, "--output: \"\" names no folder"},
      {{"import", "lobster", Path("lines"), "--symbol", "", "-o", Path("new")},
       "--symbol: \"\" names no ticker"},
      {{"import", "itch", Path("lines"), "--date", "", "-o", Path("new")},
       "--date: \"\" names no day"},
      {{"record", "127.0.0.1:1", "--output", ""}, "--output: \"\" names no folder"},
      {{"record", "", "-o", Path("new")}, "FROM names no address"},
      {{"generate", "--orders", "1", "-o", ""}, "\"\" names no folder for the log"},
  };
  for (const auto& [arguments, sentence] : cases) {
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_EQ(ran.out, "") << sentence;
    EXPECT_TRUE(ran.err.starts_with("tandem: " + sentence)) << ran.err << sentence;
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  }
}

TEST_F(LogRange, RecordTakesNoSessionThatItWouldNotAskFor) {
  const Ran ran = Tandem({"record", "127.0.0.1:1", "--session", "DAY1", "-o", Path("new")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "tandem: --session is what is read from the lines of --multicast; give that too, or "
            "leave it away: a stream of its own names its session\n");
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
}

TEST_F(LogRange, ImportTakesNoRoleThatThereIsNot) {
  std::ofstream(Path("lines")) << R"({"type":"Tick"})"
                               << "\n";
  Ran ran = Tandem(
      {"import", "jsonl", Path("lines"), "--session", "A", "--role", "banana", "-o", Path("new")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with(
      "tandem: --role: \"banana\" is no role; give input, output, merged or recorded"))
      << ran.err;
  std::ofstream(Path("lines")) << R"({"log":{"session":"A","role":"input","sessions":"B"}})"
                               << "\n";
  ran = Tandem({"import", "jsonl", Path("lines"), "-o", Path("new")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("lines") +
                         " line 1 has a \"sessions\" in \"log\", which may have session, role, "
                         "first_number, digest_before or schema\n");
}

}  // namespace
}  // namespace tandem::test
