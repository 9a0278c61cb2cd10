// SPDX-License-Identifier: Apache-2.0
//
// A live deduplicator between engines that come, go, stand still, and talk nonsense.
#include <filesystem>

#include "tests/live/dedup_fixture.h"

namespace tandem::test {
namespace {

using engine::DedupPolicy;

class Dedup : public DedupTest {
 protected:
  const std::vector<Bytes> outputs_ = Outputs(20);  // 39 outputs
};

TEST_F(Dedup, WithPolicyAgreeWaitsForTheSecondCopy) {
  LyingEngine a("a", outputs_);
  LyingEngine b("b", First(outputs_, 5));
  b.StandAfter(2);
  engine::DedupRoleOptions options = Options(a, b);
  options.policy = DedupPolicy::kAgree;
  RoleThread<engine::DedupRole> dedup(options, storage_);
  AwaitMessages("merged", 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(ReadBytes("merged"), First(outputs_, 5));
  const pb::Status status = StatusOf(log_.PortAfter("merged stream on "));
  EXPECT_EQ(status.number(), 5u);
  EXPECT_EQ(status.agreed(), 5u);
  EXPECT_EQ(status.held(), outputs_.size() - 5);
  EXPECT_EQ(status.alone(), "");
  b.Say({outputs_.begin() + 5, outputs_.end()});
  AwaitMessages("merged", outputs_.size());
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadBytes("merged"), outputs_);
}

TEST_F(Dedup, GoesOnAloneAfterTheTimeSetAndSaysSo) {
  LyingEngine a("a", First(outputs_, 9));
  LyingEngine b("b", outputs_);
  b.BeGone(true);
  engine::DedupRoleOptions options = Options(a, b);
  options.policy = DedupPolicy::kAgree;
  options.alone_after = std::chrono::milliseconds(300);
  RoleThread<engine::DedupRole> dedup(options, storage_);
  log_.Await("publishing what engine A alone says, from output 1 on");
  AwaitMessages("merged", 9);
  const pb::Status alone = StatusOf(log_.PortAfter("merged stream on "));
  EXPECT_EQ(alone.policy(), "agree");
  EXPECT_EQ(alone.alone(), "A");
  EXPECT_EQ(alone.number(), 9u);
  EXPECT_EQ(alone.agreed(), 0u);
  b.BeGone(false);
  log_.Await("both engines are here again");
  a.Say({outputs_.begin() + 9, outputs_.end()});
  AwaitMessages("merged", outputs_.size());
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadBytes("merged"), outputs_);
  EXPECT_NE(log_.text().find("published 39, agreed 39"), std::string::npos) << log_.text();
}

TEST_F(Dedup, ReportsAnEngineThatStandsStillAndGoesOn) {
  LyingEngine a("a", outputs_);
  LyingEngine b("b", First(outputs_, 3));
  b.StandAfter(2);
  engine::DedupRoleOptions options = Options(a, b);
  options.silence_limit = std::chrono::milliseconds(300);
  RoleThread<engine::DedupRole> dedup(options, storage_);
  log_.Await(
      "is connected but has stood still for 300 ms: it stands after input 2, engine A after "
      "input 20");
  EXPECT_TRUE(keeper_.facts().empty());
  b.Say({outputs_.begin() + 3, outputs_.end()});
  log_.Await("does not stand still any more");
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadBytes("merged"), outputs_);
}

TEST_F(Dedup, FindsAnEngineThatSaysNothingWhenAllIsIdle) {
  LyingEngine a("a", outputs_);
  LyingEngine b("b", First(outputs_, 37));
  RoleThread<engine::DedupRole> dedup(Options(a, b), storage_);
  b.StandAfter(19);
  AwaitMessages("merged", outputs_.size());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(keeper_.facts().empty()) << "it has not stepped input 20 yet";
  b.StandAfter(20);
  Await("the incident", [&] { return keeper_.facts().size() == 1; });
  EXPECT_EQ(keeper_.facts()[0].divergence.number, 38u);
  EXPECT_NE(
      keeper_.facts()[0].report.find("  engine B stands after input 20 with 37 outputs, where "
                                     "engine A gave 39\n"),
      std::string::npos)
      << keeper_.facts()[0].report;
  EXPECT_EQ(dedup.Stop(), ExitCode::kDivergence);
}

TEST_F(Dedup, TakesNothingFromGarbageAndGoesOn) {
  LyingEngine a("a", First(outputs_, 9));
  LyingEngine b("b", outputs_);
  RoleThread<engine::DedupRole> dedup(Options(a, b), storage_);
  AwaitMessages("merged", outputs_.size());
  const std::string text(TextOf(outputs_[0]));
  const std::string cut = text.substr(0, 50);
  for (const std::string& bytes :
       {std::string("\0\0", 2), Packet('S', "no message"), Packet('Q', "what is this"),
        Packet('S', cut), Packet('A', "again"), Packet('S', std::string(text).append("longer"))}) {
    b.SendBytes(bytes);
    Await("the next connection", [&, before = Count(log_.text(), "reading engine B")] {
      return Count(log_.text(), "reading engine B") > before;
    });
  }
  a.Say({outputs_.begin() + 9, outputs_.end()});
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_TRUE(keeper_.facts().empty());
  EXPECT_EQ(ReadBytes("merged"), outputs_);
}

TEST_F(Dedup, TakesNothingOfAnotherSession) {
  TestStream other("OTHER");
  const std::vector<Bytes> others = {other.Add(200, "x"), other.Add(200, "y")};
  LyingEngine a("a", outputs_);
  LyingEngine b("b", First(outputs_, 3));
  b.StandAfter(2);
  RoleThread<engine::DedupRole> dedup(Options(a, b), storage_);
  AwaitMessages("merged", outputs_.size());
  b.Say(others);
  log_.Await("it sent a message of another session than it named");
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  LyingEngine c("c", others);
  log_.Clear();
  RoleThread<engine::DedupRole> again(Options(a, c), storage_);
  log_.Await("it does not have session \"TEST\"");
  EXPECT_EQ(again.Stop(), ExitCode::kYes);
  EXPECT_TRUE(keeper_.facts().empty());
  EXPECT_EQ(ReadBytes("merged"), outputs_);
}

TEST_F(Dedup, PassesOverAnEngineThatBeginsAgainAtOne) {
  for (const DedupPolicy policy : {DedupPolicy::kFirst, DedupPolicy::kAgree}) {
    LyingEngine a("a", outputs_);
    LyingEngine b("b", First(outputs_, 20));
    b.StandAfter(10);
    b.BeginAlwaysAtOne();
    engine::DedupRoleOptions options = Options(a, b);
    options.policy = policy;
    options.folder = Path(policy == DedupPolicy::kFirst ? "first" : "agree");
    RoleThread<engine::DedupRole> dedup(options, storage_);
    for (int again = 1; again <= 3; ++again) {
      log_.Await("reading engine B", static_cast<std::size_t>(again));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // for what it says again
      b.BeGone(true);
      log_.Await("nothing from engine B", static_cast<std::size_t>(again));
      b.BeGone(false);
    }
    b.Say({outputs_.begin() + 20, outputs_.end()});
    AwaitMessages(policy == DedupPolicy::kFirst ? "first" : "agree", outputs_.size());
    EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
    EXPECT_TRUE(keeper_.facts().empty());
    EXPECT_EQ(ReadBytes(policy == DedupPolicy::kFirst ? "first" : "agree"), outputs_);
    log_.Clear();
  }
}

TEST_F(Dedup, GoesOnAfterItsOwnRestartAlsoWithAnEmptyLog) {
  for (const DedupPolicy policy : {DedupPolicy::kFirst, DedupPolicy::kAgree}) {
    LyingEngine a("a", First(outputs_, 9));
    LyingEngine b("b", First(outputs_, 9));
    engine::DedupRoleOptions options = Options(a, b);
    options.policy = policy;
    options.folder = Path(policy == DedupPolicy::kFirst ? "first" : "agree");
    const auto stop = [&](RoleThread<engine::DedupRole>& dedup) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // for both to be taken
      EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
    };
    const std::string name = policy == DedupPolicy::kFirst ? "first" : "agree";
    {
      RoleThread<engine::DedupRole> dedup(options, storage_);
      AwaitMessages(name, 9);
      stop(dedup);
    }
    a.Say({outputs_.begin() + 9, outputs_.end()});
    b.Say({outputs_.begin() + 9, outputs_.end()});
    {
      RoleThread<engine::DedupRole> dedup(options, storage_);
      AwaitMessages(name, outputs_.size());
      stop(dedup);
    }
    EXPECT_EQ(ReadBytes(name), outputs_);
    std::filesystem::remove_all(options.folder);
    {
      RoleThread<engine::DedupRole> dedup(options, storage_);
      AwaitMessages(name, outputs_.size());
      stop(dedup);
    }
    EXPECT_EQ(ReadBytes(name), outputs_);
    log_.Await("published 39, agreed 39", 2);
    EXPECT_TRUE(keeper_.facts().empty());
    log_.Clear();
  }
}

}  // namespace
}  // namespace tandem::test
