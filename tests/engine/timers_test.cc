// SPDX-License-Identifier: Apache-2.0
#include "engine/timers.h"

#include <gmock/gmock.h>

#include <optional>
#include <random>

#include "counter.pb.h"
#include "engine/application.h"
#include "pools/heap_guard.h"
#include "pools/lpool.h"
#include "replay/stepper.h"
#include "tandem/control.pb.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using counter::pb::Add;
using counter::pb::Changed;
using counter::pb::Roll;
using Lines = std::vector<std::string>;

constexpr std::uintptr_t kAddress = 0x7e8000000000;

struct Bells {
  explicit Bells(pools::PoolRef base) : lpool("bells.lpool", base) {}
  pools::Lpool lpool;
  std::uint32_t rings_left = 0;
  std::int64_t every_ns = 0;
};

/// Add: a timer with the counter for its id, after `amount` ns; with outputs, it is set again so
/// often, `amount` ns later each time. Roll: cancels the timer whose id is `sides`; from kDice on
/// it says a random number instead.
struct BellTower : Application<BellTower, Bells, Add, Roll> {
  using Application::Application;
  void On(const Add& add, Context& context) {
    context.SetTimer(add.counter(), context.time_ns() + add.amount());
    state().rings_left = add.outputs();
    state().every_ns = add.amount();
  }
  void On(const Roll& roll, Context& context) {
    if (roll.sides() >= kDice) {
      return Say(context, static_cast<std::uint32_t>(context.random().Below(roll.sides())), 0);
    }
    Say(context, roll.sides(), context.CancelTimer(roll.sides()));
  }
  void OnTimer(const Timer& timer, Context& context) {
    Say(context, static_cast<std::uint32_t>(timer.id), context.behaviour_version());
    if (state().rings_left == 0) return;
    --state().rings_left;
    context.SetTimer(timer.id, context.time_ns() + state().every_ns);
  }
  using Portable = engine::Portable<1, Add>;
  void Save(PortableWriter& to) const {
    Add saved;
    saved.set_outputs(state().rings_left);
    saved.set_amount(state().every_ns);
    to.Put(saved);
  }
  Status Load(const Add& saved) {
    state().rings_left = saved.outputs();
    state().every_ns = saved.amount();
    return {};
  }
  static constexpr std::uint32_t kDice = 1'000'000;
  static void Say(Context& context, std::uint32_t id, std::uint32_t step) {
    auto& changed = context.Make<Changed>();
    changed.set_counter(id);
    changed.set_value(context.time_ns());
    changed.set_step(step);
    context.Emit(changed);
  }
};

/// Sets a timer and does not say what happens then.
struct Deaf : Application<Deaf, Bells, Add> {
  using Application::Application;
  void On(const Add& /*add*/, Context& context) { context.SetTimer(1, 1); }
};

class TimersTest : public testing::Test {
 protected:
  TimersTest() { Begin({.address = kAddress, .reserve_bytes = 64u << 20}); }

  void Begin(const pools::ZoneOptions& options) {
    stepper_.reset();
    tower_.reset();
    auto made = BellTower::Make("bells", 5, options);
    ENSURE(made.ok(), "%s", made.error().text.c_str());
    tower_ = std::move(made).value();
    stepper_.emplace(*tower_, proto::Session("TEST"));
    input_ = test::TestStream();
  }

  /// Steps a message at a time; its outputs as "id at time, step, for whom".
  template <class T>
  Lines At(std::int64_t time_ns, const T& message) {
    input_.next.time_ns = time_ns - 1;
    last_ = input_.Add(message);
    const Status applied = stepper_->Apply(test::View(last_));
    EXPECT_TRUE(applied.ok()) << applied.error().text;
    Lines lines;
    for (std::size_t i = 0; i < stepper_->outputs().count(); ++i) {
      const proto::MessageView output = test::View(stepper_->outputs().message(i));
      const std::string user = output.header.user.empty() ? "all" : output.header.user.str();
      if (output.header.type != TypeOf<Changed>()) {
        lines.push_back("type " + std::to_string(output.header.type) + " for " + user);
        continue;
      }
      Changed changed;
      changed.ParseFromString(std::string(output.payload_text()));
      lines.push_back(std::to_string(changed.counter()) + " at " + std::to_string(changed.value()) +
                      ", " + std::to_string(changed.step()) + ", for " + user);
    }
    return lines;
  }
  static Add Bell(std::uint32_t id, std::int64_t after_ns, std::uint32_t again = 0) {
    Add add;
    add.set_counter(id);
    add.set_amount(after_ns);
    add.set_outputs(again);
    return add;
  }
  static Roll Cancel(std::uint32_t id) {
    Roll roll;
    roll.set_sides(id);
    return roll;
  }
  static pb::Activate Activate(std::uint32_t version) {
    pb::Activate activate;
    activate.set_version(version);
    return activate;
  }

  test::TestStream input_;
  test::Bytes last_;  ///< message
  std::unique_ptr<BellTower> tower_;
  std::optional<replay::Stepper> stepper_;
};

TEST_F(TimersTest, FireByDeadlineAndIdBeforeTheFirstMessageOfThatOrALaterTime) {
  EXPECT_EQ(At(1000, Bell(7, 500)), Lines{});
  EXPECT_EQ(At(1000, Bell(9, 400)), Lines{});
  EXPECT_EQ(At(1000, Bell(3, 500)), Lines{});
  EXPECT_EQ(At(1399, Cancel(0)), Lines{"0 at 1399, 0, for U1"}) << "none is due yet";
  EXPECT_EQ(At(1400, Cancel(0)), (Lines{"9 at 1400, 1, for all", "0 at 1400, 0, for U1"}));
  EXPECT_EQ(At(9999, Cancel(3)),
            (Lines{"3 at 1500, 1, for all", "7 at 1500, 1, for all", "3 at 9999, 0, for U1"}))
      << "too late to cancel";
}

TEST_F(TimersTest, FireOnATickToo) {
  At(1000, Bell(7, 500));
  EXPECT_EQ(At(1499, pb::Tick()), Lines{});
  EXPECT_EQ(At(1500, pb::Tick()), Lines{"7 at 1500, 1, for all"});
  EXPECT_EQ(At(1600, pb::Tick()), Lines{}) << "once";
}

TEST_F(TimersTest, AreMovedByBeingSetAgainUnderTheSameId) {
  At(1000, Bell(7, 500));
  At(1100, Bell(7, 10'000));
  EXPECT_EQ(At(2000, pb::Tick()), Lines{});
  EXPECT_EQ(tower_->zone().Pools().back().figures.live, 1u);
  At(2100, Bell(7, 100));
  EXPECT_EQ(At(2200, pb::Tick()), Lines{"7 at 2200, 1, for all"});
  EXPECT_EQ(At(20'000, pb::Tick()), Lines{});
}

TEST_F(TimersTest, AreCancelled) {
  At(1000, Bell(7, 500));
  EXPECT_EQ(At(1100, Cancel(7)), Lines{"7 at 1100, 1, for U1"});
  EXPECT_EQ(At(1100, Cancel(7)), Lines{"7 at 1100, 0, for U1"});
  EXPECT_EQ(At(9999, pb::Tick()), Lines{});
}

TEST_F(TimersTest, ThatAreSetByTimersFireInTheSameStepIfTheyAreDueEachAtItsOwnTime) {
  At(1000, Bell(1, 500, 2));
  EXPECT_EQ(At(9000, pb::Tick()),
            (Lines{"1 at 1500, 1, for all", "1 at 2000, 1, for all", "1 at 2500, 1, for all"}));
}

TEST_F(TimersTest, WithADeadlineThatIsNotAheadFireANanosecondLater) {
  At(1000, Bell(1, -500));
  At(1000, Bell(2, 0));
  EXPECT_EQ(At(1000, pb::Tick()), Lines{}) << "a message of the same time";
  EXPECT_EQ(At(1001, pb::Tick()), (Lines{"1 at 1001, 1, for all", "2 at 1001, 1, for all"}));
  EXPECT_EQ(At(2000, Bell(3, 0, 2)), Lines{});
  EXPECT_EQ(At(9000, pb::Tick()),
            (Lines{"3 at 2001, 1, for all", "3 at 2002, 1, for all", "3 at 2003, 1, for all"}))
      << "what sets itself again at once comes to an end";
}

TEST_F(TimersTest, FireBeforeControlMessagesAndUnderTheBehaviourOfTheirTime) {
  At(1000, Bell(1, 500));
  At(1000, Bell(2, 600));
  EXPECT_EQ(At(1500, Activate(3)), (Lines{"1 at 1500, 1, for all", "type 12 for all"}));
  pb::Skip skip;
  EXPECT_EQ(At(1600, skip), Lines{"2 at 1600, 3, for all"});
  At(1700, Bell(3, 100));
  EXPECT_EQ(At(1800, pb::EndOfSession()), (Lines{"3 at 1800, 3, for all", "type 2 for all"}));
}

TEST_F(TimersTest, AreNotFiredByAControlMessageThatIsRefused) {
  At(1000, Bell(1, 500));
  input_.next.time_ns = 2000;
  const replay::ResumePoint before = stepper_->position();
  EXPECT_FALSE(stepper_->Apply(test::View(input_.Add(Activate(6)))).ok());
  EXPECT_EQ(stepper_->position().output, before.output);
  EXPECT_EQ(tower_->zone().Pools().back().figures.live, 1u);
}

TEST_F(TimersTest, AreNotFiredByAnInputThatIsPassedOverButByTheNextOne) {
  At(1000, Bell(1, 500));
  test::TestStream ahead;
  ahead.next.number = 0;
  ahead.position.number = 9;
  pb::Skip skip;
  skip.set_number(2);
  skip.set_reason("it kills");
  stepper_->LookAt(test::View(ahead.Add(skip)));
  EXPECT_EQ(At(2000, Cancel(5)), Lines{"type 11 for U1"});
  EXPECT_EQ(At(2000, Cancel(5)), (Lines{"1 at 1500, 1, for all", "5 at 2000, 0, for U1"}));
}

TEST_F(TimersTest, GiveTheSameOutputsWithAnotherChainAndAddressAndTheSameBytesWithTheSame) {
  const auto seed = testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const pools::ZoneOptions usual{.address = kAddress, .reserve_bytes = 64u << 20};
  pools::ZoneOptions other = usual;
  other.address += std::uintptr_t{1} << 38;
  other.pools = {{.pool = "tandem.timer", .base = "bells.lpool", .limit = {}}};
  std::vector<proto::StreamPosition> outputs;
  std::vector<std::uint64_t> hashes;
  for (const pools::ZoneOptions& options : {usual, usual, other}) {
    Begin(options);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto below = [&random](std::uint64_t bound) { return random() % bound; };
    std::int64_t time_ns = 1000;
    for (int i = 0; i < 20'000; ++i) {
      time_ns += static_cast<std::int64_t>(below(300));
      const auto id = static_cast<std::uint32_t>(below(2000));
      switch (below(8)) {
        case 0:
          At(time_ns, pb::Tick());
          break;
        case 1:
          At(time_ns, Cancel(id));
          break;
        default:
          At(time_ns, Bell(id, static_cast<std::int64_t>(below(200'000)), 3));
      }
    }
    outputs.push_back(stepper_->position().output);
    hashes.push_back(tower_->zone().Hash());
  }
  EXPECT_GT(outputs[0].number, 15'000u) << "hardly a timer fired";
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_EQ(outputs[0], outputs[2]);
  EXPECT_EQ(hashes[0], hashes[1]);
}

/// Records as the messages of a stream.
class Records final : public replay::RecordSink {
 public:
  void Put(std::uint16_t type, std::string_view payload) override {
    messages.push_back(stream_.Add(type, payload));
  }
  std::vector<test::Bytes> messages;

 private:
  test::TestStream stream_;
};

TEST_F(TimersTest, GoOnFromAPortableSnapshotAsTheyAndTheRandomGeneratorStood) {
  At(1000, Bell(3, 5000));
  At(1000, Bell(4, 5000));
  At(1000, Bell(7, 500, 3));
  At(1600, Cancel(BellTower::kDice));
  Records records;
  tower_->SavePortable(records);
  ASSERT_EQ(records.messages.size(), 5u) << "the engine, three timers, the state";

  const pools::ZoneOptions other{.address = kAddress + (std::uintptr_t{1} << 38),
                                 .reserve_bytes = 64u << 20};
  const auto loaded = BellTower::Make("bells", 5, other).value();
  for (const test::Bytes& record : records.messages) {
    const Status status = loaded->LoadPortable(test::View(record));
    ASSERT_TRUE(status.ok()) << status.error().text;
  }
  EXPECT_EQ(loaded->resume_point().input, tower_->resume_point().input);
  replay::Stepper loaded_stepper(*loaded, proto::Session("TEST"));
  const auto both = [&](std::int64_t time_ns, const auto& message) {
    const Lines lines = At(time_ns, message);
    EXPECT_TRUE(loaded_stepper.Apply(test::View(last_)).ok());
    EXPECT_EQ(loaded_stepper.position().output, stepper_->position().output);
    return lines;
  };
  both(1700, Cancel(BellTower::kDice));
  EXPECT_EQ(both(1700, Cancel(4)), Lines{"4 at 1700, 1, for U1"});
  EXPECT_EQ(both(9000, pb::Tick()).size(), 3u + 1u) << "rings that were left, and 3";
}

TEST_F(TimersTest, TakeNothingFromTheHeap) {
  if (!pools::HeapGuard::Available()) GTEST_SKIP() << "not counted in this build";
  pools::HeapGuard::SetFatal(false);
  pools::HeapGuard::Reset();
  for (std::uint32_t id = 1; id < 1000; ++id) At(1000, Bell(id, 500, 10));
  At(5000, pb::Tick());
  EXPECT_EQ(pools::HeapGuard::Count(), 0u);
}

TEST(TimersDeathTest, EndAProcessWhoseApplicationDoesNotSayWhatHappensThen) {
  const auto deaf = Deaf::Make("deaf", 1, {.reserve_bytes = 64u << 20}).value();
  replay::Stepper stepper(*deaf, proto::Session("TEST"));
  test::TestStream input;
  const test::Bytes add = input.Add(Add());
  EXPECT_DEATH((void)stepper.Apply(test::View(add)),
               "a timer is set by an application that has no OnTimer");
  EXPECT_EQ(deaf->zone().Pools().back().name, "bells.lpool") << "and no pool of timers";
}

}  // namespace
}  // namespace tandem::engine
