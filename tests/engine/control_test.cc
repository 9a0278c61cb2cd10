// SPDX-License-Identifier: Apache-2.0
//
// Skip and Activate, as the stepper takes them.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "replay/replay.h"
#include "replay/stepper.h"
#include "tandem/control.pb.h"
#include "tests/support/echo_application.h"
#include "tests/support/memory_storage.h"
#include "tests/support/test_stream.h"

namespace tandem::replay {
namespace {

using test::Bytes;
using test::TestStream;
using test::View;
using Lines = std::vector<std::string>;

constexpr std::uint16_t kType = proto::kFirstApplicationType;

pb::Skip Skip(std::uint64_t number, const std::string& reason = "it kills") {
  pb::Skip skip;
  skip.set_number(number);
  skip.set_reason(reason);
  return skip;
}

pb::Activate Activate(std::uint32_t version) {
  pb::Activate activate;
  activate.set_version(version);
  return activate;
}

/// "3 x, skipped for U1 because ..." of an output.
std::string Said(std::span<const std::byte> bytes) {
  const auto message = View(bytes);
  const std::string text(message.payload_text());
  const std::string head =
      std::to_string(message.header.number) + " of " + std::to_string(message.header.origin) + ": ";
  if (pb::Skipped skipped; message.header.type == 11 && skipped.ParseFromString(text)) {
    return head + "skipped for " + message.header.user.str() + ", " + skipped.reason();
  }
  if (pb::Activated activated; message.header.type == 12 && activated.ParseFromString(text)) {
    return head + "version " + std::to_string(activated.version()) + " for " +
           (message.header.user.empty() ? "all" : message.header.user.str());
  }
  if (pb::Refused refused; message.header.type == 10 && refused.ParseFromString(text)) {
    return head + pb::Refused::Reason_Name(refused.reason()) + " " + std::to_string(refused.type());
  }
  return head + text.substr(0, 1);
}

class ControlTest : public testing::Test {
 protected:
  /// Steps the inputs; what comes out, and the error that ended it.
  Lines Step(Stepper& stepper, const std::vector<Bytes>& inputs) {
    Lines lines;
    for (const Bytes& input : inputs) {
      if (const Status status = stepper.Apply(View(input)); !status) {
        lines.push_back(status.error().text);
        code_ = status.error().code;
        break;
      }
      for (std::size_t i = 0; i < stepper.outputs().count(); ++i) {
        lines.push_back(Said(stepper.outputs().message(i)));
      }
    }
    return lines;
  }
  /// The same by a new application that has looked ahead through all of them.
  Lines StepAll(const std::vector<Bytes>& inputs) {
    application_ = std::make_unique<test::EchoApplication>();
    application_->knows = knows_;
    Stepper stepper(*application_, proto::Session("TEST"));
    for (const Bytes& input : inputs) stepper.LookAt(View(input));
    return Step(stepper, inputs);
  }

  TestStream input_;
  ExitCode code_ = ExitCode::kYes;
  std::uint32_t knows_ = 1;
  std::unique_ptr<test::EchoApplication> application_;
};

TEST_F(ControlTest, ASkippedInputIsAnsweredToItsSenderAndNotStepped) {
  const std::vector<Bytes> inputs = {input_.Add(kType, "a"), input_.Add(kType, "bcd", "U2"),
                                     input_.Add(kType, "e"), input_.Add(Skip(2, "kills B")),
                                     input_.Add(kType, "f")};
  EXPECT_EQ(StepAll(inputs),
            (Lines{"1 of 1: a", "2 of 2: skipped for U2, kills B", "3 of 3: e", "4 of 5: f"}));
  EXPECT_EQ(application_->steps, 3);
}

TEST_F(ControlTest, SkipsSeveralInputsWhateverTheOrderOfTheSkips) {
  const std::vector<Bytes> inputs = {input_.Add(kType, "a"),      input_.Add(kType, "b"),
                                     input_.Add(kType, "c"),      input_.Add(kType, "d"),
                                     input_.Add(Skip(4)),         input_.Add(Skip(1)),
                                     input_.Add(Skip(4, "again"))};
  EXPECT_EQ(StepAll(inputs), (Lines{"1 of 1: skipped for U1, it kills", "2 of 2: b", "3 of 3: c",
                                    "4 of 4: skipped for U1, it kills"}));
}

TEST_F(ControlTest, ASkipOfAnInputThatWasSteppedStopsAndNamesBoth) {
  test::EchoApplication application;
  Stepper stepper(application, proto::Session("TEST"));
  EXPECT_EQ(Step(stepper, {input_.Add(kType, "a"), input_.Add(kType, "b"), input_.Add(Skip(1))}),
            (Lines{"1 of 1: a", "2 of 2: b",
                   "input 3 skips input 1, but that was stepped here before the skip came, so the "
                   "state is not that of an engine that passes it over; start again with a new "
                   "output log beside the old one, which is evidence of what was said"}));
  EXPECT_EQ(code_, ExitCode::kDivergence);
  EXPECT_EQ(stepper.position().input.number, 2u);
}

TEST_F(ControlTest, SkipsOfWhatIsNotBeforeThemAndMalformedOnesStopNobody) {
  const std::vector<Bytes> inputs = {input_.Add(kType, "a"), input_.Add(Skip(2)),
                                     input_.Add(Skip(9)),    input_.Add(Skip(0)),
                                     input_.Add(3, "\xff"),  input_.Add(kType, "b")};
  EXPECT_EQ(StepAll(inputs), (Lines{"1 of 1: a", "2 of 5: MALFORMED 3", "3 of 6: b"}));
}

TEST_F(ControlTest, ASkipOfATickChangesNothing) {
  const std::vector<Bytes> inputs = {input_.Add(1), input_.Add(Skip(1)), input_.Add(kType, "b")};
  EXPECT_EQ(StepAll(inputs), Lines{"1 of 3: b"});
  EXPECT_EQ(application_->times, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(ControlTest, MoreSkipsThanTheStateKeepsAreHonoured) {
  std::vector<Bytes> inputs;
  for (int i = 0; i < 40; ++i) inputs.push_back(input_.Add(kType, "a"));
  for (std::uint64_t i = 1; i <= 40; ++i) inputs.push_back(input_.Add(Skip(i)));
  EXPECT_EQ(StepAll(inputs).size(), 40u);
  EXPECT_EQ(application_->steps, 0);
  EXPECT_EQ(code_, ExitCode::kYes);
}

TEST_F(ControlTest, TheVersionThatTheStateHasIsRaisedAndNeverLowered) {
  knows_ = 3;
  EXPECT_EQ(StepAll({input_.Add(kType, "a"), input_.Add(Activate(3)), input_.Add(Activate(2)),
                     input_.Add(Activate(0)), input_.Add(4, "\xff")}),
            (Lines{"1 of 1: a", "2 of 2: version 3 for all", "3 of 3: version 3 for all",
                   "4 of 4: version 3 for all", "5 of 5: MALFORMED 4"}));
  EXPECT_EQ(application_->resume_point().behaviour_version, 3u);
}

TEST_F(ControlTest, ABuildThatDoesNotKnowTheVersionStopsBeforeIt) {
  EXPECT_EQ(StepAll({input_.Add(kType, "a"), input_.Add(Activate(2)), input_.Add(kType, "b")}),
            (Lines{"1 of 1: a",
                   "input message 2 activates behaviour version 2 of the application, but this "
                   "build of \"echo\" knows versions up to 1, so it stops before it; run a build "
                   "that knows it"}));
  EXPECT_EQ(code_, ExitCode::kBadInput);
  EXPECT_EQ(application_->resume_point().input.number, 1u);
  EXPECT_EQ(application_->resume_point().behaviour_version, 1u);
}

/// Inputs in a log.
class ControlLogTest : public ControlTest {
 protected:
  void Write(const std::vector<Bytes>& inputs) {
    LogOptions options;
    options.session = proto::Session("TEST");
    options.role = kInputRole;
    options.segment_bytes = 1u << 16;
    auto log = LogWriter::Open(storage_, "input", options);
    ASSERT_TRUE(log.ok()) << log.error().text;
    for (const Bytes& input : inputs) {
      log->Append(input);
      ASSERT_TRUE(log->Flush().ok());
    }
    ASSERT_TRUE(log->Close().ok());
  }

  test::MemoryStorage storage_;
};

TEST_F(ControlLogTest, SkipsAreFoundInAllSegmentsAndReplayHonoursThem) {
  std::vector<Bytes> inputs;
  for (int i = 0; i < 500; ++i) inputs.push_back(input_.Add(kType, std::string(900, 'x')));
  inputs.push_back(input_.Add(Skip(7, "first")));
  for (int i = 0; i < 500; ++i) inputs.push_back(input_.Add(kType, "ab"));
  inputs.push_back(input_.Add(Skip(600, "second")));
  Write(inputs);
  const auto skips = ReadSkips(storage_, "input");
  ASSERT_TRUE(skips.ok()) << skips.error().text;
  ASSERT_EQ(skips->count(), 2u);
  EXPECT_EQ(*skips->ReasonFor(7), "first");
  EXPECT_EQ(*skips->ReasonFor(600), "second");
  EXPECT_EQ(skips->After(7), 600u);
  EXPECT_EQ(skips->not_read(), std::vector<std::string>());

  // Also where the replay ends before the Skip.
  test::EchoApplication application;
  auto reader = LogReader::Open(storage_, "input", {});
  ASSERT_TRUE(reader.ok());
  const auto result = Replay(application, *reader, {.last = 100, .skips = &*skips});
  ASSERT_TRUE(result.ok()) << result.error().text;
  EXPECT_EQ(application.steps, 99);
  EXPECT_EQ(result->progress.outputs, 99u * 900 + 1);
}

TEST_F(ControlLogTest, WhereSkipsCannotBeLookedForIsTold) {
  std::vector<Bytes> inputs;
  for (int i = 0; i < 300; ++i) inputs.push_back(input_.Add(kType, std::string(900, 'x')));
  inputs.push_back(input_.Add(Skip(7, "first")));
  Write(inputs);
  const auto path = [](int id) { return "input/0000000" + std::to_string(id) + ".segment"; };
  const auto told = [&] {
    const auto skips = ReadSkips(storage_, "input");
    EXPECT_TRUE(skips.ok()) << skips.error().text;
    return skips->not_read().empty() ? "" : skips->not_read().front();
  };
  const auto place = [](int id, const std::string& offset, const std::string& why) {
    return "the log input was not searched for Skips in segment " + std::to_string(id) +
           " from offset " + offset + " on: " + why +
           "; inputs that a Skip there names are not passed over";
  };
  ASSERT_TRUE(storage_.Exists(path(5)));
  ASSERT_FALSE(storage_.Exists(path(6)));
  ASSERT_EQ(told(), "");
  for (const int id : {3, 5}) {
    auto& bytes = storage_.Bytes(path(id));
    const std::vector<std::byte> whole = bytes;
    bytes[128 + 7] = std::byte{0};  // the kind of the first record
    EXPECT_EQ(told(), place(id, "128", "no record is there, and others follow"));
    bytes = whole;
    bytes[20] ^= std::byte{1};
    EXPECT_EQ(told(), place(id, "0", "the CRC of its header does not match"));
    bytes = whole;
  }
  ASSERT_TRUE(storage_.Remove(path(3)));
  EXPECT_EQ(told(), place(3, "0", "the segment is missing, and others follow"));
}

TEST_F(ControlLogTest, AReplayThatDidNotLookAheadSaysSo) {
  Write({input_.Add(kType, "a"), input_.Add(Skip(1))});
  test::EchoApplication application;
  auto reader = LogReader::Open(storage_, "input", {});
  ASSERT_TRUE(reader.ok());
  const auto result = Replay(application, *reader, {});
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(result.error().text.starts_with("input 2 skips input 1, but that was stepped here"));
}

}  // namespace
}  // namespace tandem::replay
