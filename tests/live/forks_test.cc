// SPDX-License-Identifier: Apache-2.0
//
// Readers that have more than their server, and readers of the wrong port: each says so in one
// sentence, ends or waits as it should, and writes nothing that is wrong.
#include <csignal>
#include <ctime>
#include <filesystem>
#include <thread>

#include "engine/context.h"
#include "engine/live/dedup_role.h"
#include "engine/live/engine_role.h"
#include "engine/live/record_role.h"
#include "engine/live/sequencer_role.h"
#include "engine/transport/unsequenced.h"
#include "tandem/status.pb.h"
#include "tests/live/live_test.h"
#include "tests/live/role_thread.h"
#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;
using Epochs = std::vector<std::uint32_t>;

const engine::Endpoint kAnyPort{.host = "127.0.0.1", .port = "0"};

engine::Endpoint EndpointOf(const RawServer& server) {
  return {.host = "127.0.0.1", .port = std::to_string(server.port())};
}

/// What a server of this role says that has messages up to `number`.
/// `at`: message `number`, if the role says where it stands.
std::string StatusOf(const std::string& role, std::uint64_t number, std::uint64_t process = 1,
                     const proto::Header& at = {}) {
  pb::Status status;
  status.set_role(role);
  status.set_name("X");
  status.set_process(process);
  status.set_number(number);
  status.set_digest(at.digest);
  status.set_input_number(at.origin);
  return Packet('U', TextOf(engine::UnsequencedMessage(status)));
}

/// Readers in this process, of servers in the hands of the test.
class Readers : public LiveTest {
 protected:
  Readers() {
    limits_.backoff = std::chrono::milliseconds(20);
    for (int i = 0; i < 6; ++i) messages_.push_back(stream_.Add(200, "ab"));
  }
  engine::EngineRoleOptions Engine(const RawServer& input) const {
    return {.name = "A",
            .folder = Path("a"),
            .input = EndpointOf(input),
            .stream = kAnyPort,
            .limits = limits_};
  }
  engine::DedupRoleOptions Dedup(const RawServer& a, const RawServer& b) const {
    engine::DedupRoleOptions options;
    options.folder = Path("merged");
    options.engines = {EndpointOf(a), EndpointOf(b)};
    options.stream = kAnyPort;
    options.limits = limits_;
    return options;
  }
  engine::RecordRoleOptions Record(const RawServer& from) const {
    return {.folder = Path("recorded"), .from = EndpointOf(from), .limits = limits_};
  }
  /// Answers a login from message `next` on, as a server of `role` that has messages up to `last`.
  RawPeer Serve(RawServer& server, const std::string& role, std::uint64_t next,
                std::uint64_t last) {
    std::string login;
    RawPeer peer = server.AcceptLoginOf(&login);
    EXPECT_NE(login.find(" " + std::to_string(next) + " "), std::string::npos) << login;
    peer.AcceptLogin("TEST", next);
    peer.SendBytes(StatusOf(role, last, server.port(), HeaderOf(last)));
    for (std::uint64_t i = next; i <= last; ++i) peer.Send('S', TextOf(messages_[i - 1]));
    return peer;
  }
  [[nodiscard]] proto::Header HeaderOf(std::uint64_t number) const {
    return number == 0 ? proto::Header{} : test::View(messages_[number - 1]).header;
  }
  /// The only error that was logged.
  std::string Sentence() {
    const Words errors = log_.errors();
    EXPECT_EQ(errors.size(), 1u) << log_.text();
    return errors.empty() ? "" : errors[0];
  }

  engine::ConnectionLimits limits_;
  CapturedLog log_;
  replay::PosixStorage storage_;
  TestStream stream_{"TEST"};
  std::vector<Bytes> messages_;
};

TEST_F(Readers, ThatStepStopWhenTheSequencerHasLessThanTheyActedOn) {
  RawServer server;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(Engine(server), application, storage_);
  Serve(server, "sequencer", 1, 4).HalfClose();
  AwaitMessages("a", 8);
  RawPeer peer = Serve(server, "sequencer", 5, 2);
  EXPECT_EQ(engine.Wait(), ExitCode::kDivergence);
  const std::string sentence = Sentence();
  EXPECT_TRUE(sentence.starts_with(
      "input forked at 3 or before it: engine A has acted on inputs up to 4, but "
      "the sequencer at " +
      At(server.port()) + " has only 2: it has lost the others; "))
      << sentence;
  EXPECT_EQ(ReadLog("a").size(), 8u);
}

TEST_F(Readers, ThatStepAgainStopWhenTheSequencerHasLessThanTheirOwnLogAnswers) {
  RawServer server;
  {
    EchoApplication application;
    RoleThread<engine::EngineRole> engine(Engine(server), application, storage_);
    RawPeer peer = Serve(server, "sequencer", 1, 4);
    AwaitMessages("a", 8);
    EXPECT_EQ(engine.Stop(), ExitCode::kYes);
  }
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(Engine(server), application, storage_);
  RawPeer peer = Serve(server, "sequencer", 1, 3);
  EXPECT_EQ(engine.Wait(), ExitCode::kDivergence);
  EXPECT_TRUE(Sentence().starts_with(
      "input forked at 4 or before it: engine A has acted on inputs up to 4"));
  EXPECT_EQ(ReadLog("a").size(), 8u);
}

TEST_F(Readers, ThatStepWaitForASequencerThatIsLevelWithThem) {
  RawServer server;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(Engine(server), application, storage_);
  Serve(server, "sequencer", 1, 4).HalfClose();
  AwaitMessages("a", 8);
  RawPeer peer = Serve(server, "sequencer", 5, 4);
  peer.Send('S', TextOf(messages_[4]));
  AwaitMessages("a", 10);
  EXPECT_EQ(engine.Stop(), ExitCode::kYes);
  EXPECT_EQ(log_.errors(), Words{});
}

TEST_F(Readers, ThatRecordStopWhenASequencerHasLost) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Record(server), storage_);
  Serve(server, "sequencer", 1, 4).HalfClose();
  AwaitMessages("recorded", 4);
  RawPeer peer = Serve(server, "sequencer", 5, 2);
  EXPECT_EQ(recorder.Wait(), ExitCode::kDivergence);
  EXPECT_TRUE(Sentence().starts_with(
      "input forked at 3 or before it: " + At(server.port()) +
      " serves a sequencer's input stream, which ends with message 2, but messages up to 4 are "
      "recorded in " +
      Path("recorded")));
  EXPECT_EQ(ReadLog("recorded").size(), 4u);
  ExpectVerifies("recorded");
}

TEST_F(Readers, ThatRecordWaitForAnEngineThatStepsAgain) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Record(server), storage_);
  Serve(server, "engine", 1, 4).HalfClose();
  AwaitMessages("recorded", 4);
  RawPeer peer = Serve(server, "engine", 5, 2);
  log_.Await("which ends with message 2, but messages up to 4 are recorded");
  peer.SendBytes(StatusOf("engine", 3));  // not said again
  peer.Send('S', TextOf(messages_[4]));
  AwaitMessages("recorded", 5);
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
  EXPECT_EQ(Count(log_.text(), "but messages up to 4 are recorded"), 1u) << log_.text();
  EXPECT_EQ(log_.errors(), Words{});
}

TEST_F(Readers, ThatRecordTakeNoMessageOfAnOlderEpoch) {
  RawServer server;
  stream_.next.epoch = 3;
  messages_.push_back(stream_.Add(200, "ab"));
  stream_.next.epoch = 2;
  messages_.push_back(stream_.Add(200, "ab"));
  RoleThread<engine::RecordRole> recorder(Record(server), storage_);
  RawPeer peer = Serve(server, "sequencer", 1, 8);
  EXPECT_EQ(recorder.Wait(), ExitCode::kDivergence);
  EXPECT_TRUE(Sentence().starts_with("input forked at 8 or before it: message 8 from " +
                                     At(server.port()) + " is of epoch 2 after epoch 3; "));
  EXPECT_EQ(ReadLog("recorded").size(), 7u);
}

TEST_F(Readers, ThatRecordSayThatASequencerHasOvertakenWithOtherMessages) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Record(server), storage_);
  Serve(server, "sequencer", 1, 4).HalfClose();
  AwaitMessages("recorded", 4);
  stream_.position = {.number = 4, .digest = 1};
  stream_.next.epoch = 2;
  messages_[4] = stream_.Add(200, "another");
  RawPeer peer = Serve(server, "sequencer", 5, 5);
  EXPECT_EQ(recorder.Wait(), ExitCode::kDivergence);
  EXPECT_TRUE(Sentence().starts_with(
      "input forked at 5 or before it: message 5 from " + At(server.port()) +
      " (epoch 2) does not follow from what is recorded in " + Path("recorded") +
      " (up to epoch 1): the sequencer has given other messages in place of some that it lost; "));
  EXPECT_EQ(ReadLog("recorded").size(), 4u);
}

TEST_F(Readers, ThatRecordBlameNoSequencerForAMessageOfTheSameEpoch) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Record(server), storage_);
  messages_[4].back() ^= std::byte{1};
  RawPeer peer = Serve(server, "sequencer", 1, 5);
  EXPECT_EQ(recorder.Wait(), ExitCode::kDivergence);
  EXPECT_TRUE(Sentence().starts_with("message 5 from ")) << Sentence();
  EXPECT_EQ(ReadLog("recorded").size(), 4u);
}

TEST_F(Readers, ThatMergeSayThatAnEngineIsBehindWhatItGave) {
  RawServer a;
  RawServer b;
  RoleThread<engine::DedupRole> dedup(Dedup(a, b), storage_);
  RawPeer of_b = Serve(b, "engine", 1, 0);
  Serve(a, "engine", 1, 4).HalfClose();
  AwaitMessages("merged", 4);
  RawPeer of_a = Serve(a, "engine", 5, 2);
  log_.Await("engine A at " + At(a.port()) +
             " has outputs up to 2 only, where 4 are merged that it must give again");
  EXPECT_EQ(ReadLog("merged").size(), 4u);
  of_a.Send('S', TextOf(messages_[4]));
  AwaitMessages("merged", 5);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(Count(log_.text(), "must give again"), 1u) << log_.text();
  ExpectVerifies("merged");
}

TEST_F(Readers, ThatMergeTakeNothingFromASequencer) {
  RawServer a;
  RawServer b;
  RoleThread<engine::DedupRole> dedup(Dedup(a, b), storage_);
  RawPeer of_a = Serve(a, "sequencer", 1, 4);
  EXPECT_EQ(dedup.Wait(), ExitCode::kBadInput);
  EXPECT_EQ(Sentence(),
            At(a.port()) + " serves a sequencer's input stream; give --a the stream of an engine");
  EXPECT_FALSE(std::filesystem::exists(Path("merged")));
}

TEST_F(Readers, ThatMergeKeepWhatOneEngineGaveBeforeTheOtherPortWasWrong) {
  RawServer a;
  RawServer b;
  RoleThread<engine::DedupRole> dedup(Dedup(a, b), storage_);
  RawPeer of_a = Serve(a, "engine", 1, 4);
  AwaitMessages("merged", 4);
  RawPeer of_b = Serve(b, "sequencer", 1, 6);
  EXPECT_EQ(dedup.Wait(), ExitCode::kBadInput);
  EXPECT_EQ(Sentence(),
            At(b.port()) + " serves a sequencer's input stream; give --b the stream of an engine");
  EXPECT_EQ(ReadLog("merged").size(), 4u);
  ExpectVerifies("merged");
}

TEST_F(Readers, ThatMergeSayOnceThatTwoEnginesHaveOneName) {
  RawServer a;
  RawServer b;
  RoleThread<engine::DedupRole> dedup(Dedup(a, b), storage_);
  RawPeer of_a = Serve(a, "engine", 1, 4);
  RawPeer of_b = Serve(b, "engine", 1, 4);
  const std::string both = "dedup: the engines at " + At(a.port()) + " and " + At(b.port()) +
                           " both call themselves \"X\"; give each a --name of its own";
  log_.Await(both);
  of_b.SendBytes(StatusOf("engine", 4, b.port(), HeaderOf(4)));
  of_b.Send('S', TextOf(messages_[4]));
  AwaitMessages("merged", 5);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(Count(log_.text(), "both call themselves"), 1u) << log_.text();
  EXPECT_EQ(log_.errors(), Words{});
}

TEST_F(Readers, ThatStepTakeNothingFromAnEngine) {
  RawServer server;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(Engine(server), application, storage_);
  RawPeer peer = Serve(server, "engine", 1, 4);
  EXPECT_EQ(engine.Wait(), ExitCode::kBadInput);
  EXPECT_EQ(Sentence(),
            At(server.port()) +
                " serves the output stream of engine X; give --input the stream of a sequencer");
  EXPECT_EQ(application.steps, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("a")));
}

TEST_F(Readers, OfASequencerSeeItsWholeLogWithTheFirstStatus) {
  WriteLog("input", replay::kInputRole, 1000);
  engine::SequencerRoleOptions options;
  options.folder = Path("input");
  options.session = proto::Session("TEST");
  options.submissions = kAnyPort;
  options.stream = kAnyPort;
  RoleThread<engine::SequencerRole> sequencer(options, storage_);
  RawPeer reader = RawPeer::Connect(log_.PortAfter(", stream on "));
  RawPeer raw(::dup(reader.socket()), "H");  // the same connection, but it shows statuses
  raw.Login("R", 1001);
  EXPECT_EQ(raw.Next(), "A      TEST                1001");
  std::string packet = raw.Next();
  while (packet.starts_with('U') && HeaderIn(packet, 1).type == engine::TypeOf<pb::Schema>()) {
    packet = raw.Next();
  }
  pb::Status status;
  ASSERT_TRUE(packet.starts_with('U'));
  ASSERT_TRUE(status.ParseFromString(packet.substr(1 + sizeof(proto::Header))));
  EXPECT_EQ(status.role(), "sequencer");
  EXPECT_GE(status.number(), 1000u);
}

/// The roles as processes.
class Forks : public LiveTest {
 protected:
  Program StartEngine(const Sequencer& sequencer) {
    return Start({"engine", "--name", "A", "--input", At(sequencer.stream), "--log", Path("a"),
                  "--stream", "0"});
  }
  static void Submit(const Sequencer& sequencer, std::uint64_t first, std::uint64_t last) {
    RawPeer client = RawPeer::Connect(sequencer.submissions);
    client.Login("U1", 0);
    EXPECT_EQ(client.Next().substr(0, 1), "A");
    for (std::uint64_t i = first; i <= last; ++i) client.Submit(i, 9999);
    client.Acknowledgements(last - first + 1);
  }
  void Restore(const std::string& saved) {
    std::filesystem::remove_all(Path("input"));
    std::filesystem::copy(Path(saved), Path("input"));
  }
  /// A sequencer that is killed once the engine has answered 500 submissions, and a log of it that
  /// holds 100 of them.
  Sequencer LoseInputs(Program* engine) {
    Sequencer sequencer = StartSequencer("input");
    *engine = StartEngine(sequencer);
    Submit(sequencer, 1, 100);
    EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
    std::filesystem::copy(Path("input"), Path("saved"));
    sequencer = StartSequencer("input", {}, &sequencer);
    Submit(sequencer, 101, 500);
    AwaitMessages("a", 500);
    sequencer.program.Kill();
    Restore("saved");
    AwaitTheClock(sequencer);
    return sequencer;
  }
  void ExpectFork(Program& engine, std::size_t outputs = 500) {
    EXPECT_EQ(engine.Wait(), 4);
    const Words errors = ErrorsIn(engine.Output());
    ASSERT_EQ(errors.size(), 1u) << engine.Output();
    EXPECT_TRUE(errors[0].starts_with("input forked at ")) << errors[0];
    EXPECT_NE(errors[0].find(" or before it: "), std::string::npos) << errors[0];
    EXPECT_EQ(ReadLog("a").size(), outputs);
    ExpectVerifies("a");
  }
  static std::int64_t Now() { return std::time(nullptr); }
  static std::uint32_t EpochOf(const Sequencer& sequencer) {
    const std::string output = sequencer.program.Output();
    const std::size_t at = output.find(", epoch ");
    EXPECT_NE(at, std::string::npos) << output;
    return static_cast<std::uint32_t>(std::stoul(output.substr(at + 8)));
  }
  /// Until the clock is beyond the epoch that `sequencer` took from it.
  static void AwaitTheClock(const Sequencer& sequencer) {
    while (Now() <= EpochOf(sequencer)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
};

TEST_F(Forks, EndAnEngineWhoseSequencerHasLostInputs) {
  Program engine = Start({"--version"});
  Sequencer sequencer = LoseInputs(&engine);
  sequencer = StartSequencer("input", {}, &sequencer);
  ExpectFork(engine);
  // Started again, it knows from its own log.
  engine = StartEngine(sequencer);
  ExpectFork(engine);
}

TEST_F(Forks, EndAnEngineWhoseSequencerHasGivenOtherInputsInTheirPlace) {
  Program engine = Start({"--version"});
  Sequencer sequencer = LoseInputs(&engine);
  engine.Kill();
  sequencer = StartSequencer("input", {}, &sequencer);
  Submit(sequencer, 101, 700);
  engine = StartEngine(sequencer);
  ExpectFork(engine);
}

TEST_F(Forks, AreToldByEpochsThatRiseWithEachStart) {
  const std::int64_t before = Now();
  Sequencer sequencer = StartSequencer("input");
  Epochs given;
  for (std::uint64_t life = 1; life <= 4; ++life) {
    given.push_back(EpochOf(sequencer));
    EXPECT_GE(given.back(), before);
    if (life > 1) {
      EXPECT_GT(given.back(), given[life - 2]);
    }
    Submit(sequencer, life, life);
    sequencer.program.Kill();
    if (life < 4) sequencer = StartSequencer("input", {}, &sequencer);
  }
  Epochs epochs;
  replay::PosixStorage storage;
  auto log = replay::LogReader::Open(storage, Path("input"), {});
  ASSERT_TRUE(log.ok());
  while (log->Next() == replay::ReadOutcome::kMessage) {
    const proto::Header& header = log->message().header;
    if (header.type == 9999) epochs.push_back(header.epoch);
  }
  EXPECT_EQ(epochs, given);
}

TEST_F(Forks, AreToldByTheEpochWhenABackupWasPutBack) {
  Sequencer sequencer = StartSequencer("input");
  Submit(sequencer, 1, 100);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  std::filesystem::copy(Path("input"), Path("backup"));
  sequencer = StartSequencer("input", {}, &sequencer);
  Program engine = StartEngine(sequencer);
  Submit(sequencer, 101, 300);
  AwaitMessages("a", 300);
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const std::uint32_t lost = EpochOf(sequencer);
  Restore("backup");
  AwaitTheClock(sequencer);
  sequencer = StartSequencer("input", {}, &sequencer);
  EXPECT_GT(EpochOf(sequencer), lost);
  Submit(sequencer, 101, 400);
  engine = StartEngine(sequencer);
  ExpectFork(engine, 300);
}

TEST_F(Forks, AreToldByTheEpochWhenTheSameSessionWasBegunAgain) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartEngine(sequencer);
  Submit(sequencer, 1, 100);
  AwaitMessages("a", 100);
  EXPECT_EQ(engine.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const std::uint32_t lost = EpochOf(sequencer);
  std::filesystem::remove_all(Path("input"));
  AwaitTheClock(sequencer);
  sequencer = StartSequencer("input", {}, &sequencer);
  EXPECT_GT(EpochOf(sequencer), lost);
  Submit(sequencer, 1, 200);
  engine = StartEngine(sequencer);
  ExpectFork(engine, 100);
}

TEST_F(Forks, AreNotMadeOfPortsThatServeSomethingElse) {
  Sequencer sequencer = StartSequencer("input");
  Program engine = StartEngine(sequencer);
  const std::string output = At(engine.PortAfter("output on "));
  Submit(sequencer, 1, 1);
  AwaitMessages("a", 1);
  const std::string input = At(sequencer.stream);
  const std::string submissions = At(sequencer.submissions);
  ExpectEnds({"dedup", "--a", output, "--b", input, "--log", Path("merged"), "--stream", "0"}, 2,
             input + " serves a sequencer's input stream; give --b the stream of an engine");
  ExpectEnds({"engine", "--name", "B", "--input", output, "--log", Path("b"), "--stream", "0"}, 2,
             output +
                 " serves the output stream of engine A; give --input the stream of a "
                 "sequencer");
  ExpectEnds({"engine", "--name", "B", "--input", submissions, "--log", Path("b"), "--stream", "0"},
             2, submissions + " serves submissions, no stream");
  ExpectEnds({"record", submissions, "-o", Path("recorded")}, 2,
             submissions + " serves submissions, no stream; give the port of a stream");
  EXPECT_FALSE(std::filesystem::exists(Path("b")));
  EXPECT_FALSE(std::filesystem::exists(Path("recorded")));
}

}  // namespace
}  // namespace tandem::test
