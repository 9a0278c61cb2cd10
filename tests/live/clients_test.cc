// SPDX-License-Identifier: Apache-2.0
//
// Servers that talk nonsense, stall or vanish, against everything of ours that connects: engine,
// deduplicator, recorder, `tandem submit`. Each says what is wrong in a sentence, connects again,
// and goes on with the first server that is right, with nothing lost and nothing taken from others.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "engine/context.h"
#include "engine/live/dedup_role.h"
#include "engine/live/engine_role.h"
#include "engine/live/record_role.h"
#include "tandem/status.pb.h"
#include "tests/live/live_test.h"
#include "tests/live/role_thread.h"
#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

engine::Endpoint EndpointOf(const RawServer& server) {
  return {.host = "127.0.0.1", .port = std::to_string(server.port())};
}

/// What a server answers to a login, and what is said of it then.
struct Nonsense {
  std::function<void(RawPeer&)> answer;
  std::string sentence;
};

std::function<void(RawPeer&)> Say(std::string bytes) {
  return [bytes = std::move(bytes)](RawPeer& peer) { peer.SendBytes(bytes); };
}

std::string AcceptedThen(const std::string& packets, const std::string& session = "FAKE") {
  return Packet('A', std::string(10 - session.size(), ' ') + session + std::string(19, ' ') + "1") +
         packets;
}

std::string SchemaPart(const std::string& part, bool last) {
  pb::Schema schema;
  schema.set_part(part);
  schema.set_last(last);
  proto::Header header;
  header.type = engine::TypeOf<pb::Schema>();
  return Packet('U', TextOf(Join(header, schema.SerializeAsString())));
}

/// For whoever reads a stream and has nothing of it yet.
std::vector<Nonsense> NonsenseOfStreams() {
  using std::string_literals::operator""s;
  TestStream fake("FAKE");
  const std::string first(TextOf(fake.Add(200, "x")));
  const std::string second(TextOf(fake.Add(200, "y")));
  std::string bent = first;
  bent.back() = '?';
  TestStream other("OTHER");
  const std::string of_other(TextOf(other.Add(200, "x")));
  std::string endless;
  for (int part = 0; part < 300; ++part) endless += SchemaPart(std::string(32'000, 's'), false);
  const std::string belongs = "it sent a packet that does not belong here";
  const std::string no_login = "it does not answer a SoupBinTCP login";
  const std::string no_message = "it sent something that is not a Tandem message";
  return {
      {Say("\0\0"s), "the peer does not speak SoupBinTCP: a packet of length zero"},
      {Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "the peer closed the connection"},
      {[](RawPeer& peer) { peer.Reset(); }, "reading failed: Connection reset by peer"},
      {Say(Packet('J', "A")), "it does not admit us"},
      {Say(Packet('J', "S")), "it has no session yet"},
      {Say(Packet('J')), "it does not admit us"},
      {Say(Packet('A', "short")), no_login},
      {Say(Packet('A', "      FAKE                   x")), no_login},
      {Say(Packet('A', "     F KE                    1")), no_login},
      {Say(Packet('A', "                             1")), no_login},
      {Say(Packet('S', first)), no_login},
      {Say(Packet('Z')), no_login},
      {Say(Packet('+', "closed for\x1b lunch")), "it said: closed for? lunch"},
      {Say(AcceptedThen(Packet('L', "login"))), belongs},
      {Say(AcceptedThen(AcceptedThen(""))), belongs},
      {Say(AcceptedThen(Packet('S'))), no_message},
      {Say(AcceptedThen(Packet('S', "not a message"))), no_message},
      {Say(AcceptedThen(Packet('S', first + "?"))), no_message},
      {Say(AcceptedThen(Packet('U', "not a message"))), no_message},
      {Say(AcceptedThen(Packet('S', of_other))),
       "it sent a message of another session than it named"},
      {Say(AcceptedThen(Packet('S', second))), "2 came where number 1 is next"},
      {Say(AcceptedThen(Packet('S', bent))), "1 does not carry the digest of its content"},
      {Say(AcceptedThen(SchemaPart("not a schema", true))), "its schema cannot be used: "},
      {Say(AcceptedThen(endless)), "its schema has more than 8 MiB"},
  };
}

class Clients : public LiveTest {
 protected:
  static engine::ConnectionLimits QuickRetries() {
    engine::ConnectionLimits limits;
    limits.backoff = milliseconds(20);
    return limits;
  }
  engine::RecordRoleOptions Recording(const RawServer& from) const {
    engine::RecordRoleOptions options;
    options.folder = Path("recorded");
    options.from = EndpointOf(from);
    options.limits = QuickRetries();
    return options;
  }
  engine::EngineRoleOptions EngineOptions(const RawServer& input) const {
    engine::EngineRoleOptions options;
    options.name = "A";
    options.folder = Path("a");
    options.input = EndpointOf(input);
    options.stream = {.host = "127.0.0.1", .port = "0"};
    options.limits = QuickRetries();
    return options;
  }
  engine::DedupRoleOptions DedupOptions(const RawServer& a, const RawServer& b) const {
    engine::DedupRoleOptions options;
    options.folder = Path("merged");
    options.engines = {EndpointOf(a), EndpointOf(b)};
    options.stream = {.host = "127.0.0.1", .port = "0"};
    options.limits = QuickRetries();
    return options;
  }

  /// Answers each login with the next nonsense and waits for what is said of it: once, if it is the
  /// same as before.
  void TalkNonsense(RawServer& server) {
    std::string said;
    for (const Nonsense& nonsense : NonsenseOfStreams()) {
      SCOPED_TRACE(nonsense.sentence);
      if (nonsense.sentence != said) log_.Clear();
      said = nonsense.sentence;
      std::string login;
      RawPeer peer = server.AcceptLoginOf(&login);
      // Nothing that was said before has any effect.
      EXPECT_TRUE(login.ends_with(" 1 ")) << login;
      nonsense.answer(peer);
      if (peer.is_open()) peer.HalfClose();
      log_.Await(nonsense.sentence);
      if (peer.is_open()) peer.UntilClosed();
    }
    EXPECT_EQ(log_.errors(), Words{});
  }

  /// Answers a login that asks for message 1 with the stream that is right.
  RawPeer Serve(RawServer& server, int messages) {
    std::string login;
    RawPeer peer = server.AcceptLoginOf(&login);
    EXPECT_TRUE(login.ends_with(" 1 ")) << login;
    peer.AcceptLogin("RIGHT", 1);
    TestStream stream("RIGHT");
    for (int i = 0; i < messages; ++i) peer.Send('S', TextOf(stream.Add(200, "ab")));
    return peer;
  }

  CapturedLog log_;
  replay::PosixStorage storage_;
};

TEST_F(Clients, RecordAfterAnyNonsenseWhatIsRight) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Recording(server), storage_);
  TalkNonsense(server);
  RawPeer peer = Serve(server, 3);
  AwaitMessages("recorded", 3);
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadLog("recorded"), (Words{"1 200 U1 1 2", "2 200 U1 2 2", "3 200 U1 3 2"}));
  ExpectVerifies("recorded");
}

TEST_F(Clients, KeepWhatCameInOneTurnWithTheEndOfTheConnection) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Recording(server), storage_);
  TestStream stream("RIGHT");
  std::string packets;
  for (int i = 0; i < 3; ++i) packets += Packet('S', TextOf(stream.Add(200, "ab")));
  std::string login;
  RawPeer peer = server.AcceptLoginOf(&login);
  peer.SendBytes(AcceptedThen(packets + Packet('L', "no more"), "RIGHT"));
  // It is in the log before the next connection is tried, for that may not come for long.
  const RawPeer next = server.AcceptLoginOf(&login);
  EXPECT_EQ(ReadLog("recorded"), (Words{"1 200 U1 1 2", "2 200 U1 2 2", "3 200 U1 3 2"}));
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
}

TEST_F(Clients, RecordNothingAndLeaveFilesOfOthersWhereTheyAre) {
  const auto names = [&] {
    Words found;
    for (const auto& entry : std::filesystem::directory_iterator(Path("recorded"))) {
      found.push_back(entry.path().filename().string());
    }
    std::ranges::sort(found);
    return found;
  };
  RawServer server;
  std::string login;
  for (const bool says_hello : {false, true}) {
    const auto stop_early = [&](const std::function<void()>& meanwhile) {
      RoleThread<engine::RecordRole> recorder(Recording(server), storage_);
      RawPeer peer = server.AcceptLoginOf(&login);
      if (says_hello) {
        peer.AcceptLogin("RIGHT", 1);
        log_.Await("recording session RIGHT");
      }
      EXPECT_TRUE(std::filesystem::exists(Path("recorded")));
      meanwhile();
      EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
      log_.Clear();
    };
    // What it made goes away again.
    stop_early([] {});
    EXPECT_FALSE(std::filesystem::exists(Path("recorded")));
    // But nothing of others, whenever they put it there.
    stop_early([&] { std::ofstream(Path("recorded/beside.segment")) << "mine"; });
    EXPECT_EQ(names(), Words{"beside.segment"});
    stop_early([&] { std::ofstream(Path("recorded/notes")) << "mine too"; });
    EXPECT_EQ(names(), (Words{"beside.segment", "notes"}));
    std::filesystem::remove_all(Path("recorded"));
  }
}

TEST_F(Clients, StepAfterAnyNonsenseWhatIsRight) {
  RawServer server;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(EngineOptions(server), application, storage_);
  TalkNonsense(server);
  RawPeer peer = Serve(server, 3);
  AwaitMessages("a", 6);
  EXPECT_EQ(engine.Stop(), ExitCode::kYes);
  EXPECT_EQ(application.steps, 3);
  EXPECT_EQ(ReadLog("a").size(), 6u);
  ExpectVerifies("a");
}

TEST_F(Clients, MergeAfterAnyNonsenseOfOneEngineWhatTheOtherSays) {
  RawServer a;
  RawServer b;
  RoleThread<engine::DedupRole> dedup(DedupOptions(a, b), storage_);
  TalkNonsense(a);
  RawPeer of_b = Serve(b, 3);
  AwaitMessages("merged", 3);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadLog("merged"), (Words{"1 200 U1 1 2", "2 200 U1 2 2", "3 200 U1 3 2"}));
  ExpectVerifies("merged");
}

TEST_F(Clients, KeepTheirSessionWhateverAServerNames) {
  RawServer server;
  RawServer other;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(EngineOptions(server), application, storage_);
  RoleThread<engine::DedupRole> dedup(DedupOptions(server, other), storage_);
  RoleThread<engine::RecordRole> recorder(Recording(server), storage_);
  std::vector<RawPeer> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(Serve(server, 1));
  for (const char* const log : {"a", "merged", "recorded"}) AwaitMessages(log, 1);
  peers.clear();
  std::map<std::string, std::string> sessions;
  for (int i = 0; i < 3; ++i) {
    std::string login;
    RawPeer peer = server.AcceptLoginOf(&login);
    sessions[login.substr(0, login.find(' '))] = login.substr(login.rfind(' ') + 1);
    peer.AcceptLogin("WRONG", 1);
    TestStream stream("WRONG");
    peer.Send('S', TextOf(stream.Add(200, "z")));
    peer.UntilClosed();
  }
  EXPECT_EQ(sessions, (std::map<std::string, std::string>{
                          {"A", "RIGHT"}, {"dedup", "RIGHT"}, {"record", "RIGHT"}}));
  log_.Await(": it serves session \"WRONG\", not \"RIGHT\"", 3);
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(engine.Stop(), ExitCode::kYes);
  EXPECT_EQ(application.steps, 1);
  EXPECT_EQ(ReadLog("a").size(), 2u);
  EXPECT_EQ(ReadLog("merged").size(), 1u);
  EXPECT_EQ(ReadLog("recorded").size(), 1u);
}

TEST_F(Clients, ThatRecordStopAtAChangedMessage) {
  RawServer server;
  RoleThread<engine::RecordRole> recorder(Recording(server), storage_);
  RawPeer peer = Serve(server, 2);
  AwaitMessages("recorded", 2);
  TestStream stream("RIGHT");
  stream.Add(200, "ab");
  stream.Add(200, "ab");
  Bytes changed = stream.Add(200, "ab");
  changed.back() ^= std::byte{1};
  peer.Send('S', TextOf(changed));
  EXPECT_EQ(recorder.Wait(), ExitCode::kDivergence);
  const Words errors = log_.errors();
  ASSERT_EQ(errors.size(), 1u) << log_.text();
  EXPECT_NE(errors[0].find("message 3 from " + At(server.port()) +
                           " does not follow from the one before it"),
            std::string::npos)
      << errors[0];
  EXPECT_EQ(ReadLog("recorded").size(), 2u);
}

TEST_F(Clients, ThatStepStopAtAChangedInput) {
  RawServer server;
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(EngineOptions(server), application, storage_);
  RawPeer peer = Serve(server, 2);
  AwaitMessages("a", 4);
  TestStream stream("RIGHT");
  stream.Add(200, "ab");
  stream.Add(200, "ab");
  Bytes changed = stream.Add(200, "ab");
  changed.back() ^= std::byte{1};
  peer.Send('S', TextOf(changed));
  EXPECT_EQ(engine.Wait(), ExitCode::kDivergence);
  const Words errors = log_.errors();
  ASSERT_EQ(errors.size(), 1u) << log_.text();
  EXPECT_TRUE(errors[0].starts_with("input forked at 3 or before it: ")) << errors[0];
  EXPECT_EQ(application.steps, 2);
  EXPECT_EQ(ReadLog("a").size(), 4u);
}

TEST_F(Clients, LeaveAServerThatNeverAnswersOrFallsSilent) {
  RawServer server;
  engine::RecordRoleOptions options = Recording(server);
  options.limits.heartbeat = milliseconds(20);
  options.limits.login = milliseconds(100);
  options.limits.silence = milliseconds(300);
  RoleThread<engine::RecordRole> recorder(options, storage_);
  std::string login;
  RawPeer mute = server.AcceptLoginOf(&login);
  EXPECT_EQ(mute.UntilClosed(), Words{});
  log_.Await("it did not answer the login within 100 ms");
  RawPeer silent = Serve(server, 1);
  EXPECT_EQ(silent.UntilClosed(), Words{});
  log_.Await("the peer was silent for 300 ms");
  RawPeer peer = server.AcceptLoginOf(&login);
  EXPECT_EQ(login, "record 2 RIGHT");
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
}

TEST_F(Clients, WaitLongerFromAttemptToAttempt) {
  RawServer server;
  Program engine = Start(
      {"engine", "--name", "A", "--input", At(server.port()), "--log", Path("a"), "--stream", "0"});
  // Waits of 20, 40, 80, 160, 320 ms ... : no more than a few attempts in any second.
  const auto end = std::chrono::steady_clock::now() + milliseconds(700);
  int attempts = 0;
  while (std::chrono::steady_clock::now() < end) {
    auto peer = server.AcceptWithin(milliseconds(50));
    if (peer && peer->Next().starts_with('L')) ++attempts;
  }
  EXPECT_LE(attempts, 7);
  EXPECT_GE(attempts, 1);
  // And one line for all of them.
  EXPECT_EQ(Count(engine.Output(), "warning"), 1u) << engine.Output();
}

/// `tandem submit` with three messages.
class SubmitClient : public LiveTest {
 protected:
  /// Of a message as WriteLog makes them.
  static std::string Acknowledgement(std::uint64_t origin) {
    constexpr std::uint64_t kBefore = 4711;
    proto::Header header;
    header.session = proto::Session("RIGHT");
    header.type = 200;
    header.number = origin;
    header.origin = origin;
    const Bytes message = Seal(header, "pppppppp", kBefore);
    std::string packet(TextOf(message).substr(0, sizeof header));
    packet.append(reinterpret_cast<const char*>(&kBefore), sizeof kBefore);
    return Packet('S', packet);
  }
};

TEST_F(SubmitClient, SubmitsAfterAnyNonsenseToTheServerThatIsRight) {
  WriteLog("flow", replay::kInputRole, 3);
  RawServer server;
  Program submit = Start({"submit", Path("flow"), "--to", At(server.port())});
  std::string login;
  using std::string_literals::operator""s;
  const std::string belongs = "it sent a packet that does not belong here";
  const std::string no_login = "it does not answer a SoupBinTCP login";
  for (const auto& [bytes, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"\0\0"s, "the peer does not speak SoupBinTCP: a packet of length zero"},
           {"SSH-2.0-OpenSSH_9.2p1\r\n", "the peer closed the connection"},
           {Packet('S', "x"), no_login},
           {Packet('A', "      FAKE                   0"), no_login}}) {
    RawPeer peer = server.AcceptLoginOf(&login);
    EXPECT_EQ(login, "U1 0 ");
    peer.SendBytes(bytes);
    peer.HalfClose();
    EXPECT_TRUE(submit.Says(sentence));
  }
  RawPeer peer = server.AcceptLoginOf(&login);
  peer.AcceptLogin("RIGHT", 1);
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(HeaderIn(peer.Next(), 1).origin, i);
  peer.SendBytes(Acknowledgement(1));
  peer.Send('L');
  EXPECT_TRUE(submit.Says(belongs));
  // What is not acknowledged comes again, to the session that took the first.
  peer = server.AcceptLoginOf(&login);
  EXPECT_EQ(login, "U1 2 RIGHT");
  peer.AcceptLogin("RIGHT", 2);
  EXPECT_EQ(HeaderIn(peer.Next(), 1).origin, 2u);
  peer.Reset();
  peer = server.AcceptLoginOf(&login);
  EXPECT_EQ(login, "U1 2 RIGHT");
  peer.AcceptLogin("RIGHT", 2);
  EXPECT_EQ(HeaderIn(peer.Next(), 1).origin, 2u);
  EXPECT_EQ(HeaderIn(peer.Next(), 1).origin, 3u);
  peer.SendBytes(Acknowledgement(2) + Acknowledgement(3));
  EXPECT_EQ(submit.Wait(), 0);
  EXPECT_TRUE(submit.Says("3 submissions acknowledged, 0 were there before, 1 users\n"));
}

TEST_F(SubmitClient, EndsWhenItIsNotAdmitted) {
  WriteLog("flow", replay::kInputRole, 3);
  RawServer server;
  Program submit = Start({"submit", Path("flow"), "--to", At(server.port())});
  std::string login;
  RawPeer peer = server.AcceptLoginOf(&login);
  peer.Send('J', "A");
  EXPECT_EQ(submit.Wait(), 5);
  EXPECT_EQ(ErrorsIn(submit.Output()), Words{At(server.port()) + " does not admit user \"U1\""});
}

TEST_F(SubmitClient, LeavesAServerThatAcknowledgesWhatIsNotNext) {
  WriteLog("flow", replay::kInputRole, 3);
  RawServer server;
  Program submit = Start({"submit", Path("flow"), "--to", At(server.port())});
  std::string login;
  RawPeer peer = server.AcceptLoginOf(&login);
  peer.AcceptLogin("RIGHT", 1);
  peer.SendBytes(Acknowledgement(2));
  EXPECT_TRUE(submit.Says("it acknowledged submission 2 where number 1 is next"));
  peer = server.AcceptLoginOf(&login);
  peer.AcceptLogin("WRONG", 1);
  EXPECT_TRUE(submit.Says("it serves session \"WRONG\", not \"RIGHT\""));
  peer = server.AcceptLoginOf(&login);
  EXPECT_EQ(login, "U1 1 RIGHT");
  peer.AcceptLogin("RIGHT", 1);
  peer.SendBytes(Acknowledgement(1) + Acknowledgement(2) + Acknowledgement(3));
  EXPECT_EQ(submit.Wait(), 0);
}

}  // namespace
}  // namespace tandem::test
