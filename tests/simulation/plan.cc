// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/plan.h"

namespace tandem::simulation {

using engine::DedupPolicy;
using engine::Durability;
using std::chrono::milliseconds;

namespace {

milliseconds Milliseconds(Scheduler& scheduler, std::int64_t from, std::int64_t to) {
  return milliseconds(scheduler.Between(from, to));
}

const char* NameOf(Durability durability) {
  switch (durability) {
    case Durability::kNone:
      return "none";
    case Durability::kInterval:
      return "interval";
    case Durability::kAlways:
      break;
  }
  return "always";
}

}  // namespace

Plan MakePlan(Scheduler& scheduler, bool engine_b_lies) {
  Plan plan;
  plan.segment_bytes = 4096u << scheduler.Below(5);
  plan.window = std::size_t{2048} << scheduler.Below(6);
  plan.dedups = 1 + scheduler.Below(2);
  plan.clients = 1 + scheduler.Below(3);
  if (scheduler.OneIn(2)) {
    plan.limits = {.heartbeat = milliseconds(100),
                   .silence = milliseconds(1500),
                   .login = milliseconds(1000),
                   .linger = milliseconds(200),
                   .backoff = milliseconds(200)};
  }
  for (DedupPolicy& policy : plan.policies) {
    policy = scheduler.OneIn(3) ? DedupPolicy::kAgree : DedupPolicy::kFirst;
  }
  if (scheduler.OneIn(2)) plan.alone_after = Milliseconds(scheduler, 100, 1000);
  plan.keeps_copies = scheduler.OneIn(2);
  plan.takes_back = plan.keeps_copies && !scheduler.OneIn(3);
  plan.replica_wait = Milliseconds(scheduler, 200, 1500);
  plan.input_by_multicast = scheduler.OneIn(4);
  plan.a_has_lines_only = plan.input_by_multicast && scheduler.OneIn(2);
  plan.merged_by_multicast = scheduler.OneIn(4);
  if (engine_b_lies) {
    plan.lie_at = static_cast<std::uint64_t>(scheduler.Between(1, 40));
    plan.is_led_back = scheduler.OneIn(2);
    return plan;
  }
  if (scheduler.OneIn(2)) {
    plan.durability = scheduler.OneIn(2) ? Durability::kNone : Durability::kInterval;
  }
  // What is skipped must keep its number; and who reads no SoupBinTCP cannot look ahead.
  plan.has_deadly_input = scheduler.OneIn(4) && plan.durability == Durability::kAlways;
  plan.deaths_max = static_cast<std::uint32_t>(scheduler.Between(1, 3));
  if (plan.has_deadly_input) plan.a_has_lines_only = false;
  return plan;
}

std::string Describe(const Plan& plan) {
  std::string text = std::to_string(plan.dedups) + " deduplicators (";
  for (std::size_t dedup = 0; dedup < plan.dedups; ++dedup) {
    text += dedup == 0 ? "" : ", ";
    text += plan.policies[dedup] == DedupPolicy::kAgree ? "agree" : "first";
  }
  text += "), " + std::to_string(plan.clients) + " clients, durability " + NameOf(plan.durability);
  if (plan.alone_after) {
    text += ", alone after " + std::to_string(plan.alone_after->count()) + " ms";
  }
  if (plan.keeps_copies) text += ", copies of the input";
  if (plan.takes_back) text += ", take-back";
  if (plan.input_by_multicast) text += ", input by multicast";
  if (plan.a_has_lines_only) text += " (A: only)";
  if (plan.merged_by_multicast) text += ", merged stream by multicast";
  if (plan.has_deadly_input) text += ", a deadly input";
  if (plan.lie_at > 0) text += ", B lies from input " + std::to_string(plan.lie_at) + " on";
  if (plan.is_led_back) text += " and is rebuilt";
  return text;
}

}  // namespace tandem::simulation
