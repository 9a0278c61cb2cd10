// SPDX-License-Identifier: Apache-2.0
//
// A live pair under SIGKILL, SIGSTOP and power loss, one or two deduplicators, clients that die and
// move. A replay of the live input log is the oracle for every log, byte for byte, and each
// client's submissions are in the input exactly once.
//
// TANDEM_SEED chooses the moments, TANDEM_KILLS how many kills the soak has (0: it is skipped),
// TANDEM_FOLDER where the logs go, TANDEM_BINARY another `tandem` than the one built here. The
// folder of a round that failed is kept and named.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/live/kills_round.h"

namespace tandem::test {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Kills : public testing::Test {
 protected:
  void SetUp() override {
    seed_ = FromEnvironment("TANDEM_SEED", std::random_device()());
    const char* const folder = std::getenv("TANDEM_FOLDER");
    folder_ = (folder != nullptr ? std::string(folder) : testing::TempDir()) + "/tandem-kills-" +
              std::to_string(getpid());
    std::printf("TANDEM_SEED=%lu\n", static_cast<unsigned long>(seed_));
  }
  void TearDown() override {
    std::error_code error;
    std::filesystem::remove(folder_, error);  // if it is empty
  }

  /// False: something is wrong.
  bool Round(KillsPlan plan) {
    const std::string folder = folder_ + "/" + std::to_string(plan.seed);
    const char* const binary = std::getenv("TANDEM_BINARY");
    KillsRound round(binary != nullptr ? binary : TANDEM_PROGRAM, folder, plan);
    const std::vector<std::string> wrong = round.Run(count_);
    if (wrong.empty()) {
      std::filesystem::remove_all(folder);
      return true;
    }
    std::string all;
    for (const std::string& what : wrong) all += "\n  " + what;
    ADD_FAILURE() << plan.text() << all << "\nthe evidence is in " << folder;
    return false;
  }
  void PrintCount() const {
    std::printf(
        "%lu kills, %lu stops, %lu long stops, %lu power losses, %lu moves, %lu forks said, %lu "
        "submissions checked\n",
        static_cast<unsigned long>(count_.kills), static_cast<unsigned long>(count_.stops),
        static_cast<unsigned long>(count_.long_stops),
        static_cast<unsigned long>(count_.power_losses), static_cast<unsigned long>(count_.moves),
        static_cast<unsigned long>(count_.forks), static_cast<unsigned long>(count_.submissions));
    std::fflush(stdout);
  }

  std::uint64_t seed_ = 0;
  std::string folder_;
  KillsCount count_;
};

TEST_F(Kills, LoseDoubleAndReorderNothing) {
  Round({.seed = seed_, .kills = 18});
  PrintCount();
}

TEST_F(Kills, OfHostsLoseNothingThatAnAlwaysSyncedInputHas) {
  Round({.seed = seed_, .kills = 12, .durability = "always", .power_loss_one_in = 3});
  PrintCount();
}

TEST_F(Kills, OfHostsThatLoseInputAreSaidAndDoubleNothing) {
  for (const char* const durability : {"none", "interval"}) {
    Round({.seed = seed_, .kills = 6, .durability = durability, .power_loss_one_in = 2});
  }
  PrintCount();
}

TEST_F(Kills, OfTheSequencersHostLoseNothingThatAnEngineHasACopyOf) {
  Round({.seed = seed_, .kills = 8, .power_loss_one_in = 2, .replicas = true});
  PrintCount();
}

/// Rounds of every kind until there were TANDEM_KILLS kills.
TEST_F(Kills, Soak) {
  const std::uint64_t kills = FromEnvironment("TANDEM_KILLS", 0);
  if (kills == 0) GTEST_SKIP() << "set TANDEM_KILLS, or run tools/soak kills";
  std::uint64_t failures = 0;
  for (std::uint64_t round = 0; count_.kills < kills && failures < 5; ++round) {
    const std::uint64_t before = count_.kills;
    constexpr const char* kDurabilities[] = {"none", "always", "interval"};
    KillsPlan plan;
    plan.seed = seed_ + round;
    plan.kills = std::min<std::uint64_t>(40, kills - count_.kills);
    plan.durability = kDurabilities[round % 3];
    plan.deduplicators = 1 + (round / 2) % 2;
    plan.power_loss_one_in = round % 2 == 0 ? 0 : 3;
    plan.lose_input = (round / 3) % 4 != 0;
    plan.long_stops = round % 4 == 2;
    plan.replicas = round % 4 == 3 && plan.lose_input;
    if (!Round(plan)) ++failures;
    std::printf("round %lu (%s): %lu kills; so far ", static_cast<unsigned long>(round),
                plan.text().c_str(), static_cast<unsigned long>(count_.kills - before));
    PrintCount();
  }
}

}  // namespace
}  // namespace tandem::test
