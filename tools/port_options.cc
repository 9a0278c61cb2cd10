// SPDX-License-Identifier: Apache-2.0
#include "tools/port_options.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "engine/transport/users.h"
#include "proto/header.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

constexpr std::uint64_t kConnectionsMax = 100'000;
constexpr std::uint64_t kSecondsMax = 86'400;

void AddTimeout(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                const std::string& description) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(value).count();
  command
      .add_option_function<std::uint64_t>(
          name, [&value](std::uint64_t given) { value = std::chrono::seconds(given); }, description)
      ->check(WholeNumber(1, kSecondsMax))
      ->type_name("SECONDS")
      ->default_str(std::to_string(seconds));
}

}  // namespace

void AddStreamPortOptions(CLI::App& command, std::string& users, engine::ConnectionLimits& limits) {
  command
      .add_option("--users", users,
                  "File of those who may log in, see `tandem users`; read again on SIGHUP. Without "
                  "it anybody may")
      ->type_name("FILE");
  command.add_option("--readers", limits.readers, "Connections that read the stream, at most")
      ->check(WholeNumber(1, kConnectionsMax))
      ->capture_default_str();
  command
      .add_option("--per-address", limits.per_address,
                  "Connections of a port from one address, at most; default: half of all")
      ->check(WholeNumber(1, kConnectionsMax));
  AddTimeout(command, "--login-timeout", limits.login,
             "A peer that has not logged in after this time is dropped");
  AddTimeout(
      command, "--silence-timeout", limits.silence,
      "So is one that says nothing, takes nothing or leaves a packet unfinished for so long");
  AddTimeout(command, "--slow-timeout", limits.slow,
             "So is one that takes so long for what waits for it, about 256 KiB");
}

void AddSubmissionPortOptions(CLI::App& command, engine::ConnectionLimits& limits) {
  command.add_option("--clients", limits.clients, "Connections that submit, at most")
      ->check(WholeNumber(1, kConnectionsMax))
      ->capture_default_str();
  command
      .add_option("--rate-limit", limits.rate,
                  "Submissions a second of one user, and as many at once; who submits more has to "
                  "wait. 0: no limit")
      ->check(Rate())
      ->type_name("N")
      ->default_str("0");
}

CLI::Option* AddPasswordFile(CLI::App& command, std::string& file) {
  return command
      .add_option("--password-file", file,
                  "Where the password stands: a line with it, or lines of NAME PASSWORD")
      ->type_name("FILE");
}

Result<std::string> PasswordOf(const std::string& user, const std::string& file) {
  if (file.empty()) return std::string();
  if (const std::string open = engine::TooOpen(file); !open.empty()) spdlog::warn("{}", open);
  return engine::LoadPassword(file, user);
}

CLI::Validator UserName() {
  return CLI::Validator(
      [](std::string& text) {
        return proto::IsName(text, proto::kUserSizeMax)
                   ? std::string()
                   : "\"" + text + "\" is no user name; use 1 to 6 letters, digits, '-', '_'";
      },
      "");
}

}  // namespace tandem::tools
