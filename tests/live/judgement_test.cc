// SPDX-License-Identifier: Apache-2.0
//
// What follows from two copies that differ and from what replays say.
#include "tools/judgement.h"

#include <gtest/gtest.h>

#include "tests/support/test_stream.h"

namespace tandem::tools {
namespace {

using engine::Incident;
using test::Bytes;

class JudgementTest : public testing::Test {
 protected:
  JudgementTest() {
    incident_.number = 7;
    incident_.copies = {a_, b_};
    SetBuilds("one", "one");
  }

  static Bytes Message(std::string_view payload) {
    test::TestStream stream;
    return stream.Add(200, payload);
  }
  void SetBuilds(const std::string& a, const std::string& b) {
    incident_.engines[0].build = a;
    incident_.engines[1].build = b;
  }
  static Replayed Says(const Bytes& answer, const std::string& build = "one") {
    Replayed replayed;
    replayed.build = build;
    replayed.runs = 3;
    replayed.answer = answer;
    return replayed;
  }
  [[nodiscard]] std::string Of(const Replayed& replayed) const {
    return Show(Judge(incident_, {replayed, replayed}, true));
  }
  [[nodiscard]] std::string OfTwo(const Replayed& of_a, const Replayed& of_b) const {
    return Show(Judge(incident_, {of_a, of_b}, false));
  }
  static std::string Show(const Judgement& judgement) {
    return NameOf(judgement.verdict) +
           (judgement.keep ? " keep " + engine::NameOfSide(*judgement.keep) : std::string());
  }

  const Bytes a_ = Message("of A");
  const Bytes b_ = Message("of B");
  const Bytes third_ = Message("of neither");
  Incident incident_;
};

TEST_F(JudgementTest, ReplaysThatGiveOneCopySayThatTheOtherWasDamaged) {
  EXPECT_EQ(Of(Says(a_)), "damage keep A");
  EXPECT_EQ(Of(Says(b_)), "damage keep B");
}

TEST_F(JudgementTest, ReplaysThatLackAnOutputConfirmTheEngineThatLacksIt) {
  incident_.copies[1].clear();
  EXPECT_EQ(Of(Says({})), "damage keep B");
  EXPECT_EQ(Of(Says(a_)), "damage keep A");
}

TEST_F(JudgementTest, ReplaysThatAgreeWithEachOtherOnlyShowADefect) {
  EXPECT_EQ(Of(Says(third_)), "defect");
  EXPECT_EQ(Of(Says({})), "defect");
}

TEST_F(JudgementTest, ReplaysThatLeaveWhatBothAgreedOnConfirmNobody) {
  Replayed replayed = Says(a_);
  replayed.departs_at = 3;
  EXPECT_EQ(Of(replayed), "defect");
}

TEST_F(JudgementTest, ReplaysThatDifferShowNondeterminismWhateverElseTheySay) {
  Replayed replayed = Says(a_);
  replayed.differ = ReplaysDiffer{.number = 5,
                                  .input = 4,
                                  .first = 0,
                                  .second = 2,
                                  .how_first = "here",
                                  .how_second = "there",
                                  .field = "price is 1 and 2"};
  EXPECT_EQ(Of(replayed), "nondeterminism");
  const Judgement judgement = Judge(incident_, {replayed, replayed}, true);
  EXPECT_NE(judgement.text.find("first at output 5, of input 4"), std::string::npos);
  EXPECT_EQ(judgement.why, "replay 1 (here) and replay 3 (there) differ there: price is 1 and 2");
}

TEST_F(JudgementTest, AnotherBuildIsBelievedWhereItConfirmsACopyAndOnlyThere) {
  EXPECT_EQ(Of(Says(a_, "other")), "damage keep A");
  EXPECT_EQ(Of(Says(third_, "other")), "undecided");
  SetBuilds("", "");
  EXPECT_EQ(Of(Says(third_, "other")), "defect");
}

TEST_F(JudgementTest, EnginesOfTwoBuildsAreNotJudgedByOne) {
  SetBuilds("one", "two");
  EXPECT_EQ(Of(Says(a_)), "undecided");
  const Judgement judgement = Judge(incident_, {Says(a_), Says(a_)}, true);
  EXPECT_NE(judgement.why.find("give --program-b"), std::string::npos) << judgement.why;
  EXPECT_EQ(judgement.why.find("--program-a"), std::string::npos) << judgement.why;
}

TEST_F(JudgementTest, ByBothProgramsItIsTheBuildsOrTheEngine) {
  SetBuilds("one", "two");
  EXPECT_EQ(OfTwo(Says(a_), Says(b_)), "builds");
  EXPECT_EQ(OfTwo(Says(a_), Says(a_)), "damage keep A");
  EXPECT_EQ(OfTwo(Says(b_), Says(b_)), "damage keep B");
  EXPECT_EQ(OfTwo(Says(a_), Says(third_)), "undecided");
  EXPECT_EQ(OfTwo(Says(third_), Says(third_)), "undecided");
}

}  // namespace
}  // namespace tandem::tools
