// SPDX-License-Identifier: Apache-2.0
//
// A replay whose outputs are written, compared with recorded ones, or both, at any pace. Each log
// has a storage of its own, for each has a thread of its own.
#include "replay/replay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "tests/support/echo_application.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::LogWriter;
using replay::ReplayOptions;
using replay::ReplayResult;

constexpr std::uint64_t kInputs = 50;

/// An input log, and places for outputs.
class Replay : public ::testing::Test {
 protected:
  Replay() : input_(1 << 16) {
    input_.Write(kInputs);
    input_.Close();
  }

  LogReader Input() {
    auto reader = LogReader::Open(input_.storage, input_.folder, {});
    ENSURE(reader.ok(), "%s", reader.error().text.c_str());
    return std::move(*reader);
  }
  static LogWriter Create(replay::Storage& storage, proto::StreamPosition start = {},
                          const std::string& folder = "log") {
    auto writer = LogWriter::Open(storage, folder,
                                  {.session = proto::Session("TEST"),
                                   .role = replay::kOutputRole,
                                   .schema = "",
                                   .start = start,
                                   .segment_bytes = 1 << 16,
                                   .check_digest = true});
    ENSURE(writer.ok(), "%s", writer.error().text.c_str());
    return std::move(*writer);
  }
  /// A log that another thread may read meanwhile.
  LogWriter CreateOnDisk() {
    std::filesystem::remove_all(folder_);
    return Create(disk_, {}, folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static LogReader Open(MemoryStorage& storage, std::uint64_t from = 0) {
    auto reader = LogReader::Open(storage, "log", {.from_number = from});
    ENSURE(reader.ok(), "%s", reader.error().text.c_str());
    return std::move(*reader);
  }
  static ReplayResult Must(Result<ReplayResult> result) {
    ENSURE(result.ok(), "%s", result.error().text.c_str());
    return std::move(*result);
  }

  /// Outputs of inputs 1 to `last`, by an application that is bent before input `bent_before`.
  void Record(MemoryStorage& storage, std::uint64_t last, std::uint64_t bent_before = UINT64_MAX) {
    EchoApplication application;
    LogReader input = Input();
    LogWriter output = Create(storage);
    Must(replay::Replay(application, input,
                        {.last = std::min(last, bent_before - 1), .output = &output}));
    if (bent_before <= last) {
      application.echoed += 100;
      Must(replay::Replay(application, input, {.last = last, .output = &output}));
    }
    ASSERT_TRUE(output.Close());
  }

  /// Number of the first output of an input.
  static std::uint64_t FirstOutputOf(MemoryStorage& storage, std::uint64_t input) {
    LogReader reader = Open(storage);
    while (reader.Next() == replay::ReadOutcome::kMessage) {
      if (reader.message().header.origin == input) return reader.position().number;
    }
    return 0;
  }

  TestLog input_;
  MemoryStorage recorded_;
  replay::PosixStorage disk_;
  std::string folder_ = ::testing::TempDir() + "replay_test_" + std::to_string(::getpid());
};

TEST_F(Replay, ContinuesWhereTheApplicationStands) {
  Record(recorded_, kInputs);
  EchoApplication application;
  LogReader input = Input();
  ReplayResult result = Must(replay::Replay(application, input, {.last = 20}));
  EXPECT_EQ(result.progress.inputs, 20u);
  EXPECT_FALSE(result.difference);
  const proto::StreamPosition begin = application.resume_point().output;
  MemoryStorage storage;
  LogWriter output = Create(storage, begin);
  result = Must(replay::Replay(application, input, {.output = &output}));
  EXPECT_EQ(result.progress.inputs, kInputs - 20);
  ASSERT_TRUE(output.Close());
  LogReader part = Open(storage);
  LogReader whole = Open(recorded_, begin.number + 1);
  EXPECT_EQ(part.first_number(), begin.number + 1);
  EXPECT_EQ(ReadAll(part), ReadAll(whole));
}

TEST_F(Replay, SaysThatTheRecordedOutputsAreTheSame) {
  Record(recorded_, kInputs);
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_);
  const ReplayResult result = Must(replay::Replay(application, input, {.against = &against}));
  EXPECT_FALSE(result.difference);
  EXPECT_EQ(result.recorded_goes_on_with, 0u);
  EXPECT_EQ(result.compared, result.progress.outputs);
  EXPECT_GT(result.compared, kInputs);
}

TEST_F(Replay, StopsAtTheFirstOutputThatIsNotTheRecordedOne) {
  for (const std::uint64_t bent :
       {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{33}, kInputs}) {
    MemoryStorage recorded;
    Record(recorded, kInputs, bent);
    EchoApplication application;
    LogReader input = Input();
    LogReader against = Open(recorded);
    MemoryStorage storage;
    LogWriter output = Create(storage);
    const ReplayResult result =
        Must(replay::Replay(application, input, {.output = &output, .against = &against}));
    ASSERT_TRUE(result.difference) << bent;
    const std::uint64_t number = FirstOutputOf(recorded, bent);
    EXPECT_EQ(result.difference->number, number);
    EXPECT_EQ(result.difference->input, bent);
    EXPECT_EQ(result.compared, number - 1);
    EXPECT_EQ(result.progress.inputs, bent - 1);
    // Both say the same character, and another count.
    const auto& replayed = result.difference->replayed;
    const auto& original = result.difference->recorded;
    ASSERT_EQ(replayed.size(), original.size());
    EXPECT_EQ(replayed[sizeof(proto::Header)], original[sizeof(proto::Header)]);
    EXPECT_EQ((std::to_integer<int>(replayed.back()) + 100) & 0xff,
              std::to_integer<int>(original.back()));
    // What was written is all outputs of the input at which it stopped.
    ASSERT_TRUE(output.Close());
    EXPECT_EQ(output.position().number, application.resume_point().output.number);
  }
}

TEST_F(Replay, SaysWhereTheRecordedOutputsEnd) {
  Record(recorded_, 30);
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_);
  const ReplayResult result = Must(replay::Replay(application, input, {.against = &against}));
  ASSERT_TRUE(result.difference);
  EXPECT_EQ(result.difference->input, 31u);
  EXPECT_TRUE(result.difference->recorded.empty());
  EXPECT_FALSE(result.difference->replayed.empty());
  EXPECT_EQ(result.compared, result.difference->number - 1);
}

TEST_F(Replay, SaysThatTheRecordedOutputsGoOn) {
  Record(recorded_, kInputs);
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_);
  const ReplayResult result =
      Must(replay::Replay(application, input, {.last = 30, .against = &against}));
  EXPECT_FALSE(result.difference);
  EXPECT_EQ(result.recorded_goes_on_with, 31u);
}

TEST_F(Replay, MissesAnOutputThatWasRecordedForAnInputThatItTook) {
  // A release that answers one tick more, at the very end.
  {
    EchoApplication application;
    LogReader input = Input();
    LogWriter output = Create(recorded_);
    Must(replay::Replay(application, input, {.output = &output}));
    proto::Header header;
    header.session = proto::Session("TEST");
    header.type = 200;
    header.number = output.position().number + 1;
    header.origin = kInputs;
    std::vector<std::byte> bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    header.digest = proto::Digest(output.position().digest, bytes);
    std::memcpy(bytes.data(), &header, sizeof header);
    output.Append(bytes);
    ASSERT_TRUE(output.Close());
  }
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_);
  const ReplayResult result = Must(replay::Replay(application, input, {.against = &against}));
  ASSERT_TRUE(result.difference);
  EXPECT_EQ(result.difference->input, kInputs);
  EXPECT_TRUE(result.difference->replayed.empty());
  EXPECT_EQ(result.difference->recorded.size(), sizeof(proto::Header));
}

TEST_F(Replay, ComparesFromWhereTheRecordedLogBegins) {
  Record(recorded_, kInputs);
  const std::uint64_t first = FirstOutputOf(recorded_, 10);
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_, first);
  const ReplayResult result = Must(replay::Replay(application, input, {.against = &against}));
  EXPECT_FALSE(result.difference);
  EXPECT_EQ(result.compared, result.progress.outputs - (first - 1));
}

TEST_F(Replay, GivesTheErrorOfADamagedRecordedLog) {
  Record(recorded_, kInputs);
  recorded_.Bytes("log/00000001.segment")[3'000] ^= std::byte{1};
  EchoApplication application;
  LogReader input = Input();
  LogReader against = Open(recorded_);
  const auto result = replay::Replay(application, input, {.against = &against});
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().text.starts_with("the log log is damaged in segment 1 at offset "))
      << result.error().text;
}

/// A clock that goes on by 1 s, the time between two inputs of a test log, with each wait.
class StepPace final : public replay::ReplayPace {
 public:
  StepPace(std::int64_t now_ns, std::string folder) : now_ns_(now_ns), folder_(std::move(folder)) {}

  bool IsDue(std::int64_t time_ns) override { return time_ns <= now_ns_; }
  void Wait(std::int64_t time_ns) override {
    EXPECT_GT(time_ns, now_ns_);
    ++waits;
    // All outputs of the inputs that were due so far can be read, at the latest now.
    for (int i = 0; i < 5'000; ++i) {
      LogReader reader = Open();
      std::uint64_t last_input = 0;
      while (reader.Next() == replay::ReadOutcome::kMessage) {
        last_input = reader.message().header.origin;
      }
      if (last_input * 1'000'000'000 == static_cast<std::uint64_t>(now_ns_)) {
        now_ns_ += 1'000'000'000;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "the outputs up to " << now_ns_ << " ns did not come";
    now_ns_ += 1'000'000'000;
  }

  int waits = 0;

 private:
  LogReader Open() {
    auto reader = LogReader::Open(storage_, folder_, {});
    ENSURE(reader.ok(), "%s", reader.error().text.c_str());
    return std::move(*reader);
  }

  std::int64_t now_ns_;
  std::string folder_;
  replay::PosixStorage storage_;
};

TEST_F(Replay, WaitsForThePaceAndShowsItsOutputsMeanwhile) {
  EchoApplication application;
  LogReader input = Input();
  LogWriter output = CreateOnDisk();
  StepPace pace(10'000'000'000, folder_);
  std::vector<std::uint64_t> told;
  const ReplayResult result = Must(
      replay::Replay(application, input,
                     {.output = &output, .pace = &pace, .on_progress = [&](const auto& so_far) {
                        told.push_back(so_far.inputs);
                        return true;
                      }}));
  EXPECT_EQ(result.progress.inputs, kInputs);
  EXPECT_EQ(pace.waits, static_cast<int>(kInputs) - 10);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t taken = 10; taken < kInputs; ++taken) {
    if (taken % 16 == 0) expected.push_back(taken);
    expected.push_back(taken);  // after a wait
  }
  EXPECT_EQ(told, expected);
}

TEST_F(Replay, TellsHowFarItIsHoweverLongAStepTakes) {
  EchoApplication application;
  LogReader input = Input();
  LogWriter output = CreateOnDisk();
  const ReplayResult result = Must(replay::Replay(
      application, input, {.output = &output, .on_progress = [](const auto&) { return false; }}));
  EXPECT_EQ(result.progress.inputs, 16u);
}

TEST_F(Replay, EndsWhileItWaitsIfItIsToldTo) {
  EchoApplication application;
  LogReader input = Input();
  LogWriter output = CreateOnDisk();
  StepPace pace(10'000'000'000, folder_);
  const ReplayResult result = Must(replay::Replay(
      application, input,
      {.output = &output, .pace = &pace, .on_progress = [](const auto&) { return false; }}));
  EXPECT_EQ(result.progress.inputs, 10u);
}

}  // namespace
}  // namespace tandem::test
