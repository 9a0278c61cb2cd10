// SPDX-License-Identifier: Apache-2.0
//
// Tests of an application as lists of events: given these inputs, when this one comes, then exactly
// these outputs. With GoogleTest; a program of tests links tandem::testing.
//
//   using Events = tandem::engine::EventList<Ledger>;
//   using tandem::engine::From, tandem::engine::To, tandem::engine::ToAll;
//
//   TEST(Ledger, RefusesATransferOfMoreThanThereIs) {
//     Events ledger;
//     ledger.Given({From("ann", Open(1)), From("bob", Open(2))});
//     ledger.When(From("ann", Transfer(1, 2, 500)));
//     ledger.Then({To("ann", Refusal(pb::Refusal::TOO_LITTLE))});
//   }
//
// Each test is silently run a second time: beside the application stands a copy of it in a zone at
// another address and with another chain, which takes the same inputs and must give the same bytes.
// Time stands still, at the beginning of 2026, but for WhenTimePasses. Up to 64 lists may live at
// once. One thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/testing/twin_run.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

/// An input, with the user who sends it.
[[nodiscard]] inline Event From(std::string_view user, const google::protobuf::Message& message) {
  return EventOf(user, message);
}
/// An output for one user.
[[nodiscard]] inline Event To(std::string_view user, const google::protobuf::Message& message) {
  return EventOf(user, message);
}
/// An output for everybody.
[[nodiscard]] inline Event ToAll(const google::protobuf::Message& message) {
  return EventOf("", message);
}

template <class App>
class EventList {
  using Where = std::source_location;

 public:
  EventList() : run_(Make) {}

  /// Inputs whose outputs are not looked at.
  void Given(const std::vector<Event>& inputs, const Where& where = Where::current()) {
    for (const Event& input : inputs) Take(input, where);
    run_.outputs().clear();
  }
  /// The inputs whose outputs Then compares, together with those of every When since.
  void When(const std::vector<Event>& inputs, const Where& where = Where::current()) {
    for (const Event& input : inputs) Take(input, where);
  }
  void When(const Event& input, const Where& where = Where::current()) { Take(input, where); }
  /// Time goes on by so much, and a tick tells the application.
  void WhenTimePasses(std::chrono::nanoseconds time, const Where& where = Where::current()) {
    run_.PassTime(time.count());
    Take(EventOf("", pb::Tick()), where);
  }
  /// The behaviour version that is in force from here on; 1 at first.
  void GivenVersion(std::uint32_t version, const Where& where = Where::current()) {
    pb::Activate activate;
    activate.set_version(version);
    Given({EventOf("", activate)}, where);
  }

  /// These outputs, in this order, and no others.
  void Then(const std::vector<Event>& expected, const Where& where = Where::current()) {
    const std::vector<Event> outputs = std::exchange(run_.outputs(), {});
    if (outputs == expected) return;
    Fail("the outputs are not those expected\n  expected:\n" + Lines(expected) + "  given:\n" +
             Lines(outputs),
         where);
  }

  /// The stream's time.
  [[nodiscard]] std::int64_t time_ns() const { return run_.time_ns(); }
  /// For a look at the state; the inputs change it, and nothing else should.
  [[nodiscard]] App& application() { return static_cast<App&>(run_.application()); }

 private:
  static TwinRun::Made Make(const pools::ZoneOptions& options) {
    auto made = App::Make("tested", std::numeric_limits<std::uint32_t>::max(), options);
    ENSURE(made.ok(), "%s", made.error().text.c_str());
    pools::Zone& zone = (*made)->zone();
    return {.application = std::move(made).value(), .zone = &zone};
  }
  void Take(const Event& input, const Where& where) {
    if (const std::string wrong = run_.Take(input); !wrong.empty()) {
      Fail("input " + input.text + ": " + wrong, where);
    }
  }
  static void Fail(const std::string& text, const Where& where) {
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << text;
  }

  TwinRun run_;
};

}  // namespace tandem::engine
