// SPDX-License-Identifier: Apache-2.0
//
// Options of those who serve a port, and of those who log in at one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "engine/transport/connection.h"
#include "pools/result.h"

namespace tandem::tools {

/// --users, and how many readers there may be and how long they are waited for.
void AddStreamPortOptions(CLI::App& command, std::string& users, engine::ConnectionLimits& limits);
/// The same for a port that takes submissions: --clients and --rate-limit.
void AddSubmissionPortOptions(CLI::App& command, engine::ConnectionLimits& limits);

/// --password-file.
CLI::Option* AddPasswordFile(CLI::App& command, std::string& file);
/// The password of `user` in that file; "" if there is no file. Warns if others may read it.
Result<std::string> PasswordOf(const std::string& user, const std::string& file);

/// A check for user names.
CLI::Validator UserName();

}  // namespace tandem::tools
