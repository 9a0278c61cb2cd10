// SPDX-License-Identifier: Apache-2.0
//
// StreamTail: the newest messages of a stream as SoupBinTCP packets, so that readers who are up to
// date get the bytes that were just appended and nobody reads them from the log again. Memory is
// fixed: at most two times kBytes and one message. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/message.h"

namespace tandem::engine {

class StreamTail {
 public:
  /// At least so much of the newest packets is there, once there was so much.
  static constexpr std::size_t kBytes = 4u << 20;

  /// Takes the next message of the stream, or another one, with which it begins anew.
  void Append(std::span<const std::byte> message);

  [[nodiscard]] bool holds(std::uint64_t number) const {
    return number >= first_ && number < first_ + ends_.size();
  }

  /// Whole packets of the messages `number`, which it holds, to `last` at most: about `bytes_max`
  /// of them, and one at least. `next`: the message after them. Valid until the next Append.
  [[nodiscard]] std::span<const std::byte> Packets(std::uint64_t number, std::uint64_t last,
                                                   std::size_t bytes_max,
                                                   std::uint64_t& next) const;

 private:
  void DropOldHalf();

  std::uint64_t first_ = 1;          ///< number of the oldest message
  std::vector<std::byte> packets_;   ///< of messages first_, first_ + 1 ...
  std::vector<std::uint32_t> ends_;  ///< where the packet of each ends
};

}  // namespace tandem::engine
