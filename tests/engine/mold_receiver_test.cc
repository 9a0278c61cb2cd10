// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_receiver.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using test::Bytes;
using test::TestStream;
using Words = std::vector<std::string>;
namespace mold = proto::mold;

constexpr std::int64_t kMs = 1'000'000;

/// A receiver whose messages are kept, and a stream with verbs to send parts of it.
class MoldReceiverTest : public testing::Test, protected MoldReceiver::Sink {
 protected:
  void Make(std::size_t lines, std::size_t servers, bool has_soup = false) {
    options_.lines = lines;
    options_.servers = servers;
    options_.has_soup = has_soup;
    receiver_.emplace(options_, static_cast<MoldReceiver::Sink&>(*this));
    receiver_->SetSession(proto::Session("TEST"));
  }
  void MakeMessages(std::size_t count) {
    while (messages_.size() < count) messages_.push_back(stream_.Add(200, "payload"));
  }
  /// Messages `first` to `last` in one packet.
  Bytes Packet(std::uint64_t first, std::uint64_t last, std::string_view session = "TEST") {
    MakeMessages(last);
    mold::Packer packer(proto::Session(session), mold::kPacketSizeMax);
    for (std::uint64_t n = first; n <= last; ++n) EXPECT_TRUE(packer.Add(n, messages_[n - 1]));
    const auto packet = packer.Finish();
    return {packet.begin(), packet.end()};
  }
  static Bytes Heartbeat(std::uint64_t next, std::uint16_t count = mold::kHeartbeat) {
    const auto packet =
        mold::Encode({.session = proto::Session("TEST"), .number = next, .count = count});
    return {packet.begin(), packet.end()};
  }
  void Line(std::size_t line, const Bytes& packet) { receiver_->OnPacket(line, packet, now_ns_); }
  void Answer(const Bytes& packet) { receiver_->OnAnswer(packet, now_ns_); }
  void Pass(std::int64_t time_ns) {
    now_ns_ += time_ns;
    receiver_->OnTime(now_ns_);
  }
  /// "server: first+count", or "".
  std::string Request() {
    const auto request = receiver_->TakeRequest();
    if (!request) return "";
    EXPECT_EQ(request->header.session, proto::Session("TEST"));
    return std::to_string(request->server) + ": " + std::to_string(request->header.number) + "+" +
           std::to_string(request->header.count);
  }
  /// Numbers of the messages taken since the last call.
  std::vector<std::uint64_t> Taken() { return std::exchange(taken_, {}); }

  void OnNext(const proto::MessageView& message) override {
    taken_.push_back(message.header.number);
    taken_bytes_.emplace_back(message.bytes.begin(), message.bytes.end());
  }

  using Numbers = std::vector<std::uint64_t>;

  MoldReceiverOptions options_;
  std::optional<MoldReceiver> receiver_;
  TestStream stream_;
  std::vector<Bytes> messages_;
  Numbers taken_;
  std::vector<Bytes> taken_bytes_;
  std::int64_t now_ns_ = 1'000 * kMs;
};

TEST_F(MoldReceiverTest, TakesTheFirstCopyOfEachMessage) {
  Make(2, 1);
  Line(0, Packet(1, 3));
  Line(1, Packet(1, 2));
  Line(1, Packet(3, 5));
  Line(0, Packet(4, 6));
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(receiver_->counts().won, (Numbers{4, 2}));
  EXPECT_EQ(receiver_->counts().repeated, 5u);
  EXPECT_EQ(receiver_->deadline_ns(), MoldReceiver::kNever);
  EXPECT_TRUE(taken_bytes_ == messages_);
}

TEST_F(MoldReceiverTest, WaitsForTheOtherLineBeforeItRequests) {
  Make(2, 1);
  Line(0, Packet(1, 1));
  Line(0, Packet(3, 4));  // 2 is lost on A
  EXPECT_EQ(Taken(), Numbers{1});
  EXPECT_EQ(Request(), "");
  EXPECT_EQ(receiver_->deadline_ns(), now_ns_ + options_.patience_ns);
  Line(1, Packet(1, 2));
  EXPECT_EQ(Taken(), (Numbers{2, 3, 4}));
  Pass(1'000 * kMs);
  EXPECT_EQ(Request(), "");
  EXPECT_EQ(receiver_->counts().won, (Numbers{3, 1}));
}

TEST_F(MoldReceiverTest, RequestsAtOnceWhatAllLinesLost) {
  Make(2, 1);
  Line(0, Packet(3, 4));
  EXPECT_EQ(Request(), "");
  Line(1, Packet(3, 4));
  EXPECT_EQ(Request(), "0: 1+2");
  Answer(Packet(1, 1));
  EXPECT_EQ(Taken(), Numbers{1});
  EXPECT_EQ(Request(), "0: 2+1");
  Answer(Packet(2, 2));
  EXPECT_EQ(Taken(), (Numbers{2, 3, 4}));
  EXPECT_EQ(Request(), "");
  EXPECT_EQ(receiver_->deadline_ns(), MoldReceiver::kNever);
  EXPECT_EQ(receiver_->counts().repaired, 2u);
}

TEST_F(MoldReceiverTest, LearnsOfALossFromAHeartbeat) {
  Make(1, 1);
  Line(0, Packet(1, 1));
  Line(0, Heartbeat(4));
  Pass(options_.patience_ns - 1);
  EXPECT_EQ(Request(), "");
  Pass(1);
  EXPECT_EQ(Request(), "0: 2+2");
  Answer(Packet(2, 3));
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3}));
  Line(0, Heartbeat(6, mold::kEndOfSession));
  Pass(options_.patience_ns);
  EXPECT_EQ(Request(), "0: 4+2");
}

TEST_F(MoldReceiverTest, AsksOneServerAfterAnotherEachTimeMorePatiently) {
  Make(1, 2);
  Line(0, Packet(2, 2));
  Words asked;
  std::vector<std::int64_t> waited_ms;
  for (int i = 0; i < 9; ++i) {
    const std::int64_t before_ns = now_ns_;
    now_ns_ = receiver_->deadline_ns();
    receiver_->OnTime(now_ns_);
    asked.push_back(Request());
    waited_ms.push_back((now_ns_ - before_ns) / kMs);
  }
  EXPECT_EQ(asked, (Words{"0: 1+1", "1: 1+1", "0: 1+1", "1: 1+1", "0: 1+1", "1: 1+1", "0: 1+1",
                          "1: 1+1", "0: 1+1"}));
  EXPECT_EQ(waited_ms, (std::vector<std::int64_t>{2, 20, 40, 80, 160, 320, 640, 1000, 1000}));
  Answer(Packet(1, 1));
  EXPECT_EQ(Taken(), (Numbers{1, 2}));
  Line(0, Packet(4, 4));
  Pass(options_.patience_ns);
  EXPECT_EQ(Request(), "0: 3+1");
  EXPECT_EQ(receiver_->deadline_ns(), now_ns_ + options_.timeout_ns);
}

TEST_F(MoldReceiverTest, GivesUpAClaimThatTheServerDoesNotKnow) {
  Make(1, 1);
  Line(0, Packet(1, 1));
  Line(0, Heartbeat(UINT64_MAX));
  Pass(options_.patience_ns);
  EXPECT_EQ(Request(), "0: 2+65534");
  Answer(Heartbeat(2));
  EXPECT_EQ(receiver_->claimed(), 2u);
  EXPECT_EQ(receiver_->deadline_ns(), MoldReceiver::kNever);
  Line(0, Packet(2, 2));
  EXPECT_EQ(Taken(), (Numbers{1, 2}));
}

TEST_F(MoldReceiverTest, PassesOverWhatIsNotForIt) {
  Make(1, 1);
  const Bytes good = Packet(1, 1);
  Line(0, Packet(1, 1, "OTHER"));
  Line(0, {});
  Line(0, Bytes(300, std::byte{7}));
  Bytes other_version = good;
  other_version[22 + 23] = std::byte{2};
  Line(0, other_version);
  Bytes other_number = good;
  other_number[22 + 24] = std::byte{9};
  Line(0, other_number);
  Bytes other_session_inside = good;
  other_session_inside[22 + 8] = std::byte{'X'};
  Line(0, other_session_inside);
  EXPECT_EQ(Taken(), Numbers{});
  EXPECT_EQ(receiver_->counts().other_session, 1u);
  EXPECT_EQ(receiver_->counts().malformed, 5u);
  Line(0, good);
  EXPECT_EQ(Taken(), Numbers{1});
}

TEST_F(MoldReceiverTest, TakesNothingDamagedInAnyByte) {
  const Bytes good = Packet(1, 1);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Make(1, 1);
    Bytes damaged = good;
    damaged[at] ^= std::byte{1};
    Line(0, damaged);
    EXPECT_EQ(Taken(), Numbers{}) << at;
    Line(0, good);
    EXPECT_EQ(Taken(), Numbers{1}) << at;
  }
}

TEST_F(MoldReceiverTest, RepairsWhatWasDamagedAndKept) {
  Make(1, 1);
  Bytes damaged = Packet(2, 2);
  damaged.back() ^= std::byte{1};
  Line(0, damaged);
  Line(0, Packet(3, 3));
  Line(0, Packet(1, 1));
  EXPECT_EQ(Taken(), Numbers{1});
  EXPECT_EQ(receiver_->counts().unchained, 1u);
  Pass(options_.patience_ns);
  EXPECT_EQ(Request(), "0: 2+1");
  Answer(Packet(2, 2));
  EXPECT_EQ(Taken(), (Numbers{2, 3}));
}

TEST_F(MoldReceiverTest, HandsOnWhatFiveAnswersSayAlikeAlthoughItDoesNotFollow) {
  Make(1, 1);
  Line(0, Packet(1, 2));
  TestStream forked;
  std::vector<Bytes> others;
  for (int i = 0; i < 3; ++i) others.push_back(forked.Add(200, "other"));
  messages_.push_back(others[2]);  // what everybody else has as message 3
  EXPECT_EQ(Taken(), (Numbers{1, 2}));
  Line(0, Packet(3, 3));
  Line(0, Packet(3, 3));
  EXPECT_EQ(Taken(), Numbers{});
  for (int i = 0; i < MoldReceiver::kContradictions; ++i) {
    EXPECT_EQ(Taken(), Numbers{}) << i;
    now_ns_ = receiver_->deadline_ns();
    receiver_->OnTime(now_ns_);
    EXPECT_EQ(Request(), "0: 3+1");
    Answer(Packet(3, 3));
    // A copy of the same answer counts for nothing.
    if (i + 1 < MoldReceiver::kContradictions) Answer(Packet(3, 3));
  }
  EXPECT_EQ(Taken(), Numbers{3});
}

TEST_F(MoldReceiverTest, BeginsInTheMiddleOnTrustOrWithADigest) {
  MakeMessages(9);
  Make(1, 1);
  receiver_->Begin(5, std::nullopt);
  Line(0, Packet(3, 6));
  EXPECT_EQ(Taken(), (Numbers{5, 6}));

  Make(1, 1);
  receiver_->Begin(5, test::View(messages_[3]).header.digest);
  Line(0, Packet(5, 6));
  EXPECT_EQ(Taken(), (Numbers{5, 6}));

  Make(1, 1);
  receiver_->Begin(5, test::View(messages_[2]).header.digest);
  Line(0, Packet(5, 6));
  EXPECT_EQ(Taken(), Numbers{});
}

TEST_F(MoldReceiverTest, KeepsNoMoreThanItsWindow) {
  options_.window = 10;
  options_.window_bytes = 5 * (sizeof(proto::Header) + 7);
  Make(1, 1);
  MakeMessages(30);
  for (std::uint64_t n = 30; n >= 2; --n) Line(0, Packet(n, n));
  EXPECT_EQ(receiver_->kept_bytes(), options_.window_bytes);
  Line(0, Packet(1, 1));
  // The nearest ones were kept.
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(receiver_->kept_bytes(), 0u);
  Pass(options_.patience_ns);
  EXPECT_EQ(Request(), "0: 7+24");
}

TEST_F(MoldReceiverTest, KeepsNothingThatIsTooFarOn) {
  options_.window = 10;
  Make(1, 1);
  Line(0, Packet(11, 12));  // 11 is the first one beyond 1 to 10
  Line(0, Packet(10, 10));
  EXPECT_EQ(receiver_->kept_bytes(), sizeof(proto::Header) + 7);
  EXPECT_EQ(receiver_->counts().not_kept, 2u);
  Line(0, Packet(1, 9));
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(MoldReceiverTest, ReadsBySoupAtTheStartUntilTheLinesHaveCaughtUp) {
  Make(2, 0, true);
  EXPECT_TRUE(receiver_->wants_soup());
  receiver_->SetSoupConnected(true);
  MakeMessages(9);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    receiver_->OnSoupMessage(test::View(messages_[n - 1]), now_ns_);
    EXPECT_TRUE(receiver_->wants_soup());
  }
  Line(0, Packet(4, 5));
  EXPECT_FALSE(receiver_->wants_soup());
  receiver_->SetSoupConnected(false);
  Line(1, Packet(6, 6));
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(receiver_->counts().by_soup, 4u);
}

TEST_F(MoldReceiverTest, FallsBackToSoupWhenNoServerAnswers) {
  Make(1, 2, true);
  Line(0, Packet(1, 1));
  EXPECT_FALSE(receiver_->wants_soup());
  Line(0, Packet(3, 3));
  Words asked;
  while (!receiver_->wants_soup()) {
    ASSERT_LT(asked.size(), 10u);
    now_ns_ = receiver_->deadline_ns();
    receiver_->OnTime(now_ns_);
    asked.push_back(Request());
  }
  EXPECT_EQ(asked, (Words{"0: 2+1", "1: 2+1", "0: 2+1", "1: 2+1", "0: 2+1"}));
  receiver_->SetSoupConnected(true);
  Pass(10'000 * kMs);
  EXPECT_EQ(Request(), "");  // it is coming
  receiver_->OnSoupMessage(test::View(messages_[1]), now_ns_);
  EXPECT_EQ(Taken(), (Numbers{1, 2, 3}));
  EXPECT_FALSE(receiver_->wants_soup());
}

TEST_F(MoldReceiverTest, ReadsBySoupAtOnceWhatIsFarBehind) {
  options_.soup_from = 100;
  Make(1, 1, true);
  Line(0, Packet(1, 1));
  Line(0, Heartbeat(102));
  EXPECT_FALSE(receiver_->wants_soup());
  Line(0, Heartbeat(103));
  EXPECT_TRUE(receiver_->wants_soup());
}

TEST_F(MoldReceiverTest, StaysWithSoupAsLongAsTheLinesAreDead) {
  Make(1, 0, true);
  receiver_->SetSoupConnected(true);
  MakeMessages(50);
  for (std::uint64_t n = 1; n <= 50; ++n) {
    Pass(1'000 * kMs);
    receiver_->OnSoupMessage(test::View(messages_[n - 1]), now_ns_);
    receiver_->OnSoupEnd(n, now_ns_);
    ASSERT_TRUE(receiver_->wants_soup()) << n;
  }
  EXPECT_EQ(Taken().size(), 50u);
  Line(0, Heartbeat(51));
  EXPECT_FALSE(receiver_->wants_soup());
}

/// A publisher, two lines and two servers, all unreliable, in simulated time.
class UnreliableLines : public MoldReceiverTest {
 protected:
  /// Percent of packets: lost, sent twice, late by up to 10 ms, damaged in a byte, of another
  /// session.
  struct Faults {
    unsigned lost, twice, late, damaged, other;
  };

  bool OneIn100(unsigned percent) { return random_() % 100 < percent; }

  void Deliver(std::function<void(const Bytes&)> to, Bytes packet, const Faults& faults) {
    if (OneIn100(faults.lost)) return;
    if (OneIn100(faults.damaged)) packet[random_() % packet.size()] ^= std::byte{0x10};
    if (OneIn100(faults.other)) packet[0] = std::byte{'X'};
    for (int copies = OneIn100(faults.twice) ? 2 : 1; copies > 0; --copies) {
      const std::int64_t delay_ns =
          100'000 + (OneIn100(faults.late) ? static_cast<std::int64_t>(random_() % 10) * kMs : 0);
      events_.emplace(now_ns_ + delay_ns, [to, packet] { to(packet); });
    }
  }
  void SendRequests(const Faults& faults) {
    while (const auto request = receiver_->TakeRequest()) {
      const auto bytes = mold::Encode(request->header);
      Deliver(
          [this, faults](const Bytes& arrived) {
            const auto asked = mold::ParseRequest(arrived);
            if (!asked || asked->session != proto::Session("TEST") || asked->count == 0) return;
            Bytes answer = Heartbeat(published_ + 1);
            if (asked->number > 0 && asked->number <= published_) {
              const std::uint64_t last = std::min<std::uint64_t>(
                  {published_, asked->number + asked->count - 1, asked->number + 9});
              answer = Packet(asked->number, last);
            }
            Deliver([this](const Bytes& packet) { Answer(packet); }, answer, faults);
          },
          {bytes.begin(), bytes.end()}, faults);
    }
  }
  void Run(unsigned seed, const Faults& faults) {
    random_.seed(seed);
    events_.clear();
    taken_.clear();
    taken_bytes_.clear();
    published_ = 0;
    now_ns_ = 1'000 * kMs;
    Make(2, 2);
    MakeMessages(kMessages);
    std::int64_t publish_at_ns = now_ns_;
    const std::int64_t give_up_ns = now_ns_ + 600'000 * kMs;
    while (receiver_->next() <= kMessages) {
      const std::int64_t event_ns = events_.empty() ? MoldReceiver::kNever : events_.begin()->first;
      now_ns_ = std::min({event_ns, publish_at_ns, receiver_->deadline_ns()});
      ASSERT_LT(now_ns_, give_up_ns) << "seed " << seed << ": stuck at " << receiver_->next();
      if (event_ns == now_ns_) {
        const auto event = events_.extract(events_.begin());
        event.mapped()();
      } else if (publish_at_ns == now_ns_) {
        publish_at_ns += Publish(faults);
      } else {
        receiver_->OnTime(now_ns_);
      }
      SendRequests(faults);
      ASSERT_LE(receiver_->kept_bytes(), options_.window_bytes) << "seed " << seed;
    }
    ASSERT_EQ(taken_bytes_.size(), messages_.size()) << "seed " << seed;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      ASSERT_TRUE(taken_bytes_[i] == messages_[i]) << "seed " << seed << ": message " << i + 1;
    }
  }
  /// A packet on both lines, or a heartbeat; how long until the next one.
  std::int64_t Publish(const Faults& faults) {
    Bytes packet = Heartbeat(published_ + 1);
    const bool is_new = published_ < kMessages;
    if (is_new) {
      const std::uint64_t count =
          std::min<std::uint64_t>(1 + random_() % 12, kMessages - published_);
      packet = Packet(published_ + 1, published_ + count);
      published_ += count;
    }
    for (std::size_t line = 0; line < 2; ++line) {
      Deliver([this, line](const Bytes& arrived) { Line(line, arrived); }, packet, faults);
    }
    return is_new ? static_cast<std::int64_t>(random_() % 300) * 1'000 : 100 * kMs;
  }

  static constexpr std::uint64_t kMessages = 1'000;

  std::mt19937 random_;
  std::multimap<std::int64_t, std::function<void()>> events_;
  std::uint64_t published_ = 0;
};

TEST_F(UnreliableLines, GiveEachMessageOnceInOrderWhateverHappens) {
  constexpr unsigned kSeed = 20261122;
  std::printf("seeds from %u\n", kSeed);
  options_.window = 64;
  options_.window_bytes = 4'000;
  for (unsigned run = 0; run < 300; ++run) {
    const unsigned worst = run % 3 == 0 ? 5 : run % 3 == 1 ? 20 : 50;
    Run(kSeed + run, {.lost = worst, .twice = worst, .late = worst, .damaged = 10, .other = 10});
    if (HasFatalFailure()) return;
  }
}

TEST_F(UnreliableLines, NeedNoRequestsWhenOneIsWhole) {
  // The other line is silent after the first packets; nothing is lost on this one.
  Make(2, 1);
  MakeMessages(500);
  Line(1, Packet(1, 1));
  for (std::uint64_t n = 1; n <= 500; n += 5) {
    Line(0, Packet(n, n + 4));
    Pass(10 * kMs);
  }
  EXPECT_EQ(Taken().size(), 500u);
  EXPECT_EQ(receiver_->counts().requests, 0u);
}

}  // namespace
}  // namespace tandem::engine
