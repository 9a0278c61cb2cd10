// SPDX-License-Identifier: Apache-2.0
//
// LoadApplication: an application from a shared library with the entry points of
// replay/application_abi.h. The library is loaded into a name space of its own, so that its
// Protobuf, its standard library and its heap are not those of this program, whatever versions both
// were built with. It stays loaded to the end of the process. Its steps run on the thread that
// loaded it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pools/result.h"
#include "replay/application.h"

namespace tandem::replay {

/// Where the state of a shared application is to live; pools/zone.h has the words and the defaults.
struct SharedZone {
  std::uint64_t address = 0;
  std::uint64_t reserve_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t chain_seed = 0;  ///< this and the next: pools/perturbation.h
  std::uint8_t fill = 0;
};

/// A new application with empty state from the library in the file `path`. An error says that there
/// is no such file, it is no shared library, none of Tandem's or of another version, or what it
/// says of the zone.
Result<std::unique_ptr<Application>> LoadApplication(const std::string& path,
                                                     const SharedZone& zone);

}  // namespace tandem::replay
