// SPDX-License-Identifier: Apache-2.0
//
// Shell: runs a command line as a person would and keeps what it printed, both outputs together.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace tandem::tests {

struct ShellResult {
  int exit_code = -1;
  std::string printed;
};

inline ShellResult Shell(const std::string& command) {
  ShellResult result;
  std::FILE* const pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4096];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    result.printed.append(buffer, size);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

}  // namespace tandem::tests
