// SPDX-License-Identifier: Apache-2.0
//
// The merged log, read along with an engine that is far behind. One thread.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "engine/deduplicator.h"
#include "replay/log_reader.h"
#include "replay/storage.h"

namespace tandem::engine {

class MergedHistory : public OutputHistory {
 public:
  /// `storage` outlives it.
  MergedHistory(replay::Storage& storage, std::string folder);

  Result<OutputMark> MarkAt(std::size_t engine, std::uint64_t number) override;
  /// The files are not what they were.
  void Forget() { readers_ = {}; }

 private:
  replay::Storage& storage_;
  std::string folder_;
  std::array<std::optional<replay::LogReader>, Deduplicator::kEngines> readers_;
};

}  // namespace tandem::engine
