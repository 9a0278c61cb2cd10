// SPDX-License-Identifier: Apache-2.0
//
// What is true of every pool, tried on every pool with small, odd, large and over-aligned elements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pools/step_scope.h"
#include "tests/pools/pool_cases.h"

namespace tandem::pools {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

template <class Case>
class EveryPool : public ::testing::Test {
 protected:
  using Element = typename Case::Element;
  using Handle = typename Case::Handle;
  static constexpr std::uint64_t kCount = Case::kHasLimits ? 2000 : 900;

  struct Live {
    Handle handle;
    std::uint64_t number;
  };

  void SetUp() override { Element::live = 0; }
  void TearDown() override { EXPECT_EQ(Element::live, 0) << "constructed but never destroyed"; }

  /// Makes one more; false if the pool gave null.
  static bool MakeOne(Case& pool, std::vector<Live>& live, std::uint64_t number) {
    auto made = pool.Make(number);
    if (made == nullptr) {
      return false;
    }
    if constexpr (Case::kAnyOrder) {
      live.push_back({made, number});
    } else {
      live.push_back({live.size(), number});
    }
    return true;
  }

  /// Makes up to `count`, fewer if the pool gives null.
  static std::vector<Live> Make(Case& pool, std::uint64_t count) {
    std::vector<Live> live;
    while (live.size() < count && MakeOne(pool, live, live.size())) {
    }
    return live;
  }

  static void ExpectIntact(Case& pool, const std::vector<Live>& live) {
    std::set<const void*> places;
    for (const Live& one : live) {
      const Element& element = pool.At(one.handle);
      ASSERT_EQ(element.number(), one.number);
      ASSERT_TRUE(element.Intact());
      places.insert(&element);
    }
    EXPECT_EQ(places.size(), live.size());
    EXPECT_EQ(Element::live, static_cast<std::int64_t>(live.size()));
    if constexpr (Case::kHasLimits) {
      EXPECT_EQ(pool.pool.GetFigures().live, live.size());
      EXPECT_GE(pool.pool.GetFigures().live_bytes, live.size() * sizeof(Element));
      EXPECT_GE(pool.pool.GetFigures().taken_bytes, pool.pool.GetFigures().live_bytes);
      EXPECT_GE(pool.pool.GetFigures().taken_peak_bytes, pool.pool.GetFigures().taken_bytes);
    }
  }

  /// Deletes all: first first, last first or in any order; arrays know last first only.
  static void Drain(Case& pool, std::vector<Live>& live, int order, std::mt19937_64& random) {
    if (!Case::kAnyOrder || order == 1) {
      std::reverse(live.begin(), live.end());
    } else if (order == 2) {
      std::shuffle(live.begin(), live.end(), random);
    }
    for (const Live& one : live) {
      pool.Delete(one.handle);
    }
    live.clear();
  }

  std::uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
};

using Small = Tracked<16>;
using Odd = Tracked<72>;
using Line = Tracked<64, 64>;
using Page = Tracked<4096, 4096>;
template <class... Others>
using CasesWith =
    ::testing::Types<TpoolCase<Small>, TpoolCase<Odd>, TpoolCase<Line>, TpoolCase<Page>,
                     LpoolCase<Small>, LpoolCase<Odd>, LpoolCase<Line>, LpoolCase<Page>,
                     BlkpoolCase<Small>, BlkpoolCase<Odd>, BlkpoolCase<Line>, BlkpoolCase<Page>,
                     LaryCase<Small>, LaryCase<Odd>, LaryCase<Line>, LaryCase<Page>,
                     TaryCase<Small>, TaryCase<Odd>, TaryCase<Line>, TaryCase<Page>,
                     DelptrCase<Small>, DelptrCase<Odd>, DelptrCase<Page>, Others...>;
using CasesOnABase = CasesWith<>;
using CasesWithLimits = CasesWith<MallocCase<Odd>, MallocCase<Page>, SbrkCase<Odd>, SbrkCase<Page>>;
using CasesOfState =
    CasesWith<SbrkCase<Odd>, SbrkCase<Page>, InlaryCase<Small>, InlaryCase<Odd>, InlaryCase<Line>>;
using AllCases = CasesWith<MallocCase<Odd>, MallocCase<Page>, SbrkCase<Odd>, SbrkCase<Page>,
                           InlaryCase<Small>, InlaryCase<Odd>, InlaryCase<Line>>;

template <class Case>
using EveryPoolOnABase = EveryPool<Case>;
template <class Case>
using EveryPoolWithLimits = EveryPool<Case>;
template <class Case>
using EveryPoolOfState = EveryPool<Case>;
TYPED_TEST_SUITE(EveryPool, AllCases);
TYPED_TEST_SUITE(EveryPoolOnABase, CasesOnABase);
TYPED_TEST_SUITE(EveryPoolWithLimits, CasesWithLimits);
TYPED_TEST_SUITE(EveryPoolOfState, CasesOfState);

TYPED_TEST(EveryPool, MakesElementsThatDoNotTouchAndRunsConstructorsAndDestructorsOnceEach) {
  auto zone = MapZone();
  const auto pool = std::make_unique<TypeParam>(*zone, zone->sbrk());
  auto live = TestFixture::Make(*pool, 0);
  TestFixture::ExpectIntact(*pool, live);
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{2}, TestFixture::kCount}) {
    live = TestFixture::Make(*pool, count);
    ASSERT_EQ(live.size(), count);
    TestFixture::ExpectIntact(*pool, live);
    TestFixture::Drain(*pool, live, 0, this->random_);
    TestFixture::ExpectIntact(*pool, live);
  }
}

TYPED_TEST(EveryPool, GivesItsCapacityBackInWhateverOrderItIsDrained) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  const auto pool = std::make_unique<TypeParam>(*zone, lpool);
  std::uint64_t taken = 0;
  for (int round = 0; round < 9; ++round) {
    auto live = TestFixture::Make(*pool, TestFixture::kCount);
    TestFixture::ExpectIntact(*pool, live);
    const std::uint64_t used = zone->used_bytes();
    taken = round == 0 ? used : taken;
    EXPECT_EQ(used, taken) << "round " << round;
    TestFixture::Drain(*pool, live, round % 3, this->random_);
  }
}

TYPED_TEST(EveryPool, AgreesWithAModelThroughRandomOperations) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  const auto pool = std::make_unique<TypeParam>(*zone, lpool);
  std::vector<typename TestFixture::Live> live;
  std::uint64_t number = 0;
  for (int i = 0; i < 20000; ++i) {
    // Grows and shrinks in long waves, so that limits of levels and blocks are crossed both ways.
    const bool growing = (i / 1500) % 2 == 0;
    if (live.empty() ||
        (live.size() < TestFixture::kCount && this->random_() % 8 < (growing ? 6 : 2))) {
      ASSERT_TRUE(TestFixture::MakeOne(*pool, live, ++number));
    } else {
      const std::size_t index =
          TypeParam::kAnyOrder ? this->random_() % live.size() : live.size() - 1;
      std::swap(live[index], live.back());
      ASSERT_EQ(pool->At(live.back().handle).number(), live.back().number);
      pool->Delete(live.back().handle);
      live.pop_back();
    }
    if (i % 500 == 0) {
      TestFixture::ExpectIntact(*pool, live);
    }
  }
  TestFixture::Drain(*pool, live, 0, this->random_);
}

TYPED_TEST(EveryPoolWithLimits, StopsExactlyAtItsLimitOfElementsAndGoesOnWhenItIsRaised) {
  auto zone = MapZone();
  const auto pool = std::make_unique<TypeParam>(*zone, zone->sbrk());
  const std::uint64_t before = pool->pool.GetFigures().live;
  ASSERT_TRUE(pool->pool.SetLimit({.elements = before + 100}).ok());
  auto live = TestFixture::Make(*pool, 1000);
  ASSERT_EQ(live.size(), 100u);
  pool->Delete(live.back().handle);
  live.pop_back();
  EXPECT_TRUE(TestFixture::MakeOne(*pool, live, 7));
  EXPECT_FALSE(TestFixture::MakeOne(*pool, live, 8));
  EXPECT_EQ(pool->pool.GetFigures().live_peak, before + 100);
  EXPECT_FALSE(pool->pool.SetLimit({.elements = before + 99}).ok());
  TestFixture::Drain(*pool, live, 2, this->random_);
  EXPECT_FALSE(pool->pool.SetLimit({.elements = before + 99}).ok()) << "it has held more";
  ASSERT_TRUE(pool->pool.SetLimit({.elements = before + 200}).ok());
  live = TestFixture::Make(*pool, 1000);
  EXPECT_EQ(live.size(), 200u);
  TestFixture::Drain(*pool, live, 2, this->random_);
}

TYPED_TEST(EveryPoolWithLimits, StopsAtItsLimitOfBytesAndGoesOnWhenItIsRaised) {
  auto zone = MapZone();
  Lpool lpool("lpool", zone->sbrk());
  const auto pool = std::make_unique<TypeParam>(*zone, lpool);
  const std::uint64_t bytes = 300 * sizeof(typename TypeParam::Element) + 3 * 4096;
  ASSERT_TRUE(pool->pool.SetLimit({.bytes = bytes}).ok());
  auto live = TestFixture::Make(*pool, 100000);
  const std::uint64_t fitted = live.size();
  EXPECT_GE(fitted, 3u);  // Sbrk needs a page for each
  EXPECT_LT(fitted, 100000u);
  EXPECT_LE(pool->pool.GetFigures().taken_peak_bytes, bytes);
  TestFixture::ExpectIntact(*pool, live);
  TestFixture::Drain(*pool, live, 2, this->random_);
  live = TestFixture::Make(*pool, 100000);
  EXPECT_EQ(live.size(), fitted) << "no capacity was lost";
  EXPECT_FALSE(pool->pool.SetLimit({.bytes = pool->pool.GetFigures().taken_peak_bytes - 1}).ok());
  ASSERT_TRUE(pool->pool.SetLimit({.bytes = 4 * bytes}).ok());
  while (TestFixture::MakeOne(*pool, live, live.size())) {
  }
  EXPECT_GT(live.size(), fitted);
  TestFixture::ExpectIntact(*pool, live);
  TestFixture::Drain(*pool, live, 2, this->random_);
}

TYPED_TEST(EveryPoolOnABase, WorksOnWhenTheBaseFailedAtTheNthRequestForEveryN) {
  constexpr std::uint64_t kElements = sizeof(typename TypeParam::Element) > 1024 ? 60 : 300;
  std::uint64_t n = 0;
  for (bool complete = false; !complete; ++n) {
    ASSERT_LT(n, 2000u);
    auto zone = MapZone();
    Malloc base;
    {
      const auto pool = std::make_unique<TypeParam>(*zone, base);
      base.RefuseAfter(n);
      auto live = TestFixture::Make(*pool, kElements);
      complete = live.size() == kElements;
      TestFixture::ExpectIntact(*pool, live);
      EXPECT_TRUE(complete || !TestFixture::MakeOne(*pool, live, live.size()));
      base.RefuseNoMore();
      while (live.size() < kElements + 1) {
        ASSERT_TRUE(TestFixture::MakeOne(*pool, live, live.size()));
      }
      TestFixture::ExpectIntact(*pool, live);
      TestFixture::Drain(*pool, live, static_cast<int>(n % 3), this->random_);
    }
    EXPECT_EQ(base.N() == 0, TypeParam::kGivesAllBack) << "n = " << n;
  }
  EXPECT_GT(n, 1u) << "the base was never asked";
}

TYPED_TEST(EveryPoolOnABase, KnowsAtAnyTimeWhatItHasOfItsBase) {
  auto zone = MapZone();
  Malloc base;
  const auto pool = std::make_unique<TypeParam>(*zone, base);
  std::vector<typename TestFixture::Live> live;
  const auto taken = [&] {
    std::uint64_t bytes = pool->pool.GetFigures().taken_bytes;
    if constexpr (requires { pool->parents; }) {
      bytes += pool->parents.GetFigures().taken_bytes;
    }
    return bytes;
  };
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(TestFixture::MakeOne(*pool, live, live.size()));
    ASSERT_EQ(taken(), base.GetFigures().live_bytes);
  }
  while (!live.empty()) {
    pool->Delete(live.back().handle);
    live.pop_back();
    ASSERT_EQ(taken(), base.GetFigures().live_bytes);
  }
}

TYPED_TEST(EveryPoolOfState, LivesInAZoneWhoseBytesAreAFunctionOfTheCalls) {
  std::uint64_t hash = 0;
  const std::uint64_t seed = this->random_();
  for (int run = 0; run < 2; ++run) {
    auto zone = MapZone();
    const std::vector<std::byte> noise(static_cast<std::size_t>(run) * 1000 + 1);
    auto& pool = zone->template MakeRoot<TypeParam>(*zone, zone->sbrk());
    if constexpr (TypeParam::kHasLimits) {
      if (run == 1) {
        ASSERT_TRUE(pool.pool.SetLimit({.elements = 1 << 20, .bytes = kGiB}).ok());
      }
    }
    std::mt19937_64 random(seed);
    auto live = TestFixture::Make(pool, TestFixture::kCount / 2);
    for (int i = 0; i < 700; ++i) {
      const std::size_t index = TypeParam::kAnyOrder ? random() % live.size() : live.size() - 1;
      std::swap(live[index], live.back());
      pool.Delete(live.back().handle);
      live.pop_back();
      if (random() % 4 != 0) {
        ASSERT_TRUE(TestFixture::MakeOne(pool, live, random()));
      }
    }
    const std::uint64_t now = zone->Hash();
    EXPECT_TRUE(run == 0 || now == hash);
    hash = now;
    TestFixture::Drain(pool, live, 2, random);
  }
}

template <class Case>
using EveryPoolDeathTest = EveryPool<Case>;
TYPED_TEST_SUITE(EveryPoolDeathTest, AllCases);

TYPED_TEST(EveryPoolDeathTest, EndsTheProcessInsideAStepWithItsNameAndTheMessage) {
  auto zone = MapZone();
  const auto pool = std::make_unique<TypeParam>(*zone, zone->sbrk());
  if constexpr (TypeParam::kHasLimits) {
    const std::uint64_t before = pool->pool.GetFigures().live;
    ASSERT_TRUE(pool->pool.SetLimit({.elements = before + 3}).ok());
  }
  EXPECT_EXIT(
      {
        const StepScope step(77);
        (void)TestFixture::Make(*pool, 100000);
      },
      ExitedWithCode(3),
      ::testing::AllOf(HasSubstr("tandem: out of memory in pool "), HasSubstr("pool"),
                       HasSubstr("while processing message 77\n")));
}

}  // namespace
}  // namespace tandem::pools
