// SPDX-License-Identifier: Apache-2.0
//
// FlowStream: gives made-up or imported messages their places in an input stream, with all that a
// sequencer would write: number, epoch 1, each user's own running number, digest chain. What comes
// out can be replayed or submitted like a live input log. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/book/flow.h"
#include "proto/digest.h"

namespace tandem::book {

class FlowStream {
 public:
  explicit FlowStream(proto::Session session) : session_(session) {}

  /// `message` as the next one of the stream: header and payload, valid until the next call.
  std::span<const std::byte> Next(const FlowMessage& message);

  [[nodiscard]] proto::StreamPosition position() const { return position_; }

 private:
  proto::Session session_;
  proto::StreamPosition position_;
  std::map<proto::User, std::uint64_t> sent_;
  std::vector<std::byte> bytes_;
};

}  // namespace tandem::book
