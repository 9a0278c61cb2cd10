// SPDX-License-Identifier: Apache-2.0
//
// Streams as they are read live: from any number, beyond the end, over restarts; what an
// application cannot take, told to its client by both engines alike.
#include <csignal>

#include "engine/context.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tests/live/live_test.h"
#include "tools/oracle.h"
#include "tools/pair.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

class Streams : public LiveTest {
 protected:
  static RawPeer LogIn(std::uint16_t port, std::uint64_t number) {
    RawPeer reader = RawPeer::Connect(port);
    reader.Login("R", number);
    return reader;
  }
};

TEST_F(Streams, AreReadFromAnyNumber) {
  WriteLog("input", replay::kInputRole, 100);
  Sequencer sequencer = StartSequencer("input");
  for (const std::uint64_t number : {1, 2, 50, 100}) {
    RawPeer reader = LogIn(sequencer.stream, number);
    EXPECT_EQ(std::stoul(reader.Next().substr(11)), number);
    for (std::uint64_t next = number; next <= 100; ++next) {
      ASSERT_EQ(HeaderIn(reader.NextMessage()).number, next);
    }
  }
  // 0: from the most recent one on.
  RawPeer reader = LogIn(sequencer.stream, 0);
  const std::uint64_t most_recent = std::stoul(reader.Next().substr(11));
  EXPECT_GE(most_recent, 100u);
  EXPECT_EQ(HeaderIn(reader.NextMessage()).number, most_recent);
}

TEST_F(Streams, AreRecordedAsFarAsTheDiskTookThemAndThatIsSaid) {
  WriteLog("input", replay::kInputRole, 100);
  Sequencer sequencer = StartSequencer("input");
  Program part = Start({"record", At(sequencer.stream), "-o", Path("copy"), "--to", "50"});
  EXPECT_EQ(part.Wait(), 0);
  const std::string recorded = "recorded messages 1 to 50 in " + Path("copy") + ", digest ";
  EXPECT_NE(part.Output().find(recorded), std::string::npos) << part.Output();
  // The next segment, of 64 MiB, has no place.
  Program rest = Start({"record", At(sequencer.stream), "-o", Path("copy")},
                       {"/bin/sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"});
  EXPECT_EQ(rest.Wait(), 5);
  EXPECT_NE(rest.Output().find("File too large"), std::string::npos) << rest.Output();
  EXPECT_NE(rest.Output().find(recorded), std::string::npos) << rest.Output();
  EXPECT_EQ(ReadLog("copy").size(), 50u);
}

TEST_F(Streams, EndWhereTheDiskIsFullAndTheSequencerSaysWhere) {
  WriteLog("input", replay::kInputRole, 100);
  Program sequencer =
      Start({"sequencer", "--log", Path("input"), "--submissions", "0", "--stream", "0"},
            {"/bin/sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"});
  EXPECT_EQ(sequencer.Wait(), 5);
  EXPECT_NE(sequencer.Output().find("sequencer stopped after input message 100\n"),
            std::string::npos)
      << sequencer.Output();
}

TEST_F(Streams, AreReadBeyondTheirEndOnceTheyGetThere) {
  WriteLog("input", replay::kInputRole, 100);
  Sequencer sequencer = StartSequencer("input");
  RawPeer reader = LogIn(sequencer.stream, 104);
  EXPECT_EQ(reader.Next(), "A      TEST                 104");
  RawPeer never = LogIn(sequencer.stream, UINT64_MAX);
  EXPECT_EQ(never.Next(), "A      TEST18446744073709551615");
  // Ticks bring the stream there.
  for (const std::uint64_t number : {104, 105, 106}) {
    EXPECT_EQ(HeaderIn(reader.NextMessage()).number, number);
  }
}

TEST_F(Streams, EndWithTheEndOfTheSession) {
  WriteLog("input", replay::kInputRole, 2);
  Sequencer sequencer = StartSequencer("input", {"--end-session"});
  RawPeer reader = LogIn(sequencer.stream, 2);
  EXPECT_EQ(reader.Next().substr(0, 1), "A");
  EXPECT_EQ(HeaderIn(reader.NextMessage()).number, 2u);
  EXPECT_EQ(HeaderIn(reader.NextMessage()).type, engine::TypeOf<pb::EndOfSession>());
  EXPECT_EQ(reader.Next(), "Z");
  std::string output;
  EXPECT_EQ(Run({"record", At(sequencer.stream), "-o", Path("recorded")}, &output), 0) << output;
  EXPECT_EQ(ReadLog("recorded"), (Words{"1 200 U1 1 8", "2 200 U1 2 8", "3 2  0 0"}));
}

TEST_F(Streams, AreRecordedFromOneNumberToAnother) {
  WriteLog("input", replay::kInputRole, 100);
  Sequencer sequencer = StartSequencer("input");
  const auto record = [&](const std::string& log, const Words& range, int code = 0) {
    Words words = {"record", At(sequencer.stream), "-o", Path(log)};
    words.insert(words.end(), range.begin(), range.end());
    std::string output;
    EXPECT_EQ(Run(words, &output), code) << output;
    return output;
  };
  const Words all = ReadLog("input");
  const auto slice = [&](std::size_t first, std::size_t last) {
    return Words(all.begin() + static_cast<std::ptrdiff_t>(first) - 1,
                 all.begin() + static_cast<std::ptrdiff_t>(last));
  };
  const std::vector<std::pair<std::size_t, std::size_t>> ranges = {{1, 1}, {1, 100}, {2, 2},
                                                                   {2, 3}, {50, 60}, {100, 100}};
  for (const auto& [first, last] : ranges) {
    const std::string log = "from-" + std::to_string(first) + "-to-" + std::to_string(last);
    const Words range = {"--from", std::to_string(first), "--to", std::to_string(last)};
    const std::string output = record(log, range);
    EXPECT_NE(output.find("recorded messages " + std::to_string(first) + " to " +
                          std::to_string(last) + " in " + Path(log)),
              std::string::npos)
        << output;
    EXPECT_EQ(ReadLog(log), slice(first, last));
    ExpectVerifies(log);
    // Done is done: asked again, it adds nothing.
    record(log, range);
    EXPECT_EQ(ReadLog(log), slice(first, last));
  }
  // It goes on where the log ends, and only there.
  record("from-50-to-60", {"--to", "70"});
  EXPECT_EQ(ReadLog("from-50-to-60"), slice(50, 70));
  ExpectVerifies("from-50-to-60");
  ExpectEnds({"record", At(sequencer.stream), "-o", Path("from-50-to-60"), "--from", "40"}, 2,
             "the log " + Path("from-50-to-60") + " begins at message 50, not 40");
}

TEST_F(Streams, KeepTheirRoleWhenTheyAreRecordedSoThatACopyServesAsTheLog) {
  WriteLog("input", replay::kInputRole, 100);
  WriteLog("other", replay::kInputRole, 100, "TEST", 9);
  Sequencer sequencer = StartSequencer("input");
  std::string output;
  EXPECT_EQ(Run({"record", At(sequencer.stream), "--to", "100", "-o", Path("copy")}, &output), 0);
  Run({"diff", Path("input"), Path("copy")}, &output);
  EXPECT_NE(output.find("messages 1 to 100 are the same"), std::string::npos) << output;
  // What diff records of a live stream has its role too.
  EXPECT_EQ(Run({"diff", At(sequencer.stream), Path("other"), "--context", "0"}, &output), 1);
  EXPECT_NE(output.find("the logs differ first at message 1\n"), std::string::npos) << output;
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  sequencer = StartSequencer("copy");
  AwaitMessages("copy", 101);
}

TEST_F(Streams, AreRecordedOverRestartsOfTheServerAndTheRecorder) {
  Sequencer sequencer = StartSequencer("input");
  Program record = Start({"record", At(sequencer.stream), "-o", Path("recorded")});
  std::uint64_t submitted = 0;
  for (int round = 0; round < 6; ++round) {
    RawPeer client = RawPeer::Connect(sequencer.submissions);
    client.Login("U1", 0);
    EXPECT_EQ(client.Next().substr(0, 1), "A");
    for (int i = 0; i < 200; ++i) client.Submit(++submitted, 100, "payload");
    EXPECT_TRUE(client.Acknowledgements(200).ends_with(std::to_string(submitted)));
    client.Close();
    if (round % 2 == 0) {
      sequencer.program.Kill();
      sequencer = StartSequencer("input", {}, &sequencer);
    } else {
      record.Kill();
      record = Start({"record", At(sequencer.stream), "-o", Path("recorded")});
    }
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const Words input = ReadLog("input");
  sequencer = StartSequencer("input", {}, &sequencer);
  AwaitMessages("recorded", input.size());
  EXPECT_EQ(record.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Words recorded = ReadLog("recorded");
  ASSERT_GE(recorded.size(), input.size());
  recorded.resize(input.size());
  EXPECT_EQ(recorded, input);
  ExpectVerifies("recorded");
}

TEST_F(Streams, TellAClientWhatTheApplicationCannotTake) {
  auto made = tools::Pair::Make(TANDEM_PROGRAM, folder_, "TEST");
  ASSERT_TRUE(made.ok());
  tools::Pair& pair = **made;
  ASSERT_TRUE(pair.StartAll().ok());
  const auto port = [](const std::string& address) {
    return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  };
  RawPeer client = RawPeer::Connect(port(pair.submissions()));
  client.Login("U7", 0);
  EXPECT_EQ(client.Next().substr(0, 1), "A");
  client.Submit(1, 9999, "whatever");
  client.Submit(2, 100, "\xff\xff\xff\xff");  // no new order
  client.Submit(3, 65535);
  EXPECT_EQ(client.Acknowledgements(3), "1 2 3");

  AwaitMessages("merged", 3);
  RawPeer reader = LogIn(port(pair.stream(tools::RoleId::kDedup)), 1);
  EXPECT_EQ(reader.Next(), "A      TEST                   1");
  Words told;
  for (int i = 0; i < 3; ++i) {
    const std::string message = reader.NextMessage();
    pb::Refused refused;
    EXPECT_EQ(HeaderIn(message).type, engine::TypeOf<pb::Refused>());
    EXPECT_TRUE(refused.ParseFromString(message.substr(sizeof(proto::Header))));
    told.push_back(HeaderIn(message).user.str() + " " + pb::Refused::Reason_Name(refused.reason()) +
                   " " + std::to_string(refused.type()));
  }
  EXPECT_EQ(told, (Words{"U7 UNKNOWN_TYPE 9999", "U7 MALFORMED 100", "U7 UNKNOWN_TYPE 65535"}));

  // The engines are alive and agree, and go on.
  for (const char* const log : {"a", "b"}) AwaitMessages(log, 3);
  for (int waited = 0; pair.status(tools::RoleId::kDedup).agreed() < 3; ++waited) {
    ASSERT_LT(waited, 2000);
    pair.RunFor(std::chrono::milliseconds(20));
  }
  for (const auto& exit_code : pair.StopAll()) EXPECT_EQ(exit_code, 0);
  for (const char* const log : {"b", "merged"}) {
    const auto sameness = tools::CompareLogs(Path("a"), Path(log));
    ASSERT_TRUE(sameness.ok()) << sameness.error().text;
    EXPECT_TRUE(sameness->same);
    EXPECT_EQ(sameness->messages, 3u);
  }
}

}  // namespace
}  // namespace tandem::test
