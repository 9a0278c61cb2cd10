// SPDX-License-Identifier: Apache-2.0
//
// Engines that lie, at every message of a small stream and in every way, under both policies: the
// exact number is named each time.
#include "tests/engine/deduplicator_fixture.h"
#include "tests/support/liar.h"

namespace tandem::engine {
namespace {

using test::Liar;
using test::Lie;

/// Which engine speaks next. The other one's copies come second.
enum class Order { kHonestFirst, kLiarFirst, kInTurns };

class DeduplicatorLies : public DeduplicatorTest {
 protected:
  /// Both engines say all that they have, and how they stand at the end, until something differs.
  void Race(const std::vector<Bytes>& honest, const std::vector<Bytes>& lying, Order order) {
    std::array<std::uint64_t, 2> said{};
    const std::array<const std::vector<Bytes>*, 2> outputs = {&honest, &lying};
    for (std::size_t turn = 0; !deduplicator_->divergence(); ++turn) {
      std::size_t engine = order == Order::kLiarFirst ? kB : kA;
      if (order == Order::kInTurns) engine = turn % 2;
      if (said[engine] == outputs[engine]->size()) engine = 1 - engine;
      if (said[engine] == outputs[engine]->size()) break;
      Give(engine, outputs[engine]->at(said[engine]++));
    }
    const std::uint64_t inputs = View(honest.back()).header.origin;
    for (const std::size_t engine : {kA, kB}) {
      Stand(engine, *outputs[engine], inputs, outputs[engine]->size());
    }
  }
};

struct Case {
  DedupPolicy policy;
  Order order;
};
class EveryLie : public DeduplicatorLies, public testing::WithParamInterface<Case> {};

TEST_P(EveryLie, IsNamedByItsExactNumberWhereverItIs) {
  int lies = 0;
  for (const Lie lie : test::kLies) {
    for (std::uint64_t at = 1; at <= outputs_.size(); ++at) {
      if (!Liar::Applies(lie, at, outputs_)) continue;
      SCOPED_TRACE(test::NameOf(lie) + std::string(" at ") + std::to_string(at));
      const std::uint64_t first = Liar(lie, at).first_difference();
      Restart(outputs_, 0, {.policy = GetParam().policy, .ring_size = 3});
      Race(outputs_, test::TellLie(lie, at, outputs_), GetParam().order);
      ASSERT_TRUE(deduplicator_->divergence().has_value());
      EXPECT_EQ(divergence().number, first);
      EXPECT_TRUE(divergence().is_first);
      // A broken chain is found without the other copy.
      const bool is_alone = divergence().broken_chain && GetParam().order == Order::kLiarFirst;
      EXPECT_EQ(agreed(), is_alone ? 0 : first - 1);
      if (GetParam().policy == DedupPolicy::kAgree) {
        EXPECT_EQ(published(), is_alone ? 0 : first - 1);
      }
      const std::uint64_t equal = std::min(published(), first - 1);
      for (std::uint64_t n = 1; n <= equal; ++n) {
        EXPECT_EQ(merged_.messages[n - 1], outputs_[n - 1]);
      }
      ++lies;
    }
  }
  EXPECT_GT(lies, 60);
}

TEST_P(EveryLie, IsNotFoundWhereThereIsNone) {
  Restart(outputs_, 0, {.policy = GetParam().policy, .ring_size = 3});
  Race(outputs_, test::TellLie(Lie::kNone, 1, outputs_), GetParam().order);
  EXPECT_FALSE(deduplicator_->divergence().has_value());
  EXPECT_EQ(merged_.messages, outputs_);
  EXPECT_EQ(agreed(), outputs_.size());
}

INSTANTIATE_TEST_SUITE_P(Deduplicator, EveryLie,
                         testing::Values(Case{DedupPolicy::kFirst, Order::kHonestFirst},
                                         Case{DedupPolicy::kFirst, Order::kLiarFirst},
                                         Case{DedupPolicy::kFirst, Order::kInTurns},
                                         Case{DedupPolicy::kAgree, Order::kHonestFirst},
                                         Case{DedupPolicy::kAgree, Order::kLiarFirst},
                                         Case{DedupPolicy::kAgree, Order::kInTurns}),
                         [](const auto& info) {
                           const char* const order =
                               info.param.order == Order::kHonestFirst ? "HonestFirst"
                               : info.param.order == Order::kLiarFirst ? "LiarFirst"
                                                                       : "InTurns";
                           return std::string(info.param.policy == DedupPolicy::kFirst ? "First"
                                                                                       : "Agree") +
                                  order;
                         });

/// Gives what is wanted of `outputs` until nothing more is looked for; how many connections it
/// took.
class DeduplicatorSearch : public DeduplicatorTest {
 protected:
  int SearchIn(std::size_t engine, const std::vector<Bytes>& outputs) {
    int connections = 1;
    for (;;) {
      const std::uint64_t wanted = deduplicator_->wanted(engine);
      if (wanted > outputs.size()) return connections;
      const Outcome outcome = Give(engine, outputs[wanted - 1]);
      if (outcome == Outcome::kSearching) ++connections;
      if (outcome == Outcome::kDivergence) return connections;
    }
  }
  static std::vector<Bytes> LongStream() {
    std::vector<std::string> words;
    for (int i = 0; i < 1000; ++i) words.push_back(i % 3 == 0 ? "abc" : i % 3 == 1 ? "d" : "");
    return Outputs(words);
  }
};

TEST_F(DeduplicatorSearch, FindsTheExactLieInThePastAfterARestart) {
  const std::vector<Bytes> honest = LongStream();
  for (const std::uint64_t published : {1u, 2u, 17u, 18u, 300u, 1335u}) {
    for (const std::uint64_t at : {1u, 2u, 16u, 17u, 299u, 300u, 1334u, 1335u}) {
      if (at > published) continue;
      SCOPED_TRACE(std::to_string(at) + " of " + std::to_string(published));
      const std::vector<Bytes> lying = test::TellLie(Lie::kFieldFlipped, at, honest);
      Restart(honest, published, {.ring_size = 8});
      SearchIn(kB, lying);
      EXPECT_FALSE(deduplicator_->searching());
      EXPECT_EQ(divergence().number, at);
      EXPECT_EQ(divergence().engine, kB);
      EXPECT_TRUE(divergence().is_first);
      EXPECT_FALSE(divergence().broken_chain);
      EXPECT_EQ(divergence().message, lying[at - 1]);
      EXPECT_EQ(this->published(), published);
    }
  }
}

TEST_F(DeduplicatorSearch, NeedsFewConnections) {
  const std::vector<Bytes> honest = LongStream();
  Restart(honest, 1335);
  EXPECT_LE(SearchIn(kB, test::TellLie(Lie::kFieldFlipped, 1, honest)), 4);
}

TEST_F(DeduplicatorSearch, PublishesNothingMeanwhile) {
  Restart(outputs_, 6);
  const std::vector<Bytes> lying = test::TellLie(Lie::kFieldFlipped, 2, outputs_);
  EXPECT_EQ(Give(kB, lying[5]), Outcome::kSearching);
  EXPECT_TRUE(deduplicator_->searching());
  EXPECT_EQ(Give(kA, outputs_[5]), Outcome::kDivergence);
  EXPECT_EQ(Give(kA, outputs_[6]), Outcome::kDivergence);
  EXPECT_EQ(published(), 6u);
}

TEST_F(DeduplicatorSearch, SaysThatItMayBeEarlierWhereTheMergedLogDoesNotGoBack) {
  Restart(outputs_, 6);
  merged_.begins_at = 4;
  const std::vector<Bytes> lying = test::TellLie(Lie::kFieldFlipped, 2, outputs_);
  EXPECT_EQ(Give(kB, lying[5]), Outcome::kDivergence);
  EXPECT_FALSE(deduplicator_->searching());
  EXPECT_EQ(divergence().number, 6u);
  EXPECT_FALSE(divergence().is_first);
}

TEST_F(DeduplicatorSearch, StaysHaltedIfTheEngineSaysSomethingElseNow) {
  Restart(outputs_, 6);
  const std::vector<Bytes> lying = test::TellLie(Lie::kFieldFlipped, 2, outputs_);
  EXPECT_EQ(Give(kB, lying[5]), Outcome::kSearching);
  SearchIn(kB, outputs_);
  EXPECT_FALSE(deduplicator_->searching());
  EXPECT_EQ(divergence().number, 6u);
  EXPECT_FALSE(divergence().is_first);
  EXPECT_EQ(Give(kA, outputs_[5]), Outcome::kDivergence);
}

TEST_F(DeduplicatorSearch, FindsALieInThePastOfAnEngineThatSaysNothing) {
  Restart(outputs_, 6);
  const std::vector<Bytes> lying = test::TellLie(Lie::kFieldFlipped, 2, outputs_);
  EXPECT_EQ(Stand(kB, lying, 3, 5), Outcome::kSearching);
  SearchIn(kB, lying);
  EXPECT_EQ(divergence().number, 2u);
  EXPECT_TRUE(divergence().is_first);
}

}  // namespace
}  // namespace tandem::engine
