// SPDX-License-Identifier: Apache-2.0
//
// A small deterministic application for tests: counters in a zone, found by walking a list; inputs
// with no, one and many outputs; the random generator used. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "counter.pb.h"
#include "engine/application.h"
#include "pools/lpool.h"
#include "pools/tpool.h"

namespace tandem::counter {

struct Counter {
  std::uint32_t id = 0;
  std::uint32_t unused = 0;
  std::int64_t value = 0;
  std::uint64_t additions = 0;
  Counter* next = nullptr;
};

struct State {
  explicit State(pools::PoolRef base) : lpool("counter.lpool", base), counters("counter", lpool) {}

  pools::Lpool lpool;
  pools::Tpool<Counter> counters;
  Counter* first = nullptr;
};

class CounterApplication final
    : public engine::Application<CounterApplication, State, pb::Add, pb::Roll> {
 public:
  using Application::Application;

  void On(const pb::Add& message, engine::Context& context) {
    if (die_ && message.amount() == deadly_amount_) die_();
    Counter& counter = Find(message.counter());
    counter.value += message.amount();
    ++counter.additions;
    for (std::uint32_t i = 0; i < message.outputs(); ++i) {
      i == 0 ? EmitCounted(counter, context) : PublishChanged(counter, i, context);
    }
  }

  void On(const pb::Roll& message, engine::Context& context) {
    if (message.sides() == 0) return;
    auto& rolled = context.Make<pb::Rolled>();
    rolled.set_value(context.random().Below(message.sides()));
    context.Emit(rolled);
  }

  std::string PlantFault() override {
    if (state().first == nullptr) return "";
    state().first->value ^= 1;
    return "counter " + std::to_string(state().first->id) + ", lowest bit of value";
  }

  /// A defect on demand: outputs then depend on where the zone lies.
  void LeakAddresses() { leaks_addresses_ = true; }
  /// Another one: an addition of `amount` calls `die`, which ends the process or throws.
  void DieOf(std::int64_t amount, std::function<void()> die) {
    deadly_amount_ = amount;
    die_ = std::move(die);
  }

 private:
  Counter& Find(std::uint32_t id) {
    for (Counter* counter = state().first; counter != nullptr; counter = counter->next) {
      if (counter->id == id) return *counter;
    }
    Counter& counter = state().counters.Alloc();
    counter.id = id;
    counter.next = state().first;
    state().first = &counter;
    return counter;
  }

  void EmitCounted(const Counter& counter, engine::Context& context) {
    auto& counted = context.Make<pb::Counted>();
    counted.set_counter(counter.id);
    counted.set_value(counter.value);
    counted.set_additions(counter.additions);
    if (leaks_addresses_) counted.set_additions(reinterpret_cast<std::uintptr_t>(&counter));
    context.Emit(counted);
  }

  static void PublishChanged(const Counter& counter, std::uint32_t step, engine::Context& context) {
    auto& changed = context.Make<pb::Changed>();
    changed.set_counter(counter.id);
    changed.set_value(counter.value);
    changed.set_step(step);
    context.Publish(changed);
  }

  bool leaks_addresses_ = false;
  std::int64_t deadly_amount_ = 0;
  std::function<void()> die_;
};

/// A counter application with nothing in it, its state at `address`.
[[nodiscard]] inline std::unique_ptr<CounterApplication> MakeCounter(std::uintptr_t address) {
  auto made = CounterApplication::Make(
      "counter", 1, {.address = address, .reserve_bytes = std::uint64_t{64} << 20});
  return std::move(made).value();
}

}  // namespace tandem::counter
