// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tandem::engine {

/// What an engine runs, for its status: compared when copies differ.
struct EngineAbout {
  std::string application;
  std::string library;  ///< digest of the shared library that it comes from; empty: linked in
  std::uint64_t zone_address = 0;
  std::string pools;  ///< what was changed of its pools; empty: as built
};

}  // namespace tandem::engine
