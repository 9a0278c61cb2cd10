// SPDX-License-Identifier: Apache-2.0
//
// A sequencer that has lost inputs takes them back from its engines' copies.
#include <csignal>
#include <filesystem>

#include "tests/live/trial_pair.h"

namespace tandem::test {
namespace {

class TakeBacks : public TrialPair {
 protected:
  static Words From(Program& engine) {
    return {"--replica", At(engine.PortAfter("copy of the input on "))};
  }
  static Words And(Words a, const Words& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
};

TEST_F(TakeBacks, RestoreALogOfAnyLengthAndNobodyIsForkedOrHeardTwice) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartWithCopy(sequencer, "a");
  const Words replica = From(engine);
  std::uint64_t submitted = 0;
  for (const std::uint64_t count : {0, 1, 2, 150, 299, 1000}) {
    Submit(sequencer, submitted + 1, submitted + 100);
    submitted += 100;
    AwaitSame("a-input", "input");
    EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
    AwaitSame("a-input", "input");
    const std::uint64_t had = ReadLog("input").size();
    const std::uint64_t left = std::min<std::uint64_t>(count, had);
    Cut("input", left);
    sequencer = StartSequencer("input", replica, &sequencer);
    if (left < had) {
      EXPECT_TRUE(sequencer.program.Says("took back " + std::to_string(had - left) +
                                         " input messages, " + std::to_string(left + 1) + " to " +
                                         std::to_string(had) + ", that this log had lost"));
    } else {
      EXPECT_TRUE(sequencer.program.Says("nothing to take back"));
    }
  }
  Submit(sequencer, submitted + 1, submitted + 100);
  AwaitSame("a-input", "input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a-input", "input");
  EXPECT_TRUE(engine.running()) << engine.Output();
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  ExpectSame("a-input", "input");
  ExpectVerifies("input");
  ExpectReplays("a");
  EXPECT_EQ(Answers("a").size(), submitted + 100);
}

TEST_F(TakeBacks, TakeTheLongestOfSeveralCopies) {
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithCopy(sequencer, "a");
  Submit(sequencer, 1, 50);
  AwaitSame("a-input", "input");
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  Program b = StartWithCopy(sequencer, "b");
  Submit(sequencer, 51, 100);
  AwaitSame("b-input", "input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("b-input", "input");
  const std::uint64_t had = ReadLog("b-input").size();
  Cut("input", 20);
  a = StartWithCopy(sequencer, "a");
  sequencer = StartSequencer("input", And(From(a), From(b)), &sequencer);
  EXPECT_TRUE(sequencer.program.Says("took back " + std::to_string(had - 20)));
  AwaitSame("a-input", "input");
  Submit(sequencer, 101, 110);
  AwaitSame("a-input", "input");
  AwaitSame("b-input", "input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a", "b");
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(b.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

TEST_F(TakeBacks, GoOnWithoutACopyThatDoesNotAnswerAndWithOneThatHasNoLogYet) {
  RawServer silent;
  Sequencer sequencer = StartSequencer(
      "input", {"--replica", At(silent.port()), "--replica-wait", "0.3", "--replica", At(1)});
  EXPECT_TRUE(sequencer.program.Says("the engine's copy of the input at " + At(silent.port()) +
                                     " has not answered within 0.300 s (--replica-wait)"));
  EXPECT_TRUE(sequencer.program.Says("the engine's copy of the input at " + At(1) +
                                     " has not answered within 0.300 s (--replica-wait): it "
                                     "cannot be reached"));
  // Nobody has input yet: an engine that says so has answered.
  Program engine =
      StartWithCopy({.program = Start({"--version"}), .submissions = 1, .stream = 1}, "a");
  const Words replica = And(From(engine), {"--replica-wait", "1000"});
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Cut("input", 0);
  sequencer = StartSequencer("input", replica, &sequencer);
  EXPECT_TRUE(sequencer.program.Says("nothing to take back"));
}

TEST_F(TakeBacks, EndWithoutFailureWhenSomebodyStopsTheSequencer) {
  RawServer silent;
  Program sequencer =
      Start({"sequencer", "--session", "LIVE", "--log", Path("input"), "--submissions", "0",
             "--stream", "0", "--replica", At(silent.port()), "--replica-wait", "1000"});
  ASSERT_TRUE(sequencer.Says("asking the engine's copy of the input at " + At(silent.port())));
  EXPECT_EQ(sequencer.Stop(SIGTERM), 0) << sequencer.Output();
  EXPECT_TRUE(sequencer.Says("stopped before lost input was taken back"));
}

TEST_F(TakeBacks, StopAtACopyThatHasAnotherMessageThanTheLog) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartWithCopy(sequencer, "a");
  const Words replica = From(engine);
  Submit(sequencer, 1, 50);
  AwaitSame("a-input", "input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a-input", "input");
  const std::uint64_t has = ReadLog("a-input").size();
  for (const std::uint64_t more : {1u, 100u}) {  // the log is shorter than the copy; it is longer
    Cut("input", 30);
    Write(Adds(static_cast<int>(more)));
    const std::uint64_t first = std::min(has, 30 + more);
    Words words = {"sequencer", "--log", Path("input"), "--submissions", "0", "--stream", "0"};
    ExpectEnds(And(words, replica), 4,
               "input forked at " + std::to_string(first) +
                   " or before it: the engine's copy of the input at " + replica[1] +
                   " has another message " + std::to_string(first) + " than the log " +
                   Path("input"));
    EXPECT_EQ(ReadLog("input").size(), 30 + more);
    Cut("input", 30);
    Cut("input.old", 0);
  }
}

TEST_F(TakeBacks, StopAtCopiesThatDiffer) {
  Write(Adds(20));
  std::filesystem::copy(Path("input"), Path("a-input"));
  std::filesystem::copy(Path("input"), Path("b-input"));
  Write({Add(1)}, "a-input");
  Write({Add(2), Add(3)}, "b-input");
  const Sequencer none{.program = Start({"--version"}), .submissions = 1, .stream = 1};
  Program a = StartWithCopy(none, "a");
  Program b = StartWithCopy(none, "b");
  Words words = {"sequencer", "--log", Path("input"), "--submissions", "0", "--stream", "0"};
  ExpectEnds(And(And(words, From(a)), From(b)), 4, "input forked at 21 or before it: ");
  EXPECT_EQ(ReadLog("input").size(), 20u);
}

TEST_F(TakeBacks, RefuseAPortThatServesSomethingElse) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartWithCopy(sequencer, "a");
  Submit(sequencer, 1, 5);
  AwaitMessages("a", 5);
  const std::string output = At(engine.PortAfter("output on "));
  ExpectEnds({"sequencer", "--log", Path("other"), "--session", "TEST", "--submissions", "0",
              "--stream", "0", "--replica", output},
             2,
             output +
                 " serves the output stream of engine a; give --replica the --input-stream "
                 "of an engine");
  ExpectEnds({"sequencer", "--log", Path("other"), "--session", "TEST", "--submissions", "0",
              "--stream", "0", "--replica", "nonsense:x"},
             2, "--replica: ");
  EXPECT_FALSE(std::filesystem::exists(Path("other"))) << "a refused start has begun a log";
}

}  // namespace
}  // namespace tandem::test
