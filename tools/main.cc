// SPDX-License-Identifier: Apache-2.0
//
// The `tandem` program.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

#include "pools/scratch_memory.h"
#include "tools/command.h"
#include "tools/new.h"

namespace tandem::tools {

CLI::App& Commands::AddBelow(CLI::App& parent, const std::string& name,
                             const std::string& description, const std::string& examples,
                             CommandBody body) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.footer("Example:\n" + examples);
  command.callback([this, body = std::move(body)] { chosen_ = body; });
  return command;
}

CLI::App& Commands::Add(const std::string& name, const std::string& description,
                        const std::string& examples, CommandBody body) {
  return AddBelow(root_, name, description, examples, std::move(body));
}

CLI::App& Commands::AddGroup(const std::string& name, const std::string& description,
                             const std::string& examples) {
  CLI::App& group = *root_.add_subcommand(name, description);
  group.require_subcommand(1);
  group.footer("Example:\n" + examples);
  return group;
}

namespace {

void RegisterAll(Commands& commands) {
  RegisterDemo(commands);
  RegisterNew(commands);
  RegisterRun(commands);
  RegisterStatus(commands);
  RegisterRestart(commands);
  RegisterSequencer(commands);
  RegisterEngine(commands);
  RegisterDedup(commands);
  RegisterControl(commands);
  RegisterUsers(commands);
  RegisterGenerate(commands);
  RegisterImport(commands);
  RegisterSubmit(commands);
  RegisterRecord(commands);
  RegisterReplay(commands);
  RegisterDiff(commands);
  RegisterCat(commands);
  RegisterStat(commands);
  RegisterVerify(commands);
  RegisterTrim(commands);
  RegisterExport(commands);
  RegisterPools(commands);
  RegisterState(commands);
  RegisterAudit(commands);
  RegisterBisect(commands);
  RegisterCheck(commands);
  RegisterCheckRun(commands);
  RegisterIncident(commands);
}

/// Operator logs go to stderr; stdout is for results.
void SetUpLogging() {
  auto logger = spdlog::stderr_color_mt("tandem");
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

/// Threads are memory too: the system refuses one when there is no more.
Error NoThread(const char* what) {
  return {ExitCode::kOutOfMemory,
          std::string("out of memory: the system refuses a thread (") + what +
              "); give the process more memory or threads, see ulimit -v and ulimit -u"};
}

Result<ExitCode> RunChosen(const Commands& commands) {
  constexpr auto kRefused = std::errc::resource_unavailable_try_again;
  try {
    return commands.chosen()();
  } catch (const std::system_error& error) {
    if (error.code() != kRefused) throw;
    return NoThread(error.what());
  } catch (const boost::system::system_error& error) {  // of Asio
    if (std::error_code(error.code()) != kRefused) throw;
    return NoThread(error.what());
  }
}

/// A log or an image is read where it is mapped.
void OnBusError(int /*signal*/) {
  constexpr char kText[] =
      "tandem: a file was cut while it was read, or its disk cannot be read; put it back and try "
      "again\n";
  (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(static_cast<int>(ExitCode::kFailure));
}

int Main(int argument_count, char** arguments) {
  CLI::App root("Runs a stateful service twice and proves that the copies agree.", "tandem");
  root.set_version_flag("--version", "tandem " TANDEM_VERSION);
  root.require_subcommand(1);
  root.get_formatter()->column_width(34);
  root.footer(
      "Exit codes: 0 yes or done; 1 the answer is no; 2 wrong usage or bad input; 3 out of memory "
      "in a pool;\n4 divergence; 5 failure at run time. Try `tandem demo` first.");
  Commands commands(root);
  RegisterAll(commands);
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::Success& success) {
    return root.exit(success);
  } catch (const CLI::ParseError& error) {
    const auto is_named = [&](const CLI::App* command) {
      return command->check_name(arguments[1]);
    };
    if (argument_count > 1 && arguments[1][0] != '-' && root.get_subcommands(is_named).empty()) {
      std::fprintf(stderr, "tandem: there is no command %s; see `tandem --help`\n", arguments[1]);
      return static_cast<int>(ExitCode::kBadInput);
    }
    // An option that there is not weighs more than what is missing beside it.
    std::string what = error.what();
    for (const std::string& unknown : root.remaining(true)) {
      if (!unknown.starts_with('-')) continue;
      what = "there is no option " + unknown;
      break;
    }
    std::string named;  // the command for whose help to look, with those above it
    const CLI::App* command = &root;
    for (int i = 1; i < argument_count; ++i) {
      const auto below = command->get_subcommands(
          [&](const CLI::App* one) { return one->check_name(arguments[i]); });
      if (below.empty()) break;
      command = below.front();
      named += command->get_name() + " ";
    }
    std::fprintf(stderr, "tandem: %s; see `tandem %s--help`\n", what.c_str(), named.c_str());
    return static_cast<int>(ExitCode::kBadInput);
  }
  SetUpLogging();
  std::signal(SIGBUS, OnBusError);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error, as a full disk is
  pools::EndWhenHeapIsRefused();
  Result<ExitCode> result = RunChosen(commands);
  if (result && std::fflush(stdout) != 0) {
    result =
        Error::Failure(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
  if (result) return static_cast<int>(*result);
  std::fflush(stdout);
  std::fprintf(stderr, "tandem: %s\n", result.error().text.c_str());
  return static_cast<int>(result.error().code);
}

}  // namespace
}  // namespace tandem::tools

int main(int argument_count, char** arguments) {
  return tandem::tools::Main(argument_count, arguments);
}
