// SPDX-License-Identifier: Apache-2.0
//
// Engines that lie from a chosen message on, over TCP: a live deduplicator names the exact number,
// under both policies, and with policy agree nothing of it goes out.
#include "tests/live/dedup_fixture.h"

namespace tandem::test {
namespace {

using engine::DedupPolicy;

constexpr std::size_t kA = 0;
constexpr std::size_t kB = 1;

class LiveLies : public DedupTest, public testing::WithParamInterface<DedupPolicy> {
 protected:
  const std::vector<Bytes> honest_ = Outputs(10);  // 19 outputs
};

TEST_P(LiveLies, AreNamedByTheirExactNumber) {
  int lies = 0;
  for (const Lie lie : kLies) {
    for (const std::uint64_t at : {1u, 8u, 19u}) {
      if (!Liar::Applies(lie, at, honest_)) continue;
      SCOPED_TRACE(NameOf(lie) + std::string(" at ") + std::to_string(at));
      const std::uint64_t first = Liar(lie, at).first_difference();
      KeeperInMemory keeper;
      LyingEngine a("a", honest_);
      LyingEngine b("b", honest_, lie, at);
      engine::DedupRoleOptions options = Options(a, b);
      options.folder = Path("merged-" + std::to_string(lies++));
      options.policy = GetParam();
      options.incidents = &keeper;
      options.exit_on_divergence = true;
      RoleThread<engine::DedupRole> dedup(options, storage_);
      EXPECT_EQ(dedup.Wait(), ExitCode::kDivergence);
      const auto facts = keeper.facts();
      ASSERT_EQ(facts.size(), 1u);
      EXPECT_EQ(facts.back().divergence.number, first);
      EXPECT_TRUE(facts.back().divergence.is_first);
      EXPECT_LT(facts.back().agreed, first);
      const std::vector<Bytes> merged = ReadBytes("merged-" + std::to_string(lies - 1));
      EXPECT_EQ(merged.size(), facts.back().published.number);
      if (GetParam() == DedupPolicy::kAgree) {
        EXPECT_LT(merged.size(), first);
      }
      for (std::size_t i = 0; i < merged.size() && i + 1 < first; ++i) {
        ASSERT_EQ(merged[i], honest_[i]);
      }
    }
  }
  EXPECT_GE(lies, 18);
}

TEST_P(LiveLies, ComeWithBothAnswers) {
  LyingEngine a("a", honest_);
  LyingEngine b("b", honest_, Lie::kFieldFlipped, 8);
  engine::DedupRoleOptions options = Options(a, b);
  options.policy = GetParam();
  options.exit_on_divergence = true;
  {
    RoleThread<engine::DedupRole> dedup(options, storage_);
    EXPECT_EQ(dedup.Wait(), ExitCode::kDivergence);
  }
  const auto facts = keeper_.facts();
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].engines[kA].copy, honest_[7]);
  EXPECT_EQ(facts[0].engines[kB].copy, TellLie(Lie::kFieldFlipped, 8, honest_)[7]);
  EXPECT_EQ(facts[0].engines[kA].name, "A");
  EXPECT_EQ(facts[0].engines[kB].address, b.endpoint().text());
  EXPECT_EQ(facts[0].report.substr(0, 42), "DIVERGENCE at output 8, caused by input 5\n");
}

TEST_P(LiveLies, OfThePastAreFoundAfterARestart) {
  engine::DedupRoleOptions options;
  {
    LyingEngine a("a", honest_);
    LyingEngine b("b", honest_);
    options = Options(a, b);
    options.policy = GetParam();
    RoleThread<engine::DedupRole> dedup(options, storage_);
    AwaitMessages("merged", 19);
    EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  }
  LyingEngine a("a", honest_);
  LyingEngine b("b", honest_, Lie::kFieldFlipped, 2);
  options.engines = {a.endpoint(), b.endpoint()};
  options.exit_on_divergence = true;
  RoleThread<engine::DedupRole> dedup(options, storage_);
  EXPECT_EQ(dedup.Wait(), ExitCode::kDivergence);
  const auto facts = keeper_.facts();
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].divergence.number, 2u);
  EXPECT_TRUE(facts[0].divergence.is_first);
  EXPECT_EQ(facts[0].divergence.engine, kB);
  EXPECT_EQ(facts[0].published.number, 19u);
}

TEST_P(LiveLies, HaltUntilSomebodyDecidesAndTheRebuiltEngineHasProvenEqual) {
  auto a = std::make_unique<LyingEngine>("a", First(honest_, 15));
  auto b = std::make_unique<LyingEngine>("b", First(honest_, 15), Lie::kFieldFlipped, 8);
  engine::DedupRoleOptions options = Options(*a, *b);
  options.policy = GetParam();
  auto dedup = std::make_unique<RoleThread<engine::DedupRole>>(options, storage_);
  Await("the incident", [&] { return keeper_.facts().size() == 1; });
  const std::uint64_t published = keeper_.facts()[0].published.number;

  // It starts halted again, and publishes nothing.
  dedup->Stop();
  a->Say({honest_.begin() + 15, honest_.end()});
  log_.Clear();
  dedup = std::make_unique<RoleThread<engine::DedupRole>>(options, storage_);
  log_.Await("nobody has said yet which engine to keep");
  log_.Await("reading engine A");
  log_.Await("reading engine B");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(ReadBytes("merged").size(), published);

  keeper_.Keep(kA);
  Await("the decision", [&] { return keeper_.resolved_at().has_value(); });
  AwaitMessages("merged", 19);
  const std::vector<Bytes> merged = ReadBytes("merged");
  // With policy first the lie may have been out before: then it is taken back.
  EXPECT_EQ(merged, honest_);
  log_.Await("it is fenced, and its output 8 is still not the merged one");
  EXPECT_FALSE(keeper_.readmitted().has_value());

  // And it starts with the fence up.
  dedup->Stop();
  dedup = std::make_unique<RoleThread<engine::DedupRole>>(options, storage_);
  log_.Await("engine B is fenced since the copies differed at output 8");
  b = std::make_unique<LyingEngine>("b", honest_);
  dedup->Stop();
  options.engines[kB] = b->endpoint();
  dedup = std::make_unique<RoleThread<engine::DedupRole>>(options, storage_);
  Await("the engine's return", [&] { return keeper_.readmitted().has_value(); });
  EXPECT_EQ(keeper_.readmitted()->first, kB);
  EXPECT_EQ(dedup->Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadBytes("merged"), honest_);
  ExpectVerifies("merged");
}

TEST_P(LiveLies, ThatWentOutAreTakenBackWhenTheOtherEngineIsKept) {
  auto a = std::make_unique<LyingEngine>("a", honest_, Lie::kFieldFlipped, 8);
  LyingEngine b("b", honest_);
  b.BeGone(true);
  engine::DedupRoleOptions options = Options(*a, b);
  options.policy = GetParam();
  options.alone_after = std::chrono::milliseconds(100);
  RoleThread<engine::DedupRole> dedup(options, storage_);
  AwaitMessages("merged", 19);
  b.BeGone(false);
  Await("the incident", [&] { return keeper_.facts().size() == 1; });
  EXPECT_EQ(keeper_.facts()[0].divergence.number, 8u);
  EXPECT_EQ(keeper_.facts()[0].published.number, 19u);
  EXPECT_TRUE(keeper_.facts()[0].engines[kA].is_published);
  const std::uint16_t port = log_.PortAfter("merged stream on ");
  RawPeer reader = RawPeer::Connect(port);
  reader.Login("R", 20);
  EXPECT_EQ(reader.Next().substr(0, 1), "A");

  keeper_.Keep(kB);
  Await("the decision", [&] { return keeper_.resolved_at().has_value(); });
  EXPECT_EQ(*keeper_.resolved_at(), 7u);
  EXPECT_EQ(reader.Next().substr(0, 28), "+messages after 7 were taken");
  AwaitMessages("merged", 19);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadBytes("merged"), honest_);
  EXPECT_EQ(ReadBytes("taken-back"), TellLie(Lie::kFieldFlipped, 8, honest_));
  ExpectVerifies("merged");
}

INSTANTIATE_TEST_SUITE_P(Dedup, LiveLies, testing::Values(DedupPolicy::kFirst, DedupPolicy::kAgree),
                         [](const auto& info) {
                           return info.param == DedupPolicy::kFirst ? "First" : "Agree";
                         });

}  // namespace
}  // namespace tandem::test
