// SPDX-License-Identifier: Apache-2.0
//
// What every simulated process lives in: time, network, the options of the run, and the one failure
// that ends it. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "proto/header.h"
#include "tests/simulation/network.h"
#include "tests/simulation/scheduler.h"

namespace tandem::simulation {

inline constexpr proto::Session kSession{"SIM"};

/// Defects that a test plants, to see that the simulation finds them.
enum class Bug {
  kNone,
  kDedupSkipsComparison,        ///< second copies count as confirmed, whatever they say
  kClientRenumbers,             ///< after a reconnect, what was not acknowledged gets new numbers
  kEngineEmitsAgain,            ///< after a restart, outputs are appended a second time
  kSequencerAcknowledgesEarly,  ///< acknowledges what is not yet in the log
  kSequencerSkipsSync,          ///< acknowledges and publishes what a host's crash can take away
  kEngineAsksForOneTooMany,     ///< after a reconnect, input is asked for from the one after next
  kAddressReachesAnOutput,      ///< the application's outputs depend on where its zone lies
};

struct Options {
  std::uint64_t seed = 1;
  Bug bug = Bug::kNone;
  bool engine_b_lies = false;  ///< a field of its state is damaged in mid-flow
};

class Environment {
 public:
  explicit Environment(const Options& of) : options(of), scheduler(of.seed), network(scheduler) {}

  [[nodiscard]] bool has(Bug bug) const { return options.bug == bug; }

  /// The first failure counts and ends the run.
  void Fail(const std::string& text) {
    if (!failure.empty()) return;
    failure = text;
    scheduler.Trace("FAILED: " + text);
  }
  /// Fails if there is an error. True if there is none.
  bool Check(const std::string& who, const Status& status) {
    if (!status) Fail(who + ": " + status.error().text);
    return status.ok();
  }

  const Options options;
  Scheduler scheduler;
  Network network;
  std::string failure;  ///< empty: none
};

}  // namespace tandem::simulation
