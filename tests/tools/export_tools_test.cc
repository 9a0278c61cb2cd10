// SPDX-License-Identifier: Apache-2.0
//
// export and import as a person runs them: there and back, and what is refused.
#include <gtest/gtest.h>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ExportTools : public LogTools {
 protected:
  /// Every byte of every message, one line each.
  std::vector<std::string> Bytes(const std::string& log) {
    auto reader = replay::LogReader::Open(storage_, Path(log), {});
    EXPECT_TRUE(reader) << reader.error().text;
    std::vector<std::string> lines{reader->session().str() + " " + reader->role().str() + " " +
                                   std::to_string(reader->position().digest)};
    while (reader->Next() == replay::ReadOutcome::kMessage) {
      const auto bytes = reader->message().bytes;
      lines.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      lines.push_back(reader->schema());
    }
    return lines;
  }
  void Must(const std::vector<std::string>& arguments) {
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
  }
  /// Two schemas, and payloads that the first one does not know.
  void WriteLogOfTwoSchemas(const std::string& name) {
    Write(name, {.messages = 30, .schema = ""});
    Write(name, {.messages = 60});
  }
};

TEST_F(ExportTools, LinesOfJsonGiveTheSameLogBack) {
  WriteLogOfTwoSchemas("log");
  Must({"export", "jsonl", Path("log"), "-o", Path("lines")});
  Must({"import", "jsonl", Path("lines"), "-o", Path("again")});
  EXPECT_EQ(Bytes("again"), Bytes("log"));
  EXPECT_EQ(Lines(Slurp(Path("lines"))).size(), 62u);
  Must({"export", "jsonl", Path("again"), "-o", Path("lines_again")});
  EXPECT_EQ(Slurp(Path("lines_again")), Slurp(Path("lines")));
  // Through a pipe, and a log without messages.
  const Ran ran = RunProgram({"/bin/sh", "-c",
                              std::string(TANDEM_PROGRAM) + " export jsonl " + Path("log") + " | " +
                                  TANDEM_PROGRAM + " import jsonl - -o " + Path("piped")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Bytes("piped"), Bytes("log"));
  Write("empty", {.messages = 0});
  Must({"export", "jsonl", Path("empty"), "-o", Path("no_lines")});
  Must({"import", "jsonl", Path("no_lines"), "-o", Path("empty_again")});
  EXPECT_EQ(Bytes("empty_again"), Bytes("empty"));
}

TEST_F(ExportTools, AMinusIsStandardOutput) {
  Write("log", {.messages = 20});
  for (const std::string format : {"jsonl", "binaryfile"}) {
    const Ran ran = Tandem({"export", format, Path("log")});
    EXPECT_NE(ran.out, "");
    const Ran minus = RunProgram(
        {"/bin/sh", "-c",
         "cd " + folder_ + " && " + TANDEM_PROGRAM + " export " + format + " log -o - && ls -A"});
    EXPECT_EQ(minus.exit_code, 0);
    EXPECT_EQ(minus.err, ran.err);
    EXPECT_EQ(minus.out, ran.out + "log\n");
  }
}

TEST_F(ExportTools, AStringThatIsNoTextIsGivenAsItsBytesWithoutAnotherWord) {
  const std::string lines = R"({"log":{"session":"DAY1","role":"input","schema":""}})"
                            "\n"
                            R"({"type":"NewOrder","payload_hex":"1201ff"})";
  std::ofstream(Path("lines")) << lines;
  Must({"import", "jsonl", Path("lines"), "--app", "book", "-o", Path("log")});
  const Ran ran = Tandem({"export", "jsonl", Path("log")});
  EXPECT_TRUE(ran.out.ends_with(",\"payload_hex\":\"1201ff\"}\n")) << ran.out;
  EXPECT_EQ(Lines(ran.err).size(), 1u) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("exported: 1 messages of 1 ")) << ran.err;
  for (const std::string tool : {"cat", "verify"}) EXPECT_EQ(Tandem({tool, Path("log")}).err, "");
}

TEST_F(ExportTools, ABinaryFileGivesTheSameLogBack) {
  Write("log", {.messages = 60});
  Must({"export", "binaryfile", Path("log"), "-o", Path("file")});
  Must({"import", "binaryfile", Path("file"), "--app", "book", "--role", "output", "-o",
        Path("again")});
  Ran ran = Tandem({"diff", Path("log"), Path("again")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  Must({"export", "binaryfile", Path("again"), "-o", Path("file_again")});
  EXPECT_EQ(Slurp(Path("file_again")), Slurp(Path("file")));
  EXPECT_TRUE(Slurp(Path("file")).ends_with(std::string(2, '\0')));
  // Without the length of zero something may be missing.
  std::filesystem::resize_file(Path("file"), std::filesystem::file_size(Path("file")) - 2);
  ran = Tandem({"import", "binaryfile", Path("file"), "-o", Path("open_end")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("tandem: note: " + Path("file") + " ends without the length of"))
      << ran.err;
}

TEST_F(ExportTools, APartOfALogKeepsItsDigestBefore) {
  Write("log", {.messages = 60});
  Must({"export", "jsonl", Path("log"), "--from", "21", "--to", "40", "-o", Path("lines")});
  Must({"import", "jsonl", Path("lines"), "-o", Path("part")});
  Ran ran = Tandem({"diff", Path("log"), Path("part")});
  EXPECT_EQ(ran.out, Path("part") + " ends at message 40 and " + Path("log") +
                         " goes on to message 60; messages 21 to 40 are the same\n" +
                         ran.out.substr(std::min(ran.out.size(), ran.out.find('\n') + 1)));
  Must({"export", "binaryfile", Path("log"), "--from", "21", "-o", Path("file")});
  ran = Tandem({"import", "binaryfile", Path("file"), "-o", Path("no")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: " + Path("file") +
                                  " message 1: the messages begin at number 21, so the running "
                                  "digest before it is needed: give --digest-before"))
      << ran.err;
  ran = Tandem({"cat", Path("log"), "--from", "20", "--count", "1", "--json"});
  const std::string digest = ran.out.substr(ran.out.find("\"digest\":\"") + 10, 16);
  Must({"import", "binaryfile", Path("file"), "--role", "output", "--digest-before", digest, "-o",
        Path("late")});
  ran = Tandem({"diff", Path("log"), Path("late")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"import", "binaryfile", Path("file"), "--digest-before", "0000000000000000", "-o",
                Path("no")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find(" message 1: its running digest does not follow"), std::string::npos)
      << ran.err;
}

TEST_F(ExportTools, APartThatIsPickedByItsContentsKeepsItsDigestBeforeToo) {
  Write("log", {.messages = 60});
  const std::vector<std::string> middle{"--where", "number>=21", "--where", "number<=40"};
  const auto with_middle = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), middle.begin(), middle.end());
    return arguments;
  };
  Must(with_middle({"export", "jsonl", Path("log"), "-o", Path("lines")}));
  Must({"import", "jsonl", Path("lines"), "-o", Path("part")});
  Ran ran = Tandem({"diff", Path("log"), Path("part")});
  EXPECT_TRUE(ran.out.starts_with(Path("part") + " ends at message 40 and " + Path("log") +
                                  " goes on to message 60; messages 21 to 40 are the same\n"))
      << ran.out << ran.err;
  ran = Tandem(with_middle({"export", "binaryfile", Path("log"), "-o", Path("file")}));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string before = ": 20 messages of 60 looked at, from message 21, digest before it ";
  ASSERT_TRUE(ran.out.starts_with(Path("file") + before)) << ran.out;
  Must({"import", "binaryfile", Path("file"), "--digest-before",
        ran.out.substr((Path("file") + before).size(), 16), "-o", Path("late")});
  ran = Tandem({"verify", Path("late")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  ran = Tandem({"export", "jsonl", Path("log"), "--where", "number>60", "-o", Path("nothing")});
  EXPECT_EQ(ran.out, Path("nothing") + ": 0 messages of 60 looked at\n");
}

TEST_F(ExportTools, ADigestBeforeTheFirstMessageOfAllMustBeTheStart) {
  Write("log", {.messages = 9});
  Must({"export", "binaryfile", Path("log"), "-o", Path("file")});
  const auto import = [&](const std::string& digest) {
    return Tandem(
        {"import", "binaryfile", Path("file"), "--digest-before", digest, "-o", Path("again")});
  };
  Ran ran = import("00000000000000aa");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("file") +
                         " message 1: it has number 1, and the running digest before that is "
                         "always 54414e44454d0001, not what --digest-before says; leave it away\n");
  for (const std::string digest : {"12", "0x00000000000000", " 0000000000000aa", "",
                                   "g0000000000"
                                   "00000"}) {
    ran = import(digest);
    EXPECT_EQ(ran.exit_code, 2) << digest;
    EXPECT_TRUE(ran.err.starts_with("tandem: --digest-before: \"" + digest +
                                    "\" is not 16 hexadecimal digits"))
        << ran.err;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("again")));
  EXPECT_EQ(import("54414e44454d0001").exit_code, 0);
}

TEST_F(ExportTools, LinesThatWerePickedOrChangedAreChainedAnewIfThatIsWanted) {
  Write("log", {.messages = 30, .role = replay::kInputRole});
  const std::string missing = "tandem: note: messages are missing between those that were picked: ";
  Ran ran = Tandem({"export", "binaryfile", Path("log"), "--type", "NewOrder", "-o", Path("file")});
  EXPECT_EQ(ran.err, missing +
                         "no log can be made of such a BinaryFILE; `tandem export jsonl` "
                         "writes what can be one\n");
  ran = Tandem({"export", "jsonl", Path("log"), "--type", "NewOrder", "-o", Path("lines")});
  EXPECT_EQ(ran.err, missing +
                         "`tandem import jsonl --rechain` makes a log of them, with other "
                         "numbers\n");
  ran = Tandem({"import", "jsonl", Path("lines"), "-o", Path("no")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("lines") +
                         " line 3 has number 4 where 2 is next; rechain gives numbers and digests "
                         "anew\n");
  EXPECT_FALSE(std::filesystem::exists(Path("no")));
  EXPECT_FALSE(std::filesystem::exists(Path("no.partial")));
  Must({"import", "jsonl", Path("lines"), "--rechain", "-o", Path("orders")});
  ran = Tandem({"stat", Path("orders")});
  EXPECT_NE(ran.out.find("numbers       1 to 10\n"), std::string::npos) << ran.out;
  ran = Tandem({"verify", Path("orders")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
}

TEST_F(ExportTools, APartThatIsChainedAnewBeginsAtOneAndCanBeReplayed) {
  Must({"generate", "--orders", "200", "--seed", "1", "-o", Path("log")});
  Must({"export", "jsonl", Path("log"), "--from", "100", "-o", Path("lines")});
  Must({"import", "jsonl", Path("lines"), "--rechain", "--session", "ZZZ", "-o", Path("part")});
  const auto header_of = [](const std::string& bytes) {
    proto::Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
  };
  const auto part = Bytes("part");
  EXPECT_EQ(part.size(), 2 * 101 + 1u);
  EXPECT_EQ(part[0], "ZZZ input " + std::to_string(proto::kDigestStart));
  EXPECT_EQ(header_of(part[1]).number, 1u);
  EXPECT_EQ(header_of(part[1]).session, proto::Session("ZZZ"));
  EXPECT_EQ(header_of(part[part.size() - 2]).number, 101u);
  Must({"replay", Path("part"), "-o", Path("out")});
  // Without another session it stays what it was.
  Must({"import", "jsonl", Path("lines"), "--rechain", "--role", "recorded", "-o", Path("same")});
  EXPECT_EQ(Bytes("same")[0], "GENERATED recorded " + std::to_string(proto::kDigestStart));
}

TEST_F(ExportTools, AnEmptyBinaryFileGivesAnEmptyLogBack) {
  Write("log", {.messages = 0, .schema = ""});
  Must({"export", "binaryfile", Path("log"), "-o", Path("file")});
  Must({"import", "binaryfile", Path("file"), "--session", "DAY1", "--role", "output", "-o",
        Path("again")});
  EXPECT_EQ(Bytes("again"), Bytes("log"));
}

TEST_F(ExportTools, TheFirstAndTheLastTimeOfAllCanBePrintedNamedAndImported) {
  const std::string first = "1677-09-21T00:12:43.145224192Z";
  const std::string last = "2262-04-11T23:47:16.854775807Z";
  const std::string before_last = "2262-04-11T23:47:16.854775806Z";
  std::ofstream lines(Path("lines"));
  for (const std::string& time : {first, before_last, last}) {
    lines << "{\"type\":\"Tick\",\"time\":\"" << time << "\"}\n";
  }
  lines.close();
  Must({"import", "jsonl", Path("lines"), "--session", "A", "-o", Path("log")});
  const auto numbers = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"cat", Path("log")});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string text;
    for (const std::string& line : Lines(ran.out)) text += line.substr(0, line.find(' ')) + " ";
    return text;
  };
  EXPECT_EQ(numbers({"--from", first, "--to", last}), "1 2 3 ");
  EXPECT_EQ(numbers({"--from", last}), "3 ");
  EXPECT_EQ(numbers({"--to", before_last}), "1 2 ");
  EXPECT_EQ(numbers({"--where", "time>=" + before_last}), "2 3 ");
  const Ran ran = Tandem({"stat", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("\nrate          0.0 messages/s, 0 bytes/s on average; 2 in the busiest "
                         "second, 2262-04-11T23:47:16Z\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(ExportTools, LinesThatAPersonWroteBecomeALog) {
  std::ofstream(Path("lines"))
      << R"({"type":"NewOrder","user":"U1","time":"2026-01-05T09:30","payload":)"
      << R"({"order_id":1,"symbol":"ABC","side":"BUY","kind":"LIMIT",)"
      << "\"price\":100,\"size\":5}}\n\n"
      << R"({"type":"Cancel","user":"U1","payload":{"order_id":1}})";
  Must({"import", "jsonl", Path("lines"), "--session", "MINE", "--app", "book", "-o", Path("log")});
  Must({"replay", Path("log"), "-o", Path("out")});
  const Ran ran = Tandem({"cat", Path("out")});
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  EXPECT_EQ(lines[2],
            "3 2026-01-05T09:30:00.000000000Z Cancelled origin=2 user=U1 epoch=1 "
            "{ order_id: 1 reason: REQUESTED size: 5 }");
}

TEST_F(ExportTools, TimesAndEpochsThatGoBackAreRefusedAndVerifyFindsThem) {
  const std::string first = R"({"type":"Tick","time":"2026-01-05T10:00","epoch":5})";
  std::ofstream(Path("time")) << first << "\n"
                              << R"({"type":"Tick","time":"2026-01-05T09:59"})";
  std::ofstream(Path("epoch")) << first << "\n"
                               << R"({"type":"Tick","epoch":4})";
  Ran ran = Tandem({"import", "jsonl", Path("time"), "--session", "A", "-o", Path("x")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("time") +
                         " line 2 has the time 2026-01-05T09:59:00.000000000Z, and the message "
                         "before it 2026-01-05T10:00:00.000000000Z: times never go back in a log; "
                         "sort the lines\n");
  ran = Tandem({"import", "jsonl", Path("epoch"), "--session", "A", "--rechain", "-o", Path("x")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("epoch") +
                         " line 2 has the epoch 4, and the message before it 5: epochs never go "
                         "back in a log\n");

  // A log that something else wrote so.
  auto writer = replay::LogWriter::Open(
      storage_, Path("log"),
      {.session = proto::Session("DAY1"), .role = replay::kInputRole, .schema = ""});
  ASSERT_TRUE(writer);
  for (const std::int64_t time_ns : {3'000, 2'000}) {
    auto bytes = MessageAfter(writer->position(), {});
    std::memcpy(&bytes[offsetof(proto::Header, time_ns)], &time_ns, sizeof time_ns);
    const std::uint64_t digest = proto::Digest(writer->position().digest, bytes);
    std::memcpy(bytes.data(), &digest, sizeof digest);
    writer->Append(bytes);
  }
  ASSERT_TRUE(writer->Close());
  ran = Tandem({"verify", Path("log")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(ran.out.starts_with("problem: the log " + Path("log") +
                                  " goes back in time at message 2, from "
                                  "1970-01-01T00:00:00.000003000Z to "
                                  "1970-01-01T00:00:00.000002000Z;"))
      << ran.out;
  Must({"export", "binaryfile", Path("log"), "-o", Path("file")});
  ran = Tandem({"import", "binaryfile", Path("file"), "-o", Path("x")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: " + Path("file") +
                         " message 2: its time is before that of the message before it\n");
}

TEST_F(ExportTools, ALineWithoutAnEndIsRefusedBeforeItFillsTheMemory) {
  const Ran ran = Tandem({"import", "jsonl", "/dev/zero", "--session", "A", "-o", Path("x")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: /dev/zero line 1 is too long for a message\n");
}

TEST_F(ExportTools, LinesOfEveryLengthAreTakenAsTheyAre) {
  std::ofstream lines(Path("lines"));
  // About the size of a piece in which they are read.
  for (const std::size_t size : {65'534, 65'535, 65'536, 65'537, 131'070, 131'071}) {
    const std::string line = R"({"type":"Tick","time":"2026-01-05T10:00"})";
    lines << line << std::string(size - line.size(), ' ') << "\n";
  }
  lines << R"({"type":"Tick"})" << std::flush;
  const Ran ran = Tandem({"import", "jsonl", Path("lines"), "--session", "A", "-o", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find(" with 7 messages,"), std::string::npos) << ran.out;
}

TEST_F(ExportTools, AnInterruptedImportOfALiveSourceLeavesNoLog) {
  // The source ends by the interrupt too, and what came by then is not taken for all of it.
  const Ran ran =
      RunProgram({"/usr/bin/setsid", "/bin/sh", "-c",
                  "{ echo '{\"type\":\"Tick\"}'; sleep 1; kill -INT 0; } | " TANDEM_PROGRAM
                  " import jsonl - --session A -o " +
                      Path("x")});
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
}

TEST_F(ExportTools, AFileThatMayNotGrowIsAnErrorAndNothingIsLeft) {
  const Ran ran = RunProgram(
      {"/bin/sh", "-c",
       "ulimit -f 100; exec " TANDEM_PROGRAM " generate --orders 100000 -o " + Path("x")});
  EXPECT_EQ(ran.exit_code, 5) << ran.err;
  EXPECT_NE(ran.err.find("File too large"), std::string::npos) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
  EXPECT_FALSE(std::filesystem::exists(Path("x.partial")));
}

TEST_F(ExportTools, ALinkToAnEmptyFolderIsFilledWhereItLeads) {
  Write("log", {.messages = 3});
  std::filesystem::create_directory(Path("folder"));
  std::filesystem::create_directory_symlink("folder", Path("link"));
  Must({"export", "jsonl", Path("log"), "-o", Path("lines")});
  Must({"import", "jsonl", Path("lines"), "-o", Path("link")});
  EXPECT_EQ(Bytes("folder"), Bytes("log"));
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
}

TEST_F(ExportTools, RefuseWhatCannotBe) {
  Write("log", {.messages = 3});
  std::ofstream(Path("there")) << "x";
  std::ofstream(Path("nothing")) << "\n";
  std::ofstream(Path("no_name")) << "{\"type\":\"Tick\"}\n";
  std::ofstream(Path("mark")) << "\xef\xbb\xbf{\"type\":\"Tick\"}\n";
  std::ofstream(Path("gzip")) << "\x1f\x8b\x08";
  std::ofstream(Path("zero")) << "";
  std::ofstream(Path("empty")) << std::string(2, '\0');
  std::ofstream(Path("large")) << "\xfd\xe9" << std::string(65'001, 'x');
  std::filesystem::create_symlink("nowhere", Path("dangling"));
  std::ofstream(Path("number")) << R"({"log":{"session":"A","role":"input","digest_before":)"
                                << R"("0000000000000000","first_number":"18446744073709551615"}})";
  Must({"export", "jsonl", Path("log"), "-o", Path("lines")});
  Write("log_of_other", {.messages = 0, .schema = proto::SchemaOf({})});
  Must({"export", "jsonl", Path("log_of_other"), "-o", Path("other")});
  std::ofstream(Path("no_text")) << "{\"type\":\"NewOrder\",\"payload\":{\"symbol\":\"\xff\"}}\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"export", "jsonl", Path("log"), "-o", Path("there")},
       Path("there") + " is there already: remove it or choose another name"},
      {{"export", "jsonl", Path("log"), "-o", Path("dangling")},
       Path("dangling") + " is there already: remove it or choose another name"},
      {{"import", "jsonl", Path("lines"), "-o", Path("dangling")},
       Path("dangling") + " is there already: remove it or choose another folder"},
      {{"import", "binaryfile", Path("large"), "-o", Path("x")},
       Path("large") +
           " message 1: it has 65001 bytes, more than the 65000 that a message may have"},
      {{"export", "jsonl", Path("log"), "-o", Path("no/file")},
       "cannot make " + Path("no/file") + ".partial: No such file or directory"},
      {{"export", "binaryfile", Path("none"), "-o", Path("x")},
       "there is no log at " + Path("none") + ": no such folder"},
      {{"import", "jsonl", Path("none"), "-o", Path("x")},
       "cannot read " + Path("none") + ": it is not there, or not readable"},
      {{"import", "jsonl", Path("log"), "-o", Path("x")},
       "cannot read " + Path("log") + ": it is a folder"},
      {{"import", "jsonl", Path("nothing"), "-o", Path("x")},
       Path("nothing") + " holds no line that makes a log"},
      {{"import", "jsonl", Path("no_name"), "-o", Path("x")},
       Path("no_name") +
           " line 1 comes before a line that says which log this is, and no session is given"},
      {{"import", "jsonl", Path("there"), "-o", Path("x")},
       Path("there") + " line 1 is no JSON object at character 1"},
      {{"import", "jsonl", Path("no_text"), "--session", "A", "--app", "book", "-o", Path("x")},
       Path("no_text") + " line 1 the payload is no NewOrder: Encountered non UTF-8 code points."},
      {{"import", "jsonl", Path("no_name"), "--session", "A", "-o", Path("log")},
       Path("log") + " is there already: remove it or choose another folder"},
      {{"import", "jsonl", Path("lines"), "--session", "ZZZ", "-o", Path("x")},
       Path("lines") + " line 1 says that the log is of session DAY1, and session ZZZ is wanted; "
                       "rechain gives the session, numbers and digests anew"},
      {{"import", "jsonl", Path("other"), "--app", "book", "-o", Path("x")},
       Path("other") + " line 1 has a schema, and it is not that of book; leave --app away"},
      {{"import", "jsonl", Path("mark"), "--session", "A", "-o", Path("x")},
       Path("mark") + " begins with a byte order mark; save it as UTF-8 without one"},
      {{"import", "jsonl", Path("gzip"), "--session", "A", "-o", Path("x")},
       Path("gzip") +
           " is compressed with gzip; give what `zcat` prints, with - for standard input"},
      {{"import", "jsonl", Path("number"), "-o", Path("x")},
       Path("number") + " line 1 has a \"first_number\" that is not a number from 1 to "
                        "18446744073709551614, the largest one"},
      {{"import", "itch", Path("zero"), "--date", "2026-01-05", "-o", Path("x")},
       Path("zero") + " is no day of ITCH: it holds no message"},
      {{"import", "binaryfile", Path("zero"), "-o", Path("x")}, Path("zero") + " holds no message"},
      {{"import", "binaryfile", Path("empty"), "-o", Path("x")},
       Path("empty") + " holds no message that names a session: give --session to make an empty "
                       "log of it"},
      {{"cat", Path("log"), "--from", "18446744073709551615"},
       "--from: \"18446744073709551615\" is more than the largest number, 18446744073709551614; "
       "see `tandem cat --help`"},
      {{"import", "binaryfile", Path("there"), "-o", Path("x")},
       Path("there") + " after message 0: the file ends within a message, it is cut"},
  };
  for (const auto& [arguments, sentence] : cases) {
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_EQ(ran.err, "tandem: " + sentence + "\n");
  }
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
  EXPECT_FALSE(std::filesystem::exists(Path("x.partial")));
}

}  // namespace
}  // namespace tandem::test
