// SPDX-License-Identifier: Apache-2.0
//
// MoldUDP64 live: engines that read their input and a client that reads the merged stream through
// relays that lose, double, delay and damage packets, while publishers are killed. Lines here are
// addresses of one reader each; multicast_namespace.sh does the same with groups.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <memory>

#include "engine/live/log_cut.h"
#include "engine/transport/mold_server.h"
#include "proto/moldudp64.h"
#include "tests/live/live_test.h"
#include "tests/live/lossy_relay.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;
namespace mold = proto::mold;

constexpr unsigned kSeed = 20261123;

class Multicast : public LiveTest {
 protected:
  /// Two lossy lines and a lossy way to a request server, for one reader.
  struct Network {
    Network(unsigned seed, std::uint16_t requests_port, LossyRelay::Faults faults)
        : ports{FreePort(), FreePort()},
          a(ports[0], seed, faults),
          b(ports[1], seed + 1, faults),
          requests(requests_port, seed + 2, faults) {}

    /// What a publisher is told.
    [[nodiscard]] std::string to() const { return At(a.port()) + "," + At(b.port()); }
    /// What the reader is told.
    [[nodiscard]] std::string from() const { return At(ports[0]) + "," + At(ports[1]); }

    std::uint16_t ports[2];
    LossyRelay a;
    LossyRelay b;
    LossyRelay requests;
  };

  void ExpectSame(const std::string& a, const std::string& b) {
    std::string output;
    EXPECT_EQ(Run({"diff", Path(a), Path(b)}, &output), 0) << output;
    ExpectVerifies(b);
  }
};

TEST_F(Multicast, CarriesInputAndMergedStreamOverALossyNetworkAndKills) {
  constexpr LossyRelay::Faults kBad = {.lost = 10, .twice = 10, .late = 20, .damaged = 2};
  const std::uint16_t input_requests = FreePort();
  const std::uint16_t merged_requests = FreePort();
  Network to_a(kSeed, input_requests, kBad);
  Network to_b(kSeed + 10, input_requests, kBad);
  Network to_client(kSeed + 20, merged_requests, kBad);

  ASSERT_EQ(Run({"generate", "--orders", "4000", "--seed", "5", "-o", Path("flow")}), 0);
  const Words publish = {"--multicast", to_a.to() + "," + to_b.to(), "--requests",
                         At(input_requests)};
  Sequencer sequencer = StartSequencer("input", publish);

  // Engine A has the lines and the request server only, engine B the stream's port as well.
  const std::uint16_t output_a = FreePort();
  const std::uint16_t output_b = FreePort();
  Program a = Start({"engine", "--name", "A", "--input-multicast", to_a.from(), "--input-requests",
                     At(to_a.requests.port()), "--input-session", "TEST", "--log", Path("a"),
                     "--stream", At(output_a)});
  Program b = Start({"engine", "--name", "B", "--input", At(sequencer.stream), "--input-multicast",
                     to_b.from(), "--input-requests", At(to_b.requests.port()), "--log", Path("b"),
                     "--stream", At(output_b)});
  const Words dedup_line = {
      "dedup",        "--a",          At(output_a),       "--b",          At(output_b),
      "--log",        Path("merged"), "--stream",         At(FreePort()), "--multicast",
      to_client.to(), "--requests",   At(merged_requests)};
  Program dedup = Start(dedup_line);
  Program record =
      Start({"record", "--multicast", to_client.from(), "--requests", At(to_client.requests.port()),
             "--session", "TEST", "--app", "book", "-o", Path("recorded")});
  Program submit =
      Start({"submit", Path("flow"), "--to", At(sequencer.submissions), "--rate", "2000"});

  AwaitMessages("merged", 2000);
  dedup.Kill();
  dedup = Start(dedup_line);
  AwaitMessages("input", 2000);
  sequencer.program.Kill();
  sequencer = StartSequencer("input", publish, &sequencer);
  AwaitMessages("input", 3000);
  AwaitMessages("a", 1);  // by its log it knows the session when it comes again
  a.Kill();
  a = Start({"engine", "--name", "A", "--input-multicast", to_a.from(), "--input-requests",
             At(to_a.requests.port()), "--log", Path("a"), "--stream", At(output_a)});

  EXPECT_EQ(submit.Wait(), 0) << submit.Output();
  // The times that the sequencer gave are part of the input, and what follows now are ticks.
  ASSERT_EQ(Run({"replay", Path("input"), "-o", Path("replayed")}), 0);
  const std::size_t outputs = ReadLog("replayed").size();
  for (const char* const log : {"a", "b", "merged", "recorded"}) AwaitMessages(log, outputs);
  for (Program* const program : {&record, &dedup, &a, &b}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0) << program->Output();
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);

  for (const char* const log : {"a", "b", "merged", "recorded"}) ExpectSame("replayed", log);
  for (const Network* const network : {&to_a, &to_b, &to_client}) {
    EXPECT_GT(network->a.lost(), 0u);
    EXPECT_GT(network->b.lost(), 0u);
    EXPECT_GT(network->requests.came(), 0u);
  }
  // What was recorded explains itself, by the schema that --app gave.
  std::string printed;
  EXPECT_EQ(Run({"cat", Path("recorded"), "--count", "1"}, &printed), 0);
  EXPECT_NE(printed.find("Accepted"), std::string::npos) << printed;
}

TEST_F(Multicast, IsReplacedBySoupWhenAllLinesAndServersAreDead) {
  Network network(kSeed + 30, FreePort(), {});
  Sequencer sequencer = StartSequencer("input", {"--multicast", network.to()});
  Program record = Start({"record", At(sequencer.stream), "--multicast", network.from(),
                          "--requests", At(network.requests.port()), "-o", Path("recorded")});
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 0);
  EXPECT_EQ(client.Next().substr(0, 1), "A");
  std::uint64_t submitted = 0;
  const auto submit = [&] {
    for (int i = 0; i < 100; ++i) client.Submit(++submitted, 100, "payload");
    EXPECT_TRUE(client.Acknowledgements(100).ends_with(std::to_string(submitted)));
    AwaitMessages("recorded", ReadLog("input").size());
  };
  submit();
  EXPECT_TRUE(record.Says("for the status only again"));
  for (LossyRelay* const line : {&network.a, &network.b}) line->Cut(true);
  submit();
  EXPECT_TRUE(record.Says("reading them from"));
  EXPECT_TRUE(record.Says("nothing has come by multicast for 3 s"));
  submit();
  for (LossyRelay* const line : {&network.a, &network.b}) line->Cut(false);
  EXPECT_TRUE(record.Says("for the status only again", 2));
  submit();
  EXPECT_EQ(record.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const Words input = ReadLog("input");
  Words recorded = ReadLog("recorded");
  ASSERT_GE(input.size(), recorded.size());
  EXPECT_EQ(recorded,
            Words(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(recorded.size())));
  ExpectVerifies("recorded");
}

/// A UDP socket in the hands of a test: asks a request server, or receives a line.
class Asker {
 public:
  enum class Kind { kAsks, kReceives };

  explicit Asker(std::uint16_t port, Kind kind = Kind::kAsks)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const auto* const of = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(kind == Kind::kAsks ? ::connect(socket_, of, sizeof address)
                                  : ::bind(socket_, of, sizeof address),
              0);
  }
  ~Asker() { ::close(socket_); }

  void Send(std::string_view bytes) { (void)::send(socket_, bytes.data(), bytes.size(), 0); }
  void Request(std::uint64_t number, std::uint16_t count, std::string_view session = "TEST") {
    const auto bytes =
        mold::Encode({.session = proto::Session(session), .number = number, .count = count});
    Send({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  /// The next packet as "number+count in bytes"; "" if there is none for 200 ms.
  std::string Answer() {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, 200) != 1) return "";
    char buffer[65536];
    const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
    if (size < 0) return "refused";
    auto packet =
        mold::ParsePacket(std::as_bytes(std::span(buffer, static_cast<std::size_t>(size))));
    if (!packet) return "malformed";
    if (!packet->header.has_messages()) {
      return "heartbeat " + std::to_string(packet->header.number);
    }
    for (std::uint64_t i = 0; i < packet->header.count; ++i) {
      const auto message = proto::ParseMessage(packet->TakeMessage());
      if (!message || message->header.number != packet->header.number + i) return "wrong message";
    }
    return std::to_string(packet->header.number) + "+" + std::to_string(packet->header.count) +
           " in " + std::to_string(size);
  }

 private:
  int socket_;
};

TEST_F(Multicast, AnswersRequestsWithOnePacketEach) {
  WriteLog("input", replay::kInputRole, 1000, "TEST", 36);  // 100 bytes each, 102 in a packet
  Sequencer sequencer = StartSequencer("input", {"--requests", "127.0.0.1:0", "--end-session"});
  Asker asker(sequencer.program.PortAfter("requests on "));
  const auto ask = [&](std::uint64_t number, std::uint16_t count) {
    asker.Request(number, count);
    return asker.Answer();
  };
  EXPECT_EQ(ask(1, 1), "1+1 in 122");
  EXPECT_EQ(ask(1, 13), "1+13 in 1346");
  EXPECT_EQ(ask(1, 14), "1+13 in 1346");
  EXPECT_EQ(ask(14, 65535), "14+13 in 1346");
  EXPECT_EQ(ask(27, 5), "27+5 in 530");
  EXPECT_EQ(ask(500, 2), "500+2 in 224");
  EXPECT_EQ(ask(1000, 9), "1000+2 in 188");  // and the end of the session
  EXPECT_EQ(ask(1002, 1), "heartbeat 1002");
  EXPECT_EQ(ask(UINT64_MAX, 1), "heartbeat 1002");
  EXPECT_EQ(ask(UINT64_MAX, UINT16_MAX), "heartbeat 1002");
  EXPECT_EQ(ask(0, 1), "");
  EXPECT_EQ(ask(1, 0), "");
  asker.Request(1, 1, "OTHER");
  asker.Send("");
  asker.Send("nonsense");
  asker.Send(std::string(20, '\0'));
  asker.Send(std::string(21, 'T'));
  asker.Send(std::string(65000, 'x'));
  EXPECT_EQ(asker.Answer(), "");
  EXPECT_EQ(ask(7, 1), "7+1 in 122");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

TEST_F(Multicast, BringsWhatTookThePlaceOfWhatWasTakenBack) {
  const std::uint16_t port = FreePort();
  Asker line(port, Asker::Kind::kReceives);
  boost::asio::io_context context;
  replay::PosixStorage storage;
  TestStream stream("TEST");
  const auto write = [&](int count, std::size_t payload_size) {
    auto log = replay::LogWriter::Open(
        storage, Path("merged"),
        {.session = proto::Session("TEST"), .role = replay::kMergedRole, .schema = ""});
    ASSERT_TRUE(log.ok()) << log.error().text;
    for (int i = 0; i < count; ++i) log->Append(stream.Add(200, std::string(payload_size, 'x')));
    ASSERT_TRUE(log->Close().ok());
  };
  write(5, 36);
  const TestStream at_five = stream;
  write(5, 36);
  engine::MoldServer server(
      context, storage,
      {.lines = {{.to = {"127.0.0.1", std::to_string(port)}, .interface = ""}},
       .requests = engine::Endpoint{"127.0.0.1", "0"}});
  ASSERT_TRUE(server.Open().ok());
  server.Serve(Path("merged"), proto::Session("TEST"));
  server.Publish(10);
  pb::Status status;
  server.AddTo(status);
  Asker asker(static_cast<std::uint16_t>(status.multicast().requests_port()));
  const auto ask = [&](std::uint64_t number) {
    asker.Request(number, 20);
    context.restart();
    context.run_for(std::chrono::milliseconds(20));
    return asker.Answer();
  };
  EXPECT_EQ(ask(4), "4+7 in 734");
  EXPECT_EQ(ask(11), "heartbeat 11");

  ASSERT_TRUE(engine::CutLog(storage, Path("merged"), 5, Path("before")).ok());
  server.TakeBackTo(5);
  EXPECT_EQ(ask(4), "");
  stream = at_five;
  write(3, 16);
  server.Publish(8);
  std::string packet = line.Answer();
  while (packet.starts_with("heartbeat")) packet = line.Answer();
  EXPECT_EQ(packet, "6+3 in 266");
  EXPECT_EQ(ask(4), "4+5 in 470");
  EXPECT_EQ(ask(9), "heartbeat 9");
  server.Close();
}

TEST_F(Multicast, AnswersNobodyWithoutBound) {
  WriteLog("input", replay::kInputRole, 10, "TEST", 36);
  Sequencer sequencer = StartSequencer("input", {"--requests", "127.0.0.1:0", "--end-session"});
  Asker asker(sequencer.program.PortAfter("requests on "));
  constexpr int kAsked = 20'000;
  int answered = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kAsked; ++i) {
    asker.Request(1, 1);
    if (i % 20 == 19) {
      while (!asker.Answer().empty() && ++answered % 20 != 0) continue;
    }
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(2)) break;
  }
  while (!asker.Answer().empty()) ++answered;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_GT(answered, 0);
  EXPECT_LE(answered, 5'000 * (seconds + 0.2));
  // It still answers who asks at a decent rate.
  asker.Request(2, 1);
  EXPECT_EQ(asker.Answer(), "2+1 in 122");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

TEST_F(Multicast, IsRefusedWhereItCannotWork) {
  const Words sequencer = {"sequencer",     "--log",       Path("input"), "--session",  "TEST",
                           "--submissions", "127.0.0.1:0", "--stream",    "127.0.0.1:0"};
  const auto with = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  ExpectEnds(with(sequencer, {"--multicast", "239.1.1.1:9101", "--multicast-packet", "1000"}), 2,
             "messages have up to 1200 bytes, which take a packet of 1222, but packets have 1000; "
             "give --multicast-packet 1222 or more, or a smaller --message-size");
  ExpectEnds(with(sequencer, {"--multicast", "239.1.1.1"}), 2, "\"239.1.1.1\" is no line");
  ExpectEnds(with(sequencer, {"--multicast", "239.1.1.1:1,239.1.1.1:1"}), 2, "is given twice");
  ExpectEnds(with(sequencer, {"--multicast", "239.1.1.1:9101@nothere"}), 2,
             "this host has no interface \"nothere\" with an IPv4 address");
  const Words engine = {"engine", "--name", "A", "--log", Path("a"), "--stream", "127.0.0.1:0"};
  ExpectEnds(engine, 2, "nobody says where to read from; give --input or --input-multicast");
  ExpectEnds(with(engine, {"--input-multicast", "127.0.0.1:9"}), 2,
             "what all lines lose could not be had again; give --input-requests or --input");
  ExpectEnds(with(engine, {"--input", "127.0.0.1:9", "--input-requests", "9"}), 2,
             "--input-requests repairs what comes by --input-multicast");
  ExpectEnds(with(engine, {"--input-multicast", At(FreePort()), "--input-requests", "9"}), 2,
             "nobody says which session to read");
  ExpectEnds({"record", "-o", Path("r")}, 2, "give FROM or --multicast");
}

}  // namespace
}  // namespace tandem::test
