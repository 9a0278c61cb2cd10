// SPDX-License-Identifier: Apache-2.0
//
// Judgement: what follows from two copies that differ and from what replays say. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/live/incident.h"

namespace tandem::tools {

enum class Verdict {
  kDamage,          ///< one copy was damaged or lied: the replays agree with the other one
  kDefect,          ///< the software, deterministic: the replays agree with each other only
  kBuilds,          ///< the software: each build gives the answer of its own engine
  kNondeterminism,  ///< the replays differ among themselves
  kUndecided,
};
[[nodiscard]] const char* NameOf(Verdict verdict);

/// Where two replays of one program differ first.
struct ReplaysDiffer {
  std::uint64_t number = 0;  ///< output
  std::uint64_t input = 0;   ///< that caused it
  std::size_t first = 0;     ///< which replays, from 0
  std::size_t second = 0;
  std::string how_first;
  std::string how_second;
  std::string field;  ///< the first that differs: "price: 100, 101"; may be empty
};

/// What replays of one program say of the output where the copies differ.
struct Replayed {
  std::string build;  ///< of the program; empty: not known
  std::size_t runs = 0;
  std::optional<ReplaysDiffer> differ;
  std::vector<std::byte> answer;  ///< empty: there is no such output
  /// Not 0: the replays leave what both copies agreed on already here.
  std::uint64_t departs_at = 0;
};

struct Judgement {
  Verdict verdict = Verdict::kUndecided;
  std::optional<std::size_t> keep;  ///< the copy that the replays confirm
  std::string text;                 ///< what it is, one sentence
  std::string why;                  ///< evidence, one sentence
};

/// `replayed`: by the program of each engine. `one_program`: it is the same, and both entries are.
[[nodiscard]] Judgement Judge(const engine::Incident& incident,
                              const std::array<Replayed, engine::Deduplicator::kEngines>& replayed,
                              bool one_program);

}  // namespace tandem::tools
