// SPDX-License-Identifier: Apache-2.0
//
// The TOML file of `tandem run`: a table for each role of the topology, whose keys are the options
// of that role's command. docs/operations.md has examples.
//
//   session = "DAY1"        # above the tables: for every role that has the option
//   folder = "day"          # logs and what roles say go there
//   [sequencer]
//   submissions = 9000
//   stream = 9001
//   [engine.A]              # named tables: as many as there are roles of the kind
//   stream = 9002
#pragma once

#include <string>
#include <vector>

#include "pools/result.h"
#include "tools/roles.h"

namespace tandem::tools {

struct Topology {
  std::string folder;           ///< as in the file; relative paths count from the file's folder
  std::vector<RoleSpec> roles;  ///< in the order of starting
};

/// Reads `file` and checks every key and value as the role itself would. An error names line and
/// column.
Result<Topology> LoadTopology(const std::string& file);

/// From here on relative paths count from the folder of `file`, as those that it holds do.
Status EnterFolderOf(const std::string& file);

}  // namespace tandem::tools
