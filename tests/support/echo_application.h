// SPDX-License-Identifier: Apache-2.0
//
// The simplest application: each character of an input's payload is an output (type 200) that holds
// that character and how many outputs there were before. A tick has an output if `answers_ticks`.
// State in ordinary memory. One thread.
#pragma once

#include <string>
#include <vector>

#include "replay/application.h"

namespace tandem::test {

class EchoApplication final : public replay::Application {
 public:
  [[nodiscard]] const replay::ApplicationInfo& info() const override {
    info_.behaviour_version = knows;
    return info_;
  }
  replay::ResumePoint& resume_point() override { return resume_point_; }

  void Step(const proto::MessageView& input, replay::OutputBatch& outputs) override {
    ++steps;
    for (const char character : input.payload_text()) {
      Put(character, input.header.user, outputs);
    }
  }

  void OnTime(const proto::Header& tick, replay::OutputBatch& outputs) override {
    times.push_back(tick.number);
    if (answers_ticks) Put('t', proto::User{}, outputs);
  }

  std::uint32_t knows = 1;  ///< the newest behaviour version
  bool answers_ticks = false;
  int steps = 0;
  std::vector<std::uint64_t> times;  ///< numbers of the inputs that brought time only
  std::uint8_t echoed = 0;           ///< outputs so far; a test may bend it

 private:
  void Put(char character, proto::User user, replay::OutputBatch& outputs) {
    std::byte* const to = outputs.Append(200, user, 2);
    to[0] = std::byte(character);
    to[1] = std::byte(echoed++);
  }

  mutable replay::ApplicationInfo info_{.name = "echo", .behaviour_version = 1, .schema = ""};
  replay::ResumePoint resume_point_;
};

}  // namespace tandem::test
