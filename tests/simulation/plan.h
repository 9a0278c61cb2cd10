// SPDX-License-Identifier: Apache-2.0
//
// Plan: what a run consists of. Each seed draws its own mix of topology and features, so that every
// part is met alone and together with every other.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/deduplicator.h"
#include "engine/live/durability.h"
#include "engine/transport/connection.h"
#include "tests/simulation/scheduler.h"

namespace tandem::simulation {

struct Plan {
  std::size_t dedups = 1;
  std::size_t clients = 1;
  std::uint64_t segment_bytes = 0;
  std::size_t window = 0;  ///< bytes that a connection buffers, each way
  engine::ConnectionLimits limits;
  engine::Durability durability = engine::Durability::kAlways;
  std::array<engine::DedupPolicy, 2> policies{};
  std::optional<std::chrono::milliseconds> alone_after;  ///< policy agree
  bool keeps_copies = false;                             ///< engines: of the input
  bool takes_back = false;  ///< the sequencer, from these copies, what its disk lost
  std::chrono::milliseconds replica_wait{};
  bool input_by_multicast = false;
  bool a_has_lines_only = false;  ///< engine A reads no SoupBinTCP
  bool merged_by_multicast = false;
  bool has_deadly_input = false;  ///< one submission kills whoever steps it, until it is skipped
  std::uint32_t deaths_max = 0;   ///< as EngineRoleOptions::deaths_max
  std::uint64_t lie_at = 0;       ///< input after which engine B's state is damaged; 0: never
  bool is_led_back = false;       ///< an operator decides after the lie, and has B rebuilt
};

[[nodiscard]] Plan MakePlan(Scheduler& scheduler, bool engine_b_lies);
/// In one line, for whoever looks at a seed.
[[nodiscard]] std::string Describe(const Plan& plan);

}  // namespace tandem::simulation
