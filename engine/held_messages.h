// SPDX-License-Identifier: Apache-2.0
//
// HeldMessages: messages that wait, first in, first out, in a fixed piece of memory that is made
// once and goes round. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tandem::engine {

class HeldMessages {
 public:
  /// `capacity`: bytes; a message takes four more than its own.
  explicit HeldMessages(std::size_t capacity) : bytes_(capacity) {}

  /// Copies `message` to the end. False, and nothing is done: there is no room.
  bool Push(std::span<const std::byte> message);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t count() const { return count_; }
  /// The oldest; there is one. Valid until Pop, Clear or Push.
  [[nodiscard]] std::span<const std::byte> front() const;
  void Pop();
  void Clear();

  [[nodiscard]] std::size_t capacity() const { return bytes_.size(); }
  /// Bytes that nothing lies in. A message is in one piece, so at the end of the memory less than
  /// one message may stay unused.
  [[nodiscard]] std::size_t free() const;

 private:
  std::vector<std::byte> bytes_;
  std::size_t head_ = 0;  ///< of the oldest
  std::size_t tail_ = 0;  ///< after the newest
  std::size_t wrap_ = 0;  ///< not 0: behind this, the next oldest is at 0
  std::size_t count_ = 0;
};

}  // namespace tandem::engine
