// SPDX-License-Identifier: Apache-2.0
//
// The live commands from outside: wrong options, ports, folders and sessions end with one sentence
// and the right exit code; signals end cleanly; what was written is whole.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "replay/log_format.h"
#include "replay/log_writer.h"
#include "tests/live/live_test.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

constexpr replay::LogRole kRecordedRole{"recorded"};

/// What a role needs besides its log.
const Words kSequencer = {"sequencer", "--session", "TEST", "--submissions", "0", "--stream", "0"};
const Words kEngine = {"engine", "--name", "A", "--input", "1", "--stream", "0"};
const Words kDedup = {"dedup", "--a", "1", "--b", "2", "--stream", "0"};
const Words kRecord = {"record", "1"};
const Words kReplay = {"replay"};
const Words kSubmit = {"submit", "--to", "1"};

Words With(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// `command` with `folder` as the log that it opens; outputs of a replay go to `elsewhere`.
Words On(const Words& command, const std::string& folder, const std::string& elsewhere) {
  if (command[0] == "record") return With(command, {"-o", folder});
  if (command[0] == "submit") return With(command, {folder});
  if (command[0] == "replay") return With(command, {folder, "-o", elsewhere});
  return With(command, {"--log", folder});
}

class Commands : public LiveTest {
 protected:
  /// Segment 1 of a log, to be damaged.
  std::string Segment(const std::string& log) { return Path(log) + "/00000001.segment"; }

  void Overwrite(const std::string& file, std::size_t offset, std::string_view bytes) {
    const int descriptor = ::open(file.c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
    ::close(descriptor);
  }

  /// A log as it was written by a build of another format version.
  void ChangeVersion(const std::string& log) {
    replay::SegmentHeader header;
    std::ifstream(Segment(log)).read(reinterpret_cast<char*>(&header), sizeof header);
    header.version = 7;
    header.crc = replay::CrcOf(header);
    Overwrite(Segment(log), 0, {reinterpret_cast<const char*>(&header), sizeof header});
  }

  /// Each command with the role of the log that it is to be given.
  struct Opener {
    Words command;
    replay::LogRole role;
  };
  const std::vector<Opener> openers_ = {
      {kSequencer, replay::kInputRole}, {kEngine, replay::kOutputRole},
      {kDedup, replay::kMergedRole},    {kRecord, kRecordedRole},
      {kReplay, replay::kInputRole},    {kSubmit, replay::kInputRole}};
};

TEST_F(Commands, EndWithOneSentenceOnWrongOptions) {
  const std::string log = Path("log");
  const std::vector<std::pair<Words, std::string>> cases = {
      {{}, "A subcommand is required"},
      {{"--bogus"}, "there is no option --bogus"},
      {{"--bogus", "stat"}, "there is no option --bogus"},
      {{"generate", "-o", log, "--seed", "-1"}, "\"-1\" is not a whole number from 0 on"},
      {{"generate", "-o", log, "--seed", "x"}, "\"x\" is not a whole number from 0 on"},
      {{"generate", "-o", log, "--users", "-1"}, "\"-1\" is not a whole number from 1 to 9999"},
      {{"demo", "--folder", log, "--seed", "-1"}, "\"-1\" is not a whole number from 0 on"},
      {{"demo", "--folder", log, "--rate", "nan"}, "\"nan\" is not a rate"},
      {{"sequence"}, "there is no command sequence"},
      {{"sequencer"}, "--log is required"},
      {{"sequencer", "--log", log, "--submissions", "1"}, "--stream is required"},
      {{"sequencer", "--log", log, "--submissions", "here", "--stream", "0"},
       "\"here\" is not an address; write HOST:PORT"},
      {{"sequencer", "--log", log, "--submissions", "0", "--stream", "127.0.0.1:65536"},
       "\"127.0.0.1:65536\" is not an address"},
      {{"sequencer", "--log", log, "--submissions", "0", "--stream", "127.0.0.1:"},
       "\"127.0.0.1:\" is not an address"},
      {With(kSequencer, {"--log", log, "--sesion", "X"}), "--sesion"},
      {{"sequencer", "--log", log, "--submissions", "0", "--stream", "0", "--session", "A B"},
       "\"A B\" is no session name"},
      {{"sequencer", "--log", log, "--submissions", "0", "--stream", "0", "--session",
        "ELEVENCHARS"},
       "\"ELEVENCHARS\" is no session name"},
      {With(kSequencer, {"--log", log, "--durability", "perhaps"}), "perhaps"},
      {With(kSequencer, {"--log", log, "--message-size", "127"}), "127"},
      {With(kSequencer, {"--log", log, "--message-size", "1201"}), "1201"},
      {With(kSequencer, {"--log", log, "--app", "chess"}), "there is no application \"chess\""},
      {{"engine", "--log", log, "--input", "1", "--stream", "0"}, "--name is required"},
      {{"engine", "--log", log, "--input", "1", "--stream", "0", "--name", "A/B"},
       "\"A/B\" is no name"},
      {With(kEngine, {"--log", log, "--zone-limit", "much"}), "much"},
      {With(kEngine, {"--log", log, "--images", ""}),
       "--images: \"\" is no folder; name one, or leave the option out"},
      {With(kEngine, {"--log", log, "--input-log", ""}),
       "--input-log: \"\" is no folder; name one, or leave the option out"},
      {With(kEngine, {"--log", log, "--portable", ""}),
       "--portable: \"\" is no folder; name one, or leave the option out"},
      {With(kEngine, {"--log", log, "--app", "chess"}), "there is no application \"chess\""},
      {{"sequencer", "--log", log, "--submissions", "7", "--stream", "localhost:7"},
       "--submissions and --stream are both port 7 of 127.0.0.1: a port is for one thing; give two "
       "different ones"},
      {{"engine", "--log", log, "--name", "A", "--input", "7", "--stream", "0.0.0.0:7"},
       "--input and --stream are both port 7 of 127.0.0.1: "},
      {{"dedup", "--log", log, "--a", "7", "--b", "8", "--stream", "8"},
       "--b and --stream are both port 8 of 127.0.0.1: "},
      {{"dedup", "--log", log, "--a", "1", "--stream", "0"}, "--b is required"},
      {With(kDedup, {"--log", log, "--policy", "last"}), "last"},
      {{"record", "1"}, "--output is required"},
      {{"record", "-o", log}, "nobody says where to read from; give FROM or --multicast"},
      {{"record", "1", "-o", log, "--from", "9", "--to", "8"}, "--to 8 is before --from 9"},
      {{"record", "1", "-o", log, "--to", "-1"}, "--to"},
      {{"record", "1", "-o", log, "--from", "0"}, "--from"},
      {{"submit", log}, "--to is required"},
      {{"submit", "--to", "1"}, "LOG is required"},
      {{"submit", log, "--to", "1", "--user", "SEVENCH"}, "\"SEVENCH\" is no user name"},
      {{"submit", log, "--to", "1", "--rate", "-1"},
       "--rate: \"-1\" is not a rate; give messages a second, or 0 for no limit;"},
      {{"replay", log}, "give -o FOLDER"},
      {{"replay", log, "-o", Path("out"), "--to", "x"}, "--to"},
      {{"replay", log, "-o", Path("out"), "--to", "-1"}, "--to"},
      {With(kEngine, {"--log", log, "--plant-bitflip", "-1"}), "--plant-bitflip"},
  };
  for (const auto& [arguments, sentence] : cases) {
    Program program = Start(arguments);
    EXPECT_EQ(program.Wait(), 2) << sentence;
    const std::string output = program.Output();
    EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
    EXPECT_NE(output.find(sentence), std::string::npos) << output << "and not: " << sentence;
  }
  EXPECT_FALSE(std::filesystem::exists(log));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(Commands, SayWhichPortIsInUseAndCanBeStartedAgain) {
  const RawServer other;
  const std::string taken = At(other.port());
  const std::string sentence = "cannot listen on " + taken +
                               ": Address already in use; stop the process that has the port or "
                               "choose another one";
  const auto log = [&](const char* name) { return Words{"--log", Path(name), "--stream"}; };
  const Words sequencer = {"sequencer", "--session", "TEST", "--submissions"};
  ExpectEnds(With(With(sequencer, {taken}), With(log("input"), {"0"})), 5, sentence);
  ExpectEnds(With(With(sequencer, {"0"}), With(log("input"), {taken})), 5, sentence);
  ExpectEnds(With({"engine", "--name", "A", "--input", "1"}, With(log("a"), {taken})), 5, sentence);
  ExpectEnds(With({"dedup", "--a", "1", "--b", "2"}, With(log("merged"), {taken})), 5, sentence);
  ExpectEnds(
      {"engine", "--name", "A", "--input", "1", "--log", Path("far/away/a"), "--stream", taken}, 5,
      sentence);
  for (const char* const name : {"input", "a", "merged", "far"}) {
    EXPECT_FALSE(std::filesystem::exists(Path(name))) << name;
  }

  Sequencer started = StartSequencer("input");
  EXPECT_EQ(started.program.Stop(SIGTERM), 0);
  Program engine = Start(With(kEngine, {"--log", Path("a")}));
  EXPECT_TRUE(engine.Says("output on "));
  Program dedup = Start(With(kDedup, {"--log", Path("merged")}));
  EXPECT_TRUE(dedup.Says("merged stream on "));
}

TEST_F(Commands, SayWhichAddressIsNotOfThisHost) {
  ExpectEnds(
      {"engine", "--name", "A", "--input", "1", "--log", Path("a"), "--stream", "203.0.113.1:9000"},
      5, "cannot listen on 203.0.113.1:9000: Cannot assign requested address");
  ExpectEnds({"dedup", "--a", "1", "--b", "2", "--log", Path("m"), "--stream", "no.such.invalid:1"},
             5, "cannot listen on no.such.invalid:1: Host not found");
}

TEST_F(Commands, RefuseAFileInPlaceOfAFolder) {
  std::ofstream(Path("file")) << "not a log";
  for (const Opener& opener : openers_) {
    ExpectEnds(On(opener.command, Path("file"), Path("out")), 2, Path("file"));
    ExpectEnds(On(opener.command, Path("file/below"), Path("out")), 2, Path("file/below"));
  }
}

TEST_F(Commands, RefuseWhatCannotBeRead) {
  ASSERT_EQ(::symlink("loop", Path("loop").c_str()), 0);
  for (const Opener& opener : openers_) {
    ExpectEnds(On(opener.command, Path("loop"), Path("out")), 2, Path("loop"));
    const std::string name = opener.command[0];
    WriteLog(name, opener.role, 5);
    std::filesystem::remove(Segment(name));
    std::filesystem::create_directory(Segment(name));
    ExpectEnds(On(opener.command, Path(name), Path("out")), 2, "00000001.segment");
  }
}

TEST_F(Commands, RefuseAMissingLogWhereOneMustBe) {
  std::filesystem::create_directory(Path("empty"));
  for (const auto& [name, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"missing", "there is no log at " + Path("missing") + ": no such folder"},
           {"empty", Path("empty") + " is not a log: it holds no segment"}}) {
    ExpectEnds(On(kReplay, Path(name), Path("out")), 2, sentence);
    ExpectEnds(On(kSubmit, Path(name), ""), 2, sentence);
    ExpectEnds({"sequencer", "--log", Path(name), "--submissions", "0", "--stream", "0"}, 2,
               "there is no log in " + Path(name) + "; name the session to begin with --session");
  }
  EXPECT_FALSE(std::filesystem::exists(Path("missing")));
  EXPECT_TRUE(std::filesystem::is_empty(Path("empty")));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(Commands, RefuseADamagedLogAndSayWhere) {
  for (const Opener& opener : openers_) {
    const std::string name = opener.command[0];
    WriteLog(name, opener.role, 5);
    Overwrite(Segment(name), sizeof(replay::SegmentHeader) + 100, "?");
    // What an engine, a deduplicator or a recorder has on the disk is only read when it is needed.
    const bool reads_all = opener.role == replay::kInputRole;
    if (!reads_all) {
      std::filesystem::resize_file(Segment(name), sizeof(replay::SegmentHeader) + 50);
    }
    ExpectEnds(On(opener.command, Path(name), Path("out")), 2, Path(name) + " is damaged");
  }
}

TEST_F(Commands, RefuseALogOfAnotherVersion) {
  for (const Opener& opener : openers_) {
    const std::string name = opener.command[0];
    WriteLog(name, opener.role, 5);
    ChangeVersion(name);
    ExpectEnds(On(opener.command, Path(name), Path("out")), 2, "version 7");
  }
}

TEST_F(Commands, RefuseALogOfAnotherRole) {
  WriteLog("input", replay::kInputRole, 5);
  WriteLog("output", replay::kOutputRole, 5);
  WriteLog("merged", replay::kMergedRole, 5);
  ExpectEnds(On(kSequencer, Path("output"), ""), 2, "has the role output, not input");
  ExpectEnds(On(kEngine, Path("merged"), ""), 2, "has the role merged, not output");
  ExpectEnds(On(kDedup, Path("output"), ""), 2, "has the role output, not merged");
  const Sequencer sequencer = StartSequencer("served");
  ExpectEnds({"record", At(sequencer.stream), "-o", Path("output")}, 2,
             "the log " + Path("output") + " has the role output, and " + At(sequencer.stream) +
                 " serves a sequencer's input stream; take another folder");
  ExpectEnds(On(kReplay, Path("output"), Path("out")), 2, "holds outputs: its role is \"output\"");
  ExpectEnds(On(kSubmit, Path("merged"), ""), 2, "holds outputs: its role is \"merged\"");
}

TEST_F(Commands, RefuseALogThatAnotherProcessWrites) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = Start({"engine", "--name", "A", "--input", At(sequencer.stream), "--log",
                          Path("a"), "--stream", "0"});
  const std::uint16_t output = engine.PortAfter("output on ");
  Program dedup =
      Start({"dedup", "--a", At(output), "--b", "1", "--log", Path("merged"), "--stream", "0"});
  Program record = Start({"record", At(sequencer.stream), "-o", Path("recorded")});
  // An input with an output, so that every log has begun.
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 0);
  client.Submit(1, 9999);
  AwaitMessages("merged", 1);
  AwaitMessages("recorded", 1);
  for (const auto& [command, log] : std::vector<std::pair<Words, std::string>>{
           {kSequencer, "input"}, {kEngine, "a"}, {kDedup, "merged"}, {kRecord, "recorded"}}) {
    ExpectEnds(On(command, Path(log), ""), 2,
               "the log " + Path(log) +
                   " is being written already; stop its writer or take another folder");
  }
  EXPECT_TRUE(sequencer.program.running() && engine.running());
  EXPECT_TRUE(dedup.running() && record.running());
}

TEST_F(Commands, RefuseAnotherSessionThanTheLogHas) {
  WriteLog("input", replay::kInputRole, 5, "MONDAY");
  ExpectEnds(On(kSequencer, Path("input"), ""), 2,
             "is of session MONDAY, not TEST; take another folder");
  // Clients go on asking: the right server may come.
  WriteLog("a", replay::kOutputRole, 5, "MONDAY");
  WriteLog("merged", replay::kMergedRole, 5, "MONDAY");
  WriteLog("recorded", kRecordedRole, 5, "MONDAY");
  Sequencer sequencer = StartSequencer("other");
  const std::string from = At(sequencer.stream);
  const std::string sentence = "it does not have session \"MONDAY\"; trying again until there is";
  Program engine =
      Start({"engine", "--name", "A", "--input", from, "--log", Path("a"), "--stream", "0"});
  Program dedup =
      Start({"dedup", "--a", from, "--b", "1", "--log", Path("merged"), "--stream", "0"});
  Program record = Start({"record", from, "-o", Path("recorded")});
  EXPECT_TRUE(engine.Says("no input from " + from + ": " + sentence));
  EXPECT_TRUE(dedup.Says("nothing from engine A at " + from + ": " + sentence));
  EXPECT_TRUE(dedup.Says("nothing from engine B at 127.0.0.1:1: it cannot be reached"));
  EXPECT_TRUE(record.Says("nothing from " + from + ": " + sentence));
  for (Program* const program : {&engine, &dedup, &record}) EXPECT_EQ(program->Stop(SIGTERM), 0);
  for (const char* const log : {"a", "merged", "recorded"}) {
    EXPECT_EQ(ReadLog(log).size(), 5u);
    ExpectVerifies(log);
  }
}

TEST_F(Commands, SayThatAReplayEndsBeforeItWasTold) {
  ASSERT_EQ(Run({"generate", "--orders", "100", "-o", Path("flow")}), 0);
  std::string output;
  EXPECT_EQ(Run({"replay", Path("flow"), "--to", "100", "-o", Path("to-100")}, &output), 0);
  EXPECT_EQ(output.find("note"), std::string::npos) << output;
  EXPECT_EQ(Run({"replay", Path("flow"), "--to", "101", "-o", Path("to-101")}, &output), 0);
  EXPECT_NE(output.find("tandem: note: --to 101 is beyond the end: " + Path("flow") +
                        " ends with message 100\n"),
            std::string::npos)
      << output;
}

TEST_F(Commands, SayWhatAFailedReplayLeavesBehind) {
  replay::PosixStorage storage;
  auto log = replay::LogWriter::Open(
      storage, Path("input"),
      {.session = proto::Session("TEST"), .role = replay::kInputRole, .schema = ""});
  ASSERT_TRUE(log.ok()) << log.error().text;
  TestStream stream;
  log->Append(stream.Add(9999));
  stream.position.digest ^= 1;
  log->Append(stream.Add(9999));
  ASSERT_TRUE(log->Close().ok());
  ExpectEnds({"replay", Path("input"), "-o", Path("out")}, 4, "input forked at 2 or before it: ");
  ExpectEnds({"replay", Path("input"), "-o", Path("again")}, 4,
             "; " + Path("again") + " is kept, with the outputs up to then: remove it");
  EXPECT_EQ(ReadLog("out").size(), 1u);
}

TEST_F(Commands, FindAnEpochThatGoesBack) {
  replay::PosixStorage storage;
  auto log = replay::LogWriter::Open(
      storage, Path("input"),
      {.session = proto::Session("TEST"), .role = replay::kInputRole, .schema = ""});
  ASSERT_TRUE(log.ok()) << log.error().text;
  TestStream stream;
  for (const std::uint32_t epoch : {1u, 2u, 1u}) {
    stream.next.epoch = epoch;
    log->Append(stream.Add(9999));
  }
  ASSERT_TRUE(log->Close().ok());
  std::string output;
  EXPECT_EQ(Run({"verify", Path("input")}, &output), 1);
  EXPECT_NE(output.find("forked at 3: message 3 is of epoch 1 after epoch 2"), std::string::npos)
      << output;
}

TEST_F(Commands, SayThatTheSessionHasEnded) {
  Sequencer ending = StartSequencer("input", {"--end-session"});
  RawPeer client = RawPeer::Connect(ending.submissions);
  client.Login("U1", 0);
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  client.Submit(1, 100);
  EXPECT_EQ(client.UntilClosed(), Words{"+the session has ended; submit to the next one"});
  EXPECT_EQ(ending.program.Stop(SIGTERM), 0);
  EXPECT_EQ(ReadLog("input"), Words{"1 2  0 0"});
  ExpectEnds(On(kSequencer, Path("input"), ""), 2,
             "session \"TEST\" in " + Path("input") + " has ended; begin another session");
}

TEST_F(Commands, StartAgainAfterAKillBeforeTheFirstMessage) {
  // What is left if the end comes between making the folder and the first segment.
  for (const auto& [command, log] : std::vector<std::pair<Words, std::string>>{
           {kEngine, "a"}, {kDedup, "merged"}, {kRecord, "recorded"}}) {
    std::filesystem::create_directory(Path(log));
    std::ofstream(Path(log) + "/mark");
    Program program = Start(On(command, Path(log), ""));
    EXPECT_TRUE(program.Says("it cannot be reached"));
    EXPECT_EQ(program.Stop(SIGTERM), 0);
  }
}

TEST_F(Commands, EndCleanlyOnSigintAndSigterm) {
  ASSERT_EQ(Run({"generate", "--orders", "20000", "-o", Path("flow")}), 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string of = std::to_string(signal);
    Sequencer sequencer = StartSequencer("input" + of);
    Program engine = Start({"engine", "--name", "A", "--input", At(sequencer.stream), "--log",
                            Path("a" + of), "--stream", "0"});
    const std::string output = At(engine.PortAfter("output on "));
    Program dedup =
        Start({"dedup", "--a", output, "--b", "1", "--log", Path("merged" + of), "--stream", "0"});
    const std::string merged = At(dedup.PortAfter("merged stream on "));
    Program record = Start({"record", merged, "-o", Path("recorded" + of)});
    Program submit = Start({"submit", Path("flow"), "--to", At(sequencer.submissions), "--user",
                            "U1", "--rate", "3000"});
    AwaitMessages("recorded" + of, 100);

    EXPECT_EQ(submit.Stop(signal), 5);  // a job that did not get to its end
    EXPECT_NE(submit.Output().find("; stopped before the end\n"), std::string::npos);
    EXPECT_EQ(record.Stop(signal), 0);
    EXPECT_NE(record.Output().find("recorded messages 1 to "), std::string::npos);
    EXPECT_EQ(dedup.Stop(signal), 0);
    EXPECT_EQ(engine.Stop(signal), 0);
    EXPECT_EQ(sequencer.program.Stop(signal), 0);
    for (const Program* program : {&submit, &record, &dedup, &engine, &sequencer.program}) {
      EXPECT_EQ(ErrorsIn(program->Output()), Words{});
    }
    for (const char* const log : {"input", "a", "merged", "recorded"}) ExpectVerifies(log + of);
  }
}

TEST_F(Commands, RefuseALogWhoseBeginningWasTrimmedWhereItIsNeeded) {
  replay::PosixStorage storage;
  const std::vector<std::pair<Words, replay::LogRole>> cases = {{kSequencer, replay::kInputRole},
                                                                {kEngine, replay::kOutputRole}};
  for (const auto& [command, role] : cases) {
    auto log = replay::LogWriter::Open(storage, Path(command[0]),
                                       {.session = proto::Session("TEST"),
                                        .role = role,
                                        .schema = "",
                                        .start = {.number = 5, .digest = 1}});
    ASSERT_TRUE(log) << log.error().text;
    ASSERT_TRUE(log->Close());
    Program program = Start(On(command, Path(command[0]), ""));
    EXPECT_EQ(program.Wait(), 2) << command[0];
    EXPECT_NE(program.Output().find("begins at message 6, for it was trimmed, and "),
              std::string::npos)
        << program.Output();
  }
}

TEST_F(Commands, EndWithOneSentenceWhenTheDiskTakesNoMore) {
  // A file may have 1 MiB; a log's first segment is larger.
  const Words limited = {"/bin/sh", "-c", "ulimit -f 2048; exec \"$0\" \"$@\""};
  ASSERT_EQ(Run({"generate", "--orders", "1000", "-o", Path("flow")}), 0);
  const auto expect_full = [&](const Words& command, const std::string& log) {
    Program program = Start(command, limited);
    EXPECT_EQ(program.Wait(), 5);
    const Words errors = ErrorsIn(program.Output());
    ASSERT_EQ(errors.size(), 1u) << program.Output();
    EXPECT_NE(errors[0].find("cannot preallocate " + Path(log)), std::string::npos) << errors[0];
    EXPECT_NE(errors[0].find("File too large"), std::string::npos) << errors[0];
  };
  expect_full(With(kReplay, {Path("flow"), "-o", Path("out")}), "out");
  expect_full(On(kSequencer, Path("full"), ""), "full");
  Sequencer sequencer = StartSequencer("input");
  const std::string from = At(sequencer.stream);
  expect_full({"engine", "--name", "A", "--input", from, "--log", Path("a"), "--stream", "0"}, "a");
  expect_full({"record", from, "-o", Path("recorded")}, "recorded");
  Program engine =
      Start({"engine", "--name", "A", "--input", from, "--log", Path("whole"), "--stream", "0"});
  const std::string output = At(engine.PortAfter("output on "));
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 0);
  client.Submit(1, 9999);  // the engine refuses it, so the output stream begins
  expect_full({"dedup", "--a", output, "--b", "1", "--log", Path("merged"), "--stream", "0"},
              "merged");
  for (const char* const name : {"out", "full", "a", "recorded", "merged"}) {
    EXPECT_FALSE(std::filesystem::exists(Path(name))) << name;
  }
}

}  // namespace
}  // namespace tandem::test
