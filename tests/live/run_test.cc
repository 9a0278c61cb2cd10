// SPDX-License-Identifier: Apache-2.0
//
// `tandem run`, `tandem restart`, `tandem status`: a topology from a file, as a person uses it.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/live/live_test.h"
#include "tools/oracle.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

/// Neither there nor only waiting for its parent to look.
bool IsAlive(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string id;
  std::string name;
  std::string state;
  return (stat >> id >> name >> state) && state != "Z";
}

class RunFile : public LiveTest {
 protected:
  void Write(const std::string& text) { std::ofstream(Path("pair.toml")) << text; }

  /// A pair on free ports, in the folder "day" beside the file.
  void WritePair(const std::string& more = "") {
    const auto free = tools::FreePorts(5);
    ASSERT_TRUE(free.ok());
    ports_ = *free;
    Write("session = \"TEST\"\nfolder = \"day\"\n[sequencer]\nsubmissions = " + Port(0) +
          "\nstream = " + Port(1) + "\n[engine.A]\nstream = " + Port(2) +
          "\n[engine.B]\nstream = " + Port(3) + "\n[dedup]\nstream = " + Port(4) + "\n" + more);
  }
  [[nodiscard]] std::string Port(std::size_t index) const { return std::to_string(ports_[index]); }
  Program StartPair(Words extra = {}) {
    Words words = {"run", Path("pair.toml")};
    words.insert(words.end(), extra.begin(), extra.end());
    Program program = Start(words);
    program.Says("ready: all ");
    return program;
  }
  /// Of the role as it was started last.
  static pid_t ProcessOf(Program& run, const std::string& role) {
    return run.PortAfter(role + ": started, process ");
  }
  void Submit(std::uint64_t orders, const std::string& user) {
    std::string output;
    ASSERT_EQ(Run({"generate", "--orders", std::to_string(orders), "-o", Path(user)}, &output), 0)
        << output;
    ASSERT_EQ(Run({"submit", Path(user), "--user", user, "--to", At(ports_[0])}, &output), 0)
        << output;
  }
  int AskStatus(std::string* output, Words extra = {}) {
    Words words = {"status", Path("pair.toml")};
    words.insert(words.end(), extra.begin(), extra.end());
    return Run(words, output);
  }
  void ExpectSameAsReplay(const Words& logs) {
    std::string output;
    ASSERT_EQ(Run({"replay", Path("day/input"), "-o", Path("replayed")}, &output), 0) << output;
    for (const std::string& log : logs) {
      const auto same = tools::CompareLogs(Path(log), Path("replayed"));
      ASSERT_TRUE(same.ok()) << same.error().text;
      EXPECT_TRUE(same->same) << log << " at " << same->difference;
      EXPECT_GT(same->messages, 0u);
    }
  }

  std::vector<std::uint16_t> ports_;
};

TEST_F(RunFile, StartsEveryRoleRestartsWhatDiesAndStopsCleanly) {
  WritePair("[record.tape]\nof = \"dedup\"\n");
  Program run = StartPair();
  Submit(2'000, "ALICE");
  std::string output;
  EXPECT_EQ(AskStatus(&output), 0) << output;
  EXPECT_NE(output.find("healthy: all roles answer, and the copies agree"), output.npos) << output;
  EXPECT_NE(output.find("2000 submissions accepted"), output.npos) << output;

  for (const std::string role : {"engine.A", "dedup", "sequencer", "record.tape"}) {
    const pid_t before = ProcessOf(run, role);
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    run.Says(role + ": started, process ", 2);
    EXPECT_NE(ProcessOf(run, role), before);
    run.Says(role + ": was ended by signal 9");
  }
  Submit(2'000, "BOB");
  EXPECT_EQ(AskStatus(&output, {"--wait", "10000"}), 0) << output;
  AwaitMessages("day/tape", ReadLog("day/merged").size());  // it ends first, wherever it is
  EXPECT_EQ(run.Stop(SIGTERM), 0) << run.Output();
  const std::string said = run.Output();
  const Words order = {"record.tape: stopped", "dedup: stopped", "engine.B: stopped",
                       "engine.A: stopped", "sequencer: stopped"};
  std::size_t at = 0;
  for (const std::string& line : order) {
    at = said.find(line, at);
    EXPECT_NE(at, said.npos) << line << " is not where it should be in\n" << said;
  }
  ExpectSameAsReplay({"day/A", "day/B", "day/merged", "day/tape"});
  EXPECT_EQ(AskStatus(&output, {"--wait", "300"}), 1) << output;
  EXPECT_NE(output.find("NOT HEALTHY: sequencer at " + At(ports_[1]) + " is down"), output.npos)
      << output;
}

TEST_F(RunFile, RestartsEnginesOneAtATimeWhileClientsGoOn) {
  WritePair();
  Program run = StartPair();
  Submit(1'000, "ALICE");
  std::string output;
  EXPECT_EQ(Run({"generate", "--orders", "30000", "-o", Path("flow")}, &output), 0) << output;
  Program client =
      Start({"submit", Path("flow"), "--user", "BOB", "--rate", "8000", "--to", At(ports_[0])});
  EXPECT_EQ(Run({"restart", Path("pair.toml")}, &output), 0) << output;
  EXPECT_NE(output.find("2 roles restarted, one at a time"), output.npos) << output;
  EXPECT_LT(output.find("engine.A: it is where the others are"), output.find("engine.B: stopping"))
      << output;
  run.Signal(SIGHUP);
  run.Says("engine.B: started, process ", 3);
  EXPECT_EQ(Run({"restart", Path("pair.toml"), "dedup", "sequencer"}, &output), 0) << output;
  EXPECT_EQ(client.Wait(), 0) << client.Output();
  EXPECT_EQ(AskStatus(&output, {"--wait", "10000"}), 0) << output;
  ExpectEnds({"restart", Path("pair.toml"), "engine.C"}, 2,
             "there is no role \"engine.C\"; there are sequencer, engine.A, engine.B, dedup");
  EXPECT_EQ(run.Stop(SIGINT), 0) << run.Output();
  ExpectSameAsReplay({"day/A", "day/B", "day/merged"});
  ExpectEnds({"restart", Path("pair.toml")}, 5, "no `tandem run` works in day; start it first");
}

TEST_F(RunFile, DoesNotTouchAnEngineThatIsNeeded) {
  WritePair();
  Program run = StartPair({"--restarts", "0"});
  Submit(1'000, "ALICE");
  ASSERT_EQ(::kill(ProcessOf(run, "engine.B"), SIGKILL), 0);
  run.Says("engine.B: was ended by signal 9");
  run.Says("is not restarted any more, after 0 restarts");
  // Nothing was published since, so nothing shows that it is gone but that it is gone.
  ExpectEnds({"restart", Path("pair.toml")}, 1,
             "dedup has nothing from engine B; engine.A is not restarted while it is needed");
  Submit(1'000, "BOB");
  const pid_t before = ProcessOf(run, "engine.A");
  std::string output;
  EXPECT_EQ(AskStatus(&output, {"--wait", "500", "--json"}), 1);
  EXPECT_NE(output.find("{\"healthy\":false,"), output.npos) << output;
  EXPECT_NE(output.find("nothing comes from engine B"), output.npos) << output;
  ExpectEnds({"restart", Path("pair.toml"), "engine.A"}, 1,
             "engine.A is not restarted while it is needed");
  EXPECT_EQ(ProcessOf(run, "engine.A"), before);
  EXPECT_EQ(Run({"restart", Path("pair.toml"), "engine.B"}, &output), 0) << output;
  EXPECT_EQ(AskStatus(&output), 0) << output;
  EXPECT_EQ(run.Stop(SIGTERM), 5) << "one role was left alone: " << run.Output();
  ExpectSameAsReplay({"day/A", "day/B", "day/merged"});
}

TEST_F(RunFile, LeavesAloneWhatARestartDoesNotCure) {
  WritePair();
  {
    Program run = StartPair();
    Submit(1'000, "ALICE");
    EXPECT_EQ(run.Stop(SIGTERM), 0);
  }
  // A byte in the middle of B's log is another one.
  const std::string segment = Path("day/B/00000001.segment");
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(segment) / 2));
  file.put('\x7f').put('\x01').put('\x7f');
  file.close();
  Program run = Start({"run", Path("pair.toml")});
  run.Says("engine.B: ended with code 2 (");
  run.Says("and is not restarted: its options, its log or what it reads are refused");
  Submit(1'000, "BOB");
  EXPECT_EQ(Count(run.Output(), "engine.B: started"), 1u);
  EXPECT_EQ(run.Stop(SIGTERM), 2) << run.Output();
  ExpectSameAsReplay({"day/A", "day/merged"});
}

TEST_F(RunFile, EndsWithItsRolesWhenItIsKilled) {
  WritePair();
  Program run = StartPair();
  std::vector<pid_t> processes;
  for (const std::string role : {"sequencer", "engine.A", "engine.B", "dedup"}) {
    processes.push_back(ProcessOf(run, role));
    EXPECT_TRUE(IsAlive(processes.back()));
  }
  ExpectEnds({"run", Path("pair.toml")}, 2, "another `tandem run` works in day");
  run.Kill();
  for (const pid_t process : processes) {
    for (int i = 0; i < 1'000 && IsAlive(process); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_FALSE(IsAlive(process));
  }
  Program again = StartPair();
  EXPECT_EQ(again.Stop(SIGTERM), 0) << again.Output();
}

TEST_F(RunFile, BecomesOneRoleForSystemd) {
  WritePair();
  Program sequencer = Start({"run", Path("pair.toml"), "--only", "sequencer"});
  sequencer.Says("submissions on");
  std::string output;
  EXPECT_EQ(AskStatus(&output, {"--wait", "300"}), 1) << output;
  EXPECT_NE(output.find("up     sequencer"), output.npos) << output;
  EXPECT_EQ(sequencer.Stop(SIGTERM), 0);
  ExpectEnds({"run", Path("pair.toml"), "--only", "engine.C"}, 2,
             "there is no role \"engine.C\"; the file has sequencer, engine.A, engine.B, dedup");
}

struct Mistake {
  std::string name;
  std::string text;
  std::string error;
};

class RunFileMistakes : public RunFile, public testing::WithParamInterface<Mistake> {};

TEST_P(RunFileMistakes, AreNamedWithLineAndColumn) {
  Write(GetParam().text);
  ExpectEnds({"run", "--check", Path("pair.toml")}, 2, Path("pair.toml") + GetParam().error);
}

const std::string kSequencer =
    "session = \"S\"\n[sequencer]\nsubmissions = 9000\nstream = 9001\n";  // four lines

INSTANTIATE_TEST_SUITE_P(
    All, RunFileMistakes,
    testing::Values(
        Mistake{"Syntax", "session = \n", ":1:"},
        Mistake{"NoRole", "session = \"S\"\n", " names no role; give at least one of [sequencer]"},
        Mistake{"UnknownRole", "[sequenzer]\nstream = 1\n",
                ":1:1: there is no role \"sequenzer\", did you mean \"sequencer\"?"},
        Mistake{"UnknownKey", kSequencer + "durabillity = \"none\"\n",
                ":5:15: [sequencer] has no key \"durabillity\", did you mean \"durability\"?"},
        Mistake{"UnknownSharedKey", "sesion = \"S\"\n[sequencer]\nsubmissions = 1\nstream = 2\n",
                ":1:10: no role has an option \"sesion\", did you mean \"session\"?"},
        Mistake{"WrongType", kSequencer + "durability = true\n",
                ":5:14: durability must be a text or a number, not true or false"},
        Mistake{"FlagThatIsNone", kSequencer + "end-session = \"yes\"\n",
                ":5:15: end-session must be true or false"},
        Mistake{"ListOfTables", kSequencer + "durability = [[1]]\n",
                ":5:15: durability must be a list of texts or numbers"},
        Mistake{"ListForOne", kSequencer + "durability = [\"none\", \"always\"]\n",
                ":5:14: durability takes one value, not a list"},
        Mistake{"WrongValue", kSequencer + "durability = \"often\"\n", ":5:14: [sequencer]: "},
        Mistake{"WrongPort", kSequencer + "[engine.A]\nstream = \"here\"\n", ":6:10: [engine.A]: "},
        Mistake{"Missing", "session = \"S\"\n[sequencer]\nstream = 9001\n",
                ":2:1: [sequencer]: --submissions is required"},
        Mistake{"EngineWithoutName", kSequencer + "[engine]\nstream = 9002\n",
                ":5:1: each engine needs a name; write [engine.A]"},
        Mistake{"TwoSequencers", "[sequencer.A]\nstream = 1\n[sequencer.B]\nstream = 2\n",
                ":1:1: there is one sequencer only; write [sequencer]"},
        Mistake{"DedupOfOneEngine", kSequencer + "[engine.A]\nstream = 9002\n[dedup]\nstream = 3\n",
                ":7:1: [dedup] needs b = \"HOST:PORT\", the stream of an engine: this file has 1 "
                "engines"},
        Mistake{"RecordOfNobody", kSequencer + "[record]\nof = \"dedup\"\n",
                ":6:6: \"dedup\" is neither a role of this file nor HOST:PORT"},
        Mistake{"OnePortForTwo", kSequencer + "[engine.A]\nstream = 9001\n",
                ": sequencer and engine.A both have the port of the stream 127.0.0.1:9001"},
        Mistake{"OneLogForTwo", kSequencer + "[engine.A]\nlog = \"./input\"\nstream = 9002\n",
                ": sequencer and engine.A both have the log input"}),
    [](const testing::TestParamInfo<Mistake>& info) { return info.param.name; });

TEST_F(RunFile, ThatIsRightIsShownAsCommands) {
  Write(
      "session = \"S\"\nfolder = \"./day/\"\napp = \"book\"\n"
      "[sequencer]\nsubmissions = 9000\nstream = \"0.0.0.0:9001\"\ndurability = \"always\"\n"
      "[engine.B]\nstream = 9003\n[engine.A]\nstream = 9002\nzone-limit = \"1GiB\"\n"
      "[dedup.D1]\nstream = 9004\n[dedup.D2]\nstream = 9005\nlog = \"/else/where\"\n"
      "[record]\nof = [\"dedup.D2\"]\n");
  std::string output;
  EXPECT_EQ(Run({"run", "--check", Path("pair.toml")}, &output), 0) << output;
  EXPECT_EQ(output,
            "sequencer    tandem sequencer --app book --durability always --log day/input "
            "--session S --stream 0.0.0.0:9001 --submissions 9000\n"
            "engine.B     tandem engine --app book --input 127.0.0.1:9001 --log day/B --name B "
            "--stream 9003\n"
            "engine.A     tandem engine --app book --input 127.0.0.1:9001 --log day/A --name A "
            "--stream 9002 --zone-limit 1GiB\n"
            "dedup.D1     tandem dedup --a 127.0.0.1:9003 --b 127.0.0.1:9002 --log day/merged-D1 "
            "--stream 9004\n"
            "dedup.D2     tandem dedup --a 127.0.0.1:9003 --b 127.0.0.1:9002 --log /else/where "
            "--stream 9005\n"
            "record       tandem record 127.0.0.1:9005 --output day/record\n" +
                Path("pair.toml") + ": 6 roles, nothing wrong\n");
}

TEST_F(RunFile, StatusShowsADivergence) {
  const auto free = tools::FreePorts(5);
  ASSERT_TRUE(free.ok());
  ports_ = *free;
  Write("session = \"TEST\"\nfolder = \"day\"\n[sequencer]\nsubmissions = " + Port(0) +
        "\nstream = " + Port(1) + "\n[engine.A]\nstream = " + Port(2) +
        "\n[engine.B]\nplant-bitflip = 500\nstream = " + Port(3) +
        "\n[dedup]\nstream = " + Port(4) + "\n");
  Program run = StartPair();
  std::string output;
  ASSERT_EQ(Run({"generate", "--orders", "3000", "--cancel-all", "-o", Path("flow")}, &output), 0);
  ASSERT_EQ(Run({"submit", Path("flow"), "--user", "BOB", "--to", At(ports_[0])}, &output), 0);
  EXPECT_EQ(AskStatus(&output, {"--wait", "2000"}), 1) << output;
  EXPECT_NE(output.find("NOT HEALTHY: dedup: the copies differ at output "), output.npos) << output;
  EXPECT_EQ(run.Stop(SIGTERM), 4) << run.Output();
}

TEST_F(RunFile, AuditsTheStatesOfItsEnginesWithoutDisturbingThem) {
  const auto free = tools::FreePorts(5);
  ASSERT_TRUE(free.ok());
  ports_ = *free;
  Write("session = \"TEST\"\nfolder = \"day\"\n[sequencer]\nsubmissions = " + Port(0) +
        "\nstream = " + Port(1) + "\n[engine.A]\nimages = \"day/images-A\"\nstream = " + Port(2) +
        "\n[engine.B]\nimages = \"day/images-B\"\nstream = " + Port(3) +
        "\n[dedup]\nstream = " + Port(4) + "\n[audit]\nevery = 0.02\n");
  Program run = StartPair();
  Submit(2'000, "ALICE");
  std::string output;
  const auto until = [&](const std::string& what, const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    while (!is_so()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what << ": " << output;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  const auto snapshot = [&](const std::string& engine) {
    until("the sequencer hears of engine " + engine, [&] {
      output.clear();
      return Run({"control", At(ports_[0]), "snapshot", engine}, &output) == 0;
    });
  };
  const auto audit_says = [&](const std::string& text) {
    until("the audit says " + text, [&] {
      std::ifstream file(Path("day/audit.json"));
      output = {std::istreambuf_iterator<char>(file), {}};
      return output.find(text) != output.npos;
    });
  };
  snapshot("A");
  snapshot("B");
  audit_says("\"same_b\":1,");
  EXPECT_EQ(AskStatus(&output, {"--wait", "10000"}), 0) << output;
  EXPECT_NE(output.find("the same: "), output.npos) << output;
  const pid_t engine_a = ProcessOf(run, "engine.A");

  // Behind the last order, so that no output can show it.
  ASSERT_EQ(::kill(ProcessOf(run, "engine.B"), SIGTERM), 0);
  run.Says("engine.B: ended with code 0 and is not restarted");
  const std::string at = std::to_string(ReadLog("day/input").size() + 1);
  Program flipped =
      Start({"engine", "--name", "B", "--input", At(ports_[1]), "--log", Path("day/B"), "--images",
             Path("day/images-B"), "--stream", At(ports_[3]), "--plant-bitflip", at});
  flipped.Says("state damaged after input ");
  snapshot("B");
  run.Says("audit: ended with code 4");
  audit_says("found a difference, see day/audit.incidents/");
  const std::string incident =
      std::filesystem::directory_iterator(Path("day/audit.incidents"))->path().string();
  EXPECT_EQ(Run({"incident", "show", incident}, &output), 0) << output;
  EXPECT_NE(output.find("STATE INCIDENT: the state of engine B after input "), output.npos)
      << output;
  EXPECT_NE(output.find("differs:   1 field; 1 byte in all"), output.npos) << output;
  EXPECT_NE(output.find("verdict:   damage"), output.npos) << output;
  output.clear();
  EXPECT_EQ(AskStatus(&output, {"--wait", "1000"}), 1) << output;
  EXPECT_NE(output.find("\nDOWN   audit "), output.npos) << output;
  EXPECT_NE(output.find("NOT HEALTHY: audit: a state is not what its input makes of it, see "
                        "day/audit.incidents/"),
            output.npos)
      << output;
  EXPECT_EQ(Count(output, "NOT HEALTHY"), 1u) << output;
  EXPECT_EQ(ProcessOf(run, "engine.A"), engine_a);
  EXPECT_EQ(Count(run.Output(), "engine.A: started"), 1u);
  EXPECT_EQ(flipped.Stop(SIGTERM), 0) << flipped.Output();
  EXPECT_EQ(run.Stop(SIGTERM), 4) << run.Output();
  ExpectSameAsReplay({"day/A", "day/B", "day/merged"});
}

TEST_F(RunFile, LeadsBackFromAnIncident) {
  WritePair("policy = \"agree\"\n");
  Program run = StartPair();
  Submit(1'000, "ALICE");
  ASSERT_EQ(::kill(ProcessOf(run, "engine.B"), SIGTERM), 0);
  run.Says("engine.B: ended with code 0 and is not restarted");
  // By hand in its place, and then a bit of its state flips.
  Program flipped = Start({"engine", "--name", "B", "--input", At(ports_[1]), "--log",
                           Path("day/B"), "--stream", At(ports_[3]), "--plant-bitflip", "1100"});
  std::string output;
  ASSERT_EQ(Run({"generate", "--orders", "2000", "--cancel-all", "-o", Path("flow")}, &output), 0);
  ASSERT_EQ(Run({"submit", Path("flow"), "--user", "BOB", "--to", At(ports_[0])}, &output), 0);
  run.Says("dedup: started, process ");
  const std::string incidents = Path("day/merged.incidents");
  std::string incident;
  for (int waited = 0; incident.empty(); ++waited) {
    ASSERT_LT(waited, 3'000) << "the copies are not found to differ";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (!std::filesystem::exists(incidents)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(incidents)) {
      if (!entry.path().filename().string().starts_with(".")) incident = entry.path();
    }
  }
  const auto say = [&](const std::string& verb, Words words) {
    words.insert(words.begin(), {"incident", verb, incident});
    EXPECT_EQ(Run(words, &output), 0) << verb << ": " << output;
  };
  say("judge", {"--input", Path("day/input"), "--runs", "2"});
  EXPECT_NE(output.find("engine B was damaged or lied; keep A"), output.npos) << output;
  say("resolve", {"--keep", "A", "--wait", "60"});
  EXPECT_EQ(flipped.Stop(SIGTERM), 0) << flipped.Output();
  say("rebuild", {"--engine", Path("day/B")});
  EXPECT_NE(output.find("which differs at output "), output.npos) << output;
  EXPECT_EQ(Run({"restart", Path("pair.toml"), "engine.B"}, &output), 0) << output;
  say("show", {});
  EXPECT_NE(output.find("state: closed: "), output.npos) << output;
  EXPECT_EQ(AskStatus(&output, {"--wait", "10000"}), 0) << output;
  EXPECT_EQ(run.Stop(SIGTERM), 0) << run.Output();
  ExpectSameAsReplay({"day/A", "day/B", "day/merged"});
}

}  // namespace
}  // namespace tandem::test
