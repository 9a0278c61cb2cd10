// SPDX-License-Identifier: Apache-2.0
//
// What a sequencer asks before it takes an operator's message, beyond what Sequencer knows: whether
// the payload can be read, and, of a Skip, whether it can still be honoured: engines tell upstream
// which input they have stepped last. On the sequencer's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"
#include "replay/storage.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

/// The highest input that each engine says it has stepped, since this process started.
class EnginePositions {
 public:
  static constexpr std::size_t kEnginesMax = 64;

  void OnStatus(const pb::Status& status);
  /// Has an engine of that name said anything?
  [[nodiscard]] bool Knows(const std::string& name) const { return by_name_.contains(name); }
  /// Null: no engine has said anything.
  [[nodiscard]] const std::pair<const std::string, std::uint64_t>* highest() const;

 private:
  std::map<std::string, std::uint64_t> by_name_;
};

/// An error that says why this message of an operator cannot be taken. `logged`: how far the input
/// log in `folder` can be read. Reads one message of it for a Skip.
[[nodiscard]] Status CheckControl(const proto::MessageView& submission,
                                  const EnginePositions& engines, replay::Storage& storage,
                                  const std::string& folder, std::uint64_t logged,
                                  std::int64_t now_ns);

}  // namespace tandem::engine
