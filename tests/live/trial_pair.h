// SPDX-License-Identifier: Apache-2.0
//
// A sequencer and engines of the trial application as processes, and input logs made to order.
#pragma once

#include <string>
#include <vector>

#include "tests/live/live_test.h"
#include "trial.pb.h"

namespace tandem::test {

using Words = std::vector<std::string>;

class TrialPair : public LiveTest {
 protected:
  struct Input {
    std::uint16_t type = 0;
    std::string payload;
    std::string user = "U1";
  };

  TrialPair();

  static Input Add(std::int64_t amount, std::uint32_t outputs = 1);
  static Input Harm(trial::pb::Harm::Kind kind, const std::string& note = "");
  static Input Skip(std::uint64_t number, const std::string& reason);
  static Input Activate(std::uint32_t version);
  static std::vector<Input> Adds(int count);

  /// Appends them to the input log, which nobody else has open, as a sequencer does.
  void Write(const std::vector<Input>& inputs, const std::string& log = "input",
             const std::string& session = "TEST");
  /// Leaves the first `count` messages of a log, as if no more had ever been there.
  void Cut(const std::string& log, std::uint64_t count);
  /// Submits one Add after the other, from submission `first` to `last`; all are acknowledged.
  static void Submit(const Sequencer& sequencer, std::uint64_t first, std::uint64_t last,
                     const std::string& user = "C1");

  Program StartEngine(const Sequencer& sequencer, const std::string& name, Words more = {},
                      const std::string& application = "trial");
  /// With a copy of its input in NAME-input, which it serves.
  Program StartWithCopy(const Sequencer& sequencer, const std::string& name, Words more = {});
  /// The one error that it ended with.
  std::string Sentence(const Program& program);
  /// What an engine's log says: "3 of 2: 40" number, cause, total; or the type's name.
  Words Answers(const std::string& log);
  void ExpectSame(const std::string& a, const std::string& b);
  /// Waits until `log` is message for message what `like` is.
  void AwaitSame(const std::string& log, const std::string& like);
  /// A replay of the input log gives exactly these outputs.
  void ExpectReplays(const std::string& output, const std::string& input = "input");
};

}  // namespace tandem::test
