// SPDX-License-Identifier: Apache-2.0
//
// A live pair under SIGKILL: engines, deduplicator and sequencer die at random moments and are
// restarted while a client submits. Afterwards a replay of the live input log is the oracle for
// every output log, byte for byte, and every acknowledged submission is in the input exactly once.
//
// TANDEM_SEED chooses the moments, TANDEM_KILLS how many (default 36), TANDEM_FOLDER where the logs
// go; they are kept if the test fails.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "tools/oracle.h"
#include "tools/pair.h"

namespace tandem::tools {
namespace {

using std::chrono::milliseconds;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Kills : public testing::Test {
 protected:
  void SetUp() override {
    seed_ = FromEnvironment("TANDEM_SEED", std::random_device()());
    kills_ = FromEnvironment("TANDEM_KILLS", 36);
    random_.seed(seed_);
    const char* const folder = std::getenv("TANDEM_FOLDER");
    folder_ = (folder != nullptr ? std::string(folder) : testing::TempDir()) + "/tandem-kills-" +
              std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    std::printf("seed %lu, %lu kills, logs in %s\n", static_cast<unsigned long>(seed_),
                static_cast<unsigned long>(kills_), folder_.c_str());
  }
  void TearDown() override {
    if (!HasFailure()) std::filesystem::remove_all(folder_);
  }

  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }

  Process Begin(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TANDEM_PROGRAM);
    auto process = Process::Start(arguments, folder_ + "/" + name + ".out");
    EXPECT_TRUE(process.ok());
    return std::move(*process);
  }
  void RunToEnd(const std::string& name, std::vector<std::string> arguments) {
    Process process = Begin(name, std::move(arguments));
    ASSERT_EQ(process.Wait(std::chrono::minutes(5)), 0)
        << "see " << folder_ << "/" << name << ".out";
  }

  void ExpectSameAsReplay(const std::string& folder) {
    const auto sameness = CompareLogs(folder_ + "/" + folder, folder_ + "/replayed");
    ASSERT_TRUE(sameness.ok()) << sameness.error().text;
    EXPECT_TRUE(sameness->same) << folder << " differs from the replay at message "
                                << sameness->difference;
    EXPECT_GT(sameness->messages, 0u);
  }

  std::uint64_t seed_ = 0;
  std::uint64_t kills_ = 0;
  std::mt19937_64 random_;
  std::string folder_;
};

TEST_F(Kills, LoseDoubleAndReorderNothing) {
  constexpr std::uint64_t kRate = 8'000;  // submissions a second
  constexpr std::uint64_t kMeanMs = 450;  // from one kill to the next
  const std::uint64_t orders = kills_ * kMeanMs * kRate / 1000;
  RunToEnd("generate", {"generate", "--orders", std::to_string(orders), "--symbols", "40", "--seed",
                        std::to_string(seed_ % 1'000'000), "-o", folder_ + "/flow"});
  auto made = Pair::Make(TANDEM_PROGRAM, folder_, "KILLS");
  ASSERT_TRUE(made.ok());
  Pair& pair = **made;
  ASSERT_TRUE(pair.StartAll().ok());
  Process reader =
      Begin("record", {"record", pair.stream(RoleId::kDedup), "-o", folder_ + "/received"});
  Process submitter =
      Begin("submit", {"submit", folder_ + "/flow", "--to", pair.submissions(), "--rate",
                       std::to_string(kRate), "--acks", folder_ + "/acknowledgements"});

  for (std::uint64_t kill = 0; kill < kills_; ++kill) {
    pair.RunFor(milliseconds(50 + Below(2 * (kMeanMs - 150))));
    const auto role = static_cast<RoleId>(Below(kRoles));
    ASSERT_TRUE(pair.running(role)) << NameOf(role) << " ended by itself before kill " << kill;
    pair.Kill(role);
    pair.RunFor(milliseconds(Below(200)));
    ASSERT_TRUE(pair.Start(role).ok());
  }

  ASSERT_EQ(submitter.Wait(std::chrono::minutes(3)), 0) << "see " << folder_ << "/submit.out";
  for (int settled = 0, waited = 0; settled < 10; ++waited) {
    ASSERT_LT(waited, 2'000) << "the pair does not settle";
    pair.RunFor(milliseconds(50));
    ASSERT_EQ(pair.status(RoleId::kDedup).divergence_number(), 0u)
        << pair.status(RoleId::kDedup).divergence();
    settled = pair.Settled() ? settled + 1 : 0;
  }
  reader.Signal(SIGTERM);
  EXPECT_EQ(reader.Wait(std::chrono::seconds(20)), 0);
  for (const auto exit_code : pair.StopAll()) EXPECT_EQ(exit_code, 0);

  RunToEnd("replay", {"replay", folder_ + "/input", "-o", folder_ + "/replayed"});
  for (const char* const folder : {"a", "b", "merged", "received"}) ExpectSameAsReplay(folder);
  const auto acknowledged =
      CheckAcknowledgements(folder_ + "/acknowledgements", folder_ + "/input");
  ASSERT_TRUE(acknowledged.ok()) << acknowledged.error().text;
  EXPECT_EQ(*acknowledged, orders);
}

}  // namespace
}  // namespace tandem::tools
