// SPDX-License-Identifier: Apache-2.0
//
// Fiber: a function with a stack of its own on the calling thread. What blocks in the product (a
// role's Run) blocks a fiber here, while the scheduler goes on. Sanitizers are told of the switch.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace tandem::simulation {

class Fiber {
 public:
  explicit Fiber(std::function<void()> main);
  /// `main` has returned by now.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs `main` on until it yields or returns.
  void Resume();
  /// Called by `main`: goes back to whoever called Resume.
  void Yield();
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  static void Enter(unsigned high, unsigned low);
  void SwitchTo(ucontext_t& from, ucontext_t& to, bool into_fiber);

  std::function<void()> main_;
  std::byte* stack_;
  ucontext_t own_{};
  ucontext_t caller_{};
  bool ended_ = false;
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_size_ = 0;
  void* own_tsan_ = nullptr;
  void* caller_tsan_ = nullptr;
};

}  // namespace tandem::simulation
