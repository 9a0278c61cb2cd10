// SPDX-License-Identifier: Apache-2.0
#include "replay/stepper.h"

#include <gtest/gtest.h>

#include "tests/support/counter_application.h"
#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::replay {
namespace {

using test::Bytes;
using test::TestStream;
using test::View;
using Lines = std::vector<std::string>;

constexpr std::uint16_t kTick = 1;
constexpr std::uint16_t kEndOfSession = 2;
constexpr std::uint16_t kType = proto::kFirstApplicationType;
constexpr std::uintptr_t kAddress = 0x7e8000000000;

std::vector<Bytes> Outputs(const Stepper& stepper) {
  std::vector<Bytes> outputs;
  for (std::size_t i = 0; i < stepper.outputs().count(); ++i) {
    const auto message = stepper.outputs().message(i);
    outputs.emplace_back(message.begin(), message.end());
  }
  return outputs;
}

class StepperTest : public testing::Test {
 protected:
  /// Steps `input` and returns what it says and what comes out, one line each.
  Lines Apply(const Bytes& input) {
    if (const Status status = stepper_.Apply(View(input)); !status) return {status.error().text};
    Lines lines;
    for (const Bytes& output : Outputs(stepper_)) {
      lines.push_back(test::Show(output));
      all_outputs_.push_back(output);
    }
    return lines;
  }

  /// Applies `input`, expects to be refused with `text`, and that nothing has changed.
  void ExpectRefused(const Bytes& input, const std::string& text,
                     ExitCode code = ExitCode::kBadInput) {
    const ResumePoint before = stepper_.position();
    const int steps_before = application_.steps;
    const Status status = stepper_.Apply(View(input));
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().text, text);
    EXPECT_EQ(status.error().code, code);
    EXPECT_EQ(application_.steps, steps_before);
    EXPECT_EQ(stepper_.position().input, before.input);
    EXPECT_EQ(stepper_.position().output, before.output);
    EXPECT_EQ(stepper_.position().time_ns, before.time_ns);
    EXPECT_EQ(stepper_.position().epoch, before.epoch);
    EXPECT_EQ(stepper_.position().ended, before.ended);
  }

  TestStream input_;
  test::EchoApplication application_;
  Stepper stepper_{application_, proto::Session("TEST")};
  std::vector<Bytes> all_outputs_;
};

TEST_F(StepperTest, BeginsBeforeTheFirstMessage) {
  EXPECT_EQ(stepper_.position().input, proto::StreamPosition{});
  EXPECT_EQ(stepper_.position().output, proto::StreamPosition{});
  EXPECT_EQ(stepper_.outputs().count(), 0u);
}

TEST_F(StepperTest, NumbersOutputsAcrossInputsWithNoneOneAndMany) {
  EXPECT_EQ(Apply(input_.Add(kType, "ab")),
            (Lines{"1 at 1001: type 200 for U1, cause 1 index 0, 2 bytes",
                   "2 at 1001: type 200 for U1, cause 1 index 1, last, 2 bytes"}));
  EXPECT_EQ(Apply(input_.Add(kType, "")), Lines{});
  EXPECT_EQ(Apply(input_.Add(kType, "c", "U2")),
            Lines{"3 at 1003: type 200 for U2, cause 3 index 0, last, 2 bytes"});
  EXPECT_EQ(Apply(input_.Add(kType, "def")),
            (Lines{"4 at 1004: type 200 for U1, cause 4 index 0, 2 bytes",
                   "5 at 1004: type 200 for U1, cause 4 index 1, 2 bytes",
                   "6 at 1004: type 200 for U1, cause 4 index 2, last, 2 bytes"}));
  EXPECT_TRUE(test::IsChained(all_outputs_));
}

TEST_F(StepperTest, MovesTheResumePointWithEveryInput) {
  input_.next.epoch = 3;
  Apply(input_.Add(kType, "ab"));
  Apply(input_.Add(kType, ""));
  const ResumePoint& point = stepper_.position();
  EXPECT_EQ(point.input, input_.position);
  EXPECT_EQ(point.output,
            (proto::StreamPosition{.number = 2, .digest = View(all_outputs_[1]).header.digest}));
  EXPECT_EQ(point.time_ns, 1002);
  EXPECT_EQ(point.epoch, 3u);
  EXPECT_EQ(point.ended, 0u);
  --input_.next.time_ns;
  Apply(input_.Add(kType, "c"));
  EXPECT_EQ(point.time_ns, 1002) << "two inputs may have one time";
}

TEST_F(StepperTest, GivesOutputsTheSessionEpochAndTimeOfTheirInput) {
  input_.next.epoch = 3;
  Apply(input_.Add(kType, "a"));
  const proto::Header header = View(all_outputs_.at(0)).header;
  EXPECT_EQ(header.session.view(), "TEST");
  EXPECT_EQ(header.epoch, 3u);
  EXPECT_EQ(header.time_ns, 1001);
  EXPECT_EQ(header.version, proto::kHeaderVersion);
}

TEST_F(StepperTest, HandsATickToTheApplicationAsTimeAndNotAsAMessage) {
  EXPECT_EQ(Apply(input_.Add(kTick)), Lines{});
  EXPECT_EQ(application_.times, std::vector<std::uint64_t>{1});
  EXPECT_EQ(application_.steps, 0);
  application_.answers_ticks = true;
  EXPECT_EQ(Apply(input_.Add(kTick)), Lines{"1 at 1002: type 200, cause 2 index 0, last, 2 bytes"});
  EXPECT_EQ(stepper_.position().input.number, 2u);
}

TEST_F(StepperTest, AnswersTheEndOfTheSessionAndTakesNothingAfterIt) {
  Apply(input_.Add(kType, "a"));
  EXPECT_EQ(Apply(input_.Add(kEndOfSession)),
            Lines{"2 at 1002: type 2, cause 2 index 0, last, 0 bytes"});
  EXPECT_EQ(stepper_.position().ended, 1u);
  ExpectRefused(input_.Add(kType, "b"),
                "input message 3 follows the end of the session; nothing may");
  EXPECT_TRUE(test::IsChained(all_outputs_));
}

TEST_F(StepperTest, RefusesAnotherSession) {
  TestStream other("OTHER");
  ExpectRefused(other.Add(kType, "a"),
                "input message 1 belongs to session \"OTHER\", but this engine is in session "
                "\"TEST\"; give it the stream that it began with");
}

TEST_F(StepperTest, RefusesAGapAndGoesOnWithTheRightMessage) {
  const Bytes first = input_.Add(kType, "a");
  const Bytes second = input_.Add(kType, "b");
  ExpectRefused(second,
                "input message 2 came where number 1 is next; read the stream again from "
                "that number");
  EXPECT_EQ(Apply(first).size(), 1u);
  EXPECT_EQ(Apply(second).size(), 1u);
}

TEST_F(StepperTest, RefusesARepetition) {
  const Bytes first = input_.Add(kType, "a");
  Apply(first);
  ExpectRefused(first,
                "input message 1 came where number 2 is next; read the stream again from "
                "that number");
}

TEST_F(StepperTest, RefusesAnOlderEpoch) {
  input_.next.epoch = 2;
  Apply(input_.Add(kType, "a"));
  input_.next.epoch = 1;
  ExpectRefused(
      input_.Add(kType, "b"),
      "input forked at 2 or before it: it is of epoch 1, older than epoch 2 before it, so "
      "it comes from a sequencer that another one has followed; read from the one that came last",
      ExitCode::kDivergence);
  EXPECT_EQ(application_.steps, 1);
}

TEST_F(StepperTest, RefusesEveryFlippedBitThatTheDigestCovers) {
  const Bytes good = input_.Add(kType, "a");
  for (std::size_t at = proto::kDigestedFrom; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{1};
    const auto parsed = proto::ParseMessage(bad);
    if (!parsed) continue;  // version and payload_size: not a message at all
    const ResumePoint before = stepper_.position();
    EXPECT_FALSE(stepper_.Apply(*parsed).ok()) << "byte " << at;
    EXPECT_EQ(stepper_.position().input, before.input) << "byte " << at;
  }
  EXPECT_EQ(application_.steps, 0);
  EXPECT_EQ(Apply(good).size(), 1u);
}

TEST_F(StepperTest, RefusesAMessageThatIsChainedToAnotherPast) {
  Apply(input_.Add(kType, "a"));
  input_.position.digest ^= 1;
  ExpectRefused(input_.Add(kType, "b"),
                "input forked at 2 or before it: it (epoch 1) does not carry the digest that "
                "follows from input "
                "1 (epoch 1) that was stepped here, so one of them or one before was changed or "
                "given twice; compare the input logs with `tandem diff`, and go on with the one "
                "that was stepped, or step the other one from the start into new logs",
                ExitCode::kDivergence);
}

TEST_F(StepperTest, RefusesControlTypesThatItDoesNotKnow) {
  for (const std::uint16_t type : {0, 6, 10, 50, 99}) {
    TestStream input;
    ExpectRefused(input.Add(type), "input message 1 has control type " + std::to_string(type) +
                                       ", which this build does not know; run a build that does");
  }
}

class TypedStepperTest : public testing::Test {
 protected:
  std::vector<Bytes> Apply(const Bytes& input) {
    const Status status = stepper_.Apply(View(input));
    EXPECT_TRUE(status.ok()) << status.error().text;
    return Outputs(stepper_);
  }

  TestStream input_;
  std::unique_ptr<counter::CounterApplication> application_ = counter::MakeCounter(kAddress);
  Stepper stepper_{*application_, proto::Session("TEST")};
};

TEST_F(TypedStepperTest, RefusesAnUnknownApplicationTypeInTheStream) {
  const auto outputs = Apply(input_.Add(150, "whatever"));
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(test::Show(outputs[0]), "1 at 1001: type 10 for U1, cause 1 index 0, last, 5 bytes");
  pb::Refused refused;
  ASSERT_TRUE(refused.ParseFromString(std::string(View(outputs[0]).payload_text())));
  EXPECT_EQ(refused.reason(), pb::Refused::UNKNOWN_TYPE);
  EXPECT_EQ(refused.type(), 150u);
}

TEST_F(TypedStepperTest, RefusesAMalformedPayloadInTheStreamAndLeavesTheStateAlone) {
  const std::uint64_t hash_before = application_->zone().Hash();
  const auto outputs = Apply(input_.Add(kType, "\xff\xff\xff"));
  ASSERT_EQ(outputs.size(), 1u);
  pb::Refused refused;
  ASSERT_TRUE(refused.ParseFromString(std::string(View(outputs[0]).payload_text())));
  EXPECT_EQ(refused.reason(), pb::Refused::MALFORMED);
  EXPECT_EQ(refused.type(), kType);
  EXPECT_EQ(application_->state().first, nullptr);
  EXPECT_NE(application_->zone().Hash(), hash_before) << "the resume point is state too";
}

TEST_F(TypedStepperTest, StepsATypedApplication) {
  counter::pb::Add add;
  add.set_counter(7);
  add.set_amount(-3);
  add.set_outputs(3);
  const auto outputs = Apply(input_.Add(add));
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(test::Show(outputs[0]), "1 at 1001: type 200 for U1, cause 1 index 0, 6 bytes");
  EXPECT_EQ(test::Show(outputs[1]), "2 at 1001: type 201, cause 1 index 1, 6 bytes");
  EXPECT_EQ(test::Show(outputs[2]), "3 at 1001: type 201, cause 1 index 2, last, 6 bytes");
  counter::pb::Changed changed;
  ASSERT_TRUE(changed.ParseFromString(std::string(View(outputs[2]).payload_text())));
  EXPECT_EQ(changed.counter(), 7u);
  EXPECT_EQ(changed.value(), -3);
  EXPECT_EQ(changed.step(), 2u);
}

TEST_F(TypedStepperTest, KeepsTheRandomGeneratorInTheState) {
  const auto twin = counter::MakeCounter(kAddress + (std::uintptr_t{1} << 30));
  Stepper twin_stepper(*twin, proto::Session("TEST"));
  counter::pb::Roll roll;
  roll.set_sides(1'000'000'000);
  std::vector<Bytes> rolls;
  for (int i = 0; i < 10; ++i) {
    const Bytes input = input_.Add(roll);
    rolls.push_back(Apply(input).at(0));
    ASSERT_TRUE(twin_stepper.Apply(View(input)).ok());
    EXPECT_EQ(Outputs(twin_stepper).at(0), rolls.back());
  }
  EXPECT_NE(View(rolls[0]).payload_text(), View(rolls[1]).payload_text());
}

}  // namespace
}  // namespace tandem::replay
