// SPDX-License-Identifier: Apache-2.0
//
// Pair: Roles for a whole pair on this machine: sequencer, engines A and B, deduplicator, on free
// ports of loopback. For the demo and for tests. One thread; processes end with the Pair.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tandem/status.pb.h"
#include "tools/roles.h"

namespace tandem::tools {

enum class RoleId : std::size_t { kSequencer, kEngineA, kEngineB, kDedup };
constexpr std::size_t kRoles = 4;

[[nodiscard]] const char* NameOf(RoleId role);

class Pair {
 public:
  /// `program`: path of `tandem`. Logs and what the processes say go below `folder`, which exists:
  /// input, a, b, merged; sequencer.out, a.out, b.out, dedup.out. `application`: as for --app;
  /// empty: that of the commands themselves.
  static Result<std::unique_ptr<Pair>> Make(std::string program, std::string folder,
                                            std::string session,
                                            const std::string& application = "");
  ~Pair();

  /// `extra`: further arguments for this start.
  Status Start(RoleId role, const std::vector<std::string>& extra = {});
  Status StartAll(const std::vector<std::string>& extra_for_b = {});
  void Kill(RoleId role);  ///< SIGKILL
  /// SIGTERM to all, from the deduplicator up; waits. Exit codes by role; null: not running.
  std::array<std::optional<int>, kRoles> StopAll();
  [[nodiscard]] bool running(RoleId role);
  [[nodiscard]] pid_t pid(RoleId role) const;

  /// Lets `duration` pass while statuses come in.
  void RunFor(std::chrono::milliseconds duration);
  /// The last status of this role; zero numbers before the first. After a kill, the old one.
  [[nodiscard]] const pb::Status& status(RoleId role) const;
  /// True if everything sequenced is stepped by both engines, merged and agreed.
  [[nodiscard]] bool Settled() const;

  [[nodiscard]] std::string Folder(RoleId role) const;  ///< of the role's log
  [[nodiscard]] std::string submissions() const;        ///< HOST:PORT
  [[nodiscard]] std::string stream(RoleId role) const;  ///< HOST:PORT
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::string& program() const { return program_; }

 private:
  Pair(std::string program, std::string folder, std::vector<RoleSpec> specs,
       std::string submissions);
  [[nodiscard]] static std::size_t IndexOf(RoleId role) { return static_cast<std::size_t>(role); }

  std::string program_;
  std::string folder_;
  std::string submissions_;
  Roles roles_;
};

}  // namespace tandem::tools
