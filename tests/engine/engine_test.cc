// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gtest/gtest.h>

#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using test::Bytes;
using test::EchoApplication;
using test::TestStream;
using test::View;

constexpr std::uint16_t kType = proto::kFirstApplicationType;

/// An engine's log as the engine reads it back.
class Recorded : public RecordedOutputs {
 public:
  explicit Recorded(std::vector<Bytes> outputs) : outputs_(std::move(outputs)) {}
  Result<proto::MessageView> Next() override {
    if (next_ == outputs_.size()) return Error::Failure("the output log ends too early");
    return View(outputs_[next_++]);
  }
  [[nodiscard]] std::size_t read() const { return next_; }
  [[nodiscard]] proto::StreamPosition end() const {
    if (outputs_.empty()) return {};
    const proto::Header header = View(outputs_.back()).header;
    return {.number = header.number, .digest = header.digest};
  }

 private:
  std::vector<Bytes> outputs_;
  std::size_t next_ = 0;
};

/// One life of an engine, which begins with an empty state and the log of the lives before.
class Life {
 public:
  explicit Life(std::vector<Bytes> log = {})
      : log(log),
        recorded_(std::move(log)),
        engine_(application, proto::Session("TEST"), recorded_.end(), recorded_) {}

  Status Apply(const Bytes& input) {
    Status status = engine_.Apply(View(input));
    if (!status) return status;
    for (std::size_t i = 0; i < engine_.new_count(); ++i) {
      log.emplace_back(engine_.new_output(i).begin(), engine_.new_output(i).end());
    }
    return status;
  }
  void ApplyAll(const std::vector<Bytes>& inputs) {
    for (const Bytes& input : inputs) {
      const Status status = Apply(input);
      ASSERT_TRUE(status.ok()) << status.error().text;
    }
  }
  [[nodiscard]] const Engine& engine() const { return engine_; }
  [[nodiscard]] const Recorded& recorded() const { return recorded_; }

  EchoApplication application;
  std::vector<Bytes> log;

 private:
  Recorded recorded_;
  Engine engine_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    TestStream stream;
    for (const char* payload : {"ab", "", "cdefg", "h"})
      inputs_.push_back(stream.Add(kType, payload));
    inputs_.push_back(stream.Add(1));
    inputs_.push_back(stream.Add(kType, "ijk"));
    Life run;
    run.ApplyAll(inputs_);
    outputs_ = run.log;
  }

  std::vector<Bytes> inputs_;
  std::vector<Bytes> outputs_;  ///< what an engine that never failed says
};

TEST_F(EngineTest, AppendsEverythingWhenItsLogIsEmpty) {
  EXPECT_EQ(outputs_.size(), 11u);
  EXPECT_TRUE(test::IsChained(outputs_));
}

TEST_F(EngineTest, AfterACrashAtAnyOutputVerifiesItsLogAndAppendsOnlyWhatIsMissing) {
  for (std::size_t logged = 0; logged <= outputs_.size(); ++logged) {
    Life run({outputs_.begin(), outputs_.begin() + static_cast<std::ptrdiff_t>(logged)});
    EXPECT_EQ(run.engine().verifying(), logged > 0);
    run.ApplyAll(inputs_);
    EXPECT_EQ(run.log, outputs_) << "with " << logged << " outputs in the log";
    EXPECT_EQ(run.recorded().read(), logged);
    EXPECT_FALSE(run.engine().verifying());
  }
}

TEST_F(EngineTest, VerifiesUntilItsStateStandsWhereItsLogEnds) {
  Life run({outputs_.begin(), outputs_.begin() + 4});  // two outputs into the third input
  std::vector<bool> verifying;
  std::vector<std::size_t> new_counts;
  for (const Bytes& input : inputs_) {
    ASSERT_TRUE(run.Apply(input).ok());
    verifying.push_back(run.engine().verifying());
    new_counts.push_back(run.engine().new_count());
  }
  EXPECT_EQ(verifying, (std::vector<bool>{true, true, false, false, false, false}));
  EXPECT_EQ(new_counts, (std::vector<std::size_t>{0, 0, 3, 1, 0, 3}));
}

TEST_F(EngineTest, GoesOnInTheMiddleOfAnInputWithAThousandOutputs) {
  TestStream stream;
  const std::vector<Bytes> inputs = {stream.Add(kType, std::string(1000, 'x')),
                                     stream.Add(kType, "y")};
  Life perfect;
  perfect.ApplyAll(inputs);
  ASSERT_EQ(perfect.log.size(), 1001u);
  for (const std::ptrdiff_t logged : {1, 499, 999, 1000}) {
    Life run({perfect.log.begin(), perfect.log.begin() + logged});
    run.ApplyAll(inputs);
    EXPECT_EQ(run.log, perfect.log) << "with " << logged << " outputs in the log";
  }
}

TEST_F(EngineTest, NamesTheOutputOfItsLogThatDiffers) {
  for (std::size_t at = 0; at < outputs_.size(); ++at) {
    std::vector<Bytes> log = outputs_;
    log[at].back() ^= std::byte{1};
    Life run(log);
    Status status;
    for (const Bytes& input : inputs_) {
      status = run.Apply(input);
      if (!status) break;
      EXPECT_EQ(run.engine().new_count(), 0u);
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ExitCode::kDivergence);
    const proto::Header header = View(outputs_[at]).header;
    EXPECT_TRUE(status.error().text.starts_with(
        "this engine's own log holds another output " + std::to_string(header.number) +
        " (for input " + std::to_string(header.origin) +
        ") than the same input gives now: the application, its build or its state is not what it "
        "was when the log was written; the log is evidence of what was said: keep it where it is "
        "and run the build that wrote it, or, if the new behaviour is wanted, begin a new session, "
        "or a new log next to this one"))
        << status.error().text;
    EXPECT_EQ(run.engine().new_count(), 0u);
  }
}

TEST_F(EngineTest, FindsThatTheApplicationIsNotWhatItWas) {
  Life run({outputs_.begin(), outputs_.begin() + 2});
  run.application.echoed = 9;
  const Status status = run.Apply(inputs_[0]);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ExitCode::kDivergence);
}

/// Inputs of which the first is as before, and another sequencer gave the others.
class ForkTest : public EngineTest {
 protected:
  std::vector<Bytes> Forked(std::uint32_t epoch, std::int64_t later_ns) {
    TestStream stream;
    std::vector<Bytes> inputs = {stream.Add(kType, "ab"), stream.Add(kType, "")};
    stream.next.epoch = epoch;
    stream.next.time_ns += later_ns;
    inputs.push_back(stream.Add(kType, "cdefg"));
    return inputs;
  }
  /// What a restarted engine says of these inputs.
  Status Restart(const std::vector<Bytes>& inputs) {
    Life run(outputs_);
    Status status;
    for (const Bytes& input : inputs) {
      status = run.Apply(input);
      EXPECT_EQ(run.engine().new_count(), 0u);
      if (!status) break;
    }
    EXPECT_EQ(run.log, outputs_);
    return status;
  }
};

TEST_F(ForkTest, IsNamedByTheInputThatWasGivenAgainInAnotherEpoch) {
  const Status status = Restart(Forked(2, 0));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ExitCode::kDivergence);
  EXPECT_TRUE(status.error().text.starts_with(
      "input forked at 3 or before it: output 3 in this engine's own log answers input 3 of epoch "
      "1, but with what the sequencer has now it answers input 3 of epoch 2; "))
      << status.error().text;
}

TEST_F(ForkTest, IsNamedByTheEarlierInputWhenTheOutputAnswersAnotherOne) {
  for (const bool is_later : {false, true}) {
    TestStream stream;
    std::vector<Bytes> inputs = {stream.Add(kType, "ab"), stream.Add(kType, "")};
    stream.next.epoch = 2;
    if (is_later) inputs.push_back(stream.Add(kType, ""));
    inputs.push_back(stream.Add(kType, "cdefg"));
    TestStream without_silent;
    std::vector<Bytes> logged_for = {without_silent.Add(kType, "ab")};
    logged_for.push_back(without_silent.Add(kType, is_later ? "" : "x"));
    logged_for.push_back(without_silent.Add(kType, "y"));
    Life life;
    life.ApplyAll(logged_for);
    Life run(life.log);
    Status status;
    for (const Bytes& input : inputs) {
      status = run.Apply(input);
      if (!status) break;
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ExitCode::kDivergence);
    const std::string number = is_later ? "3" : "2";
    EXPECT_TRUE(status.error().text.starts_with(
        "input forked at " + number + " or before it: output 3 in this engine's own log answers " +
        "input " + number + " of epoch 1, but with what the sequencer has now it answers input " +
        (is_later ? "4" : "3") + " of epoch 2; "))
        << status.error().text;
  }
}

TEST_F(ForkTest, IsNamedByTheInputThatWasGivenAgainAtAnotherTime) {
  const Status status = Restart(Forked(1, 50));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ExitCode::kDivergence);
  EXPECT_TRUE(status.error().text.starts_with("input forked at 3 or before it: "))
      << status.error().text;
}

TEST_F(ForkTest, IsNotMistakenForAnApplicationThatAnswersOtherwise) {
  Life run({outputs_.begin(), outputs_.begin() + 2});
  run.application.echoed = 9;
  const Status status = run.Apply(inputs_[0]);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.error().text.starts_with("this engine's own log holds another output 1 "))
      << status.error().text;
}

TEST_F(EngineTest, HandsOnTheErrorOfALogThatEndsTooEarly) {
  EchoApplication application;
  Recorded recorded({outputs_.begin(), outputs_.begin() + 1});
  Engine engine(application, proto::Session("TEST"),
                {.number = 2, .digest = View(outputs_[1]).header.digest}, recorded);
  const Status status = engine.Apply(View(inputs_[0]));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().text, "the output log ends too early");
  EXPECT_EQ(engine.new_count(), 0u);
}

TEST_F(EngineTest, PassesOverInputsThatComeAgainAfterAReconnect) {
  Life run;
  run.ApplyAll(inputs_);
  const int steps_before = run.application.steps;
  for (const Bytes& input : inputs_) {
    ASSERT_TRUE(run.Apply(input).ok());
    EXPECT_EQ(run.engine().new_count(), 0u);
  }
  EXPECT_EQ(run.application.steps, steps_before);
  EXPECT_EQ(run.log, outputs_);
}

TEST_F(EngineTest, RefusesAGapWithoutLosingItsPlace) {
  Life run;
  ASSERT_TRUE(run.Apply(inputs_[0]).ok());
  EXPECT_FALSE(run.Apply(inputs_[2]).ok());
  EXPECT_EQ(run.engine().new_count(), 0u);
  EXPECT_EQ(run.engine().position().input.number, 1u);
  run.ApplyAll({inputs_.begin() + 1, inputs_.end()});
  EXPECT_EQ(run.log, outputs_);
}

}  // namespace
}  // namespace tandem::engine
