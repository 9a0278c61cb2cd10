// SPDX-License-Identifier: Apache-2.0
//
// The simulated sequencer: as engine/live/sequencer_role.h and its submission server, on simulated
// time and network. Order for each batch: append, sync, acknowledge, publish.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/sequencer.h"
#include "tests/simulation/process.h"
#include "tests/simulation/stream.h"

namespace tandem::simulation {

class SequencerProcess final : public Process {
 public:
  explicit SequencerProcess(const Place& place);
  ~SequencerProcess() override;

  /// Writes the last message of the session.
  void EndSession();

 private:
  class Client;

  [[nodiscard]] std::int64_t Now() const { return environment_.scheduler.now_ns() + clock_error_; }
  void Recover();
  void OnTime();
  void CommitSoon();
  void Commit();

  Environment& environment_;
  replay::Storage& storage_;
  std::int64_t clock_error_;
  engine::Sequencer sequencer_{{.session = kSession}};
  std::unique_ptr<replay::LogWriter> log_;
  std::unique_ptr<StreamServer> stream_;
  std::list<std::unique_ptr<Client>> clients_;
  bool commit_is_scheduled_ = false;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
