// SPDX-License-Identifier: Apache-2.0
//
// ThirdCopies: the outputs of an input log, computed again several times, each time by a process of
// its own with its state at another address, its heap filled with another byte, its stack further
// down, in another time zone, and, if asked, with another chain of pools. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tools/options.h"

namespace tandem::tools {

struct ThirdCopyOptions {
  std::string program;     ///< a `tandem`
  std::string input;       ///< folder of the input log
  std::uint64_t last = 0;  ///< input
  std::uint64_t runs = 3;
  ApplicationOptions application;
  std::vector<std::string> other_pools;  ///< files; each makes one run more, with them
  std::string work;                      ///< folder for the logs, exists
  std::string name;                      ///< of the logs in it
};

struct ThirdCopy {
  std::string folder;  ///< of its output log
  std::string how;     ///< under which circumstances
};

/// An error says which run failed and how; what it had said is in `work`.
Result<std::vector<ThirdCopy>> MakeThirdCopies(const ThirdCopyOptions& options);

}  // namespace tandem::tools
