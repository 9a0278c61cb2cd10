// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/fiber.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "pools/ensure.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace tandem::simulation {

namespace {

constexpr std::size_t kStackSize = 1u << 20;

/// Stacks that no fiber uses now.
std::vector<std::unique_ptr<std::byte[]>>& FreeStacks() {
  static std::vector<std::unique_ptr<std::byte[]>> stacks;
  return stacks;
}

std::byte* TakeStack() {
  std::vector<std::unique_ptr<std::byte[]>>& free = FreeStacks();
  if (free.empty()) return new std::byte[kStackSize];
  std::byte* const stack = free.back().release();
  free.pop_back();
  return stack;
}

}  // namespace

Fiber::Fiber(std::function<void()> main) : main_(std::move(main)), stack_(TakeStack()) {
  ENSURE(getcontext(&own_) == 0, "no context for a fiber");
  own_.uc_stack.ss_sp = stack_;
  own_.uc_stack.ss_size = kStackSize;
  own_.uc_link = nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
#ifdef __SANITIZE_THREAD__
  own_tsan_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  ENSURE(ended_, "a fiber is destroyed before its end");
#ifdef __SANITIZE_THREAD__
  __tsan_destroy_fiber(own_tsan_);
#endif
  FreeStacks().emplace_back(stack_);
}

void Fiber::Enter(unsigned high, unsigned low) {
  auto* const self =
      reinterpret_cast<Fiber*>(static_cast<std::uintptr_t>(high) << 32 | std::uintptr_t{low});
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &self->caller_stack_, &self->caller_stack_size_);
#endif
  self->main_();
  self->ended_ = true;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(nullptr, self->caller_stack_, self->caller_stack_size_);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(self->caller_tsan_, 0);
#endif
  setcontext(&self->caller_);
}

void Fiber::SwitchTo(ucontext_t& from, ucontext_t& to, bool into_fiber) {
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, into_fiber ? stack_ : caller_stack_,
                                 into_fiber ? kStackSize : caller_stack_size_);
#endif
#ifdef __SANITIZE_THREAD__
  if (into_fiber) caller_tsan_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(into_fiber ? own_tsan_ : caller_tsan_, 0);
#endif
  (void)into_fiber;
  swapcontext(&from, &to);
#ifdef __SANITIZE_ADDRESS__
  if (into_fiber) {
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
  } else {
    __sanitizer_finish_switch_fiber(fake_stack, &caller_stack_, &caller_stack_size_);
  }
#endif
}

void Fiber::Resume() {
  ENSURE(!ended_, "a fiber that has ended is resumed");
  SwitchTo(caller_, own_, true);
}

void Fiber::Yield() { SwitchTo(own_, caller_, false); }

}  // namespace tandem::simulation
