// SPDX-License-Identifier: Apache-2.0
//
// Roles: the processes of a topology on this machine, and what their statuses say. Starts, kills
// and stops them; decides nothing. For `tandem run`, the demo, and tests that kill. One thread;
// processes end with the Roles.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "tools/process.h"
#include "tools/status_watch.h"

namespace tandem::tools {

/// One process: a subcommand of `tandem` that runs until it is told to stop.
struct RoleSpec {
  std::string kind;                    ///< the subcommand: sequencer, engine, dedup, record
  std::string name;                    ///< unique: "sequencer", "engine.A"
  std::vector<std::string> arguments;  ///< after the subcommand
  std::string stream;                  ///< HOST:PORT where it answers; empty: nowhere
  std::string log;                     ///< folder
  std::string output_file;             ///< what it says goes there
  std::string password_file = {};      ///< its own; that of StatusWatch::kUser stands there too
};

class Roles {
 public:
  /// `program`: path of `tandem`. The folders of output files exist.
  Roles(std::string program, std::vector<RoleSpec> specs);
  ~Roles();

  [[nodiscard]] std::size_t size() const { return roles_.size(); }
  [[nodiscard]] const RoleSpec& spec(std::size_t role) const;
  /// The role of this name; null if there is none.
  [[nodiscard]] std::optional<std::size_t> Find(const std::string& name) const;
  [[nodiscard]] std::vector<std::size_t> OfKind(const std::string& kind) const;

  /// `extra`: further arguments for this start.
  Status Start(std::size_t role, const std::vector<std::string>& extra = {});
  void Signal(std::size_t role, int number);
  void Kill(std::size_t role);  ///< SIGKILL, and waits
  /// SIGTERM, and SIGKILL if it has not ended after `timeout`. Its exit code; null: it was killed,
  /// or was never started.
  std::optional<int> Stop(std::size_t role,
                          std::chrono::milliseconds timeout = std::chrono::seconds(20));
  /// Stop for all, the last one first.
  std::vector<std::optional<int>> StopAll();

  [[nodiscard]] bool running(std::size_t role);
  /// Exit code of a role that has ended, 128 + signal number if a signal ended it.
  [[nodiscard]] std::optional<int> ended(std::size_t role);
  [[nodiscard]] pid_t pid(std::size_t role) const;  ///< -1: never started

  /// Lets `duration` pass while statuses come in.
  void RunFor(std::chrono::milliseconds duration);
  [[nodiscard]] const pb::Status& status(std::size_t role) const;
  /// The process that runs now answers.
  [[nodiscard]] bool Answers(std::size_t role);
  /// The status is of the process that runs now.
  [[nodiscard]] bool IsCurrent(std::size_t role);

 private:
  struct Role;

  std::string program_;
  boost::asio::io_context context_;
  std::vector<std::unique_ptr<Role>> roles_;
};

}  // namespace tandem::tools
