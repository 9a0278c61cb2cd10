// SPDX-License-Identifier: Apache-2.0
//
// StepScope: "on this thread a deterministic step is running, for message number n". While one
// lives, an allocation that would return null ends the process instead (a copy of the step on
// another host would not have got the null), the report of out_of_memory.h names the number, and
// heap_guard.h counts heap allocations. Scopes nest; the innermost number counts. Costs two writes
// to thread-local memory.
#pragma once

#include <cstdint>

namespace tandem::pools {

class StepScope {
 public:
  explicit StepScope(std::uint64_t message_number) : outer_(current_), number_(message_number) {
    current_ = this;
  }
  ~StepScope() { current_ = outer_; }
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

  /// Is a step running on this thread?
  [[nodiscard]] static bool Active() { return current_ != nullptr; }
  /// The message being processed on this thread; 0 outside a step.
  [[nodiscard]] static std::uint64_t MessageNumber() {
    return current_ != nullptr ? current_->number_ : 0;
  }

 private:
  // Initial-exec: reading it never allocates, so that a replacement of malloc may.
  [[gnu::tls_model(
      "initial-exec")]] static inline thread_local constinit const StepScope* current_ = nullptr;

  const StepScope* outer_;
  std::uint64_t number_;
};

}  // namespace tandem::pools
