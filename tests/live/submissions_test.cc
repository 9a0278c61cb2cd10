// SPDX-License-Identifier: Apache-2.0
//
// Submissions: each exactly once, over lost connections, restarts and clients that send everything
// again; what is refused, and who is told. With raw peers, as a stock SoupBinTCP client sees it,
// and with `tandem submit`.
#include <csignal>
#include <map>
#include <random>

#include "replay/log_reader.h"
#include "tests/live/live_test.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

/// "A" with this number, in session TEST.
std::string Accepted(std::uint64_t number) {
  const std::string text = std::to_string(number);
  return "A      TEST" + std::string(20 - text.size(), ' ') + text;
}

std::string UserName(std::size_t index) {
  std::string name = "U";
  return name += std::to_string(index);
}

std::string Numbers(std::uint64_t first, std::uint64_t last) {
  std::string numbers;
  for (std::uint64_t number = first; number <= last; ++number) {
    if (number > first) numbers += ' ';
    numbers += std::to_string(number);
  }
  return numbers;
}

class Submissions : public LiveTest {
 protected:
  static RawPeer LogIn(const Sequencer& sequencer, std::uint64_t number,
                       const std::string& user = "U1") {
    RawPeer client = RawPeer::Connect(sequencer.submissions);
    client.Login(user, number);
    return client;
  }

  /// The application messages of a log by user, in order, each as "type origin payload".
  std::map<std::string, Words> ByUser(const std::string& name) {
    std::map<std::string, Words> by_user;
    replay::PosixStorage storage;
    auto log = replay::LogReader::Open(storage, Path(name), {});
    EXPECT_TRUE(log.ok()) << log.error().text;
    while (log->Next() == replay::ReadOutcome::kMessage) {
      const proto::Header& header = log->message().header;
      if (header.type < proto::kFirstApplicationType) continue;
      by_user[header.user.str()].push_back(std::to_string(header.type) + " " +
                                           std::to_string(header.origin) + " " +
                                           std::string(log->message().payload_text()));
    }
    return by_user;
  }
};

TEST_F(Submissions, AreAcknowledgedAndCountedForAStockClient) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  for (std::uint64_t i = 1; i <= 3; ++i) client.Submit(i, 100);
  EXPECT_EQ(client.Acknowledgements(3), "1 2 3");
  client.Send('O');
  EXPECT_EQ(client.UntilClosed(), Words{});

  for (int restarts = 0; restarts < 2; ++restarts) {
    // 0: what is next. 1, 3: again from there. 4, 9: what is next, too.
    EXPECT_EQ(LogIn(sequencer, 0).Next(), Accepted(4));
    RawPeer from_1 = LogIn(sequencer, 1);
    EXPECT_EQ(from_1.Next(), Accepted(1));
    EXPECT_EQ(from_1.Acknowledgements(3), "1 2 3");
    RawPeer from_3 = LogIn(sequencer, 3);
    EXPECT_EQ(from_3.Next(), Accepted(3));
    EXPECT_EQ(from_3.Acknowledgements(1), "3");
    EXPECT_EQ(LogIn(sequencer, 4).Next(), Accepted(4));
    EXPECT_EQ(LogIn(sequencer, 9).Next(), Accepted(4));
    EXPECT_EQ(LogIn(sequencer, 1, "U2").Next(), Accepted(1));
    sequencer.program.Kill();
    sequencer = StartSequencer("input", {}, &sequencer);
  }
}

TEST_F(Submissions, AreAcknowledgedByTheHeaderInTheInputStream) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  RawPeer reader = RawPeer::Connect(sequencer.stream);
  reader.Login("R", 1, "TEST");
  EXPECT_EQ(reader.Next(), Accepted(1));
  std::uint64_t before = 0;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    client.Submit(i, 100, std::string(i, 'x'));
    const std::string acknowledgement = client.NextMessage();
    std::string message;
    do {  // ticks
      message = reader.NextMessage();
    } while (HeaderIn(message).type < proto::kFirstApplicationType && !message.empty());
    // The header, and the digest of the message before: enough to check the payload.
    ASSERT_EQ(acknowledgement.size(), sizeof(proto::Header) + sizeof before);
    EXPECT_EQ(acknowledgement.substr(0, sizeof(proto::Header)),
              message.substr(0, sizeof(proto::Header)));
    EXPECT_EQ(message.substr(sizeof(proto::Header)), std::string(i, 'x'));
    std::memcpy(&before, acknowledgement.data() + sizeof(proto::Header), sizeof before);
    EXPECT_EQ(proto::Digest(before, std::as_bytes(std::span(message))), HeaderIn(message).digest);
  }
}

TEST_F(Submissions, AreTakenOnceFromAClientThatSendsEverythingAgain) {
  constexpr std::uint64_t kAll = 3000;
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  Sequencer sequencer = StartSequencer("input");
  std::string all;
  Words expected;
  for (std::uint64_t i = 1; i <= kAll; ++i) {
    const std::string payload = "payload " + std::to_string(i);
    all += Packet('U', TextOf(Submission(i, 100, payload)));
    expected.push_back("100 " + std::to_string(i) + " " + payload);
  }
  // It never reads an acknowledgement; it sends some of it and goes, in one way or another. At
  // times the sequencer is killed.
  for (int round = 0; round < 25; ++round) {
    RawPeer client = LogIn(sequencer, random() % 3);
    const std::size_t part = random() % all.size();
    client.SendBytes(std::string_view(all).substr(0, part));
    if (round % 5 == 4) {
      sequencer.program.Kill();
      sequencer = StartSequencer("input", {}, &sequencer);
    } else if (round % 2 == 0) {
      client.Reset();
    }
  }
  RawPeer client = LogIn(sequencer, 1);
  EXPECT_EQ(client.Next(), Accepted(1));
  client.SendBytes(all);
  EXPECT_EQ(client.Acknowledgements(kAll), Numbers(1, kAll));
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  EXPECT_EQ(ByUser("input"), (std::map<std::string, Words>{{"U1", expected}}));
  ExpectVerifies("input");
}

TEST_F(Submissions, GoOnAtANewerLoginWhichReplacesTheOlder) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer older = LogIn(sequencer, 0);
  EXPECT_EQ(older.Next(), Accepted(1));
  older.Submit(1, 100);
  EXPECT_EQ(older.Acknowledgements(1), "1");
  RawPeer newer = LogIn(sequencer, 0);
  EXPECT_EQ(newer.Next(), Accepted(2));
  EXPECT_EQ(older.UntilClosed(), Words{"+a newer login of user \"U1\" replaces this one"});
  newer.Submit(2, 100);
  EXPECT_EQ(newer.Acknowledgements(1), "2");
}

TEST_F(Submissions, GoOnOnTheNewerConnectionWhenALoginOnAnOlderOneIsLate) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer older = RawPeer::Connect(sequencer.submissions);
  RawPeer newer = LogIn(sequencer, 0);
  EXPECT_EQ(newer.Next(), Accepted(1));
  older.Login("U1", 0);
  EXPECT_EQ(older.UntilClosed(),
            Words{"+user \"U1\" has logged in on a newer connection than this one"});
  newer.Submit(1, 100);
  EXPECT_EQ(newer.Acknowledgements(1), "1");
  EXPECT_EQ(ByUser("input")["U1"].size(), 1u);
}

TEST_F(Submissions, ThatAreRefusedEndTheConnectionWithTheReason) {
  Sequencer sequencer = StartSequencer("input");
  Bytes wrong_version = Submission(2, 100);
  wrong_version[offsetof(proto::Header, version)] = std::byte{9};
  Bytes wrong_size = Submission(2, 100, "payload");
  wrong_size.pop_back();
  const std::string no_message =
      " bytes is not a Tandem message: a header of 64 bytes, version 1, "
      "and the payload that it announces";
  const std::vector<std::pair<Bytes, std::string>> cases = {
      {Submission(2, 1), "submission 2 has type 1; clients may submit types from 100 on"},
      {Submission(2, 99), "submission 2 has type 99; clients may submit types from 100 on"},
      {Submission(2, 0), "submission 2 has type 0; clients may submit types from 100 on"},
      {Submission(3, 100),
       "submission 3 came where number 2 is next; send every number once, in order"},
      {Submission(0, 100),
       "submission 0 came where number 2 is next; send every number once, in order"},
      {Submission(2, 100, std::string(1137, 'x')),
       "submission 2 has 1201 bytes with its header; the limit is 1200"},
      {Submission(2, 100, std::string(65000, 'x')),
       "submission 2 has 65064 bytes with its header; the limit is 1200"},
      {{}, "a submission of 0" + no_message},
      {Bytes(63), "a submission of 63" + no_message},
      {Bytes(64), "a submission of 64" + no_message},
      {wrong_version, "a submission of 64" + no_message},
      {wrong_size, "a submission of 70" + no_message},
  };
  std::size_t user = 0;
  for (const auto& [submission, reason] : cases) {
    RawPeer client = LogIn(sequencer, 0, UserName(++user));
    EXPECT_EQ(client.Next(), Accepted(1));
    client.Submit(1, 100);
    client.Send('U', TextOf(submission));
    client.Submit(2, 100);
    // What was accepted before is acknowledged; what comes after is not taken.
    EXPECT_EQ(client.Acknowledgements(1), "1") << reason;
    EXPECT_EQ(client.UntilClosed(), Words{std::string("+").append(reason)});
    EXPECT_EQ(LogIn(sequencer, 0, UserName(user)).Next(), Accepted(2));
  }
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  for (const auto& [name, messages] : ByUser("input")) EXPECT_EQ(messages, Words{"100 1 "}) << name;
}

TEST_F(Submissions, OfTheLargestSizeAreTaken) {
  Sequencer sequencer = StartSequencer("input", {"--message-size", "128"});
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  client.Submit(1, 65535, std::string(64, 'x'));
  EXPECT_EQ(client.Acknowledgements(1), "1");
  client.Submit(2, 100, std::string(65, 'x'));
  EXPECT_EQ(client.UntilClosed(),
            Words{"+submission 2 has 129 bytes with its header; the limit is 128"});
}

TEST_F(Submissions, OfManyUsersDoNotMix) {
  Sequencer sequencer = StartSequencer("input");
  std::vector<RawPeer> clients;
  for (std::size_t user = 0; user < 10; ++user) {
    clients.push_back(LogIn(sequencer, 0, UserName(user)));
    EXPECT_EQ(clients.back().Next(), Accepted(1));
  }
  for (std::uint64_t i = 1; i <= 50; ++i) {
    for (RawPeer& client : clients) client.Submit(i, 100);
  }
  for (RawPeer& client : clients) EXPECT_EQ(client.Acknowledgements(50), Numbers(1, 50));
}

/// `tandem submit` with a flow of many users.
class SubmitCommand : public Submissions {
 protected:
  void SetUp() override {
    Submissions::SetUp();
    ASSERT_EQ(Run({"generate", "--orders", "6000", "--seed", "7", "-o", Path("flow")}), 0);
  }
  Words Submit(const Sequencer& sequencer, const Words& extra = {}) {
    Words words = {"submit", Path("flow"), "--to", At(sequencer.submissions)};
    words.insert(words.end(), extra.begin(), extra.end());
    return words;
  }
};

TEST_F(SubmitCommand, GoesOnWhereItStoodAfterAKillOfEitherSide) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %lu\n", static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  Sequencer sequencer = StartSequencer("input");
  for (int round = 0; round < 6; ++round) {
    Program submit = Start(Submit(sequencer, {"--rate", "4000"}));
    EXPECT_TRUE(submit.Says("submissions are there already"));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
    if (round % 2 == 1) {
      sequencer.program.Kill();
      sequencer = StartSequencer("input", {}, &sequencer);
      EXPECT_TRUE(submit.running()) << submit.Output();
    }
    submit.Kill();
  }
  std::string output;
  EXPECT_EQ(Run(Submit(sequencer), &output), 0) << output;
  EXPECT_EQ(Run(Submit(sequencer), &output), 0) << output;
  EXPECT_NE(output.find("\n0 submissions acknowledged, 6000 were there before, "),
            std::string::npos)
      << output;
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  EXPECT_EQ(ByUser("input"), ByUser("flow"));
  ExpectVerifies("input");
}

TEST_F(SubmitCommand, PrintsWhyItIsRefused) {
  WriteLog("large", replay::kInputRole, 3, "TEST", 100);
  Sequencer sequencer = StartSequencer("input", {"--message-size", "128"});
  ExpectEnds({"submit", Path("large"), "--to", At(sequencer.submissions)}, 5,
             At(sequencer.submissions) +
                 " ended the connection: submission 1 has 164 bytes with its header; the limit is "
                 "128");
}

TEST_F(SubmitCommand, PrintsThatSomebodyElseUsesItsName) {
  Sequencer sequencer = StartSequencer("input");
  Program submit = Start(Submit(sequencer, {"--user", "U1", "--rate", "500"}));
  EXPECT_TRUE(submit.Says("submissions are there already"));
  RawPeer other = LogIn(sequencer, 0);
  EXPECT_EQ(other.Next().substr(0, 1), "A");
  EXPECT_EQ(submit.Wait(), 5);
  EXPECT_EQ(ErrorsIn(submit.Output()),
            Words{At(sequencer.submissions) +
                  " ended the connection: a newer login of user \"U1\" replaces this one"});
}

TEST_F(SubmitCommand, StopsAtASequencerThatHasLostMessages) {
  Sequencer sequencer = StartSequencer("input");
  Program submit = Start(Submit(sequencer, {"--user", "U1", "--rate", "500"}));
  AwaitMessages("input", 20);
  sequencer.program.Kill();
  sequencer = StartSequencer("another", {}, &sequencer);
  EXPECT_EQ(submit.Wait(), 5);
  const Words errors = ErrorsIn(submit.Output());
  ASSERT_EQ(errors.size(), 1u) << submit.Output();
  EXPECT_TRUE(errors[0].starts_with(At(sequencer.submissions) +
                                    " says that submission 1 is next, but it acknowledged "))
      << errors[0];
  EXPECT_TRUE(errors[0].ends_with(": it has lost messages")) << errors[0];
}

TEST_F(SubmitCommand, SaysThatTheSequencerHoldsMoreThanTheFlow) {
  Sequencer sequencer = StartSequencer("input");
  WriteLog("short", replay::kInputRole, 3);
  RawPeer client = LogIn(sequencer, 0);
  for (std::uint64_t i = 1; i <= 4; ++i) client.Submit(i, 200, "pppppppp");
  EXPECT_EQ(client.Next(), Accepted(1));
  EXPECT_EQ(client.Acknowledgements(4), "1 2 3 4");
  client.Close();
  ExpectEnds({"submit", Path("short"), "--to", At(sequencer.submissions)}, 2,
             "holds submission 4 of user \"U1\", but there are only 3 here");
}

TEST_F(SubmitCommand, SaysThatTheSequencerHoldsAnotherFlow) {
  Sequencer sequencer = StartSequencer("input");
  WriteLog("flow-of-8-bytes", replay::kInputRole, 3);
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  client.Submit(1, 200, "pppppppp");
  client.Submit(2, 200, "p");
  EXPECT_EQ(client.Acknowledgements(2), "1 2");
  client.Close();
  ExpectEnds({"submit", Path("flow-of-8-bytes"), "--to", At(sequencer.submissions)}, 2,
             "holds another submission 2 of user \"U1\" than this flow has");
}

TEST_F(SubmitCommand, ComparesWholePayloadsWithWhatTheSequencerHolds) {
  Sequencer sequencer = StartSequencer("input");
  WriteLog("flow-of-8-bytes", replay::kInputRole, 3);
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  client.Submit(1, 200, "pppppppp");
  client.Submit(2, 200, "pppppppq");
  EXPECT_EQ(client.Acknowledgements(2), "1 2");
  client.Close();
  const Words submit = {"submit", Path("flow-of-8-bytes"), "--to", At(sequencer.submissions)};
  const std::string sentence = "holds another submission 2 of user \"U1\" than this flow has";
  ExpectEnds(submit, 2, sentence);
  // After a restart the acknowledgements come from the log.
  sequencer.program.Kill();
  sequencer = StartSequencer("input", {}, &sequencer);
  ExpectEnds(submit, 2, sentence);
}

TEST_F(SubmitCommand, SaysOnceForAllUsersThatTheSequencerHasGone) {
  Sequencer sequencer = StartSequencer("input");
  Program submit = Start(Submit(sequencer, {"--rate", "1000"}));
  const std::string gone = "no sequencer at " + At(sequencer.submissions);
  for (std::size_t outage = 1; outage <= 2; ++outage) {
    AwaitMessages("input", 20 + ReadLog("input").size());
    sequencer.program.Kill();
    EXPECT_TRUE(submit.Says(gone, outage));
    // Long enough for every user to find out, and to fail at another attempt.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    sequencer = StartSequencer("input", {}, &sequencer);
  }
  AwaitMessages("input", 20 + ReadLog("input").size());
  submit.Stop(SIGTERM);
  // Some of the eight connections are closed and some are reset.
  EXPECT_GE(Count(submit.Output(), gone), 2u) << submit.Output();
  EXPECT_LE(Count(submit.Output(), gone), 4u) << submit.Output();
}

TEST_F(SubmitCommand, RefusesAPortThatServesAStream) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer client = LogIn(sequencer, 0);
  EXPECT_EQ(client.Next(), Accepted(1));
  client.Submit(1, 200, "pppppppp");
  EXPECT_EQ(client.Acknowledgements(1), "1");
  std::string output;
  EXPECT_EQ(Run({"submit", Path("flow"), "--to", At(sequencer.stream), "--user", "U1"}, &output),
            2);
  EXPECT_EQ(ErrorsIn(output),
            Words{At(sequencer.stream) +
                  " serves a sequencer's input stream; give the sequencer's port for submissions"});
}

TEST_F(SubmitCommand, SaysThatItsAcknowledgementsCouldNotBeWritten) {
  Sequencer sequencer = StartSequencer("input");
  ExpectEnds(Submit(sequencer, {"--acks", "/dev/full"}), 5, "writing /dev/full failed");
  ExpectEnds(Submit(sequencer, {"--acks", Path("no/such/folder")}), 2,
             "cannot write " + Path("no/such/folder"));
}

TEST_F(SubmitCommand, WaitsForASequencerAndSaysSoOnce) {
  // A port that nobody listens on, and that nobody else gets meanwhile.
  Sequencer sequencer = StartSequencer("input");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  Program submit = Start(Submit(sequencer, {"--user", "U1"}));
  const std::string sentence = "no sequencer at " + At(sequencer.submissions) +
                               ": it cannot be reached: Connection refused; trying again until "
                               "there is";
  EXPECT_TRUE(submit.Says(sentence));
  sequencer = StartSequencer("input", {}, &sequencer);
  EXPECT_EQ(submit.Wait(), 0);
  const std::string output = submit.Output();
  EXPECT_EQ(output.find(sentence), output.rfind(sentence)) << output;
}

}  // namespace
}  // namespace tandem::test
