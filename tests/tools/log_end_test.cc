// SPDX-License-Identifier: Apache-2.0
//
// Logs that lost messages at their end or a segment: every tool that reads one gives what is good
// and says on standard error what is wrong.
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <tuple>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

class LogEnd : public LogTools {
 protected:
  /// An input log of several segments that a process left when it was killed.
  void WriteOpen(const std::string& name) {
    Write(name,
          {.messages = 300, .role = replay::kInputRole, .close = false, .segment_bytes = 12 << 10});
    std::filesystem::remove(Path(name) + "/mark");
  }
  [[nodiscard]] std::string LastSegment(const std::string& name) const {
    std::uint64_t id = 1;
    while (std::filesystem::exists(replay::SegmentPath(Path(name), id + 1))) ++id;
    return replay::SegmentPath(Path(name), id);
  }
  /// What each tool says of the log on standard error, by tool.
  [[nodiscard]] std::string NotesOf(const std::string& name) const {
    std::string notes;
    std::filesystem::remove(Path("file"));
    const std::vector<std::vector<std::string>> commands{
        {"cat", Path(name)},
        {"stat", Path(name)},
        {"export", "binaryfile", Path(name), "-o", Path("file")},
        {"diff", Path(name), Path("whole")},
    };
    for (const auto& command : commands) {
      const Ran ran = Tandem(command);
      EXPECT_EQ(ran.exit_code, command[0] == "diff" ? 1 : 0) << ran.err;
      notes += command[0] + ": " + ran.err;
    }
    return notes;
  }
  static std::string ByEach(const std::string& note) {
    return "cat: " + note + "stat: " + note + "export: " + note + "diff: " + note;
  }
};

TEST_F(LogEnd, IsSilentWhereNothingIsWrong) {
  WriteOpen("log");
  Write("whole", {.messages = 301, .role = replay::kInputRole});
  EXPECT_EQ(NotesOf("log"), ByEach(""));
}

TEST_F(LogEnd, ATornTailIsNotedByEveryTool) {
  WriteOpen("log");
  Write("whole", {.messages = 301, .role = replay::kInputRole});
  auto end =
      replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
  ASSERT_TRUE(end);
  const std::uint64_t offset = end->offset();
  const std::uint64_t segment = end->segment_id();
  TearTail("log", end->position());
  const std::string notes = NotesOf("log");
  const std::string bytes = notes.substr(0, notes.find(" bytes"));
  EXPECT_EQ(notes, ByEach("tandem: note: the log " + Path("log") + " ends in segment " +
                          std::to_string(segment) + " at offset " + std::to_string(offset) +
                          " after message 300 with " + bytes.substr(bytes.rfind(' ') + 1) +
                          " bytes that are no whole message; no mark says that they were synced, "
                          "and they will be cut when the log is continued\n"));
}

TEST_F(LogEnd, AMarkThatContradictsTheLogIsNotedByEveryToolAsVerifySaysIt) {
  Write("log", {.messages = 300, .role = replay::kInputRole, .segment_bytes = 12 << 10});
  Write("whole", {.messages = 301, .role = replay::kInputRole});
  const std::string path = Path("log") + "/mark";
  std::ostringstream written;
  written << std::ifstream(path, std::ios::binary).rdbuf();
  const auto change = [&](std::uint64_t number, std::uint64_t digest_bit) {
    std::string file = written.str();
    for (const std::size_t at : {std::size_t{0}, replay::kMarkSlotStride}) {
      replay::MarkSlot slot;
      std::memcpy(&slot, file.data() + at, sizeof slot);
      if (slot.number == 0) continue;
      slot.number = number;
      slot.digest ^= digest_bit;
      slot.crc = CrcOf(slot);
      std::memcpy(file.data() + at, &slot, sizeof slot);
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << file;
  };
  const std::string log = "the log " + Path("log");
  change(300, 0);
  EXPECT_EQ(NotesOf("log"), ByEach(""));
  for (const auto& [number, bit, text] :
       {std::tuple{300, 1, log + " has another digest at message 300 than its mark says"},
        std::tuple{307, 0,
                   "the mark of " + log +
                       " says that it was synced up to message 307, and it ends at "
                       "message 300"}}) {
    change(static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(bit));
    EXPECT_EQ(NotesOf("log"), ByEach("tandem: note: " + text + "\n"));
    const Ran verify = Tandem({"verify", Path("log")});
    EXPECT_EQ(verify.exit_code, 1);
    EXPECT_EQ(Lines(verify.out).front(), "problem: " + text);
    const Ran replay = Tandem({"replay", Path("log"), "-o", Path(std::to_string(number))});
    EXPECT_EQ(replay.exit_code, 0);
    EXPECT_EQ(replay.err, "tandem: note: " + text + "\n");
  }
}

TEST_F(LogEnd, AFileThatWasCutBetweenTwoMessagesIsNotedByEveryTool) {
  WriteOpen("log");
  Write("whole", {.messages = 301, .role = replay::kInputRole});
  auto end =
      replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
  ASSERT_TRUE(end);
  std::filesystem::resize_file(LastSegment("log"), end->offset());
  EXPECT_EQ(
      NotesOf("log"),
      ByEach("tandem: note: the log " + Path("log") + " ends in segment " +
             std::to_string(end->segment_id()) + " at offset " + std::to_string(end->offset()) +
             " after message 300 without an end record, and the file is shorter than it was "
             "made: what was there was cut off\n"));
}

TEST_F(LogEnd, ASegmentBehindTheEndIsNotedAndNeverTakenForWhatFollows) {
  WriteOpen("log");
  Write("whole", {.messages = 300, .role = replay::kInputRole});
  ASSERT_NE(LastSegment("log"), replay::SegmentPath(Path("log"), 2));
  const std::string second = replay::SegmentPath(Path("log"), 2);
  const auto size = std::filesystem::file_size(second);
  std::filesystem::resize_file(second, size - 8);  // its end record
  std::filesystem::resize_file(second, 12 << 10);
  const std::string sentence = "the log " + Path("log") + " ends in segment 2 at offset ";
  for (const std::string tool : {"cat", "stat"}) {
    const Ran ran = Tandem({tool, Path("log")});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_TRUE(ran.err.starts_with("tandem: note: " + sentence)) << ran.err;
  }
  const Ran ran = Tandem({"diff", Path("log"), Path("whole")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(ran.err.starts_with("tandem: " + sentence)) << ran.err;
}

TEST_F(LogEnd, WhatLiesBeforeAMissingSegmentIsGivenAndThePlaceIsNamed) {
  Write("log", {.messages = 300, .segment_bytes = 12 << 10});
  std::filesystem::remove(Path("log") + "/00000003.segment");
  const Ran cat = Tandem({"cat", Path("log")});
  EXPECT_EQ(cat.exit_code, 2);
  const std::size_t good = Lines(cat.out).size();
  EXPECT_GT(good, 1u);
  const std::string damage = "the log " + Path("log") +
                             " is damaged in segment 3 at offset 0, where message " +
                             std::to_string(good + 1) +
                             " should be: the segment is missing; restore 00000003.segment, or "
                             "take the stream from another copy\n";
  EXPECT_EQ(cat.err, "tandem: " + damage);
  const Ran verify = Tandem({"verify", Path("log")});
  EXPECT_EQ(verify.exit_code, 1);
  EXPECT_TRUE(verify.out.starts_with("problem: " + damage + "NOT whole: good are messages 1 to " +
                                     std::to_string(good) + ", 2 segments"))
      << verify.out;
}

TEST_F(LogEnd, WhatLiesBeforeADamagedSegmentIsUsableAndThePlaceIsNamedByWhoGetsThere) {
  Write("log", {.messages = 300, .role = replay::kInputRole, .segment_bytes = 12 << 10});
  Write("whole", {.messages = 300, .role = replay::kInputRole, .segment_bytes = 12 << 10});
  std::uint64_t segments = 1;
  while (std::filesystem::exists(replay::SegmentPath(Path("log"), segments + 1))) ++segments;
  // Where a search by halving looks first.
  const std::uint64_t segment = segments / 2 + 1;
  const auto header = replay::ReadSegmentHeader(storage_, Path("log"), segment);
  ASSERT_TRUE(header);
  const std::uint64_t next = header->first_number;
  const std::string name = replay::SegmentFileName(segment);
  FlipByte("log/" + name, 60);
  const std::string damage = "the log " + Path("log") + " is damaged in segment " +
                             std::to_string(segment) + " at offset 0, where message " +
                             std::to_string(next) +
                             " should be: the CRC of its header does not match; restore " + name +
                             ", or take the stream from another copy\n";
  const std::string last = std::to_string(next - 1);
  const std::vector<std::vector<std::string>> before{
      {"cat", Path("log"), "--from", "2", "--to", last},
      {"cat", Path("log"), "--to", last, "--type", "Cancel"},
      {"stat", Path("log"), "--from", "2", "--to", "9"},
      {"replay", Path("log"), "--to", "9", "-o", Path("nine")},
      {"state", Path("log"), "--at", "9"},
      {"export", "jsonl", Path("log"), "--to", "9", "-o", Path("nine.jsonl")},
  };
  for (const auto& command : before) {
    const Ran ran = Tandem(command);
    EXPECT_EQ(ran.exit_code, 0) << command[0] << ": " << ran.err;
    // Who steps inputs cannot know what is skipped from behind.
    const bool steps = command[0] == "replay" || command[0] == "state";
    EXPECT_EQ(ran.err, !steps ? ""
                              : "tandem: note: the log " + Path("log") +
                                    " was not searched for Skips in segment " +
                                    std::to_string(segment) +
                                    " from offset 0 on: the CRC of its header does not match; "
                                    "inputs that a Skip there names are not passed over\n")
        << command[0];
  }
  // It looks whether the log ends there.
  const Ran stat = Tandem({"stat", Path("log"), "--to", last});
  EXPECT_EQ(stat.exit_code, 0);
  EXPECT_EQ(stat.err, "tandem: note: " + damage);
  const std::vector<std::vector<std::string>> beyond{
      {"cat", Path("log")},
      {"cat", Path("log"), "--to", "2013-01-01"},
      {"stat", Path("log")},
      {"diff", Path("log"), Path("whole")},
      {"replay", Path("log"), "--from", last, "--image-out", Path("image")},
      {"replay", Path("log"), "--image-at", std::to_string(next), "--image-out", Path("image")},
      {"export", "jsonl", Path("log"), "-o", Path("all.jsonl")},
      {"state", Path("log"), "--at", std::to_string(next)},
  };
  for (const auto& command : beyond) {
    const Ran ran = Tandem(command);
    EXPECT_EQ(ran.exit_code, 2) << command[0];
    EXPECT_NE(ran.err.find(damage), std::string::npos) << command[0] << ": " << ran.err;
  }
}

TEST_F(LogEnd, ASegmentThatCannotBeReadIsNoDamage) {
  WriteOpen("log");
  const std::string second = replay::SegmentPath(Path("log"), 2);
  const std::uint64_t first = replay::ReadSegmentHeader(storage_, Path("log"), 2)->first_number;
  for (const bool is_pipe : {false, true}) {
    std::filesystem::remove(second);
    if (is_pipe) {
      ASSERT_EQ(::mkfifo(second.c_str(), 0600), 0);
    } else {
      std::filesystem::create_directory(second);
    }
    const std::string damage =
        "the log " + Path("log") + " cannot be read in segment 2 at offset 0, where message " +
        std::to_string(first) + " should be: cannot " +
        (is_pipe ? "open " + second + ": it is a pipe" : "read " + second + ": Is a directory");
    Ran ran = Tandem({"verify", Path("log")});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "tandem: " + damage + "; messages 1 to " + std::to_string(first - 1) +
                           " before it are good\n");
    ran = Tandem({"cat", Path("log")});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(Lines(ran.out).size(), first - 1);
    EXPECT_EQ(ran.err, "tandem: " + damage + "\n");
    // As before any damage, what was made of the inputs stays.
    const std::string out = Path(is_pipe ? "out_pipe" : "out_folder");
    ran = Tandem({"replay", Path("log"), "-o", out});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(Lines(ran.err).front(),
              "tandem: note: the log " + Path("log") +
                  " was not searched for Skips in segment 2 from offset 0 on: cannot " +
                  (is_pipe ? "open " + second + ": it is a pipe"
                           : "read " + second + ": Is a directory") +
                  "; inputs that a Skip there names are not passed over");
    EXPECT_EQ(Lines(ran.err).back(), "tandem: " + damage + "; " + out +
                                         " is kept, with the outputs up to then: remove it before "
                                         "you replay into it again");
    EXPECT_EQ(Tandem({"verify", out}).exit_code, 0);
  }
}

TEST_F(LogEnd, DamageThatAWriterRefusesIsNotSaidToBeCut) {
  Write("log",
        {.messages = 300, .role = replay::kInputRole, .close = false, .segment_bytes = 1 << 20});
  std::fstream file(replay::SegmentPath(Path("log"), 1), std::ios::in | std::ios::out);
  file.seekp(30'000);
  file << std::string(400, '\0');
  file.close();
  const Ran ran = Tandem({"verify", Path("log")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find(" for who reads it, and cannot be continued: the log " + Path("log") +
                         " is damaged in segment 1 at offset "),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find(", and whole messages follow it; restore "), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("will be cut"), std::string::npos) << ran.out;
}

TEST_F(LogEnd, AFileThatIsCutWhileSomebodyWaitsAtItsEndIsNamedWithThePlace) {
  const replay::LogWriter writer =
      Write("log", {.messages = 300, .close = false, .segment_bytes = 1 << 20});
  auto reader =
      replay::LogReader::Open(storage_, Path("log"), {.from_number = replay::ReadOptions::kEnd});
  ASSERT_TRUE(reader);
  const std::string err = Path("err");
  std::FILE* const cat =
      ::popen((TANDEM_PROGRAM " cat --follow " + Path("log") + " 2>" + err).c_str(), "r");
  ASSERT_NE(cat, nullptr);
  std::array<char, 4096> line;
  do {
    ASSERT_NE(std::fgets(line.data(), line.size(), cat), nullptr);
  } while (!std::string_view(line.data()).starts_with("300 "));
  std::filesystem::resize_file(Path("log") + "/00000001.segment", 4096);
  EXPECT_EQ(std::fgets(line.data(), line.size(), cat), nullptr);
  const int status = ::pclose(cat);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 2);
  std::stringstream said;
  said << std::ifstream(err).rdbuf();
  EXPECT_EQ(said.str(), "tandem: the log " + Path("log") + " is damaged in segment 1 at offset " +
                            std::to_string(reader->offset()) +
                            ", where message 301 should be: the file was cut to 4096 bytes; "
                            "restore 00000001.segment, or take the stream from another copy\n");
}

TEST_F(LogEnd, AFileThatIsCutWhileItIsReadEndsTheReaderWithASentence) {
  // Far more text than a pipe and the buffers before it take: cat waits in the middle of the log.
  Write("log", {.messages = 60'000, .segment_bytes = 64 << 20});
  const std::string err = Path("err");
  std::FILE* const cat = ::popen((TANDEM_PROGRAM " cat " + Path("log") + " 2>" + err).c_str(), "r");
  ASSERT_NE(cat, nullptr);
  std::array<char, 4096> text;
  ASSERT_EQ(std::fread(text.data(), 1, text.size(), cat), text.size());
  std::filesystem::resize_file(Path("log") + "/00000001.segment", 4096);
  while (std::fread(text.data(), 1, text.size(), cat) > 0) {
  }
  const int status = ::pclose(cat);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 5);
  std::stringstream said;
  said << std::ifstream(err).rdbuf();
  EXPECT_EQ(said.str(),
            "tandem: a file was cut while it was read, or its disk cannot be read; put it back and "
            "try again\n");
}

TEST_F(LogEnd, EveryToolRefusesWhatIsNoLogInOneSentence) {
  std::filesystem::create_directories(Path("empty"));
  std::ofstream(Path("file")) << "text";
  Write("garbled", {.messages = 1});
  FlipByte("garbled/00000001.segment", 40);
  Write("version", {.messages = 1});
  FlipByte("version/00000001.segment", 8);
  std::filesystem::create_directories(Path("strange/00000001.segment"));
  const auto damage = [this](const std::string& name, const std::string& why) {
    return "the log " + Path(name) +
           " is damaged in segment 1 at offset 0, where its first message should be: " + why +
           "; restore 00000001.segment, or take the stream from another copy";
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"none", "there is no log at " + Path("none") + ": no such folder"},
      {"file",
       "there is no log at " + Path("file") + ": it is no folder; a log is a folder of segments"},
      {"empty", Path("empty") + " is not a log: it holds no segment (00000001.segment and so on)"},
      {"garbled", damage("garbled", "the CRC of its header does not match")},
      {"version", damage("version",
                         "its header says log format version 84, and this build reads version 1: "
                         "use a build that knows it if that is true")},
      {"strange", "cannot read " + Path("strange") + "/00000001.segment: Is a directory"},
  };
  for (const auto& [name, sentence] : cases) {
    for (const std::string tool : {"cat", "stat", "verify", "diff"}) {
      std::vector<std::string> arguments{tool, Path(name)};
      if (tool == "diff") arguments.push_back(Path(name));
      const Ran ran = Tandem(arguments);
      if (tool == "verify" && name == "garbled") {  // which is a log, and not whole
        EXPECT_EQ(ran.exit_code, 1);
        EXPECT_TRUE(ran.out.starts_with("problem: " + sentence +
                                        "\nNOT whole: good are no messages, 0 segments; "))
            << ran.out;
        continue;
      }
      EXPECT_EQ(ran.exit_code, 2) << tool << " " << name;
      EXPECT_EQ(ran.out, "") << tool << " " << name;
      EXPECT_EQ(ran.err, "tandem: " + sentence + "\n") << tool << " " << name;
    }
  }
}

}  // namespace
}  // namespace tandem::test
