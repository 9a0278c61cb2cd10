// SPDX-License-Identifier: Apache-2.0
//
// An application that forgets where its memory must come from.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>

#include "counter.pb.h"
#include "engine/application.h"
#include "pools/heap_guard.h"
#include "replay/stepper.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using pools::HeapGuard;

struct NoState {
  explicit NoState(pools::PoolRef /*base*/) {}
  std::uint64_t nothing = 0;
};

struct Forgetful : Application<Forgetful, NoState, counter::pb::Add> {
  using Application::Application;
  [[gnu::noinline]] void On(const counter::pb::Add& message, Context& /*context*/) {
    if (message.outputs() > 0) delete[] Kept(new std::int64_t[message.outputs()]);
  }
  /// Keeps the compiler from leaving the allocation out.
  [[gnu::noinline]] static std::int64_t* Kept(std::int64_t* memory) {
    asm volatile("" : : "r"(memory) : "memory");
    return memory;
  }
};

class HeapInStepTest : public testing::Test {
 protected:
  HeapInStepTest() {
    add_.set_counter(1);
    add_.set_outputs(5);
  }

  void Apply() {
    const auto message = input_.Add(add_);
    EXPECT_TRUE(stepper_.Apply(*proto::ParseMessage(message)));
  }

  counter::pb::Add add_;
  test::TestStream input_;
  std::unique_ptr<Forgetful> application_ =
      Forgetful::Make("forgetful", 1, {.reserve_bytes = 64u << 20}).value();
  replay::Stepper stepper_{*application_, proto::Session("TEST")};
};

TEST_F(HeapInStepTest, IsCounted) {
  if (!HeapGuard::Available()) GTEST_SKIP() << "not counted in this build";
  HeapGuard::SetFatal(false);
  HeapGuard::Reset();
  Apply();
  EXPECT_EQ(HeapGuard::Count(), 1u);
  add_.set_outputs(0);
  Apply();
  EXPECT_EQ(HeapGuard::Count(), 1u);
}

using HeapInStepDeathTest = HeapInStepTest;

TEST_F(HeapInStepDeathTest, EndsTheProcessAndNamesThePlaceWhenToldTo) {
  if (!HeapGuard::Available()) GTEST_SKIP() << "not caught in this build";
  EXPECT_EXIT(
      {
        HeapGuard::SetFatal(true);
        Apply();
      },
      ::testing::KilledBySignal(SIGABRT),
      "a heap allocation of 40 bytes inside the step of message 1(.|\n)*Forgetful::On");
}

}  // namespace
}  // namespace tandem::engine
