// SPDX-License-Identifier: Apache-2.0
//
// The simulated engine: as engine/live/engine_role.h. Begins with an empty state in a zone at its
// own address, steps the input from 1 on and verifies its log before it appends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "tests/simulation/process.h"
#include "tests/simulation/stream.h"

namespace tandem::simulation {

class EngineProcess final : public Process, private StreamClient::Handler {
 public:
  /// `lie_at`: damages its state after this input; 0: never.
  EngineProcess(const Place& place, Log log, std::uintptr_t zone_address, std::uint64_t lie_at);
  ~EngineProcess() override;

  [[nodiscard]] bool lies() const { return lies_; }

 private:
  class OwnLog;

  std::uint64_t WantedNumber(std::size_t) override {
    return application_->resume_point().input.number + 1;
  }
  void OnMessage(std::size_t, const proto::MessageView& message) override;
  void FlushSoon();

  Environment& environment_;
  std::string name_;
  std::uint64_t lie_at_;
  bool lies_ = false;
  std::unique_ptr<counter::CounterApplication> application_;
  std::unique_ptr<replay::LogWriter> log_;
  std::unique_ptr<OwnLog> own_log_;
  std::optional<engine::Engine> engine_;
  std::optional<StreamServer> stream_;
  std::optional<StreamClient> input_;
  bool flush_is_scheduled_ = false;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
