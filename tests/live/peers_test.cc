// SPDX-License-Identifier: Apache-2.0
//
// Raw peers against the ports of the roles: nonsense, stalls, vanishing. Each costs its own
// connection at most; others are served as before, and memory stays bounded.
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "engine/live/sequencer_role.h"
#include "tests/live/live_test.h"
#include "tests/live/role_thread.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

const std::string kNoPlace = "+a packet of this type does not belong here";
const std::string kMalformed = "+the login request is malformed";

/// What a peer sends before it falls silent for good, and what it is told before the end.
struct Nonsense {
  std::string name;
  std::string bytes;
  Words answer;
};

std::vector<Nonsense> AllNonsense() {
  using std::string_literals::operator""s;
  const std::string message(64, '\0');
  const auto login = [](std::string_view number, std::string_view session = "") {
    return Packet('L', LoginPayload("U1", session, number));
  };
  return {
      {"nothing", "", {}},
      {"a packet of length zero", "\0\0"s, {"+a packet of length zero is not SoupBinTCP"}},
      {"a byte", "\0"s, {}},
      {"HTTP", "GET / HTTP/1.1\r\nHost: tandem\r\n\r\n", {}},
      {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, {}},
      {"the largest length and no more", "\xff\xffL"s, {}},
      {"a type that there is not", Packet('\xff', "?"), {kNoPlace}},
      {"sequenced data before a login", Packet('S', message), {kNoPlace}},
      {"a submission before a login", Packet('U', message), {kNoPlace}},
      {"a server's answer", Packet('A', "TEST"), {kNoPlace}},
      {"an end of session", Packet('Z'), {kNoPlace}},
      {"a login without content", Packet('L'), {kMalformed}},
      {"a login that is cut short",
       Packet('L', LoginPayload("U1", "", "1").substr(0, 45)),
       {kMalformed}},
      {"a login that is too long", Packet('L', LoginPayload("U1", "", "1") + " "), {kMalformed}},
      {"a login of which the end never comes", login("1").substr(0, 40), {}},
      {"a number that is none", login("12x"), {kMalformed}},
      {"a number below zero", login("-1"), {kMalformed}},
      {"a number in two parts", login("1 2"), {kMalformed}},
      {"a number of more than 64 bits", login("99999999999999999999"), {kMalformed}},
      {"another session", login("1", "OTHER"), {"JS"}},
      {"a logout before a login", Packet('O'), {}},
      {"two logins", login("0") + login("0"), {"A", kNoPlace}},
      {"debug text, then nonsense", Packet('+', "hello") + Packet('X'), {kNoPlace}},
      {"heartbeats, then nonsense", Packet('R') + Packet('R') + Packet('X'), {kNoPlace}},
  };
}

class Peers : public LiveTest {
 protected:
  /// A pair with one engine in the place of two, and all its ports.
  struct Roles {
    Sequencer sequencer;
    Program engine;
    Program dedup;
    std::uint16_t output;
    std::uint16_t merged;
  };
  Roles StartRoles() {
    Sequencer sequencer = StartSequencer("input");
    Program engine = Start({"engine", "--name", "A", "--input", At(sequencer.stream), "--log",
                            Path("a"), "--stream", "0"});
    const std::uint16_t output = engine.PortAfter("output on ");
    Program dedup =
        Start({"dedup", "--a", At(output), "--b", "1", "--log", Path("merged"), "--stream", "0"});
    const std::uint16_t merged = dedup.PortAfter("merged stream on ");
    RawPeer client = RawPeer::Connect(sequencer.submissions);
    client.Login("U0", 1);
    client.Submit(1, 9999);  // the engine refuses it, so the output streams begin
    AwaitMessages("merged", 1);
    return {std::move(sequencer), std::move(engine), std::move(dedup), output, merged};
  }

  /// Every port still does what it is for.
  static void ExpectServed(const Roles& roles, std::uint64_t submission) {
    RawPeer client = RawPeer::Connect(roles.sequencer.submissions);
    client.Login("U0", 0);
    EXPECT_EQ(client.Next().substr(0, 1), "A");
    client.Submit(submission, 9999);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(submission));
    for (const std::uint16_t port : {roles.sequencer.stream, roles.output, roles.merged}) {
      RawPeer reader = RawPeer::Connect(port);
      reader.Login("R", 1, "TEST");
      EXPECT_EQ(reader.Next(), "A      TEST                   1");
      EXPECT_EQ(HeaderIn(reader.NextMessage()).number, 1u);
    }
  }

  static std::size_t AnonymousKiB(const Program& program) {
    std::ifstream status("/proc/" + std::to_string(program.pid()) + "/status");
    for (std::string word; status >> word;) {
      std::size_t kib = 0;
      if (word == "RssAnon:" && status >> kib) return kib;
    }
    ADD_FAILURE() << "no RssAnon of process " << program.pid();
    return 0;
  }
};

TEST_F(Peers, ThatTalkNonsenseLoseTheirConnectionAndDisturbNobody) {
  Roles roles = StartRoles();
  const std::uint16_t submissions = roles.sequencer.submissions;
  for (const std::uint16_t port :
       {submissions, roles.sequencer.stream, roles.output, roles.merged}) {
    for (const Nonsense& nonsense : AllNonsense()) {
      SCOPED_TRACE(nonsense.name + (port == submissions ? " to submissions" : " to a stream"));
      RawPeer peer = RawPeer::Connect(port);
      peer.SendBytes(nonsense.bytes);
      peer.HalfClose();
      Words answer;
      // After a login a stream has messages, which are no answer.
      for (const std::string& packet : peer.UntilClosed()) {
        if (packet[0] != 'S') answer.push_back(packet[0] == 'A' ? "A" : packet);
      }
      EXPECT_EQ(answer, nonsense.answer);
    }
  }
  ExpectServed(roles, 2);
  for (Program* const program : {&roles.dedup, &roles.engine, &roles.sequencer.program}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0);
    EXPECT_EQ(ErrorsIn(program->Output()), Words{});
  }
  for (const char* const log : {"input", "a", "merged"}) ExpectVerifies(log);
}

TEST_F(Peers, ThatSendRandomBytesDisturbNobody) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  Roles roles = StartRoles();
  for (const std::uint16_t port :
       {roles.sequencer.submissions, roles.sequencer.stream, roles.output, roles.merged}) {
    for (int i = 0; i < 20; ++i) {
      RawPeer peer = RawPeer::Connect(port);
      if (i % 2 == 1) peer.Login("R", 1);
      std::string bytes(1 + random() % 200'000, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      // Small packets too, of types that exist.
      for (int packet = 0; packet < 50 && i % 4 == 3; ++packet) {
        bytes.insert(0, Packet("+ASHZLROUJ"[random() % 10], bytes.substr(0, random() % 100)));
      }
      peer.SendBytes(bytes);
      peer.HalfClose();
      peer.UntilClosed();
    }
  }
  ExpectServed(roles, 2);
  EXPECT_TRUE(roles.sequencer.program.running() && roles.engine.running() && roles.dedup.running());
}

TEST_F(Peers, CannotWriteToTheOperatorsTerminal) {
  Roles roles = StartRoles();
  RawPeer peer = RawPeer::Connect(roles.sequencer.submissions);
  peer.Login("\x1b[2J\x07", 1);
  EXPECT_EQ(peer.UntilClosed(), Words{"JA"});
  peer = RawPeer::Connect(roles.merged);
  peer.Login("\x1b[2J", 1, "\x1b[H\n9");
  EXPECT_EQ(peer.UntilClosed(), Words{"JS"});
  EXPECT_TRUE(roles.sequencer.program.Says("\"?[2J?\" is no user name"));
  EXPECT_TRUE(roles.dedup.Says("it asked for session \"?[H?9\", which is not available here"));
}

TEST_F(Peers, ThatVanishAreForgotten) {
  Roles roles = StartRoles();
  for (const std::uint16_t port : {roles.sequencer.stream, roles.output, roles.merged}) {
    RawPeer half = RawPeer::Connect(port);
    half.Login("HALF", 1);
    EXPECT_EQ(half.Next().substr(0, 1), "A");
    half.HalfClose();
    half.UntilClosed();
    RawPeer gone = RawPeer::Connect(port);
    gone.Login("GONE", 1);
    gone.Next();
    gone.Reset();
  }
  for (Program* const program : {&roles.sequencer.program, &roles.engine, &roles.dedup}) {
    EXPECT_TRUE(program->Says("(HALF) left: the peer closed the connection"));
    EXPECT_TRUE(program->Says("(GONE) left: "));
  }
  ExpectServed(roles, 2);
}

TEST_F(Peers, ThatNeverReadAStreamCostLittleAndHoldNobodyUp) {
  constexpr std::uint64_t kMessages = 60'000;
  WriteLog("input", replay::kInputRole, kMessages, "TEST", 1000);
  Sequencer sequencer = StartSequencer("input");
  const std::size_t before = AnonymousKiB(sequencer.program);
  std::vector<RawPeer> stalled;
  for (int i = 0; i < 8; ++i) {
    stalled.push_back(RawPeer::Connect(sequencer.stream));
    stalled.back().Login("STALL", 1);
  }
  RawPeer reader = RawPeer::Connect(sequencer.stream);
  reader.Login("R", 1);
  EXPECT_EQ(reader.Next(), "A      TEST                   1");
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    ASSERT_EQ(HeaderIn(reader.NextMessage()).number, number);
  }
  // The log has 60 MiB, which each of them would like.
  EXPECT_LT(AnonymousKiB(sequencer.program), before + 32 * 1024);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

TEST_F(Peers, ThatNeverReadAcknowledgementsWaitAndHoldNobodyUp) {
  constexpr std::uint64_t kMost = 2'000'000;
  Sequencer sequencer = StartSequencer("input");
  const std::size_t before = AnonymousKiB(sequencer.program);
  RawPeer stalled = RawPeer::Connect(sequencer.submissions);
  stalled.Login("STALL", 0);
  EXPECT_EQ(stalled.Next(), "A      TEST                   1");
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 0);
  EXPECT_EQ(client.Next(), "A      TEST                   1");

  std::uint64_t submitted = 0;
  std::uint64_t others = 0;
  std::string rest;  // of what is submitted, not taken by the socket yet
  for (int refused = 0; refused < 5;) {
    while (rest.size() < 65536) {
      proto::Header header;
      header.type = 100;
      header.origin = ++submitted;
      rest += Packet('U', {reinterpret_cast<const char*>(&header), sizeof header});
    }
    const std::size_t sent = stalled.SendWhatFits(rest);
    rest.erase(0, sent);
    ASSERT_LT(submitted, kMost) << "the sequencer takes everything and keeps it";
    if (sent > 0) {
      refused = 0;
      continue;
    }
    // Does it still take nothing after it has served somebody else?
    client.Submit(++others, 100);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(others));
    ++refused;
  }
  EXPECT_LT(AnonymousKiB(sequencer.program), before + 16 * 1024);

  std::uint64_t acknowledged = 0;
  while (acknowledged < submitted) {
    rest.erase(0, rest.empty() ? 0 : stalled.SendWhatFits(rest));
    if (!rest.empty() && !stalled.HasInput()) continue;
    ASSERT_EQ(HeaderIn(stalled.NextMessage()).origin, ++acknowledged);
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

/// Limits, short enough to wait for.
class Limits : public Peers {
 protected:
  engine::SequencerRoleOptions Options() const {
    engine::SequencerRoleOptions options;
    options.folder = Path("input");
    options.session = proto::Session("TEST");
    options.submissions = {.host = "127.0.0.1", .port = "0"};
    options.stream = options.submissions;
    options.limits = {.heartbeat = milliseconds(20),
                      .silence = milliseconds(400),
                      .login = milliseconds(150),
                      .linger = milliseconds(150),
                      .backoff = milliseconds(20)};
    return options;
  }

  CapturedLog log_;
  replay::PosixStorage storage_;
};

TEST_F(Limits, EndAConnectionWithoutALogin) {
  RoleThread<engine::SequencerRole> sequencer(Options(), storage_);
  for (const char* const port : {"submissions on ", ", stream on "}) {
    RawPeer silent = RawPeer::Connect(log_.PortAfter(port));
    EXPECT_EQ(silent.UntilClosed(), Words{});
    // A byte of a login now and then makes none.
    RawPeer slow = RawPeer::Connect(log_.PortAfter(port));
    const std::string login = Packet('L', LoginPayload("U1", "", "1"));
    for (std::size_t i = 0; i + 1 < login.size() && slow.SendBytes(login.substr(i, 1)); ++i) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_EQ(slow.UntilClosed(), Words{});
  }
  log_.Await("left: it did not log in within 150 ms", 4);
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
}

TEST_F(Limits, EndAConnectionOfASilentPeer) {
  RoleThread<engine::SequencerRole> sequencer(Options(), storage_);
  RawPeer client = RawPeer::Connect(log_.PortAfter("submissions on "));
  client.Login("U1", 0);
  EXPECT_EQ(client.UntilClosed(), Words{"A      TEST                   1"});
  RawPeer reader = RawPeer::Connect(log_.PortAfter(", stream on "));
  reader.Login("R", 0);
  reader.UntilClosed();
  log_.Await("(U1) left: the peer was silent for 400 ms");
  log_.Await("(R) left: the peer was silent for 400 ms");
}

TEST_F(Limits, EndAConnectionOfAPeerThatTakesNothing) {
  WriteLog("input", replay::kInputRole, 30'000, "TEST", 1000);
  RoleThread<engine::SequencerRole> sequencer(Options(), storage_);
  RawPeer reader = RawPeer::Connect(log_.PortAfter(", stream on "));
  reader.Login("R", 1);
  while (reader.Send('R')) std::this_thread::sleep_for(milliseconds(5));
  log_.Await("(R) left: the peer took nothing for 400 ms");
}

TEST_F(Limits, EndAConnectionThatARefusedPeerKeepsOpen) {
  RoleThread<engine::SequencerRole> sequencer(Options(), storage_);
  RawPeer client = RawPeer::Connect(log_.PortAfter("submissions on "));
  client.Login("U1", 0);
  client.Submit(2, 100);
  EXPECT_EQ(client.UntilClosed(),
            (Words{"A      TEST                   1",
                   "+submission 2 came where number 1 is next; send every number once, in order"}));
  // It is told and may read that at leisure, but what it sends now goes nowhere.
  client.Submit(1, 100);
  log_.Await("(U1) left: refused: submission 2 came where number 1 is next");
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
  for (const std::string& line : ReadLog("input")) EXPECT_EQ(line.find(" 100 "), std::string::npos);
}

}  // namespace
}  // namespace tandem::test
