// SPDX-License-Identifier: Apache-2.0
//
// Deduplicators as processes: two of them for one pair and a client that moves between them while
// everything is killed; engines that lie; an engine that is far behind.
//
// TANDEM_BEHIND: how many messages that engine is behind (default 300,000).
#include <csignal>
#include <fstream>
#include <random>

#include "engine/transport/stream_server.h"
#include "tests/live/dedup_fixture.h"
#include "tools/oracle.h"

namespace tandem::test {
namespace {

using engine::DedupPolicy;

constexpr const char* kPolicies[] = {"first", "agree"};

class DedupPair : public DedupTest {
 protected:
  struct Engine {
    Program program;
    std::uint16_t port;
  };
  Engine StartEngine(const std::string& name, std::uint16_t input, std::uint16_t port = 0) {
    Engine engine{Start({"engine", "--name", name, "--input", At(input), "--log", Path(name),
                         "--stream", At(port)}),
                  0};
    engine.port = engine.program.PortAfter(", output on ");
    return engine;
  }
  Engine StartDedup(const std::string& log, std::uint16_t a, std::uint16_t b,
                    std::vector<std::string> extra = {}, std::uint16_t port = 0) {
    std::vector<std::string> arguments = {"dedup", "--a",     At(a),      "--b",   At(b),
                                          "--log", Path(log), "--stream", At(port)};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    Engine dedup{Start(std::move(arguments)), 0};
    dedup.port = dedup.program.PortAfter("merged stream on ");
    return dedup;
  }
  void ExpectSame(const std::string& log, const std::string& expected) const {
    const auto sameness = tools::CompareLogs(Path(log), Path(expected));
    ASSERT_TRUE(sameness.ok()) << sameness.error().text;
    EXPECT_TRUE(sameness->same) << log << " differs at message " << sameness->difference;
    EXPECT_GT(sameness->messages, 0u);
  }
};

class TwoDeduplicators : public DedupPair, public testing::WithParamInterface<const char*> {};

TEST_P(TwoDeduplicators, GiveOneStreamAndAClientMovesBetweenThem) {
  const std::uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  ASSERT_EQ(Run({"generate", "--orders", "12000", "--symbols", "10", "-o", Path("flow")}), 0);
  Sequencer sequencer = StartSequencer("input");
  std::vector<Engine> engines;
  engines.push_back(StartEngine("a", sequencer.stream));
  engines.push_back(StartEngine("b", sequencer.stream));
  const std::vector<std::string> policy = {"--policy", GetParam()};
  const auto dedup = [&](const std::string& log, std::uint16_t port) {
    return StartDedup(log, engines[0].port, engines[1].port, policy, port);
  };
  std::vector<Engine> dedups;
  dedups.push_back(dedup("merged0", 0));
  dedups.push_back(dedup("merged1", 0));
  const std::string both = At(dedups[0].port) + "," + At(dedups[1].port);
  Program client = Start({"record", both, "-o", Path("received")});
  Program submit =
      Start({"submit", Path("flow"), "--to", At(sequencer.submissions), "--rate", "4000"});
  for (int kill = 0; kill < 10; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 200));
    const std::size_t which = random() % 2;
    if (kill % 3 == 2) {
      engines[which].program.Kill();
      const std::string name = which == 0 ? "a" : "b";
      engines[which] = StartEngine(name, sequencer.stream, engines[which].port);
    } else {
      // Whichever the client reads, it is killed now and then.
      dedups[which].program.Kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
      dedups[which] = dedup("merged" + std::to_string(which), dedups[which].port);
    }
  }
  EXPECT_EQ(submit.Wait(), 0) << submit.Output();
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ASSERT_EQ(Run({"replay", Path("input"), "-o", Path("replayed")}), 0);
  const std::size_t outputs = ReadLog("replayed").size();
  for (const char* const log : {"a", "b", "merged0", "merged1", "received"}) {
    AwaitMessages(log, outputs);
  }
  EXPECT_EQ(client.Stop(SIGTERM), 0) << client.Output();
  for (Engine& one : dedups) EXPECT_EQ(one.program.Stop(SIGTERM), 0) << one.program.Output();
  for (Engine& one : engines) EXPECT_EQ(one.program.Stop(SIGTERM), 0) << one.program.Output();
  for (const char* const log : {"a", "b", "merged0", "merged1", "received"}) {
    ExpectSame(log, "replayed");
  }
  EXPECT_GE(Count(client.Output(), "recording session TEST"), 2u) << "it never moved";
}

INSTANTIATE_TEST_SUITE_P(Dedup, TwoDeduplicators, testing::ValuesIn(kPolicies),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(DedupPair, ACLientIsToldThatTheOtherStreamIsAnother) {
  WriteLog("one", replay::kMergedRole, 10);
  WriteLog("other", replay::kMergedRole, 12, "TEST", 9);
  LyingEngine one("one", ReadBytes("one"));
  LyingEngine other("other", ReadBytes("other"));
  Program client =
      Start({"record", At(one.port()) + "," + At(other.port()), "-o", Path("received")});
  AwaitMessages("received", 10);
  one.BeGone(true);
  EXPECT_EQ(client.Wait(), 4);
  EXPECT_TRUE(client.Says("message 11 from " + At(other.port()) + " does not follow"));
  EXPECT_EQ(ReadBytes("received"), ReadBytes("one"));
}

struct LiveLie {
  const char* policy;
  Lie lie;
};
class LiesOfProcesses : public DedupPair, public testing::WithParamInterface<LiveLie> {};

TEST_P(LiesOfProcesses, AreNamedByTheirExactNumber) {
  ASSERT_EQ(Run({"generate", "--orders", "2000", "--symbols", "5", "-o", Path("flow")}), 0);
  Sequencer sequencer = StartSequencer("input");
  Engine a = StartEngine("a", sequencer.stream);
  Engine b = StartEngine("b", sequencer.stream);
  ASSERT_EQ(Run({"submit", Path("flow"), "--to", At(sequencer.submissions)}), 0);
  AwaitMessages("b", 1500);
  std::uint64_t at = 1000;
  const std::vector<Bytes> honest = ReadBytes("b");
  while (View(honest.at(at - 1)).header.last()) ++at;  // for a swap
  LyingEngine relay("b", b.port, GetParam().lie, at);
  const std::uint64_t first = Liar(GetParam().lie, at).first_difference();
  relay.SayTo(first - 1);
  Program dedup =
      Start({"dedup", "--a", At(a.port), "--b", At(relay.port()), "--log", Path("merged"),
             "--stream", At(0), "--policy", GetParam().policy, "--exit-on-divergence"});
  // What is equal goes out; a lie that comes before the other copy of it stops that too.
  AwaitMessages("merged", first - 1);
  relay.SayTo(honest.size());
  EXPECT_EQ(dedup.Wait(), 4);
  EXPECT_TRUE(dedup.Says("DIVERGENCE at output " + std::to_string(first) + ", caused by input"));
  const std::size_t merged = ReadBytes("merged").size();
  if (std::string(GetParam().policy) == "agree") {
    EXPECT_EQ(merged, first - 1);
  }
  for (Program* program : {&a.program, &b.program, &sequencer.program}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Dedup, LiesOfProcesses,
    testing::Values(LiveLie{"first", Lie::kFieldFlipped}, LiveLie{"agree", Lie::kOmitted},
                    LiveLie{"first", Lie::kSwapped}, LiveLie{"agree", Lie::kPayloadOldDigest}),
    [](const auto& info) { return std::string(info.param.policy) + NameOf(info.param.lie); });

/// Serves a log as the output stream of an engine.
class ServedLog {
 public:
  ServedLog(std::string name, const std::string& folder, proto::StreamPosition end)
      : server_(context_, storage_, [name, end] {
          pb::Status status;
          status.set_role("engine");
          status.set_name(name);
          status.set_number(end.number);
          status.set_digest(end.digest);
          return status;
        }) {
    EXPECT_TRUE(server_.Listen({.host = "127.0.0.1", .port = "0"}).ok());
    server_.Serve(folder, proto::Session("TEST"));
    server_.Publish(end.number);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~ServedLog() {
    context_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  replay::PosixStorage storage_;
  boost::asio::io_context context_;
  engine::StreamServer server_;
  std::thread thread_;
};

/// Of memory that is the process's own: pages of mapped logs are the system's.
std::size_t AnonymousKiB(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8));
  }
  return 0;
}

class FarBehind : public DedupPair, public testing::WithParamInterface<const char*> {};

TEST_P(FarBehind, AnEngineCostsNoMemory) {
  const char* const text = std::getenv("TANDEM_BEHIND");
  const std::uint64_t behind = text == nullptr ? 300'000 : std::strtoull(text, nullptr, 10);
  const bool is_agree = GetParam() == std::string("agree");
  WriteLog("outputs", replay::kOutputRole, behind, "TEST", 100);
  const auto end = replay::LogReader::LastPosition(storage_, Path("outputs"));
  ASSERT_TRUE(end.ok());
  ServedLog a("a", Path("outputs"), *end);
  // The other one is there, but has said nothing yet.
  auto silent = std::make_unique<RawServer>();
  const std::uint16_t port = silent->port();
  Engine dedup = StartDedup("merged", a.port(), port, {"--policy", GetParam()});
  std::size_t highest = 0;
  const auto watch = [&](std::uint64_t until) {
    Await("the merged log", [&] {
      highest = std::max(highest, AnonymousKiB(dedup.program.pid()));
      const auto position = replay::LogReader::LastPosition(storage_, Path("merged"));
      return position.ok() && position->number >= until;
    });
  };
  const std::size_t before = AnonymousKiB(dedup.program.pid());
  if (is_agree) {
    Await("as much as may wait", [&] { return StatusOf(dedup.port).engines(0).paused(); });
    EXPECT_LT(StatusOf(dedup.port).held(), std::min<std::uint64_t>(behind, 60'000));
  } else {
    watch(behind);
  }
  const std::size_t ahead = AnonymousKiB(dedup.program.pid());
  silent.reset();
  Program recorder = Start({"record", At(dedup.port), "-o", Path("received")});
  // Now it comes: the same log, from a server on that port.
  ASSERT_TRUE(dedup.program.Says("nothing from engine B"));
  boost::asio::io_context context;
  engine::StreamServer b(context, storage_, [&] {
    pb::Status status;
    status.set_role("engine");
    status.set_name("b");
    status.set_process(2);
    status.set_number(end->number);
    status.set_digest(end->digest);
    return status;
  });
  ASSERT_TRUE(b.Listen({.host = "127.0.0.1", .port = std::to_string(port)}).ok());
  b.Serve(Path("outputs"), proto::Session("TEST"));
  b.Publish(end->number);
  std::thread thread([&] { context.run(); });
  watch(behind);
  AwaitMessages("received", behind);
  EXPECT_EQ(recorder.Stop(SIGTERM), 0);
  Await("agreement", [&] {
    highest = std::max(highest, AnonymousKiB(dedup.program.pid()));
    return StatusOf(dedup.port).agreed() == behind;
  });
  EXPECT_EQ(dedup.program.Stop(SIGTERM), 0);
  context.stop();
  thread.join();
  std::printf("%lu behind, policy %s: %zu KiB before, %zu while behind, %zu at most\n",
              static_cast<unsigned long>(behind), GetParam(), before, ahead, highest);
  // 16 MiB of ring, up to 12 of the newest packets, 8 that wait with policy agree, and buffers.
  EXPECT_LT(highest, (is_agree ? 56u : 48u) << 10);
  ExpectSame("merged", "outputs");
  ExpectSame("received", "outputs");
}

INSTANTIATE_TEST_SUITE_P(Dedup, FarBehind, testing::ValuesIn(kPolicies),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tandem::test
