// SPDX-License-Identifier: Apache-2.0
//
// The simulated deduplicator: as engine/live/dedup_role.h. Its ring is small, so that an engine is
// often compared with the merged log instead.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "engine/deduplicator.h"
#include "tests/simulation/process.h"
#include "tests/simulation/stream.h"

namespace tandem::simulation {

class DedupProcess final : public Process, private StreamClient::Handler {
 public:
  explicit DedupProcess(const Place& place);
  ~DedupProcess() override;

  [[nodiscard]] std::uint64_t agreed() const { return deduplicator_ ? deduplicator_->agreed() : 0; }

 private:
  class MergedHistory;
  using Outcome = engine::Deduplicator::Outcome;

  std::uint64_t WantedNumber(std::size_t engine) override { return deduplicator_->wanted(engine); }
  void OnMessage(std::size_t engine, const proto::MessageView& message) override;
  Outcome Take(std::size_t engine, const proto::MessageView& message);
  void FlushSoon();

  Environment& environment_;
  Checker& checker_;
  replay::Storage& storage_;
  std::unique_ptr<replay::LogWriter> log_;
  std::unique_ptr<MergedHistory> history_;
  std::optional<engine::Deduplicator> deduplicator_;
  std::uint64_t begun_at_ = 0;  ///< what was published when this process began
  bool divergence_is_reported_ = false;
  std::optional<StreamServer> stream_;
  std::array<std::optional<StreamClient>, engine::Deduplicator::kEngines> sources_;
  bool flush_is_scheduled_ = false;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
