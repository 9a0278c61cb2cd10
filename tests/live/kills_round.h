// SPDX-License-Identifier: Apache-2.0
//
// KillsRound: a live pair on this machine whose processes are killed and stopped at random moments,
// and whose hosts lose power, while clients submit and read. Then the oracle: what must be true of
// every log. One round is one folder, which is kept if the oracle says no.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tools/roles.h"

namespace tandem::test {

struct KillsPlan {
  std::uint64_t seed = 0;
  std::uint64_t kills = 36;             ///< processes killed, by a signal or with their host
  std::string durability = "none";      ///< of the input log
  std::size_t deduplicators = 2;        ///< one or two
  std::uint64_t power_loss_one_in = 0;  ///< of the kills, about; 0: never
  bool lose_input = true;               ///< the sequencer's host loses power too
  bool replicas = false;       ///< engines keep copies of the input; only others' hosts lose power
  bool long_stops = false;     ///< some longer than peers wait
  std::uint64_t rate = 5'000;  ///< submissions a second, all clients together

  /// Nothing may be lost: power does not fail where it could lose what was acknowledged. With
  /// replicas nothing is lost that an engine has read; what was acknowledged a moment before may
  /// be.
  [[nodiscard]] bool LosesNothing() const {
    return power_loss_one_in == 0 || durability == "always" || !lose_input;
  }
  [[nodiscard]] std::string text() const;
};

struct KillsCount {
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  std::uint64_t long_stops = 0;
  std::uint64_t power_losses = 0;
  std::uint64_t moves = 0;  ///< of the client from one deduplicator to the other
  std::uint64_t forks = 0;  ///< the round ended with "input forked at"
  std::uint64_t submissions = 0;
};

class KillsRound {
 public:
  /// `folder` is made. `program`: path of `tandem`.
  KillsRound(std::string program, std::string folder, KillsPlan plan);
  ~KillsRound();

  /// What is wrong, as sentences; none: everything is as it must be. Adds to `count`.
  std::vector<std::string> Run(KillsCount& count);

 private:
  struct Victim;

  bool SetUp();
  void Disturb();
  void Strike();
  void CutPower();
  void KillOne(std::size_t victim, std::uint64_t down_ms);
  void Revive(bool all);
  void LookForEnds();
  bool Settle();
  [[nodiscard]] bool Settled();
  void AwaitVerdicts();
  void StopAll();
  void CheckStrictly();
  void CheckAfterLoss();
  void CheckSubmissions();

  bool RunToEnd(const std::string& name, const std::vector<std::string>& arguments);
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] std::string Said(std::size_t role) const;
  void Wrong(std::string what) { wrong_.push_back(std::move(what)); }
  void Tell(const std::string& what);

  std::string program_;
  std::string folder_;
  KillsPlan plan_;
  std::mt19937_64 random_;
  std::unique_ptr<tools::Roles> roles_;
  std::vector<Victim> victims_;
  std::vector<std::string> merged_streams_;  ///< HOST:PORT of the deduplicators
  std::size_t moving_reads_ = 0;             ///< which of them the moving client reads
  bool stopped_for_good_ = false;            ///< a role ended with "forked" or the like
  std::uint64_t input_losses_ = 0;           ///< power losses of the sequencer's host
  KillsCount count_;
  std::vector<std::string> wrong_;
};

}  // namespace tandem::test
