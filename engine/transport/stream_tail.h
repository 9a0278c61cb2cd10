// SPDX-License-Identifier: Apache-2.0
//
// StreamTail: the newest messages of a stream as SoupBinTCP packets, so that readers who are up to
// date get the bytes that were just appended and nobody reads them from the log again. Memory is
// fixed: at most two times kBytes and two messages. One thread.
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
    return number >= older_.first && number < newer_.end();
  }

  /// Whole packets of the messages `number`, which it holds, to `last` at most: about `bytes_max`
  /// of them, and one at least; fewer where they do not lie in one piece. `next`: the message after
  /// them. Valid until the next Append.
  [[nodiscard]] std::span<const std::byte> Packets(std::uint64_t number, std::uint64_t last,
                                                   std::size_t bytes_max,
                                                   std::uint64_t& next) const;

 private:
  /// Messages first, first + 1 ...
  struct Half {
    std::uint64_t first = 1;
    std::vector<std::byte> packets;
    std::vector<std::uint32_t> ends;  ///< where the packet of each ends

    [[nodiscard]] std::uint64_t end() const { return first + ends.size(); }
    void BeginAt(std::uint64_t number);
  };

  Half older_;  ///< ends where newer_ begins
  Half newer_;  ///< full with kBytes; then it is the older one
};

}  // namespace tandem::engine
