// SPDX-License-Identifier: Apache-2.0
#include "engine/sequencer.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using proto::User;
using test::Bytes;
using test::Submission;
using test::View;
using Verdict = Sequencer::Verdict;
using Lines = std::vector<std::string>;

constexpr std::uint16_t kType = proto::kFirstApplicationType;
constexpr std::int64_t kMs = 1'000'000;

/// A sequencer with the log that its caller keeps.
class SequencerTest : public testing::Test {
 protected:
  explicit SequencerTest(const SequencerOptions& options = {.session = proto::Session("TEST"),
                                                            .message_size_max = 100,
                                                            .tick_after_ns = 100 * kMs,
                                                            .users_max = 3})
      : options_(options), sequencer_(options) {}

  Verdict Submit(std::string_view user, const Bytes& submission, std::int64_t now_ns = 1) {
    const Verdict verdict = sequencer_.Submit(User(user), View(submission), now_ns);
    if (verdict == Verdict::kAccepted) Append();
    return verdict;
  }
  bool OnTime(std::int64_t now_ns) { return sequencer_.OnTime(now_ns) && Append(); }
  bool EndSession(std::int64_t now_ns) { return sequencer_.EndSession(now_ns) && Append(); }

  /// A sequencer that has read the log, as after a restart.
  void Restart() {
    sequencer_ = Sequencer(options_);
    for (const Bytes& message : log_) sequencer_.Recover(View(message));
  }

  Lines ShowLog() const {
    Lines lines;
    for (const Bytes& message : log_) lines.push_back(test::Show(message));
    return lines;
  }

  SequencerOptions options_;
  Sequencer sequencer_;
  std::vector<Bytes> log_;

 private:
  bool Append() {
    log_.emplace_back(sequencer_.message().begin(), sequencer_.message().end());
    EXPECT_EQ(std::memcmp(&sequencer_.header(), log_.back().data(), sizeof(proto::Header)), 0);
    return true;
  }
};

TEST_F(SequencerTest, BeginsWithNothing) {
  EXPECT_EQ(sequencer_.position(), proto::StreamPosition{});
  EXPECT_EQ(sequencer_.accepted(User("U1")), 0u);
  EXPECT_EQ(sequencer_.accepted_total(), 0u);
  EXPECT_EQ(sequencer_.users(), 0u);
  EXPECT_FALSE(sequencer_.ended());
}

TEST_F(SequencerTest, NumbersTheSubmissionsOfManyUsersInOneOrder) {
  EXPECT_EQ(Submit("U1", Submission(1, kType, "a"), 10), Verdict::kAccepted);
  EXPECT_EQ(Submit("U2", Submission(1, kType + 1, "bb"), 20), Verdict::kAccepted);
  EXPECT_EQ(Submit("U1", Submission(2, kType, ""), 30), Verdict::kAccepted);
  EXPECT_EQ(ShowLog(), (Lines{"1 at 10: type 100 for U1, cause 1 index 0, last, 1 bytes",
                              "2 at 20: type 101 for U2, cause 1 index 0, last, 2 bytes",
                              "3 at 30: type 100 for U1, cause 2 index 0, last, 0 bytes"}));
  EXPECT_EQ(View(log_[1]).payload_text(), "bb");
  EXPECT_EQ(sequencer_.accepted(User("U1")), 2u);
  EXPECT_EQ(sequencer_.accepted(User("U2")), 1u);
  EXPECT_EQ(sequencer_.accepted_total(), 3u);
  EXPECT_EQ(sequencer_.users(), 2u);
}

TEST_F(SequencerTest, ChainsTheDigestsFromTheStart) {
  for (std::uint64_t n = 1; n <= 5; ++n) Submit("U1", Submission(n, kType, "x"));
  EXPECT_TRUE(test::IsChained(log_));
  EXPECT_EQ(sequencer_.position(),
            (proto::StreamPosition{.number = 5, .digest = View(log_[4]).header.digest}));
}

TEST_F(SequencerTest, WritesTheWholeHeaderAndTakesOnlyTypeAndOriginFromTheClient) {
  proto::Header lies;
  lies.digest = 99;
  lies.session = proto::Session("OTHER");
  lies.type = kType;
  lies.number = 77;
  lies.time_ns = -5;
  lies.origin = 1;
  lies.user = User("ROOT");
  lies.index = 3;
  lies.epoch = 9;
  Submit("U1", test::Join(lies, "x"), 10);
  const proto::Header header = View(log_.at(0)).header;
  EXPECT_EQ(header.session.view(), "TEST");
  EXPECT_EQ(header.number, 1u);
  EXPECT_EQ(header.time_ns, 10);
  EXPECT_EQ(header.user.view(), "U1");
  EXPECT_EQ(header.index, 0u);
  EXPECT_EQ(header.epoch, 1u);
  EXPECT_EQ(header.flags, proto::kLast);
}

TEST_F(SequencerTest, IgnoresDuplicatesAndChangesNothing) {
  Submit("U1", Submission(1, kType, "a"));
  Submit("U1", Submission(2, kType, "b"));
  const auto before = sequencer_.position();
  EXPECT_EQ(Submit("U1", Submission(1, kType, "a")), Verdict::kDuplicate);
  EXPECT_EQ(Submit("U1", Submission(2, kType, "other")), Verdict::kDuplicate);
  EXPECT_EQ(sequencer_.position(), before);
  EXPECT_EQ(sequencer_.accepted(User("U1")), 2u);
  EXPECT_EQ(Submit("U1", Submission(3, kType, "c")), Verdict::kAccepted);
}

TEST_F(SequencerTest, RefusesAGapAndChangesNothing) {
  Submit("U1", Submission(1, kType));
  const auto before = sequencer_.position();
  EXPECT_EQ(Submit("U1", Submission(3, kType)), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(),
            "submission 3 came where number 2 is next; send every number once, in order");
  EXPECT_EQ(Submit("U2", Submission(0, kType)), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(),
            "submission 0 came where number 1 is next; send every number once, in order");
  EXPECT_EQ(Submit("U2", Submission(std::numeric_limits<std::uint64_t>::max(), kType)),
            Verdict::kRefused);
  EXPECT_EQ(sequencer_.position(), before);
  EXPECT_EQ(sequencer_.users(), 1u);
}

TEST_F(SequencerTest, RefusesTypesThatBelongToTandem) {
  for (const std::uint16_t type : {0, 1, 2, 50, 99}) {
    EXPECT_EQ(Submit("U1", Submission(1, type)), Verdict::kRefused) << type;
    EXPECT_EQ(sequencer_.reason(), "submission 1 has type " + std::to_string(type) +
                                       "; clients may submit types from 100 on" +
                                       (type == 2 ? ", and operators this one too" : ""));
  }
  EXPECT_EQ(Submit("U1", Submission(1, 100)), Verdict::kAccepted);
  EXPECT_EQ(Submit("U1", Submission(2, 65535)), Verdict::kAccepted);
}

TEST_F(SequencerTest, TakesFromOperatorsWhatIsForOperators) {
  constexpr Sequencer::Rights kOperator{.submit = false, .control = true};
  const auto submit = [&](std::uint64_t origin, std::uint16_t type) {
    const Verdict verdict =
        sequencer_.Submit(User("OPER"), View(Submission(origin, type, "p")), 10, kOperator);
    if (verdict == Verdict::kAccepted) {
      log_.emplace_back(sequencer_.message().begin(), sequencer_.message().end());
    }
    return verdict;
  };
  EXPECT_EQ(submit(1, 3), Verdict::kAccepted);
  EXPECT_EQ(submit(2, 4), Verdict::kAccepted);
  for (const std::uint16_t type : {0, 1, 6, 10, 99}) EXPECT_EQ(submit(3, type), Verdict::kRefused);
  EXPECT_EQ(submit(3, kType), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(), "user \"OPER\" may not submit messages of the application");
  EXPECT_EQ(submit(2, 4), Verdict::kDuplicate);
  EXPECT_EQ(submit(3, 2), Verdict::kAccepted);
  EXPECT_TRUE(sequencer_.ended());
  EXPECT_EQ(submit(4, 3), Verdict::kRefused);
  EXPECT_EQ(ShowLog(), (Lines{"1 at 10: type 3 for OPER, cause 1 index 0, last, 1 bytes",
                              "2 at 10: type 4 for OPER, cause 2 index 0, last, 1 bytes",
                              "3 at 10: type 2 for OPER, cause 3 index 0, last, 1 bytes"}));
  Restart();
  EXPECT_TRUE(sequencer_.ended());
  EXPECT_EQ(sequencer_.accepted(User("OPER")), 3u);
}

TEST_F(SequencerTest, KnowsBehindWhichInputNoSkipStands) {
  constexpr Sequencer::Rights kOperator{.submit = true, .control = true};
  const auto submit = [&](std::uint64_t origin, std::uint16_t type) {
    EXPECT_EQ(sequencer_.Submit(User("OPER"), View(Submission(origin, type, "p")), 10, kOperator),
              Verdict::kAccepted);
    log_.emplace_back(sequencer_.message().begin(), sequencer_.message().end());
    return sequencer_.skips_until();
  };
  constexpr std::uint16_t kSkip = 3;
  EXPECT_EQ(sequencer_.skips_until(), 0u);
  EXPECT_EQ(submit(1, kType), 0u);
  EXPECT_EQ(submit(2, kSkip), 2u);
  EXPECT_EQ(submit(3, kType), 2u);
  EXPECT_EQ(submit(4, kSkip), 4u);
  EXPECT_EQ(submit(5, kType), 4u);
  Restart();
  EXPECT_EQ(sequencer_.skips_until(), 4u);
  // Who begins at a checkpoint does not know what lies before it.
  Sequencer other(options_);
  other.Recover(
      {.position = {.number = 3, .digest = 1}, .time_ns = 10, .epoch = 1, .accepted = {}});
  EXPECT_EQ(other.skips_until(), 3u);
}

TEST_F(SequencerTest, TellsAnEngineToWriteAnImageUntilTheSessionHasEnded) {
  ASSERT_TRUE(sequencer_.TellSnapshot("A", 10));
  EXPECT_EQ(test::Show(sequencer_.message()), "1 at 10: type 5, cause 0 index 0, last, 3 bytes");
  ASSERT_TRUE(sequencer_.EndSession(11));
  EXPECT_FALSE(sequencer_.TellSnapshot("B", 12));
}

TEST_F(SequencerTest, RefusesOneByteMoreThanTheLimit) {
  EXPECT_EQ(Submit("U1", Submission(1, kType, std::string(37, 'x'))), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(), "submission 1 has 101 bytes with its header; the limit is 100");
  EXPECT_EQ(Submit("U1", Submission(1, kType, std::string(36, 'x'))), Verdict::kAccepted);
}

TEST_F(SequencerTest, RefusesOneUserMoreThanTheLimitButKeepsServingTheOthers) {
  for (const char* user : {"U1", "U2", "U3"}) Submit(user, Submission(1, kType));
  EXPECT_EQ(Submit("U4", Submission(1, kType)), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(),
            "there are 3 clients already, which is the limit; use one of their names");
  EXPECT_EQ(Submit("U3", Submission(2, kType)), Verdict::kAccepted);
  EXPECT_EQ(sequencer_.users(), 3u);
}

TEST_F(SequencerTest, NeverLetsTimeGoBackwards) {
  Submit("U1", Submission(1, kType), 100);
  Submit("U1", Submission(2, kType), 40);
  Submit("U1", Submission(3, kType), 100);
  Submit("U1", Submission(4, kType), 101);
  EXPECT_EQ(ShowLog(), (Lines{"1 at 100: type 100 for U1, cause 1 index 0, last, 0 bytes",
                              "2 at 100: type 100 for U1, cause 2 index 0, last, 0 bytes",
                              "3 at 100: type 100 for U1, cause 3 index 0, last, 0 bytes",
                              "4 at 101: type 100 for U1, cause 4 index 0, last, 0 bytes"}));
}

TEST_F(SequencerTest, TicksAfterEachFullSilenceAndNotBefore) {
  Submit("U1", Submission(1, kType), 1000 * kMs);
  EXPECT_FALSE(OnTime(1100 * kMs - 1));
  EXPECT_TRUE(OnTime(1100 * kMs));
  EXPECT_FALSE(OnTime(1100 * kMs));
  EXPECT_FALSE(OnTime(900 * kMs));
  EXPECT_TRUE(OnTime(1250 * kMs));
  Submit("U1", Submission(2, kType), 1300 * kMs);
  EXPECT_FALSE(OnTime(1399 * kMs));
  EXPECT_EQ(ShowLog(), (Lines{"1 at 1000000000: type 100 for U1, cause 1 index 0, last, 0 bytes",
                              "2 at 1100000000: type 1, cause 0 index 0, last, 0 bytes",
                              "3 at 1250000000: type 1, cause 0 index 0, last, 0 bytes",
                              "4 at 1300000000: type 100 for U1, cause 2 index 0, last, 0 bytes"}));
  EXPECT_TRUE(test::IsChained(log_));
  EXPECT_EQ(sequencer_.accepted_total(), 2u);
}

TEST_F(SequencerTest, EndsTheSessionOnceAndTakesNothingAfterwards) {
  Submit("U1", Submission(1, kType), 10);
  EXPECT_TRUE(EndSession(20));
  EXPECT_TRUE(sequencer_.ended());
  EXPECT_FALSE(EndSession(30));
  EXPECT_FALSE(OnTime(1'000'000 * kMs));
  EXPECT_EQ(Submit("U1", Submission(2, kType)), Verdict::kRefused);
  EXPECT_EQ(sequencer_.reason(), "the session has ended; submit to the next one");
  EXPECT_EQ(Submit("U1", Submission(1, kType)), Verdict::kDuplicate);
  EXPECT_EQ(ShowLog(), (Lines{"1 at 10: type 100 for U1, cause 1 index 0, last, 0 bytes",
                              "2 at 20: type 2, cause 0 index 0, last, 0 bytes"}));
}

TEST_F(SequencerTest, GoesOnAfterARestartAsIfNothingHadHappened) {
  Submit("U1", Submission(1, kType, "a"), 10);
  OnTime(200 * kMs);
  Submit("U2", Submission(1, kType, "b"), 300 * kMs);
  const auto position = sequencer_.position();

  Restart();
  EXPECT_EQ(sequencer_.position(), position);
  EXPECT_EQ(sequencer_.accepted(User("U1")), 1u);
  EXPECT_EQ(sequencer_.accepted_total(), 2u);
  EXPECT_EQ(Submit("U2", Submission(1, kType, "b")), Verdict::kDuplicate);
  EXPECT_EQ(Submit("U2", Submission(2, kType, "c"), 5), Verdict::kAccepted);
  EXPECT_FALSE(OnTime(399 * kMs));
  EXPECT_EQ(ShowLog(), (Lines{"1 at 10: type 100 for U1, cause 1 index 0, last, 1 bytes",
                              "2 at 200000000: type 1, cause 0 index 0, last, 0 bytes",
                              "3 at 300000000: type 100 for U2, cause 1 index 0, last, 1 bytes",
                              "4 at 300000000: type 100 for U2, cause 2 index 0, last, 1 bytes"}));
  EXPECT_TRUE(test::IsChained(log_));
}

TEST_F(SequencerTest, BeginsAnEpochWithEachStartOnALogThatHasMessages) {
  Restart();  // the log is empty: nothing was published that could be given again
  for (std::uint64_t origin = 1; origin <= 4; ++origin) {
    Submit("U1", Submission(2 * origin - 1, kType, "a"));
    Submit("U1", Submission(2 * origin, kType, "b"));
    Restart();
  }
  std::vector<std::uint32_t> epochs;
  for (const Bytes& message : log_) epochs.push_back(View(message).header.epoch);
  EXPECT_EQ(epochs, (std::vector<std::uint32_t>{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(sequencer_.epoch(), 5u);
  EXPECT_TRUE(test::IsChained(log_));
}

TEST_F(SequencerTest, GivesALostNumberAgainInAnotherEpoch) {
  Submit("U1", Submission(1, kType, "kept"));
  Restart();
  Submit("U1", Submission(2, kType, "first of the epoch"));
  const std::vector<Bytes> kept = log_;
  Submit("U1", Submission(3, kType, "the same"), 5);
  const proto::Header lost = View(log_.back()).header;
  log_ = kept;
  Restart();
  Submit("U1", Submission(3, kType, "the same"), 5);
  const proto::Header given_again = View(log_.back()).header;
  EXPECT_EQ(given_again.number, lost.number);
  EXPECT_EQ(lost.epoch, 2u);
  EXPECT_EQ(given_again.epoch, 3u);
  EXPECT_NE(given_again.digest, lost.digest);
}

TEST_F(SequencerTest, NeverGoesBackInEpochWhateverTheLogHolds) {
  test::TestStream input;
  input.next.epoch = 7;
  log_.push_back(input.Add(kType, "a"));
  input.next.epoch = 3;
  log_.push_back(input.Add(kType, "b"));
  Restart();
  EXPECT_EQ(sequencer_.epoch(), 8u);
  input.next.epoch = std::numeric_limits<std::uint32_t>::max();
  log_.push_back(input.Add(kType, "c"));
  Restart();
  EXPECT_EQ(sequencer_.epoch(), std::numeric_limits<std::uint32_t>::max());
}

TEST_F(SequencerTest, GivesNoEpochThatIsBelowTheBoundOfItsCaller) {
  std::vector<std::uint32_t> epochs;
  // The caller's clock stands still once and goes back once.
  for (const std::uint32_t epoch_min : {50u, 70u, 70u, 60u, 90u}) {
    options_.epoch_min = epoch_min;
    Restart();
    epochs.push_back(sequencer_.epoch());
    Submit("U1", Submission(epochs.size(), kType, "a"));
    EXPECT_EQ(View(log_.back()).header.epoch, epochs.back());
  }
  EXPECT_EQ(epochs, (std::vector<std::uint32_t>{50, 70, 71, 72, 90}));
  log_.clear();
  options_.epoch_min = 91;
  Restart();
  EXPECT_EQ(sequencer_.epoch(), 91u);
}

TEST_F(SequencerTest, TellsTheDigestBeforeItsMessage) {
  Submit("U1", Submission(1, kType, "a"));
  EXPECT_EQ(sequencer_.digest_before(), proto::kDigestStart);
  const std::uint64_t first = sequencer_.header().digest;
  Submit("U1", Submission(2, kType, "b"));
  EXPECT_EQ(sequencer_.digest_before(), first);
}

TEST_F(SequencerTest, RemembersAfterARestartThatTheSessionHasEnded) {
  Submit("U1", Submission(1, kType));
  EndSession(20);
  Restart();
  EXPECT_TRUE(sequencer_.ended());
  EXPECT_EQ(Submit("U1", Submission(2, kType)), Verdict::kRefused);
}

using SequencerDeathTest = SequencerTest;

TEST_F(SequencerDeathTest, RecoversNothingOutOfOrder) {
  test::TestStream input;
  input.Add(kType);
  const Bytes second = input.Add(kType);
  EXPECT_DEATH(sequencer_.Recover(View(second)), "recovered message 2 after 0");
}

}  // namespace
}  // namespace tandem::engine
