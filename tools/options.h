// SPDX-License-Identifier: Apache-2.0
//
// Options that several subcommands share, with one wording each.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/transport/listener.h"
#include "pools/declarations/model.h"
#include "pools/zone.h"
#include "proto/header.h"
#include "replay/application.h"
#include "replay/log_format.h"

namespace tandem::tools {

/// An application, and what was changed of its pools: PoolChanges.
struct MadeApplication {
  std::unique_ptr<replay::Application> application;
  std::vector<std::string> pool_changes;
  std::uint64_t zone_address = 0;
};

/// --app, --pools, --zone-address, --zone-limit, --zone-reserve, --heap-guard: an application,
/// where its state lives, and whether its steps are watched.
struct ApplicationOptions {
  std::string name = "book";
  std::string zone_address = "0x7e8000000000";
  std::uint64_t zone_limit_bytes = 0;
  std::uint64_t zone_reserve_bytes = pools::ZoneOptions{}.reserve_bytes;
  std::vector<std::string> pools;      ///< files, and folders with all below them
  bool heap_guard = false;             ///< a heap allocation inside a step ends the process
  pools::Perturbation perturbation{};  ///< not an option: for `tandem check`

  void AddTo(CLI::App& command);
  /// A new one with empty state. Out of memory for what is reserved ends the process.
  [[nodiscard]] Result<MadeApplication> Make() const;

 private:
  [[nodiscard]] Result<pools::ZoneOptions> Zone() const;
};

/// The application that --app names: one that is linked in (MakeApplication), or of a shared
/// library, which is a name with a slash in it or .so at its end.
Result<std::unique_ptr<replay::Application>> ApplicationOf(
    const std::string& name, const pools::ZoneOptions& zone,
    const declarations::Declarations* site = nullptr);
[[nodiscard]] bool IsSharedApplication(const std::string& name);
/// "book, or a shared library as ./libmy.so", for --help.
[[nodiscard]] std::string ApplicationChoice();

/// Says how many heap allocations steps have made, if any: they belong into pools.
void WarnOfHeapAllocations();

constexpr std::uint64_t kNoMax = std::numeric_limits<std::uint64_t>::max();

/// Checks for numbers, which say in words what is wrong with one.
CLI::Validator WholeNumber(std::uint64_t min = 0, std::uint64_t max = kNoMax);
CLI::Validator Rate();
/// A check for sizes without a sign; the library would take -1 as the largest.
CLI::Validator NotNegative();
/// For names of files and the like: "" is none, as of a variable of a script that is not set.
CLI::Validator NotEmpty(const std::string& what = "folder");

/// For what must be given: "" is none of it. `what`: "folder", "file".
CLI::Validator Named(const std::string& what);

/// An option whose value must be HOST:PORT; it is required unless the caller says otherwise.
CLI::Option* AddEndpoint(CLI::App& command, const std::string& name, engine::Endpoint& endpoint,
                         const std::string& description);

/// An option whose value is a time in seconds, as 0.5; 0 to a year.
CLI::Option* AddSeconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& time,
                        const std::string& description);

/// An option whose value must be a session name; blank if it is not given.
CLI::Option* AddSession(CLI::App& command, const std::string& name, proto::Session& session,
                        const std::string& description);

/// An error if the log in `folder` says of itself that it is no input stream.
Status CheckIsInput(replay::LogRole role, const std::string& folder);

}  // namespace tandem::tools
