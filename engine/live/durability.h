// SPDX-License-Identifier: Apache-2.0
//
// When a log is synced. docs/log-format.md says what each survives.
#pragma once

namespace tandem::engine {

enum class Durability {
  kNone,      ///< when the role stops: survives a crash of the process
  kInterval,  ///< every 100 ms: a crash of the host loses at most about that
  kAlways,    ///< before anything is acknowledged or published
};

}  // namespace tandem::engine
