// SPDX-License-Identifier: Apache-2.0
//
// cat, stat and verify as a person runs them: output, sentences, exit codes.
#include "tests/tools/log_tools.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tandem::test {
namespace {

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

TEST_F(LogTools, FiltersKnowEverySchemaOfTheLog) {
  Write("log", {.messages = 10, .schema = ""});
  Write("log", {.messages = 20});
  Write("log", {.messages = 30, .schema = proto::SchemaOf({})});
  const auto cat = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"cat", Path("log")});
    const Ran ran = Tandem(options);
    std::string text = ran.err.substr(0, ran.err.find(" type "));
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text + "exit " + std::to_string(ran.exit_code);
  };
  EXPECT_EQ(cat({"--type", "NewOrder"}), "13 16 19 exit 0");
  EXPECT_EQ(cat({"--where", "order_id>=14"}), "16 17 19 20 exit 0");
  EXPECT_EQ(cat({"--where", "NewOrder.price=100", "--to", "15"}), "13 exit 0");
  const std::string unknown = "tandem: the log " + Path("log") + " knows no message";
  EXPECT_EQ(cat({"--type", "Nonsense"}), unknown + "exit 2");
  EXPECT_EQ(cat({"--type", "NewOrder", "--from", "21"}), unknown + "exit 2");
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
  EXPECT_EQ(numbers({"--count", "0"}), "");
  EXPECT_EQ(numbers({"--type", "Tick", "--count", "2"}), "3 6 ");
  EXPECT_EQ(numbers({"--type", "Tick", "--type", "101", "--to", "6"}), "2 3 5 6 ");
  EXPECT_EQ(numbers({"--type", "tandem.book.pb.Cancel", "--from", "4", "--to", "9"}), "5 8 ");
}

TEST_F(LogTools, CatSelectsByTimeUserAndFieldValue) {
  Write("log", {.messages = 30, .differs_at = 16});
  const auto numbers = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"cat", Path("log")});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string text;
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text;
  };
  // Message n has the time 2012-06-21T13:30:00 and n ns.
  EXPECT_EQ(numbers({"--from", "2012-06-21T13:30:00.000000028"}), "28 29 30 ");
  EXPECT_EQ(numbers({"--from", "13:30:00.000000028", "--to", "13:30:00.000000029Z"}), "28 29 ");
  EXPECT_EQ(numbers({"--from", "2012-06-21", "--to", "1"}), "1 ");
  EXPECT_EQ(numbers({"--user", "alice", "--to", "7"}), "1 2 4 5 7 ");
  EXPECT_EQ(numbers({"--user", "", "--to", "7"}), "3 6 ");
  EXPECT_EQ(numbers({"--user", "", "--user", "alice", "--to", "4"}), "1 2 3 4 ");
  EXPECT_EQ(numbers({"--user", "bob"}), "");
  EXPECT_EQ(numbers({"--where", "price=101"}), "16 19 22 25 28 ");
  EXPECT_EQ(numbers({"--where", "price!=101"}), "1 4 7 10 13 ");
  EXPECT_EQ(numbers({"--where", "NewOrder.price>100", "--where", "order_id<=22"}), "16 19 22 ");
  EXPECT_EQ(numbers({"--where", "order_id=7"}), "7 8 ");
  EXPECT_EQ(numbers({"--where", "Cancel.order_id<5", "--from", "2"}), "2 5 ");
  EXPECT_EQ(numbers({"--where", "origin>=10"}), "28 29 30 ");
  EXPECT_EQ(numbers({"--where", "last=true", "--count", "2"}), "3 6 ");
  EXPECT_EQ(numbers({"--where", "time>2012-06-21T13:30:00.000000028Z"}), "29 30 ");
  EXPECT_EQ(numbers({"--where", "symbol=ABC", "--where", "number>20"}), "22 25 28 ");
  EXPECT_EQ(numbers({"--where", "symbol>ABB", "--where", "symbol<ABD", "--to", "4"}), "1 4 ");
  EXPECT_EQ(numbers({"--type", "Cancel", "--where", "order_id>=25", "--user", "alice"}), "26 29 ");
}

TEST_F(LogTools, CatRefusesConditionsThatItDoesNotUnderstand) {
  Write("log", {.messages = 3});
  for (const std::string text : {"price", "=5", "", "!=5", "price!5"}) {
    const Ran ran = Tandem({"cat", Path("log"), "--where", text});
    EXPECT_EQ(ran.exit_code, 2) << text;
    EXPECT_TRUE(ran.err.starts_with("tandem: --where: \"" + text +
                                    "\" is no condition; write it "
                                    "as in price=100, size>=5 or Trade.symbol!=ABC"))
        << ran.err;
  }
  const Ran ran = Tandem({"cat", Path("log"), "--where", "prise=5"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: no message of the log " + Path("log") +
                                  " has a field \"prise\"; give it as in"))
      << ran.err;
}

TEST_F(LogTools, CatComparesEachFieldAsWhatItIs) {
  Write("log", {.messages = 9});
  const auto numbers = [&](const std::string& condition) {
    const Ran ran = Tandem({"cat", Path("log"), "--where", condition});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string text;
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text;
  };
  EXPECT_EQ(numbers("type=Cancel"), "2 5 8 ");
  EXPECT_EQ(numbers("type=101"), "2 5 8 ");
  EXPECT_EQ(numbers("side=BUY"), "");
  EXPECT_EQ(numbers("side=NO_SIDE"), "1 4 7 ");
  EXPECT_EQ(numbers("side=0"), "1 4 7 ");
  EXPECT_EQ(numbers("side<1"), "1 4 7 ");
  EXPECT_EQ(numbers("last!=true"), "1 2 4 5 7 8 ");
  EXPECT_EQ(numbers("symbol=abc"), "");
  EXPECT_EQ(numbers("price=0100"), "1 4 7 ") << "as numbers";
  EXPECT_EQ(numbers("user=alice"), "1 2 4 5 7 8 ");
}

TEST_F(LogTools, CatRefusesAValueThatAFieldCannotHave) {
  Write("log", {.messages = 3});
  const auto says = [&](const std::string& condition, const std::string& sentence) {
    const Ran ran = Tandem({"cat", Path("log"), "--where", condition});
    EXPECT_EQ(ran.exit_code, 2) << condition;
    EXPECT_EQ(ran.err, "tandem: --where: " + sentence + "\n") << condition;
  };
  says("price==5", "\"=5\" is no value of price, which is a whole number");
  says("price>=1e3", "\"1e3\" is no value of price, which is a whole number");
  says("NewOrder.price<", "\"\" is no value of NewOrder.price, which is a whole number");
  says("side=buy", "\"buy\" is no value of side, which is one of NO_SIDE, BUY, SELL");
  says("last=1", "\"1\" is no value of last, which is true or false");
  says("time>=09:30:00.1",
       "\"09:30:00.1\" is no value of time, which is a time with its day, as "
       "2012-06-21T13:30:00.5");
}

TEST_F(LogTools, CatKnowsTheTypesOfEverySchemaOfTheLog) {
  Recipe recipe{.messages = 6, .schema = ""};
  Write("log", recipe);
  recipe = {.messages = 12};
  Write("log", recipe);
  const Ran ran = Tandem({"cat", Path("log"), "--type", "NewOrder"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 2u) << ran.out;
  EXPECT_TRUE(lines[0].starts_with("7 ")) << lines[0];
}

TEST_F(LogTools, CatGoesOnFollowingAWriterThatDiesAndComesBack) {
  Recipe recipe{.messages = 5, .close = false, .segment_bytes = 12 << 10};
  std::optional<replay::LogWriter> writer = Write("log", recipe);
  std::thread thread([&] {
    for (std::uint64_t round = 1; round <= 20; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (round % 5 == 0) {
        ASSERT_TRUE(writer->Close());  // and again in a new segment
      } else if (round % 2 == 0) {
        TearTail("log", writer->position());
      }
      writer.reset();
      recipe.messages = 5 + 20 * round;
      writer = Write("log", recipe);
    }
  });
  const Ran ran = Tandem({"cat", Path("log"), "--follow", "--to", "405"});
  thread.join();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 405u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_TRUE(lines[i].starts_with(std::to_string(i + 1) + " ")) << lines[i];
  }
}

TEST_F(LogTools, CatRefusesWhatItDoesNotUnderstand) {
  Write("log", {.messages = 3});
  Ran ran = Tandem({"cat", Path("log"), "--type", "Nonsense"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with(
      "tandem: the log " + Path("log") +
      " knows no message type Nonsense; it knows Tick, EndOfSession, Skip, Activate, Snapshot, "
      "Refused, Skipped, Activated, NewOrder, Cancel"))
      << ran.err;
  ran = Tandem({"cat", Path("log"), "--from", "5"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "tandem: the log " + Path("log") + " ends at message 3; --from 5 is not in it\n");
  ran = Tandem({"cat", Path("log"), "--from", "3", "--to", "2"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: --from 3 is after --to 2\n");
  ran = Tandem({"cat", Path("log"), "--count", "18446744073709551616"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err,
            "tandem: --count: \"18446744073709551616\" is not a whole number from 0 to "
            "18446744073709551615; see `tandem cat --help`\n");
  ran = Tandem({"export", "jsonl", Path("log"), "--nonsense"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: there is no option --nonsense; see `tandem export jsonl --help`\n");
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

TEST_F(LogTools, GenerateTellsThatItsFiguresHaveNoPlace) {
  const Ran ran = RunProgram({"/bin/sh", "-c",
                              std::string(TANDEM_PROGRAM) + " generate --orders 10 --json -o " +
                                  Path("flow") + " > /dev/full"});
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
  EXPECT_TRUE(ran.err.starts_with("tandem: note: the log " + Path("log") + " ends in ")) << ran.err;
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
        "messages      8: 6 application, 0 control, 2 ticks\n",
        "             2  Tick (1), 128 bytes\n", "             3  NewOrder (100), 219 bytes\n",
        "             3  Cancel (101), 198 bytes\n",
        "rate          1142857142.9 messages/s, 77857142857 bytes/s on average; 8 in the busiest "
        "second, 2012-06-21T13:30:00Z\n",
        "sizes         64 to 73 bytes, 68.1 on average\n", "in 1 segment\n"}) {
    EXPECT_NE(ran.out.find(line), std::string::npos) << line << "in\n" << ran.out;
  }
  ran = Tandem({"stat", Path("log"), "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(
      ran.out.starts_with("{\"session\":\"DAY1\",\"role\":\"output\",\"first_number\":1,"
                          "\"last_number\":8,\"messages\":8,\"application\":6,"
                          "\"control\":0,\"ticks\":2,\"looked_at\":8,"))
      << ran.out;
  EXPECT_TRUE(ran.out.ends_with(
      "\"types\":[{\"type\":\"Tick\",\"type_number\":1,\"count\":2,\"bytes\":128},"
      "{\"type\":\"NewOrder\",\"type_number\":100,\"count\":3,\"bytes\":219},"
      "{\"type\":\"Cancel\",\"type_number\":101,\"count\":3,\"bytes\":198}]}\n"))
      << ran.out;
  Write("empty", {.messages = 0});
  ran = Tandem({"stat", Path("empty")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("numbers       none; the next is 1\n"), std::string::npos) << ran.out;
}

TEST_F(LogTools, StatCallsDamageBehindItsRangeNoTornTail) {
  Write("log", {.messages = 9});
  std::uint64_t offset = 0;
  {
    auto reader = replay::LogReader::Open(storage_, Path("log"), {.from_number = 6});
    ASSERT_TRUE(reader);
    offset = reader->offset();
  }
  FlipByte("log/00000001.segment", static_cast<std::int64_t>(offset + 20));
  const Ran ran = Tandem({"stat", Path("log"), "--to", "5"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("torn tail"), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.err.starts_with("tandem: note: the log " + Path("log") +
                                  " is damaged in segment 1 at offset " + std::to_string(offset) +
                                  ", where message 6 should be: "))
      << ran.err;
  EXPECT_EQ(Tandem({"stat", Path("log"), "--to", "6"}).exit_code, 2);
}

TEST_F(LogTools, StatCountsTheSecondsBefore1970Too) {
  std::ofstream lines(Path("lines"));
  for (const char* const time :
       {"1677-09-21T00:12:43.145224192Z", "1969-12-31T23:59:58.9Z", "1969-12-31T23:59:59.1Z",
        "1969-12-31T23:59:59.2Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.9Z"}) {
    lines << R"({"type":"Tick","time":")" << time << "\"}\n";
  }
  lines.close();
  ASSERT_EQ(
      Tandem({"import", "jsonl", Path("lines"), "--session", "A", "-o", Path("log")}).exit_code, 0);
  const auto busiest = [&](const std::string& to) {
    const Ran ran = Tandem({"stat", Path("log"), "--to", to, "--json"});
    const std::size_t at = ran.out.find(",\"busiest_second\"");
    return ran.out.substr(at, ran.out.find(",\"smallest\"") - at);
  };
  EXPECT_EQ(busiest("1"),
            R"(,"busiest_second":"1677-09-21T00:12:43Z","busiest_second_messages":1)");
  for (const std::string to : {"4", "6"}) {
    EXPECT_EQ(busiest(to),
              R"(,"busiest_second":"1969-12-31T23:59:59Z","busiest_second_messages":2)");
  }
}

TEST_F(LogTools, StatCountsWhatAFilterPicks) {
  Write("log", {.messages = 30, .differs_at = 16});
  Ran ran = Tandem({"stat", Path("log"), "--from", "10", "--to", "27", "--type", "NewOrder",
                    "--where", "price=101"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* line :
       {"numbers       10 to 27\n", "picked        4 of 18 messages\n",
        "times         2012-06-21T13:30:00.000000016Z to 2012-06-21T13:30:00.000000025Z\n",
        "messages      4: 4 application, 0 control, 0 ticks\n",
        "             4  NewOrder (100), 292 bytes\n"}) {
    EXPECT_NE(ran.out.find(line), std::string::npos) << line << "in\n" << ran.out;
  }
  EXPECT_EQ(ran.out.find("Cancel"), std::string::npos) << ran.out;
  ran = Tandem({"stat", Path("log"), "--to", "12", "--json"});
  EXPECT_TRUE(
      ran.out.starts_with("{\"session\":\"DAY1\",\"role\":\"output\",\"first_number\":1,"
                          "\"last_number\":12,\"messages\":12,"))
      << ran.out;
  ran = Tandem({"stat", Path("log"), "--user", "bob"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("picked        0 of 30 messages\n"), std::string::npos) << ran.out;
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

TEST_F(LogTools, HelpEndsWithAnExampleAndExitsWithZero) {
  for (const char* tool : {"cat", "stat", "verify", "diff", "replay", "trim"}) {
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
