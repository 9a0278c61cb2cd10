// SPDX-License-Identifier: Apache-2.0
//
// cat, stat, verify and diff as a person runs them: output, sentences, exit codes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "book/book.pb.h"
#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tests/support/run_program.h"

namespace tandem::test {
namespace {

Ran Tandem(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TANDEM_PROGRAM);
  return RunProgram(arguments);
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

/// A folder of the test's own, with logs of `book` messages in it.
class LogTools : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "log_tools_" + std::to_string(::getpid()) + "_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  /// How a log is made: every third message is a tick, the others open and cancel an order. From
  /// message `differs_at` on, orders have another price.
  struct Recipe {
    std::uint64_t messages = 9;
    std::uint64_t differs_at = UINT64_MAX;
    std::string session = "DAY1";
    replay::LogRole role = replay::kOutputRole;
    bool close = true;
    std::string schema = proto::SchemaOf({book::pb::NewOrder::descriptor()});
    std::uint64_t segment_bytes = 16 << 10;
  };

  replay::LogWriter Write(const std::string& name, const Recipe& recipe) {
    auto writer = replay::LogWriter::Open(storage_, Path(name),
                                          {.session = proto::Session(recipe.session),
                                           .role = recipe.role,
                                           .schema = recipe.schema,
                                           .segment_bytes = recipe.segment_bytes});
    EXPECT_TRUE(writer) << writer.error().text;
    while (writer->position().number < recipe.messages) {
      writer->Append(MessageAfter(writer->position(), recipe));
    }
    EXPECT_TRUE(writer->Flush());
    EXPECT_TRUE(!recipe.close || writer->Close().ok());
    return std::move(*writer);
  }

  static std::vector<std::byte> MessageAfter(proto::StreamPosition before, const Recipe& recipe) {
    const std::uint64_t number = before.number + 1;
    proto::Header header;
    header.session = proto::Session(recipe.session);
    header.number = number;
    header.time_ns = static_cast<std::int64_t>(1'340'285'400'000'000'000 + number);
    header.origin = (number + 2) / 3;
    header.index = static_cast<std::uint32_t>((number + 2) % 3);
    header.flags = number % 3 == 0 ? proto::kLast : 0;
    header.epoch = 1;
    std::string payload;
    if (number % 3 == 0) {
      header.type = 1;
    } else if (number % 3 == 1) {
      book::pb::NewOrder order;
      order.set_order_id(number);
      order.set_symbol("ABC");
      order.set_price(number >= recipe.differs_at ? 101 : 100);
      payload = order.SerializeAsString();
      header.type = 100;
      header.user = proto::User("alice");
    } else {
      book::pb::Cancel cancel;
      cancel.set_order_id(number - 1);
      payload = cancel.SerializeAsString();
      header.type = 101;
      header.user = proto::User("alice");
    }
    header.payload_size = static_cast<std::uint16_t>(payload.size());
    std::vector<std::byte> bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(&bytes[sizeof header], payload.data(), payload.size());
    const std::uint64_t digest = proto::Digest(before.digest, bytes);
    std::memcpy(bytes.data(), &digest, sizeof digest);
    return bytes;
  }

  void FlipByte(const std::string& file, std::int64_t offset) const {
    std::fstream stream(Path(file), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(stream) << file;
    if (offset < 0) offset += static_cast<std::int64_t>(std::filesystem::file_size(Path(file)));
    stream.seekg(offset);
    const int byte = stream.get();
    stream.seekp(offset);
    stream.put(static_cast<char>(byte ^ 0x55));
  }

  std::string folder_;
  replay::PosixStorage storage_;
};

TEST_F(LogTools, CatPrintsOneLineAMessage) {
  Write("log", {.messages = 3});
  const Ran ran = Tandem({"cat", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(Lines(ran.out),
            (std::vector<std::string>{
                "1 2012-06-21T13:30:00.000000001Z NewOrder origin=1 user=alice epoch=1 "
                "{ order_id: 1 symbol: \"ABC\" price: 100 }",
                "2 2012-06-21T13:30:00.000000002Z Cancel origin=1 user=alice index=1 epoch=1 "
                "{ order_id: 1 }",
                "3 2012-06-21T13:30:00.000000003Z Tick origin=1 index=2 last epoch=1 {}"}));
}

TEST_F(LogTools, CatPrintsJsonLines) {
  Write("log", {.messages = 2});
  const Ran ran = Tandem({"cat", Path("log"), "--json", "--from", "2"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with(
      "{\"number\":2,\"time\":\"2012-06-21T13:30:00.000000002Z\",\"time_ns\":1340285400000000002,"
      "\"type\":\"Cancel\",\"type_number\":101,\"session\":\"DAY1\",\"origin\":1,\"user\":"
      "\"alice\","
      "\"index\":1,\"last\":false,\"epoch\":1,\"digest\":\""))
      << lines[0];
  EXPECT_TRUE(lines[0].ends_with("\",\"payload\":{\"order_id\":\"1\"}}")) << lines[0];
}

TEST_F(LogTools, CatSelectsByNumberTypeAndCount) {
  Write("log", {.messages = 30});
  const auto numbers = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"cat", Path("log")});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string text;
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text;
  };
  EXPECT_EQ(numbers({"--from", "28"}), "28 29 30 ");
  EXPECT_EQ(numbers({"--to", "2"}), "1 2 ");
  EXPECT_EQ(numbers({"--from", "5", "--to", "5"}), "5 ");
  EXPECT_EQ(numbers({"--from", "31"}), "");
  EXPECT_EQ(numbers({"--count", "0"}), "");
  EXPECT_EQ(numbers({"--type", "Tick", "--count", "2"}), "3 6 ");
  EXPECT_EQ(numbers({"--type", "Tick", "--type", "101", "--to", "6"}), "2 3 5 6 ");
  EXPECT_EQ(numbers({"--type", "tandem.book.pb.Cancel", "--from", "4", "--to", "9"}), "5 8 ");
}

TEST_F(LogTools, CatRefusesWhatItDoesNotUnderstand) {
  Write("log", {.messages = 3});
  Ran ran = Tandem({"cat", Path("log"), "--type", "Nonsense"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("tandem: the log " + Path("log") +
                                  " knows no message type Nonsense; it knows Tick, EndOfSession, "
                                  "Refused, NewOrder, Cancel"))
      << ran.err;
  ran = Tandem({"cat", Path("log"), "--from", "5"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "tandem: the log " + Path("log") + " ends at message 3; message 5 is not in it\n");
  ran = Tandem({"cat", Path("log"), "--from", "3", "--to", "2"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: --from 3 is after --to 2\n");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"cat"},
                                                    {"cat", Path("log"), "--nonsense"},
                                                    {"cat", Path("log"), "--from", "x"},
                                                    {"cat", Path("log"), "--from", "0"},
                                                    {},
                                                    {"nonsense"}}) {
    ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(Lines(ran.err).size(), 1u) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(LogTools, ACommandThatThereIsNotIsNamed) {
  const Ran ran = Tandem({"nonsense", "--json"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "tandem: there is no command nonsense; see `tandem --help`\n");
}

TEST_F(LogTools, CatFollowsALogThatIsWrittenUntilItsSessionEnds) {
  const Recipe recipe{.messages = 3, .close = false, .segment_bytes = 12 << 10};
  replay::LogWriter writer = Write("log", recipe);
  std::thread thread([&] {
    for (std::uint64_t number = 4; number <= 200; ++number) {
      writer.Append(MessageAfter(writer.position(), recipe));
      if (number % 10 == 0) {
        EXPECT_TRUE(writer.Flush());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    auto end = MessageAfter(writer.position(), recipe);
    proto::Header header;
    std::memcpy(&header, end.data(), sizeof header);
    header.type = 2;
    header.payload_size = 0;
    end.resize(sizeof header);
    std::memcpy(end.data(), &header, sizeof header);
    header.digest = proto::Digest(writer.position().digest, end);
    std::memcpy(end.data(), &header, sizeof header);
    writer.Append(end);
    EXPECT_TRUE(writer.Flush());
  });
  const Ran ran = Tandem({"cat", Path("log"), "--follow"});
  thread.join();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 201u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_TRUE(lines[i].starts_with(std::to_string(i + 1) + " ")) << lines[i];
  }
}

TEST_F(LogTools, CatIsQuietWhenItsReaderGoesAway) {
  Write("log", {.messages = 20'000, .segment_bytes = 64 << 20});
  const Ran ran = RunProgram(
      {"/bin/sh", "-c", std::string(TANDEM_PROGRAM) + " cat " + Path("log") + " | head -n 1"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(Lines(ran.out).size(), 1u);
}

TEST_F(LogTools, CatTellsThatItsOutputHasNoPlace) {
  Write("log", {.messages = 3});
  const Ran ran = RunProgram(
      {"/bin/sh", "-c", std::string(TANDEM_PROGRAM) + " cat " + Path("log") + " > /dev/full"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_EQ(ran.err, "tandem: cannot write to standard output: No space left on device\n");
}

TEST_F(LogTools, CatPrintsWhatIsGoodOfADamagedLogAndThenSaysWhereItIsNot) {
  Write("log", {.messages = 9});
  FlipByte("log/00000001.segment", -10);  // in message 9, before the end record
  const Ran ran = Tandem({"cat", Path("log")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(Lines(ran.out).size(), 8u);
  EXPECT_TRUE(
      ran.err.starts_with("tandem: the log " + Path("log") + " is damaged in segment 1 at offset "))
      << ran.err;
  EXPECT_NE(ran.err.find("where message 9 should be: the CRC does not match"), std::string::npos);
}

TEST_F(LogTools, CatNotesATornTail) {
  Write("log", {.messages = 9, .close = false});
  std::uint64_t offset = 0;
  {
    auto reader =
        replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
    ASSERT_TRUE(reader);
    offset = reader->offset();
  }
  FlipByte("log/00000001.segment", static_cast<std::int64_t>(offset) - 10);
  const Ran ran = Tandem({"cat", Path("log")});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Lines(ran.out).size(), 8u);
  EXPECT_TRUE(ran.err.starts_with("tandem: note: after message 8 the log " + Path("log") + " has "))
      << ran.err;
}

TEST_F(LogTools, CatShowsHexadecimalDigitsWithoutASchema) {
  Write("log", {.messages = 2, .schema = ""});
  Ran ran = Tandem({"cat", Path("log"), "--count", "1"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(
      ran.out.ends_with(" 100 origin=1 user=alice epoch=1 payload_hex=080112034142432864\n"))
      << ran.out;
  Write("broken", {.messages = 2, .schema = "no schema"});
  ran = Tandem({"cat", Path("broken"), "--count", "1"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err,
            "tandem: note: a schema is not a FileDescriptorSet; make it with protoc "
            "--include_imports --descriptor_set_out; payloads are shown undecoded\n");
  EXPECT_NE(ran.out.find("payload_hex="), std::string::npos);
}

TEST_F(LogTools, StatCountsApplicationControlAndTicksApart) {
  Write("log", {.messages = 8, .close = false});
  Ran ran = Tandem({"stat", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* line :
       {"session       DAY1\n", "role          output\n", "numbers       1 to 8\n",
        "times         2012-06-21T13:30:00.000000001Z to 2012-06-21T13:30:00.000000008Z\n",
        "messages      8: 6 application, 0 control, 2 ticks\n", "             2  Tick (1)\n",
        "             3  NewOrder (100)\n", "             3  Cancel (101)\n", "in 1 segment\n"}) {
    EXPECT_NE(ran.out.find(line), std::string::npos) << line << "in\n" << ran.out;
  }
  ran = Tandem({"stat", Path("log"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(
      ran.out.starts_with("{\"session\":\"DAY1\",\"role\":\"output\",\"first_number\":1,"
                          "\"last_number\":8,\"messages\":8,\"application\":6,"
                          "\"control\":0,\"ticks\":2,"))
      << ran.out;
  EXPECT_TRUE(
      ran.out.ends_with("\"types\":[{\"type\":\"Tick\",\"type_number\":1,\"count\":2},"
                        "{\"type\":\"NewOrder\",\"type_number\":100,\"count\":3},"
                        "{\"type\":\"Cancel\",\"type_number\":101,\"count\":3}]}\n"))
      << ran.out;
  Write("empty", {.messages = 0});
  ran = Tandem({"stat", Path("empty")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("numbers       none; the next is 1\n"), std::string::npos) << ran.out;
}

TEST_F(LogTools, VerifySaysYesNoOrThatThereIsNothingToCheck) {
  Write("log", {.messages = 300, .segment_bytes = 12 << 10});
  Ran ran = Tandem({"verify", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("whole: messages 1 to 300, ")) << ran.out;

  FlipByte("log/00000003.segment", 5000);
  ran = Tandem({"verify", Path("log")});
  EXPECT_EQ(ran.exit_code, 1);
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 2u) << ran.out;
  EXPECT_TRUE(lines[0].starts_with("problem: the log " + Path("log") +
                                   " is damaged in segment 3 at offset "))
      << ran.out;
  EXPECT_TRUE(lines[1].starts_with("NOT whole: good are messages 1 to ")) << ran.out;

  ran = Tandem({"verify", Path("none")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: there is no log at " + Path("none") + ": no such folder\n");
}

TEST_F(LogTools, EveryToolRefusesWhatIsNoLogInOneSentence) {
  std::filesystem::create_directories(Path("empty"));
  std::ofstream(Path("file")) << "text";
  Write("garbled", {.messages = 1});
  FlipByte("garbled/00000001.segment", 40);
  Write("version", {.messages = 1});
  FlipByte("version/00000001.segment", 8);
  std::filesystem::create_directories(Path("strange/00000001.segment"));
  const std::vector<std::pair<std::string, std::string>> cases{
      {"none", "there is no log at " + Path("none") + ": no such folder"},
      {"file",
       "there is no log at " + Path("file") + ": it is no folder; a log is a folder of segments"},
      {"empty", Path("empty") + " is not a log: it holds no segment (00000001.segment and so on)"},
      {"garbled", Path("garbled") + "/00000001.segment has a damaged segment header: its CRC does "
                                    "not match; restore the file"},
      {"version", Path("version") + "/00000001.segment has log format version 84 and this build "
                                    "reads version 1; use a build that knows it"},
      {"strange", "cannot read " + Path("strange") + "/00000001.segment: Is a directory"},
  };
  for (const auto& [name, sentence] : cases) {
    for (const std::string tool : {"cat", "stat", "verify", "diff"}) {
      std::vector<std::string> arguments{tool, Path(name)};
      if (tool == "diff") arguments.push_back(Path(name));
      const Ran ran = Tandem(arguments);
      EXPECT_EQ(ran.exit_code, 2) << tool << " " << name;
      EXPECT_EQ(ran.out, "") << tool << " " << name;
      EXPECT_EQ(ran.err, "tandem: " + sentence + "\n") << tool << " " << name;
    }
  }
}

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
  ASSERT_EQ(lines.size(), 7u) << ran.out;
  EXPECT_EQ(lines[0], "the logs differ first at message 7");
  EXPECT_TRUE(lines[1].starts_with("      5 2012-06-21T13:30:00.000000005Z Cancel")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("      6 2012-06-21T13:30:00.000000006Z Tick")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("  A:  7 ") && lines[3].ends_with("price: 100 }")) << lines[3];
  EXPECT_TRUE(lines[4].starts_with("  B:  7 ") && lines[4].ends_with("price: 101 }")) << lines[4];
  EXPECT_EQ(lines[5], "  differs: price: A 100, B 101");
  EXPECT_TRUE(lines[6].starts_with("  differs: digest: A ")) << lines[6];

  ran = Tandem({"diff", Path("a"), Path("b"), "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(
      ran.out.starts_with("{\"result\":\"differs\",\"first\":1,\"number\":7,\"last_a\":12,"
                          "\"last_b\":12,\"text\":\"the logs differ first at message 7\","
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
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  EXPECT_EQ(lines[0], Path("a") + " ends at message 5 and " + Path("b") +
                          " goes on to message 8; messages 1 to 5 are the same");
  EXPECT_EQ(lines[2], "  A:  (the log ends here)");
  EXPECT_TRUE(lines[3].starts_with("  B:  6 ")) << lines[3];
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
  EXPECT_EQ(ran.out, Path("c") + " is an input log and " + Path("a") +
                         " is an output log: they are not copies of one stream\n");
}

TEST_F(LogTools, HelpEndsWithAnExampleAndExitsWithZero) {
  for (const char* tool : {"cat", "stat", "verify", "diff"}) {
    const Ran ran = Tandem({tool, "--help"});
    EXPECT_EQ(ran.exit_code, 0);
    const auto examples = ran.out.find("\nExample:\n  tandem ");
    ASSERT_NE(examples, std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("  tandem " + std::string(tool) + " ", examples), std::string::npos)
        << ran.out;
  }
  const Ran import = Tandem({"import", "--help"});
  EXPECT_EQ(import.exit_code, 0);
  EXPECT_NE(import.out.find("\nExample:\n  tandem import lobster "), std::string::npos)
      << import.out;
  const Ran ran = Tandem({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_TRUE(ran.out.starts_with("tandem ")) << ran.out;
}

}  // namespace
}  // namespace tandem::test
