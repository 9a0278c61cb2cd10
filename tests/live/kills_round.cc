// SPDX-License-Identifier: Apache-2.0
#include "tests/live/kills_round.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "replay/log_reader.h"
#include "tests/live/power_loss.h"
#include "tests/live/submissions_oracle.h"
#include "tools/oracle.h"

namespace tandem::test {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMeanMs = 280;  // from one strike to the next
constexpr auto kStop = milliseconds(400);

std::string Address(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

struct KillsRound::Victim {
  std::size_t role = 0;
  bool may_be_killed = true;
  Clock::time_point down_until{};     ///< zero: it runs
  Clock::time_point stopped_until{};  ///< zero: it is not stopped
  bool done = false;                  ///< it ended as it should
};

std::string KillsPlan::text() const {
  std::string text = "seed " + std::to_string(seed) + ": " + std::to_string(kills) +
                     " kills, durability " + durability + ", " + std::to_string(deduplicators) +
                     (deduplicators == 1 ? " deduplicator" : " deduplicators");
  if (power_loss_one_in > 0) {
    text += std::string(", power fails ") + (lose_input ? "anywhere" : "but for the input");
  }
  return text + (replicas ? ", replicas" : "") + (long_stops ? ", long stops" : "");
}

KillsRound::KillsRound(std::string program, std::string folder, KillsPlan plan)
    : program_(std::move(program)),
      folder_(std::move(folder)),
      plan_(std::move(plan)),
      random_(plan_.seed) {
  std::filesystem::create_directories(folder_);
}

KillsRound::~KillsRound() = default;

void KillsRound::Tell(const std::string& what) {
  std::ofstream(Path("story.txt"), std::ios::app)
      << std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count() << " "
      << what << "\n";
}

std::string KillsRound::Said(std::size_t role) const {
  std::ostringstream text;
  text << std::ifstream(roles_->spec(role).output_file).rdbuf();
  return text.str();
}

bool KillsRound::RunToEnd(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {program_};
  all.insert(all.end(), arguments.begin(), arguments.end());
  auto process = tools::Process::Start(all, Path(name + ".out"));
  if (process && process->Wait(std::chrono::minutes(5)) == 0) return true;
  Wrong("`tandem " + arguments[0] + "` failed; see " + Path(name + ".out"));
  return false;
}

bool KillsRound::SetUp() {
  const std::uint64_t orders =
      std::max<std::uint64_t>(2'000, plan_.kills * kMeanMs * plan_.rate / 1000);
  for (const std::string user : {"ALICE", "BOB"}) {
    if (!RunToEnd("generate",
                  {"generate", "--orders", std::to_string(orders / 2), "--symbols", "20", "--seed",
                   std::to_string(Below(1'000'000)), "-o", Path("flow." + user)})) {
      return false;
    }
  }
  const auto ports = tools::FreePorts(6 + plan_.deduplicators);
  if (!ports) {
    Wrong(ports.error().text);
    return false;
  }
  const std::string submissions = Address((*ports)[0]);
  const std::string input = Address((*ports)[1]);
  std::vector<tools::RoleSpec> specs;
  const auto add = [&](const std::string& kind, const std::string& name, const std::string& stream,
                       const std::string& log, std::vector<std::string> arguments) {
    tools::RoleSpec spec;
    spec.kind = kind;
    spec.name = name;
    spec.stream = stream;
    spec.log = log;
    spec.output_file = Path(name + ".out");
    spec.arguments = std::move(arguments);
    if (!stream.empty()) {
      spec.arguments.insert(spec.arguments.end(), {"--log", log, "--stream", stream});
    }
    specs.push_back(std::move(spec));
  };
  std::vector<std::string> sequencer = {"--session", "KILLS",        "--submissions",
                                        submissions, "--durability", plan_.durability};
  const auto replica = [&](const std::string& engine) {
    return Address((*ports)[engine == "A" ? 4 : 5]);
  };
  if (plan_.replicas) {
    sequencer.insert(sequencer.end(), {"--replica", replica("A"), "--replica", replica("B")});
  }
  add("sequencer", "sequencer", input, Path("input"), sequencer);
  for (const std::string name : {"A", "B"}) {
    std::vector<std::string> engine = {"--name", name, "--input", input};
    if (plan_.replicas) {
      engine.insert(engine.end(),
                    {"--input-log", Path("input-of-" + name), "--input-stream", replica(name)});
    }
    add("engine", name, Address((*ports)[name == "A" ? 2 : 3]), Path(name), engine);
  }
  for (std::size_t i = 0; i < plan_.deduplicators; ++i) {
    merged_streams_.push_back(Address((*ports)[6 + i]));
    const std::string name = "merged" + std::to_string(i + 1);
    add("dedup", name, merged_streams_.back(), Path(name),
        {"--a", Address((*ports)[2]), "--b", Address((*ports)[3])});
  }
  add("record", "received", "", Path("received"), {merged_streams_[0], "-o", Path("received")});
  // The client that moves: where it reads is said at each start.
  add("record", "moving", "", Path("moving"), {"-o", Path("moving")});
  const std::string rate = std::to_string(plan_.rate / 2);
  add("submit", "ALICE", "", "",
      {Path("flow.ALICE"), "--user", "ALICE", "--to", submissions, "--rate", rate, "--acks",
       Path("acknowledgements")});
  add("submit", "BOB", "", "",
      {Path("flow.BOB"), "--user", "BOB", "--to", submissions, "--rate", rate});
  roles_ = std::make_unique<tools::Roles>(program_, std::move(specs));
  for (std::size_t role = 0; role < roles_->size(); ++role) {
    Victim victim;
    victim.role = role;
    // What ALICE was acknowledged is evidence, which a kill would leave in a buffer.
    victim.may_be_killed = roles_->spec(role).name != "ALICE";
    victims_.push_back(victim);
    const bool moving = roles_->spec(role).name == "moving";
    if (!roles_->Start(role,
                       moving ? std::vector{merged_streams_[0]} : std::vector<std::string>{})) {
      Wrong("cannot start " + roles_->spec(role).name);
      return false;
    }
  }
  return true;
}

void KillsRound::KillOne(std::size_t index, std::uint64_t down_ms) {
  Victim& victim = victims_[index];
  roles_->Kill(victim.role);
  victim.stopped_until = {};
  victim.down_until = Clock::now() + milliseconds(down_ms);
  ++count_.kills;
  Tell("kill " + roles_->spec(victim.role).name + " for " + std::to_string(down_ms) + " ms");
}

/// A host, or all of them, stops at one moment and starts again.
void KillsRound::CutPower() {
  // Hosts by role: the sequencer's, each engine's, each deduplicator's; or the whole site. Clients
  // are elsewhere.
  const std::size_t hosts = 3 + plan_.deduplicators;
  const std::size_t host = Below(hosts + 2);
  const bool whole_site = host >= hosts && !plan_.replicas;
  const auto keeps_replica = [&](std::size_t i) {
    return plan_.replicas && roles_->spec(victims_[i].role).kind == "engine";
  };
  std::vector<std::size_t> hit;
  for (std::size_t i = 0; i < hosts; ++i) {
    if ((i == 0 && !plan_.lose_input) || keeps_replica(i)) continue;
    if ((whole_site || i == host) && victims_[i].down_until == Clock::time_point{}) {
      hit.push_back(i);
    }
  }
  if (hit.empty()) return;
  ++count_.power_losses;
  for (const std::size_t i : hit) roles_->Signal(victims_[i].role, SIGKILL);
  const std::uint64_t down_ms = 50 + Below(300);
  for (const std::size_t i : hit) {
    KillOne(i, down_ms);
    Tell("power: " + LosePower(roles_->spec(victims_[i].role).log, random_));
    if (i == 0) ++input_losses_;
  }
}

void KillsRound::Strike() {
  if (plan_.power_loss_one_in > 0 && Below(plan_.power_loss_one_in) == 0) return CutPower();
  const std::size_t index = Below(victims_.size());
  Victim& victim = victims_[index];
  if (victim.done || victim.down_until != Clock::time_point{}) return;
  const std::uint64_t kind = Below(100);
  if (victim.may_be_killed && kind < 70) {
    return KillOne(index, kind < 7 ? 800 + Below(800) : Below(200));
  }
  if (victim.stopped_until != Clock::time_point{}) return;
  const bool is_long = plan_.long_stops && kind >= 97;
  const auto pause = is_long ? milliseconds(15'500 + Below(2'000)) : milliseconds(Below(400) + 1);
  Tell("stop " + roles_->spec(victim.role).name + " for " + std::to_string(pause.count()) + " ms");
  roles_->Signal(victim.role, SIGSTOP);
  victim.stopped_until = Clock::now() + pause;
  ++(is_long ? count_.long_stops : count_.stops);
}

void KillsRound::Revive(bool all) {
  const auto now = Clock::now();
  for (Victim& victim : victims_) {
    const std::string& name = roles_->spec(victim.role).name;
    if (victim.stopped_until != Clock::time_point{} && (all || now >= victim.stopped_until)) {
      roles_->Signal(victim.role, SIGCONT);
      victim.stopped_until = {};
    }
    if (victim.down_until == Clock::time_point{} || (!all && now < victim.down_until)) continue;
    victim.down_until = {};
    std::vector<std::string> extra;
    if (name == "moving") {
      const std::size_t reads = Below(merged_streams_.size());
      if (reads != moving_reads_) ++count_.moves;
      moving_reads_ = reads;
      extra = {merged_streams_[reads]};
      Tell("moving reads merged" + std::to_string(reads + 1));
    }
    if (!roles_->Start(victim.role, extra)) Wrong("cannot start " + name);
  }
}

/// Nobody may end by himself but a client that is done; and, once the input has lost something,
/// whoever has acted on it.
void KillsRound::LookForEnds() {
  for (const std::size_t dedup : roles_->OfKind("dedup")) {
    const std::uint64_t at = roles_->status(dedup).divergence_number();
    if (at == 0 || !plan_.LosesNothing()) continue;
    Wrong("the copies differ at output " + std::to_string(at) + "; see " +
          roles_->spec(dedup).output_file);
  }
  for (Victim& victim : victims_) {
    if (victim.done || victim.down_until != Clock::time_point{}) continue;
    const auto code = roles_->ended(victim.role);
    if (!code) continue;
    const tools::RoleSpec& spec = roles_->spec(victim.role);
    Tell(spec.name + " ended with code " + std::to_string(*code));
    if (spec.kind == "submit" && *code == 0) {
      victim.done = true;
      continue;
    }
    if (!plan_.LosesNothing() && input_losses_ > 0 && (*code == 4 || spec.kind == "submit")) {
      victim.done = true;
      stopped_for_good_ = true;
      continue;
    }
    victim.done = true;
    Wrong(spec.name + " ended by itself with code " + std::to_string(*code) + "; see " +
          spec.output_file);
  }
}

void KillsRound::Disturb() {
  auto strike_at = Clock::now() + milliseconds(300);
  while (count_.kills < plan_.kills && wrong_.empty() && !stopped_for_good_) {
    roles_->RunFor(milliseconds(5));
    LookForEnds();
    Revive(false);
    if (Clock::now() < strike_at) continue;
    Strike();
    strike_at = Clock::now() + milliseconds(Below(2 * kMeanMs));
  }
}

bool KillsRound::Settled() {
  const std::uint64_t inputs = roles_->status(0).number();
  for (const std::size_t engine : {1, 2}) {
    if (!roles_->IsCurrent(engine)) return false;
    // Ticks go on; one on its way makes no output.
    if (roles_->status(engine).input_number() + 3 < inputs) return false;
    if (roles_->status(engine).number() != roles_->status(1).number()) return false;
  }
  for (const std::size_t dedup : roles_->OfKind("dedup")) {
    if (!roles_->IsCurrent(dedup)) return false;
    if (roles_->status(dedup).number() != roles_->status(1).number()) return false;
    if (roles_->status(dedup).agreed() != roles_->status(1).number()) return false;
  }
  for (const char* const client : {"received", "moving"}) {
    replay::PosixStorage storage;
    const auto last = replay::LogReader::LastPosition(storage, Path(client));
    if (!last || last->number != roles_->status(1).number()) return false;
  }
  return inputs > 0;
}

/// Everything runs again, undisturbed, until all is answered and agreed.
bool KillsRound::Settle() {
  Tell("settling");
  Revive(true);
  const bool may_wait_for_ever = !plan_.LosesNothing() && input_losses_ > 0;
  const auto limit = std::chrono::seconds(may_wait_for_ever ? 8 : 180);
  const auto begin = Clock::now();
  for (int settled = 0; settled < 5;) {
    roles_->RunFor(milliseconds(50));
    LookForEnds();
    if (!wrong_.empty() || stopped_for_good_) return false;
    if (Clock::now() - begin > limit) {
      if (!may_wait_for_ever) Wrong("the pair does not settle");
      return false;
    }
    const bool submitted = std::ranges::all_of(victims_, [&](const Victim& victim) {
      return roles_->spec(victim.role).kind != "submit" || victim.done;
    });
    settled = submitted && Settled() ? settled + 1 : 0;
  }
  return true;
}

/// The input lost something: each engine has stopped, or has all of what there is now.
void KillsRound::AwaitVerdicts() {
  Tell("awaiting verdicts");
  Revive(true);
  const auto has_verdict = [&](std::size_t engine) {
    if (roles_->ended(engine)) return true;
    const pb::Status& status = roles_->status(engine);
    return roles_->IsCurrent(0) && roles_->IsCurrent(engine) && !status.catching_up() &&
           status.input_number() + 3 >= roles_->status(0).number();
  };
  const auto begin = Clock::now();
  while (Clock::now() - begin < std::chrono::seconds(15)) {
    roles_->RunFor(milliseconds(100));
    if (has_verdict(1) && has_verdict(2) && Clock::now() - begin > milliseconds(500)) return;
  }
}

void KillsRound::StopAll() {
  for (std::size_t role = roles_->size(); role-- > 0;) {
    if (!roles_->running(role)) continue;
    const auto code = roles_->Stop(role);
    const tools::RoleSpec& spec = roles_->spec(role);
    const bool may = code == 0 || (!plan_.LosesNothing() && input_losses_ > 0 &&
                                   (code == 4 || spec.kind == "submit"));
    if (may) continue;
    Wrong(spec.name + " did not stop cleanly, " +
          (code ? "with code " + std::to_string(*code) : "but was killed") + "; see " +
          spec.output_file);
  }
}

void KillsRound::CheckSubmissions() {
  const auto flows =
      CheckFlows(Path("input"), {{"ALICE", Path("flow.ALICE")}, {"BOB", Path("flow.BOB")}});
  if (!flows) return Wrong(flows.error().text);
  count_.submissions += *flows;
  const auto acknowledged = CheckAcknowledged(Path("acknowledgements"), Path("input"));
  if (!acknowledged) return Wrong(acknowledged.error().text);
}

/// Nothing is lost, doubled or reordered: a replay of the final input says all that anybody has.
void KillsRound::CheckStrictly() {
  if (!RunToEnd("replay", {"replay", Path("input"), "-o", Path("replayed")})) return;
  std::vector<std::string> logs = {"A", "B", "received", "moving"};
  for (const std::size_t dedup : roles_->OfKind("dedup")) logs.push_back(roles_->spec(dedup).name);
  for (const std::string& log : logs) {
    const auto same = tools::CompareLogs(Path(log), Path("replayed"));
    if (!same) {
      Wrong(same.error().text);
    } else if (!same->same) {
      Wrong(log + " differs from the replay at message " + std::to_string(same->difference));
    } else if (same->messages == 0) {
      Wrong(log + " is empty");
    }
  }
  CheckSubmissions();
}

/// The input lost what was acknowledged. Whoever acted on it has said so and stopped, and what
/// anybody holds is one stream: each number once, each message proven by the one before.
void KillsRound::CheckAfterLoss() {
  bool said = false;
  for (std::size_t role = 0; role < roles_->size(); ++role) {
    const std::string text = Said(role);
    const std::string& name = roles_->spec(role).name;
    const bool is_engine = roles_->spec(role).kind == "engine";
    const bool forked = Contains(text, "input forked at");
    const auto code = roles_->ended(role);
    if (is_engine && code == 4 && !forked) {
      Wrong(name + " ended with code 4 and does not say that the input forked; see " +
            roles_->spec(role).output_file);
    }
    if (is_engine && forked && plan_.replicas) {
      Wrong(name + " says that the input forked, though its copy had what was lost; see " +
            roles_->spec(role).output_file);
    }
    said = said || forked || Contains(text, "has lost messages") || Contains(text, "DIVERGENCE") ||
           Contains(text, "the copies differ") || Contains(text, "does not follow") ||
           Contains(text, "but messages up to") || Contains(text, "that it must give again");
  }
  if (said) ++count_.forks;
  if (!RunToEnd("replay", {"replay", Path("input"), "-o", Path("replayed")})) return;
  for (const std::string log : {"A", "B", "merged1", "merged2", "received", "moving"}) {
    if (!std::filesystem::exists(Path(log) + "/mark")) continue;
    if (!RunToEnd("verify", {"verify", Path(log)})) continue;
    const auto same = tools::CompareLogs(Path(log), Path("replayed"));
    if (!same) {
      Wrong(same.error().text);
    } else if (!same->same && !same->is_prefix) {
      // An engine knows by itself; whoever only reads is told by somebody.
      const bool is_engine = log == "A" || log == "B";
      const bool told = is_engine ? Contains(Said(log == "A" ? 1 : 2), "input forked at") : said;
      if (!told) {
        Wrong(log + " differs from the replay at message " + std::to_string(same->difference) +
              ", and " + (is_engine ? "it has not" : "nobody has") + " said a word");
      }
    }
  }
  const auto once = CheckEachOnce(Path("input"));
  if (!once) return Wrong(once.error().text);
  count_.submissions += *once;
  const auto acknowledged = CheckAcknowledged(Path("acknowledgements"), Path("input"));
  if (!acknowledged && !said) Wrong(acknowledged.error().text + ", and nobody has said a word");
}

std::vector<std::string> KillsRound::Run(KillsCount& count) {
  Tell(plan_.text());
  if (SetUp()) {
    Disturb();
    const bool settled = wrong_.empty() && !stopped_for_good_ && Settle();
    if (!settled) AwaitVerdicts();
    StopAll();
    if (wrong_.empty()) settled ? CheckStrictly() : CheckAfterLoss();
  }
  for (const std::string& what : wrong_) Tell("WRONG: " + what);
  count.kills += count_.kills;
  count.stops += count_.stops;
  count.long_stops += count_.long_stops;
  count.power_losses += count_.power_losses;
  count.moves += count_.moves;
  count.forks += count_.forks;
  count.submissions += count_.submissions;
  return wrong_;
}

}  // namespace tandem::test
