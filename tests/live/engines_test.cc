// SPDX-License-Identifier: Apache-2.0
//
// Live engines that die, hang, begin late, keep a copy of their input and change their behaviour.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "engine/live/engine_role.h"
#include "engine/transport/unsequenced.h"
#include "tests/live/role_thread.h"
#include "tests/live/trial_pair.h"
#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

constexpr int kSegv = 128 + SIGSEGV;

class Engines : public TrialPair {
 protected:
  /// Three inputs, then one that does harm, then two more.
  void WriteHarm(trial::pb::Harm::Kind kind) {
    Write({Add(1), Add(2), Add(3), Harm(kind, "a note"), Add(4), Add(5)});
  }
};

TEST_F(Engines, BeginFromNothingAtAnyTimeWhileMessagesGoOn) {
  Write(Adds(30'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartEngine(sequencer, "a");
  Program b = StartWithCopy(sequencer, "b");
  Submit(sequencer, 1, 2000);
  Program late = StartWithCopy(sequencer, "late");
  Submit(sequencer, 2001, 4000);
  AwaitSame("late-input", "input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("late-input", "input");
  AwaitSame("b", "a");
  AwaitSame("late", "a");
  for (Program* program : {&a, &b, &late}) EXPECT_EQ(program->Stop(SIGTERM), 0);
  ExpectReplays("a");
  ExpectSame("b", "a");
  ExpectSame("late", "a");
  ExpectSame("late-input", "input");
}

TEST_F(Engines, StepFromTheirCopyAndAskOnlyForWhatFollows) {
  Write(Adds(1000));
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartWithCopy(sequencer, "a");
  AwaitMessages("a", 999);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a-input", "input");
  engine.Kill();
  engine.Wait();
  ExpectSame("a-input", "input");
  const std::size_t count = ReadLog("a-input").size();
  // Without a sequencer it steps what it had stepped, and waits.
  engine = StartWithCopy(sequencer, "a");
  EXPECT_TRUE(engine.Says("its log is verified up to output"));
  sequencer = StartSequencer("input", {}, &sequencer);
  EXPECT_TRUE(engine.Says("reading input from " + std::to_string(count + 1) + " at "));
  Submit(sequencer, 1, 10);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a-input", "input");
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

TEST_F(Engines, GoOnFromTheirOwnLogCutAnywhereInAnInputWithAThousandOutputs) {
  Write({Add(1, 3), Add(2, 1000), Add(3, 2)});
  Sequencer sequencer = StartSequencer("input", {"--end-session"});
  {
    Program engine = StartEngine(sequencer, "best");
    AwaitMessages("best", 1006);
    EXPECT_EQ(engine.Stop(SIGTERM), 0);
  }
  for (const std::uint64_t count : {1, 3, 4, 500, 1002, 1003, 1005}) {
    std::filesystem::remove_all(Path("a"));
    std::filesystem::copy(Path("best"), Path("a"));
    Cut("a", count);
    Program engine = StartWithCopy(sequencer, "a");
    AwaitMessages("a", 1006);
    EXPECT_EQ(engine.Stop(SIGTERM), 0);
    ExpectSame("a", "best");
  }
}

TEST_F(Engines, StopWhenTheirCopyIsNotWhatTheSequencerHas) {
  Write(Adds(10));
  Write(Adds(9), "other");
  Write({Add(77), Add(78), Add(79)}, "other");
  Sequencer sequencer = StartSequencer("other");
  Program engine = StartWithCopy(sequencer, "b");
  AwaitMessages("b-input", 12);
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Cut("b-input", 11);
  Cut("b", 0);
  Write(Adds(30));
  sequencer = StartSequencer("input", {}, &sequencer);
  engine = StartWithCopy(sequencer, "b");
  EXPECT_EQ(engine.Wait(), 4);
  EXPECT_TRUE(Sentence(engine).starts_with("input forked at 12 or before it: input 12 "))
      << Sentence(engine);
  EXPECT_EQ(ReadLog("b-input").size(), 11u);
}

TEST_F(Engines, StopWhenTheSequencerHasLessThanTheirCopyAndSayHowItGetsItBack) {
  Write(Adds(10));
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartWithCopy(sequencer, "a");
  AwaitSame("a-input", "input");
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Cut("input", 5);
  Cut("a", 0);
  sequencer = StartSequencer("input", {"--end-session"}, &sequencer);
  engine = StartWithCopy(sequencer, "a");
  EXPECT_EQ(engine.Wait(), 4);
  const std::string sentence = Sentence(engine);
  EXPECT_NE(sentence.find("has inputs up to "), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("start it with --replica "), std::string::npos) << sentence;
}

TEST_F(Engines, StopAtAnInputThatKillsThemAndPassItOnceItIsSkipped) {
  WriteHarm(trial::pb::Harm::DIE);
  Sequencer sequencer = StartSequencer("input");
  for (const bool with_copy : {false, true}) {
    const std::string name = with_copy ? "b" : "a";
    const auto start = [&](Words more = {}) {
      return with_copy ? StartWithCopy(sequencer, name, more) : StartEngine(sequencer, name, more);
    };
    for (int death = 1; death <= 3; ++death) {
      Program engine = start();
      EXPECT_EQ(engine.Wait(), kSegv);
      if (death > 1) {
        EXPECT_NE(engine.Output().find("died in the step of this input, " +
                                       std::to_string(death - 1) + " times in a row: 4 "),
                  std::string::npos)
            << engine.Output();
      }
    }
    for (int again = 0; again < 2; ++again) {
      Program engine = start();
      EXPECT_EQ(engine.Wait(), 5);
      const std::string sentence = Sentence(engine);
      EXPECT_TRUE(sentence.starts_with("engine " + name +
                                       " died 3 times in a row in the step of "
                                       "one input, so it is not stepped again: 4 "))
          << sentence;
      for (const char* part : {"Harm", "EVIL", "kind: DIE", "a note", "--from 4 --to 4`",
                               "`tandem control SUBMISSIONS skip 4 --reason TEXT`"}) {
        EXPECT_NE(sentence.find(part), std::string::npos) << part << ": " << sentence;
      }
    }
    Program engine = start({"--deaths-max", "0"});
    EXPECT_EQ(engine.Wait(), kSegv);
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Write({Skip(4, "it kills"), Add(6)});
  sequencer = StartSequencer("input", {}, &sequencer);
  Program a = StartEngine(sequencer, "a");
  Program b = StartWithCopy(sequencer, "b");
  for (const char* log : {"a", "b"}) {
    AwaitMessages(log, 7);
    EXPECT_EQ(Answers(log), (Words{"1: 1", "2: 3", "3: 6", "4: skipped for EVIL, it kills", "5: 10",
                                   "6: 15", Answers(log).back()}));
  }
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(b.Stop(SIGTERM), 0);
  ExpectSame("a", "b");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

TEST_F(Engines, FindASkipThatIsFurtherAheadThanTheyHold) {
  std::vector<Input> inputs = {Add(1), Harm(trial::pb::Harm::DIE)};
  Input silent = Harm(trial::pb::Harm::NONE, std::string(1000, 'x'));
  inputs.insert(inputs.end(), 20'000, silent);
  inputs.push_back(Add(2));
  inputs.push_back(Skip(2, "far ahead"));
  Write(inputs);
  Sequencer sequencer = StartSequencer("input", {"--end-session"});
  Program a = StartEngine(sequencer, "a");
  Program b = StartWithCopy(sequencer, "b");
  for (const char* log : {"a", "b"}) {
    AwaitMessages(log, 4);
    EXPECT_EQ(Answers(log),
              (Words{"1: 1", "2: skipped for EVIL, far ahead", "20003: 3", "20005: type 2"}));
  }
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(b.Stop(SIGTERM), 0);
}

TEST_F(Engines, ReadALongInputOnceWhereTheSequencerHasNoSkip) {
  const auto times_read = [this](const std::string& name, bool has_skip) {
    std::vector<Input> inputs = {Add(1), Add(2)};
    const Input silent = Harm(trial::pb::Harm::NONE, std::string(1000, 'x'));
    inputs.insert(inputs.end(), 20'000, silent);
    if (has_skip) inputs.push_back(Skip(2, "far ahead"));
    Write(inputs, "input-" + name);
    Sequencer sequencer = StartSequencer("input-" + name, {"--end-session"});
    Program engine = StartEngine(sequencer, name);
    AwaitMessages(name, 3);
    EXPECT_EQ(engine.Stop(SIGTERM), 0);
    const std::string said = engine.Output();
    std::size_t times = 0;
    for (auto at = said.find("reading input from"); at != std::string::npos;
         at = said.find("reading input from", at + 1)) {
      ++times;
    }
    return times;
  };
  EXPECT_EQ(times_read("a", false), 1u);
  EXPECT_EQ(times_read("b", true), 2u);
}

TEST_F(Engines, AreNotSuspectedWhenTheyAreKilledBetweenSteps) {
  Write(Adds(20));
  Sequencer sequencer = StartSequencer("input", {"--end-session"});
  for (int i = 0; i < 5; ++i) {
    Program engine = StartWithCopy(sequencer, "a");
    AwaitMessages("a", Answers("a").size() > 2 ? Answers("a").size() : 20);
    EXPECT_TRUE(engine.Says("reading input from"));
    engine.Kill();
    engine.Wait();
    EXPECT_EQ(engine.Output().find("died in the step"), std::string::npos) << engine.Output();
  }
}

TEST_F(Engines, AreEndedByTheWatchdogInAStepThatNeverEnds) {
  WriteHarm(trial::pb::Harm::LOOP);
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartEngine(sequencer, "a", {"--step-limit", "0.2"});
  EXPECT_EQ(engine.Wait(), 5);
  EXPECT_TRUE(Sentence(engine).starts_with(
      "engine a: the step of input 4 (type 101 from EVIL) has not ended within 0.2 s "
      "(--step-limit), so the process ends; "))
      << Sentence(engine);
  // It is a death like another one.
  engine = StartEngine(sequencer, "a", {"--step-limit", "0.2", "--deaths-max", "1"});
  EXPECT_EQ(engine.Wait(), 5);
  EXPECT_NE(Sentence(engine).find("kind: LOOP"), std::string::npos) << Sentence(engine);
}

TEST_F(Engines, StopAtAnInputThatNeedsMoreMemoryThanThereIs) {
  WriteHarm(trial::pb::Harm::ALLOCATE);
  Sequencer sequencer = StartSequencer("input");
  const Words small = {"--zone-limit", "1MiB", "--deaths-max", "1"};
  Program engine = StartEngine(sequencer, "a", small);
  EXPECT_EQ(engine.Wait(), 3);
  engine = StartEngine(sequencer, "a", small);
  EXPECT_EQ(engine.Wait(), 5);
  EXPECT_NE(Sentence(engine).find("kind: ALLOCATE"), std::string::npos) << Sentence(engine);
}

TEST_F(Engines, ChangeTheirBehaviourWhereTheInputSaysAndReplayAsRecorded) {
  Write({Add(1), Add(1), Activate(2), Add(1), Add(1)});
  Sequencer sequencer = StartSequencer("input", {"--end-session"});
  Program engine = StartEngine(sequencer, "a");
  AwaitMessages("a", 6);
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  EXPECT_EQ(Answers("a"), (Words{"1: 1", "2: 2", "3: version 2", "4: 4", "5: 6", "6: type 2"}));
  ExpectReplays("a");
  // A build that knows version 1 only stops before the change, live and in a replay.
  engine = StartEngine(sequencer, "old", {}, "trial1");
  EXPECT_EQ(engine.Wait(), 2);
  const std::string sentence =
      "input message 3 activates behaviour version 2 of the application, but this build of "
      "\"trial\" knows versions up to 1, so it stops before it; run a build that knows it";
  EXPECT_EQ(Sentence(engine), sentence);
  EXPECT_EQ(Answers("old"), (Words{"1: 1", "2: 2"}));
  ExpectEnds({"replay", Path("input"), "--app", "trial1", "-o", Path("out")}, 2, sentence);
  EXPECT_EQ(Answers("out"), (Words{"1: 1", "2: 2"}));
}

TEST_F(Engines, RefuseOptionsThatDoNotGoTogether) {
  const Words engine = {"engine", "--name",  "A",        "--input", "1",
                        "--log",  Path("a"), "--stream", "0"};
  const auto with = [&](const Words& more) {
    Words words = engine;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  ExpectEnds(with({"--input-stream", "0"}), 2, "give --input-log FOLDER");
  ExpectEnds(with({"--input-log", Path("a") + "/"}), 2, "--log and --input-log are one folder");
  ExpectEnds(with({"--input-log", Path("b"), "--input-stream", "1"}), 2, "are both port 1");
  ExpectEnds(with({"--step-limit", "-1"}), 2, "\"-1\" is no time; give seconds");
  EXPECT_FALSE(std::filesystem::exists(Path("a")));
  EXPECT_FALSE(std::filesystem::exists(Path("a.progress")));
}

/// What an engine tells the sequencer that it reads from.
TEST_F(Engines, SayToTheirSequencerHowFarTheyAre) {
  TestStream stream("TEST");
  RawServer server;
  EchoApplication application;
  replay::PosixStorage storage;
  engine::EngineRoleOptions options;
  options.name = "A";
  options.folder = Path("a");
  options.input = {.host = "127.0.0.1", .port = std::to_string(server.port())};
  options.stream = {.host = "127.0.0.1", .port = "0"};
  CapturedLog log;
  RoleThread<engine::EngineRole> engine(options, application, storage);
  std::string login;
  RawPeer peer = server.AcceptLoginOf(&login);
  peer.AcceptLogin("TEST", 1);
  pb::Status status;
  status.set_role("sequencer");
  status.set_number(2);
  peer.SendBytes(Packet('U', TextOf(engine::UnsequencedMessage(status))));
  const Bytes first = stream.Add(200, "ab");
  const Bytes second = stream.Add(200, "c");
  const Bytes third = stream.Add(200, "");
  // It looks ahead up to 2 before it steps 1.
  peer.Send('S', TextOf(first));
  std::vector<std::uint64_t> inputs;
  pb::Status told;
  const auto next = [&](std::uint64_t until) {
    for (;;) {
      const std::string packet = peer.Next();
      if (packet.empty()) return ADD_FAILURE() << "the engine has gone";
      if (packet[0] != 'U') continue;
      ASSERT_TRUE(told.ParseFromString(packet.substr(1 + sizeof(proto::Header))));
      if (inputs.empty() || inputs.back() != told.input_number()) {
        inputs.push_back(told.input_number());
      }
      if (told.input_number() >= until) return;
    }
  };
  next(0);
  EXPECT_EQ(told.stepped_number(), 0u);
  peer.Send('S', TextOf(second));
  next(2);
  EXPECT_EQ(told.role(), "engine");
  EXPECT_EQ(told.number(), 3u);
  EXPECT_EQ(told.stepped_number(), 2u);
  peer.Send('S', TextOf(third));
  next(3);
  EXPECT_EQ(told.number(), 3u) << "an input without outputs is told of too";
  EXPECT_EQ(inputs, (std::vector<std::uint64_t>{0, 2, 3}));
  EXPECT_EQ(engine.Stop(), ExitCode::kYes);
}

}  // namespace
}  // namespace tandem::test
