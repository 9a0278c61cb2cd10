// SPDX-License-Identifier: Apache-2.0
#include "tools/judgement.h"

#include <algorithm>

namespace tandem::tools {
namespace {

using engine::NameOfSide;

std::string Plain(std::uint64_t number) { return std::to_string(number); }

class Judging {
 public:
  Judging(const engine::Incident& incident,
          const std::array<Replayed, engine::Deduplicator::kEngines>& replayed)
      : incident_(incident), replayed_(replayed) {}

  Judgement OfOneProgram() {
    const Replayed& replayed = replayed_[0];
    if (replayed.differ) return Nondeterminism(replayed);
    const bool confirms[] = {Confirms(replayed, 0), Confirms(replayed, 1)};
    if (BuildsDiffer()) return NeedsPrograms(replayed, confirms);
    if (confirms[0] != confirms[1]) return Damage(confirms[0] ? 0 : 1, replayed.runs);
    if (IsForeign(replayed.build)) {
      return Undecided("the replays give neither copy, but they are by build " + replayed.build +
                       " and the engines ran " + incident_.engines[0].build +
                       ": judge with the program that the engines ran" + Departs(replayed));
    }
    return Defect(replayed);
  }

  Judgement OfTwoPrograms() {
    for (const Replayed& replayed : replayed_) {
      if (replayed.differ) return Nondeterminism(replayed);
    }
    const bool own[] = {Confirms(replayed_[0], 0), Confirms(replayed_[1], 1)};
    if (own[0] && own[1]) {
      return {.verdict = Verdict::kBuilds,
              .keep = {},
              .text = "the software: the two builds answer this input differently",
              .why =
                  "replays by the program of each engine give that engine's own answer; run one "
                  "build on both, or raise the behaviour version of the newer one"};
    }
    for (const std::size_t side : {0, 1}) {
      const bool others = Confirms(replayed_[1 - side], side);
      if (own[side] && others) return Damage(side, replayed_[0].runs + replayed_[1].runs);
    }
    return Undecided("engine A's program gives " + WhoseAnswer(replayed_[0]) +
                     ", and engine B's program gives " + WhoseAnswer(replayed_[1]));
  }

 private:
  [[nodiscard]] bool Confirms(const Replayed& replayed, std::size_t side) const {
    return replayed.departs_at == 0 && replayed.answer == incident_.copies[side];
  }
  [[nodiscard]] bool BuildsDiffer() const {
    const std::string& a = incident_.engines[0].build;
    const std::string& b = incident_.engines[1].build;
    return !a.empty() && !b.empty() && a != b;
  }
  [[nodiscard]] bool IsForeign(const std::string& build) const {
    return !build.empty() &&
           std::ranges::none_of(incident_.engines, [&build](const engine::EngineFacts& engine) {
             return engine.build.empty() || engine.build == build;
           });
  }
  [[nodiscard]] std::string WhoseAnswer(const Replayed& replayed) const {
    for (const std::size_t side : {0, 1}) {
      if (Confirms(replayed, side)) return "the answer of " + NameOfSide(side);
    }
    return "neither answer";
  }
  static std::string Departs(const Replayed& replayed) {
    if (replayed.departs_at == 0) return "";
    return "; they leave what both copies agreed on already at output " +
           Plain(replayed.departs_at);
  }

  [[nodiscard]] Judgement Damage(std::size_t right, std::size_t runs) const {
    const std::string kept = NameOfSide(right);
    return {.verdict = Verdict::kDamage,
            .keep = right,
            .text = "engine " + NameOfSide(1 - right) + " was damaged or lied; keep " + kept,
            .why = "all " + Plain(runs) + " replays " +
                   (incident_.copies[right].empty()
                        ? "give no output " + Plain(incident_.number) + ", as engine " + kept
                        : "give the answer of " + kept +
                              ", byte for byte, and by its digest all "
                              "before it")};
  }
  [[nodiscard]] Judgement Defect(const Replayed& replayed) const {
    return {.verdict = Verdict::kDefect,
            .keep = {},
            .text =
                "a defect of the software that both copies have: something that is not in the "
                "input decides the answer",
            .why = "all " + Plain(replayed.runs) +
                   " replays agree with one another and with neither copy" + Departs(replayed) +
                   "; look for what is not the same on the three: settings and environment, "
                   "files, host names, state outside of the zone"};
  }
  [[nodiscard]] Judgement Nondeterminism(const Replayed& replayed) const {
    const ReplaysDiffer& differ = *replayed.differ;
    return {.verdict = Verdict::kNondeterminism,
            .keep = {},
            .text =
                "the software is not deterministic: replays of one input differ among "
                "themselves, first at output " +
                Plain(differ.number) + ", of input " + Plain(differ.input),
            .why = "replay " + Plain(differ.first + 1) + " (" + differ.how_first + ") and replay " +
                   Plain(differ.second + 1) + " (" + differ.how_second + ") differ there" +
                   (differ.field.empty() ? "" : ": " + differ.field)};
  }
  [[nodiscard]] Judgement NeedsPrograms(const Replayed& replayed, const bool (&confirms)[2]) const {
    std::string missing;
    for (const std::size_t side : {0, 1}) {
      if (incident_.engines[side].build == replayed.build) continue;
      const std::string name = side == 0 ? "a" : "b";
      missing += (missing.empty() ? "--program-" : " and --program-") + name + " or --app-" + name;
    }
    const std::string gives = confirms[0] || confirms[1]
                                  ? "the answer of " + NameOfSide(confirms[0] ? 0 : 1)
                                  : "neither answer";
    return Undecided("the engines ran different builds (A " + incident_.engines[0].build + ", B " +
                     incident_.engines[1].build + "), and the replays by build " + replayed.build +
                     " give " + gives + "; give " + missing +
                     ", the `tandem` or the shared library that this engine ran, to hear what its "
                     "build says");
  }
  static Judgement Undecided(std::string why) {
    return {.verdict = Verdict::kUndecided, .keep = {}, .text = "undecided", .why = std::move(why)};
  }

  const engine::Incident& incident_;
  const std::array<Replayed, engine::Deduplicator::kEngines>& replayed_;
};

}  // namespace

const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDamage:
      return "damage";
    case Verdict::kDefect:
      return "defect";
    case Verdict::kBuilds:
      return "builds";
    case Verdict::kNondeterminism:
      return "nondeterminism";
    case Verdict::kUndecided:
      break;
  }
  return "undecided";
}

Judgement Judge(const engine::Incident& incident,
                const std::array<Replayed, engine::Deduplicator::kEngines>& replayed,
                bool one_program) {
  Judging judging(incident, replayed);
  return one_program ? judging.OfOneProgram() : judging.OfTwoPrograms();
}

}  // namespace tandem::tools
