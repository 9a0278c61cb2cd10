// SPDX-License-Identifier: Apache-2.0
//
// Peers that mean harm, against every kind of port: damaged packets byte by byte and at random,
// floods of connections, of submissions, slow ones. Each costs its own connection and nothing else,
// and nobody is kept from being served.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "engine/live/sequencer_role.h"
#include "replay/log_reader.h"
#include "tandem/status.pb.h"
#include "tests/live/live_test.h"
#include "tests/live/role_thread.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

const std::string kAccepted = "A      TEST                   1";

/// From this address of the host, which need not be 127.0.0.1.
RawPeer ConnectFrom(const char* address, std::uint16_t port, std::string_view passes_over) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &from.sin_addr);
  sockaddr_in to = from;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return RawPeer(socket, passes_over);
}

class Hostile : public LiveTest {
 protected:
  /// A sequencer, an engine and a deduplicator, their ports, and a client that is there all the
  /// time.
  void StartRoles() {
    sequencer_.emplace(StartSequencer("input"));
    engine_.emplace(Start({"engine", "--name", "A", "--input", At(sequencer_->stream), "--log",
                           Path("a"), "--stream", "0"}));
    const std::uint16_t output = engine_->PortAfter("output on ");
    dedup_.emplace(
        Start({"dedup", "--a", At(output), "--b", "1", "--log", Path("merged"), "--stream", "0"}));
    ports_ = {sequencer_->submissions, sequencer_->stream, output,
              dedup_->PortAfter("merged stream on ")};
    witness_.emplace(RawPeer::Connect(ports_[0]));
    witness_->Login("WITNES", 1);
    EXPECT_EQ(witness_->Next(), kAccepted);
    ExpectServed();
    AwaitMessages("merged", 1);
  }
  /// The connection that was there before is still there.
  void ExpectServed() {
    witness_->Submit(++witnessed_, 9999);
    EXPECT_EQ(witness_->Acknowledgements(1), std::to_string(witnessed_));
  }
  /// Every port does what it is for, and no role has anything to complain of but peers.
  void ExpectNoHarm() {
    ExpectServed();
    for (std::size_t i = 1; i < ports_.size(); ++i) {
      RawPeer reader = RawPeer::Connect(ports_[i]);
      reader.Login("R", 1, "TEST");
      EXPECT_EQ(reader.Next(), kAccepted);
      EXPECT_EQ(HeaderIn(reader.NextMessage()).number, 1u);
    }
    for (Program* const program : {&*dedup_, &*engine_, &sequencer_->program}) {
      EXPECT_EQ(program->Stop(SIGTERM), 0);
      EXPECT_EQ(ErrorsIn(program->Output()), Words{});
    }
    for (const char* const log : {"input", "a", "merged"}) ExpectVerifies(log);
  }
  /// What comes after `bytes` and nothing more.
  static Words Answer(std::uint16_t port, std::string_view bytes) {
    RawPeer peer = RawPeer::Connect(port);
    peer.SendBytes(bytes);
    peer.HalfClose();
    return peer.UntilClosed();
  }

  std::optional<Sequencer> sequencer_;
  std::optional<Program> engine_;
  std::optional<Program> dedup_;
  std::optional<RawPeer> witness_;
  std::uint64_t witnessed_ = 0;
  std::vector<std::uint16_t> ports_;
};

TEST_F(Hostile, LoginsDamagedInAnyByteEndOneConnection) {
  StartRoles();
  const std::string good = Packet('L', LoginPayload("U1", "TEST", "1"));
  for (const std::uint16_t port : ports_) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int value : {0x00, 0xff, 0x20, 0x37, good[at] ^ 1}) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(value);
        for (const std::string& packet : Answer(port, bytes)) {
          EXPECT_NE(std::string("AJ+S").find(packet[0]), std::string::npos) << packet;
        }
      }
      Answer(port, good.substr(0, at));  // half a packet
    }
    ExpectServed();
  }
  ExpectNoHarm();
}

TEST_F(Hostile, SubmissionsDamagedInAnyByteEndOneConnectionAndCountOnceOrNotAtAll) {
  StartRoles();
  std::uint64_t accepted = 0;
  std::uint64_t tries = 0;
  const std::string good_login = Packet('L', LoginPayload("DAMAGE", "", "0"));
  const std::size_t size = Packet('U', TextOf(Submission(1, 9999, "payload"))).size();
  for (std::size_t at = 0; at <= size; ++at) {
    for (const int value : {0x00, 0xff, 0x01, 0x7f}) {
      std::string bytes = Packet('U', TextOf(Submission(accepted + 1, 9999, "payload")));
      if (at < size) bytes[at] = static_cast<char>(value);
      RawPeer peer = RawPeer::Connect(ports_[0]);
      peer.SendBytes(good_login + bytes);
      peer.HalfClose();
      std::string expected = std::to_string(accepted + 1);
      ASSERT_EQ(peer.Next(), "A      TEST" + std::string(20 - expected.size(), ' ') + expected);
      const Words answer = peer.UntilClosed();
      ++tries;
      // Accepted and acknowledged, told off, or half a packet: but one thing only.
      ASSERT_LE(answer.size(), 1u) << at << " " << value;
      if (answer.empty()) continue;
      ASSERT_TRUE(answer[0][0] == 'S' || answer[0][0] == '+') << answer[0];
      if (answer[0][0] == 'S') ++accepted;
    }
  }
  EXPECT_GT(accepted, 4u);
  EXPECT_GT(tries, accepted);
  ExpectNoHarm();
  EXPECT_EQ(std::ranges::count_if(
                ReadLog("input"),
                [](const std::string& line) { return line.find(" DAMAGE ") != std::string::npos; }),
            static_cast<std::ptrdiff_t>(accepted));
}

TEST_F(Hostile, RandomConversationsDisturbNobody) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  StartRoles();
  constexpr std::string_view kTypes = "+ASHZLROUJ";
  for (int round = 0; round < 400; ++round) {
    const std::uint16_t port = ports_[random() % ports_.size()];
    std::string bytes = Packet(
        'L', LoginPayload("FUZZ", random() % 4 == 0 ? "TEST" : "", std::to_string(random() % 4)));
    for (std::uint64_t i = random() % 6; i > 0; --i) {
      switch (random() % 4) {
        case 0:
          bytes += Packet('U', TextOf(Submission(random() % 5, static_cast<std::uint16_t>(random()),
                                                 std::string(random() % 2000, 'x'))));
          break;
        case 1:
          bytes += Packet('R');
          break;
        case 2:
          bytes += Packet(kTypes[random() % kTypes.size()], std::string(random() % 300, 'y'));
          break;
        default:
          bytes += Packet('+', "text");
      }
    }
    for (std::uint64_t damages = random() % 4; damages > 0 && !bytes.empty(); --damages) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, random() % 20);
          break;
        case 2:
          bytes.insert(at, std::string(random() % 20, static_cast<char>(random())));
          break;
        default:
          bytes.resize(at);
      }
    }
    RawPeer peer = RawPeer::Connect(port);
    for (std::size_t at = 0; at < bytes.size();) {  // in pieces of any size
      const std::size_t size = 1 + random() % bytes.size();
      if (!peer.SendBytes(std::string_view(bytes).substr(at, size))) break;
      at += size;
    }
    if (random() % 3 == 0) {
      peer.Reset();
    } else {
      peer.HalfClose();
      peer.UntilClosed();
    }
    if (round % 40 == 0) ExpectServed();
  }
  ExpectNoHarm();
}

TEST_F(Hostile, FloodsOfConnectionsLeaveRoomForOthersAndLittleInTheLog) {
  Sequencer sequencer =
      StartSequencer("input", {"--clients", "20", "--readers", "20", "--per-address", "8"});
  for (const std::uint16_t port : {sequencer.submissions, sequencer.stream}) {
    std::vector<RawPeer> flood;
    for (int i = 0; i < 8; ++i) flood.push_back(RawPeer::Connect(port));
    // What is too much is closed at once; in no order is more than 8 let in.
    for (int i = 0; i < 500; ++i) EXPECT_EQ(RawPeer::Connect(port).UntilClosed(), Words{});
    RawPeer other = ConnectFrom("127.0.0.2", port, "UHS");
    other.Login("OTHER", 1);
    EXPECT_EQ(other.Next(), kAccepted);
    // A place that is given up is there for the next.
    flood.pop_back();
    std::string answer;
    for (int tries = 0; tries < 1000 && answer.empty(); ++tries) {
      RawPeer next = RawPeer::Connect(port);
      next.Login("NEXT", 1);
      answer = next.Next();
    }
    EXPECT_EQ(answer, kAccepted);
  }
  EXPECT_TRUE(sequencer.program.Says("there are 8 from 127.0.0.1 already, which is the limit"));
  // What was left out is told with the next line that may be.
  for (int tries = 0; tries < 1000; ++tries) {
    if (Count(sequencer.program.Output(), "lines about clients were left out here") > 0) break;
    RawPeer late = RawPeer::Connect(sequencer.submissions);
    late.Login("LATE", 1);
    late.Next();
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const std::string output = sequencer.program.Output();
  EXPECT_LT(Count(output, "was turned away"), 600u);
  EXPECT_GT(Count(output, "lines about clients were left out here"), 0u) << output;
}

TEST_F(Hostile, OneThatSubmitsWithoutEndStarvesNobody) {
  constexpr std::uint64_t kOfEach = 4000;
  Sequencer sequencer = StartSequencer("input");
  std::vector<RawPeer> clients;
  for (const char* const user : {"GREEDY", "MODEST"}) {
    clients.push_back(RawPeer::Connect(sequencer.submissions));
    clients.back().Login(user, 1);
    EXPECT_EQ(clients.back().Next(), kAccepted);
  }
  // The sequencer stands still until both have filled their sockets.
  sequencer.program.Signal(SIGSTOP);
  const std::string stat = "/proc/" + std::to_string(sequencer.program.pid()) + "/stat";
  for (std::string text; text.find(") T ") == std::string::npos;) {
    std::getline(std::ifstream(stat), text);
  }
  std::vector<std::string> rest(2);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::uint64_t origin = 1; origin <= kOfEach; ++origin) {
      rest[i] += Packet('U', TextOf(Submission(origin, 100)));
    }
    rest[i].erase(0, clients[i].SendWhatFits(rest[i]));
  }
  sequencer.program.Signal(SIGCONT);
  std::thread reads([&] {
    if (!rest[0].empty()) clients[0].SendBytes(rest[0]);
  });
  if (!rest[1].empty()) clients[1].SendBytes(rest[1]);
  reads.join();
  for (RawPeer& client : clients) {
    for (std::uint64_t i = 1; i <= kOfEach; ++i) {
      ASSERT_EQ(HeaderIn(client.NextMessage()).origin, i);
    }
  }
  // While both had something to say, neither said much more than one turn allows at a stretch.
  std::string before;
  std::uint64_t stretch = 0;
  std::uint64_t longest = 0;
  std::map<std::string, std::uint64_t> said;
  for (const std::string& line : ReadLog("input")) {
    const bool greedy = line.find(" GREEDY ") != std::string::npos;
    if (!greedy && line.find(" MODEST ") == std::string::npos) continue;
    const std::string user = greedy ? "GREEDY" : "MODEST";
    stretch = user == before ? stretch + 1 : 1;
    before = user;
    longest = std::max(longest, stretch);
    if (++said[user] == kOfEach) break;
  }
  EXPECT_LE(longest, engine::Connection::kPacketsPerTurn * 3 / 2);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

TEST_F(Hostile, OneAboveItsRateWaitsAndLosesNothing) {
  constexpr std::uint64_t kMany = 140;
  Sequencer sequencer = StartSequencer("input", {"--rate-limit", "50"});
  RawPeer fast = RawPeer::Connect(sequencer.submissions);
  fast.Login("FAST", 1);
  EXPECT_EQ(fast.Next(), kAccepted);
  for (std::uint64_t i = 1; i <= kMany; ++i) fast.Submit(i, 100);
  EXPECT_EQ(HeaderIn(fast.NextMessage()).origin, 1u);
  // A connection more does not give another rate.
  const RawPeer older = std::move(fast);
  fast = RawPeer::Connect(sequencer.submissions);
  fast.Login("FAST", 0);
  const std::string next = fast.Next();
  ASSERT_EQ(next.substr(0, 1), "A");
  std::uint64_t origin = std::stoul(next.substr(11));
  EXPECT_LE(origin, kMany);
  RawPeer other = RawPeer::Connect(sequencer.submissions);
  other.Login("OTHER", 1);
  EXPECT_EQ(other.Next(), kAccepted);
  for (std::uint64_t i = origin; i <= kMany; ++i) fast.Submit(i, 100);
  other.Submit(1, 100);
  const std::uint64_t of_other = HeaderIn(other.NextMessage()).number;
  std::uint64_t of_fast = 0;
  for (; origin <= kMany; ++origin) {
    const proto::Header header = HeaderIn(fast.NextMessage());
    ASSERT_EQ(header.origin, origin);
    of_fast = header.number;
  }
  EXPECT_LT(of_other, of_fast);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  // Nobody was refused anything: what the older connection still has to say waits.
  EXPECT_EQ(Count(sequencer.program.Output(), "refused"), 0u) << sequencer.program.Output();
}

/// Limits that are short enough to wait for, in this process.
class HostileToLimits : public Hostile {
 protected:
  engine::SequencerRoleOptions Options() const {
    engine::SequencerRoleOptions options;
    options.folder = Path("input");
    options.session = proto::Session("TEST");
    options.submissions = {.host = "127.0.0.1", .port = "0"};
    options.stream = options.submissions;
    options.limits.heartbeat = milliseconds(20);
    return options;
  }
  CapturedLog log_;
  replay::PosixStorage storage_;
};

TEST_F(HostileToLimits, AReaderThatIsTooSlowIsDropped) {
  WriteLog("input", replay::kInputRole, 30'000, "TEST", 1000);
  auto options = Options();
  options.limits.slow = milliseconds(300);
  RoleThread<engine::SequencerRole> sequencer(options, storage_);
  RawPeer slow = RawPeer::Connect(log_.PortAfter(", stream on "));
  slow.Login("SLOW", 1);
  std::string bytes(2000, '\0');
  while (::recv(slow.socket(), bytes.data(), bytes.size(), 0) > 0 &&
         log_.text().find("too slow") == std::string::npos) {
    std::this_thread::sleep_for(milliseconds(2));
    slow.Send('R');
  }
  log_.Await("(SLOW) left: the peer is too slow: it took less than ");
}

TEST_F(HostileToLimits, APacketThatIsNeverFinishedEndsTheConnection) {
  auto options = Options();
  options.limits.silence = milliseconds(400);
  RoleThread<engine::SequencerRole> sequencer(options, storage_);
  for (const char* const port : {"submissions on ", ", stream on "}) {
    RawPeer slow = RawPeer::Connect(log_.PortAfter(port));
    slow.Login("LORIS", 1);
    const std::string packet = Packet('U', std::string(60'000, 'x'));
    // A byte now and then: it is not silent.
    for (std::size_t i = 0; i < packet.size() && slow.SendBytes(packet.substr(i, 1)); ++i) {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  log_.Await("(LORIS) left: it did not finish a packet within 400 ms", 2);
}

TEST_F(HostileToLimits, ALoginHasLittleRoom) {
  RoleThread<engine::SequencerRole> sequencer(Options(), storage_);
  for (const char* const port : {"submissions on ", ", stream on "}) {
    EXPECT_EQ(Answer(log_.PortAfter(port), Packet('L', std::string(60'000, 'x'))),
              Words{"+a packet of more than 4093 bytes is no login"});
    EXPECT_EQ(Answer(log_.PortAfter(port), Packet('L', std::string(4000, 'x'))),
              Words{"+the login request is malformed"});
  }
}

TEST_F(HostileToLimits, AClockThatJumpsIsNotFollowed) {
  constexpr std::int64_t kHour = 3'600'000'000'000;
  std::atomic<std::int64_t> offset = 0;
  auto options = Options();
  const auto host = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  options.wall_clock = [&] { return host() + offset; };
  RoleThread<engine::SequencerRole> sequencer(options, storage_);
  RawPeer client = RawPeer::Connect(log_.PortAfter("submissions on "));
  client.Login("U1", 1);
  EXPECT_EQ(client.Next(), kAccepted);
  RawPeer reader = ConnectFrom("127.0.0.1", log_.PortAfter(", stream on "), "HS");
  reader.Login("R", 1);
  EXPECT_EQ(reader.Next(), kAccepted);
  const auto status_until = [&](auto is_wanted) {
    for (;;) {
      const std::string packet = reader.Next();
      pb::Status status;
      if (packet.empty()) return status;
      if (!status.ParseFromString(packet.substr(1 + sizeof(proto::Header)))) continue;
      if (status.role() == "sequencer" && is_wanted(status)) return status;
    }
  };
  std::uint64_t origin = 0;
  const auto submit = [&] {
    client.Submit(++origin, 100);
    return HeaderIn(client.NextMessage()).time_ns;
  };
  std::int64_t before = submit();
  for (const std::int64_t jump : {kHour, -kHour}) {
    offset = jump;
    log_.Await(jump > 0 ? "the clock of this host jumped 3600.0 s ahead, which is refused"
                        : "the clock of this host jumped 3600.0 s back, which is refused");
    for (int i = 0; i < 20; ++i) {
      const std::int64_t time_ns = submit();
      ASSERT_GE(time_ns, before);
      ASSERT_LT(std::abs(time_ns - host()), kHour / 2);
      before = time_ns;
    }
    const pb::Status status =
        status_until([](const pb::Status& now) { return now.clock_jump_ns() != 0; });
    EXPECT_LT(std::abs(status.clock_jump_ns() - jump), kHour / 2);
    offset = 0;
    status_until([](const pb::Status& now) { return now.clock_jump_ns() == 0; });
  }
  log_.Await("the clock of this host is back", 2);
  const pb::Status status = status_until([](const pb::Status&) { return true; });
  EXPECT_EQ(status.clock_jumps_refused(), 2u);
  EXPECT_EQ(log_.errors().size(), 2u) << "each is told once";
  // What it may be set by without a word is followed, though never backwards.
  offset = 5'000'000'000;
  while (before < host() + 4'000'000'000) before = submit();
  offset = 0;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t time_ns = submit();
    ASSERT_GE(time_ns, before);
    before = time_ns;
  }
  EXPECT_EQ(log_.errors().size(), 2u);
}

}  // namespace
}  // namespace tandem::test
