// SPDX-License-Identifier: Apache-2.0
//
// The counter application of the tests in another build, in which counter 13 has a defect.
#include <array>

#include "engine/export_application.h"
#include "tests/support/counter_application.h"

namespace tandem::counter {

struct DefectState {
  explicit DefectState(pools::PoolRef /*base: for pools, of which this state has none*/) {}
  std::array<std::int64_t, 16> values{};
  std::array<std::uint64_t, 16> additions{};
};

class CounterWithDefect final
    : public engine::Application<CounterWithDefect, DefectState, pb::Add> {
 public:
  using Application::Application;

  /// Of counters 0 to 15, with one output.
  void On(const pb::Add& message, engine::Context& context) {
    const std::uint32_t at = message.counter() % 16;
    state().values[at] += message.amount() + (at == 13 ? 1 : 0);
    auto& counted = context.Make<pb::Counted>();
    counted.set_counter(at);
    counted.set_value(state().values[at]);
    counted.set_additions(++state().additions[at]);
    context.Emit(counted);
  }
};

}  // namespace tandem::counter

TANDEM_APPLICATION(tandem::counter::CounterWithDefect, "counter", 1)
