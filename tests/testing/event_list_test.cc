// SPDX-License-Identifier: Apache-2.0
#include "engine/testing/event_list.h"

#include <gtest/gtest-spi.h>

#include <cstring>

#include "bell.pb.h"
#include "engine/application.h"
#include "pools/lpool.h"
#include "pools/tpool.h"

namespace tandem::engine {
namespace {

using bell::pb::Rang;
using bell::pb::Ring;
using std::chrono_literals::operator""s;

struct Ropes {
  explicit Ropes(pools::PoolRef base) : lpool("bell.lpool", base), ropes("bell.rope", lpool) {}
  pools::Lpool lpool;
  pools::Tpool<std::uint64_t> ropes;
};

/// Answers a Ring at once, and rings by timers.
struct Bell : Application<Bell, Ropes, Ring> {
  using Application::Application;
  void On(const Ring& ring, Context& context) {
    Say(context.behaviour_version() == 1 ? 0 : context.behaviour_version(), context);
    for (std::uint32_t i = 1; i <= ring.times(); ++i) {
      context.SetTimer(i, context.time_ns() + i * std::int64_t{1'000'000'000});
    }
  }
  void OnTimer(const Timer& timer, Context& context) { Say(timer.id, context); }
  static void Say(std::uint64_t time, Context& context) {
    auto& rang = context.Make<Rang>();
    rang.set_time(time);
    context.Emit(rang);
  }
};

enum class Tells { kAddress, kDistance, kContent };

/// Forgets that a copy of it has its memory elsewhere, and tells an address, how far two of them
/// are apart, which the chain decides, or what was in memory before.
template <Tells kTells>
struct Leak : Application<Leak<kTells>, Ropes, Ring> {
  using Application<Leak<kTells>, Ropes, Ring>::Application;
  void On(const Ring& /*ring*/, Context& context) {
    void* const buffer = this->state().lpool.AllocMem(4096);
    const auto at = reinterpret_cast<std::uint64_t>(buffer);
    const auto rope = reinterpret_cast<std::uint64_t>(&this->state().ropes.Alloc());
    std::uint64_t content = 0;
    std::memcpy(&content, buffer, sizeof content);
    Bell::Say(kTells == Tells::kAddress    ? at
              : kTells == Tells::kDistance ? rope - at
                                           : content,
              context);
  }
};

Ring RingTimes(std::uint32_t times) {
  Ring ring;
  ring.set_times(times);
  return ring;
}
Rang RangAt(std::uint64_t time) {
  Rang rang;
  rang.set_time(time);
  return rang;
}

TEST(EventList, ComparesTheOutputsOfWhatCameLast) {
  EventList<Bell> bell;
  bell.Given({From("ann", RingTimes(0)), From("bob", RingTimes(0))});
  bell.When(From("ann", RingTimes(0)));
  bell.Then({To("ann", RangAt(0))});
  bell.When({From("ann", RingTimes(0)), From("bob", RingTimes(0))});
  bell.When(From("cat", RingTimes(0)));
  bell.Then({To("ann", RangAt(0)), To("bob", RangAt(0)), To("cat", RangAt(0))});
  bell.Then({});
}

TEST(EventList, LetsTimePass) {
  EventList<Bell> bell;
  const std::int64_t begin_ns = bell.time_ns();
  bell.Given({From("ann", RingTimes(3))});
  bell.WhenTimePasses(1s);
  bell.Then({ToAll(RangAt(1))});
  bell.WhenTimePasses(9s);
  bell.Then({ToAll(RangAt(2)), ToAll(RangAt(3))});
  EXPECT_EQ(bell.time_ns() - begin_ns, 10'000'000'000);
}

TEST(EventList, TestsEveryVersionOfTheBehaviour) {
  EventList<Bell> bell;
  bell.GivenVersion(7);
  bell.When(From("ann", RingTimes(0)));
  bell.Then({To("ann", RangAt(7))});
}

TEST(EventList, ShowsBothListsWhereTheyDiffer) {
  EXPECT_NONFATAL_FAILURE(
      {
        EventList<Bell> bell;
        bell.When(From("ann", RingTimes(0)));
        bell.Then({To("bob", RangAt(0)), ToAll(RangAt(5))});
      },
      "the outputs are not those expected\n"
      "  expected:\n"
      "    to bob: Rang\n"
      "    to all: Rang time: 5\n"
      "  given:\n"
      "    to ann: Rang\n");
  EXPECT_NONFATAL_FAILURE(
      {
        EventList<Bell> bell;
        bell.When(From("ann", RingTimes(0)));
        bell.Then({});
      },
      "  expected:\n    nothing\n  given:\n    to ann: Rang\n");
}

TEST(EventList, SaysThatTheApplicationRefusedAnInput) {
  EventList<Bell> bell;
  pb::Refused refused;
  refused.set_reason(pb::Refused::UNKNOWN_TYPE);
  refused.set_type(200);
  bell.When(From("ann", RangAt(1)));
  bell.Then({To("ann", refused)});
}

template <Tells kTells>
void RingLeak() {
  EventList<Leak<kTells>> leak;
  leak.Given({From("ann", RingTimes(1))});
}

TEST(EventList, FailsIfAnAddressReachesAnOutput) {
  EXPECT_NONFATAL_FAILURE(RingLeak<Tells::kAddress>(), "the outputs depend on where memory lies");
}

TEST(EventList, FailsIfTheChainReachesAnOutput) {
  EXPECT_NONFATAL_FAILURE(RingLeak<Tells::kDistance>(), "the outputs depend on where memory lies");
}

TEST(EventList, FailsIfMemoryThatNobodyWroteReachesAnOutput) {
  if (pools::kChecked) GTEST_SKIP() << "what is handed out is filled in this build";
  EXPECT_NONFATAL_FAILURE(RingLeak<Tells::kContent>(), "the outputs depend on where memory lies");
}

TEST(EventListDeathTest, EndsAtAMessageWithoutANumber) {
  EXPECT_DEATH((void)ToAll(bell::pb::Silent()), "message tandem.bell.pb.Silent has no number");
}

}  // namespace
}  // namespace tandem::engine
