// SPDX-License-Identifier: Apache-2.0
//
// The outputs of one input, in order, laid out as the messages that they will be in the output
// stream. An application appends; the Stepper seals: numbers, times, digests, index and last flag.
// Owns one buffer that is reused from step to step and never grows, so a step needs no heap.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "proto/digest.h"
#include "proto/header.h"

namespace tandem::replay {

class OutputBatch {
 public:
  /// All outputs of one input together: 64 MiB, about half a million messages. An application that
  /// exceeds it has lost its way and ends the process, with exit code 3. Untouched pages cost
  /// nothing.
  static constexpr std::size_t kCapacityDefault = 64u << 20;

  explicit OutputBatch(std::size_t message_size_max = proto::kMessageSizeMaxDefault,
                       std::size_t capacity = kCapacityDefault);

  void Clear();

  /// Appends a message and returns where its payload goes: `payload_size` bytes that the caller
  /// fills before the next call. `user`: whom it is for, blank for all.
  std::byte* Append(std::uint16_t type, proto::User user, std::size_t payload_size);

  /// Completes the headers: the outputs of `cause` that follow `after` in session `session`.
  /// Returns the position of the last output, or `after` if there is none.
  proto::StreamPosition Seal(const proto::Header& cause, const proto::Session& session,
                             proto::StreamPosition after);

  [[nodiscard]] std::size_t count() const { return count_; }
  /// Message `index`: header and payload. Valid until Clear.
  [[nodiscard]] std::span<const std::byte> message(std::size_t index) const;

 private:
  std::size_t message_size_max_;
  std::size_t capacity_;
  std::size_t count_ = 0;
  std::unique_ptr<std::byte[]> buffer_;    ///< messages back to back
  std::unique_ptr<std::uint32_t[]> ends_;  ///< where message i ends
};

}  // namespace tandem::replay
