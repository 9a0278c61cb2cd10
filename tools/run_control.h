// SPDX-License-Identifier: Apache-2.0
//
// How `tandem restart` talks to a running `tandem run`: a socket in the topology's folder, beside a
// lock that only one `tandem run` can hold. One request at a time. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"

namespace tandem::tools {

class RunControl {
 public:
  RunControl() = default;
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;
  ~RunControl();

  /// Takes the lock of `folder`, which exists, and listens. An error if another one has it.
  Status Listen(const std::string& folder);
  /// A request that has come: names of roles to restart. Null: none.
  std::optional<std::vector<std::string>> Poll();
  /// Tells who asked; nothing if nobody is there.
  void Say(const std::string& text);
  /// The answer: ends the request.
  void Finish(const Result<std::string>& outcome);

 private:
  std::string path_;
  int lock_ = -1;
  int listener_ = -1;
  int client_ = -1;
};

/// Asks the `tandem run` of `folder` to restart the roles named, and prints what it says. Its exit
/// code; an error if there is none.
Result<ExitCode> AskForRestart(const std::string& folder, const std::vector<std::string>& names);

/// Tells systemd, if it started us and wants to know, that all roles answer.
void NotifyReady();

}  // namespace tandem::tools
