// SPDX-License-Identifier: Apache-2.0
//
// `tandem users`: makes and changes a users file. Passwords come from the terminal, unseen, or from
// standard input; never from the command line, where every process of the host can read them.
#include "engine/transport/users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "tools/command.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

struct Options {
  std::string file;
  std::string name;
  std::string rights = "submit,read";
};

/// A terminal does not show what is typed as long as it lives.
class NoEcho {
 public:
  NoEcho() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }

 private:
  termios before_{};
};

std::string Ask(const char* question) {
  std::fputs(question, stderr);
  std::string line;
  {
    const NoEcho no_echo;
    std::getline(std::cin, line);
  }
  std::fputc('\n', stderr);
  return line;
}

Result<std::string> ReadPassword(const std::string& name) {
  std::string password;
  if (::isatty(STDIN_FILENO) != 0) {
    password = Ask(("Password of " + name + ": ").c_str());
    if (Ask("Once more: ") != password) return Error::BadInput("the two passwords differ");
  } else {
    std::getline(std::cin, password);
    if (password.ends_with('\r')) password.pop_back();
  }
  if (Status good = engine::CheckPassword(password); !good) return good.error();
  return password;
}

/// The users in the file; none if there is no file yet.
Result<engine::UserList> Existing(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return engine::UserList();
  return engine::LoadUsers(file);
}

/// The whole file or none of it; for its owner only, unless it was there with another mode.
Status Write(const std::string& file, const std::string& text) {
  const std::string made = file + ".new";
  const auto fail = [&](const char* what) {
    Error error = Error::Failure(std::string("cannot ") + what + " " + made + ": " +
                                 std::strerror(errno) + "; " + file + " stays as it was");
    ::unlink(made.c_str());
    return error;
  };
  struct stat before {};
  const bool was_there = ::stat(file.c_str(), &before) == 0;
  ::unlink(made.c_str());
  const int descriptor = ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail("make");
  const bool written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      (!was_there || ::fchmod(descriptor, before.st_mode & 0777) == 0) && ::fsync(descriptor) == 0;
  if (::close(descriptor) != 0 || !written) return fail("write");
  if (::rename(made.c_str(), file.c_str()) != 0) return fail("rename");
  return {};
}

Result<ExitCode> Add(const Options& options) {
  const auto rights = engine::ParseRights(options.rights);
  if (!rights) return Error::BadInput("--rights: " + rights.error().text);
  auto users = Existing(options.file);
  if (!users) return users.error();
  const auto password = ReadPassword(options.name);
  if (!password) return password.error();
  auto hash = engine::HashPassword(*password);
  if (!hash) return hash.error();
  const bool is_new =
      users->insert_or_assign(options.name, engine::UserEntry{*rights, std::move(*hash)}).second;
  if (Status status = Write(options.file, engine::FormatUsers(*users)); !status) {
    return status.error();
  }
  std::printf("%s %s, who may %s; %zu users in %s\n", is_new ? "added" : "changed",
              options.name.c_str(), engine::RightsText(*rights).c_str(), users->size(),
              options.file.c_str());
  return ExitCode::kYes;
}

Result<ExitCode> Remove(const Options& options) {
  auto users = engine::LoadUsers(options.file);
  if (!users) return users.error();
  if (users->erase(options.name) == 0) {
    return Error::BadInput(options.file + " has no user " + options.name);
  }
  if (Status status = Write(options.file, engine::FormatUsers(*users)); !status) {
    return status.error();
  }
  std::printf("removed %s; %zu users in %s\n", options.name.c_str(), users->size(),
              options.file.c_str());
  return ExitCode::kYes;
}

Result<ExitCode> List(const Options& options) {
  const auto users = engine::LoadUsers(options.file);
  if (!users) return users.error();
  for (const auto& [name, user] : *users) {
    std::printf("%-6s %s\n", name.c_str(), engine::RightsText(user.rights).c_str());
  }
  return ExitCode::kYes;
}

void AddFile(CLI::App& command, Options& options) {
  command.add_option("FILE", options.file, "The users file")->required();
}

void AddName(CLI::App& command, Options& options) {
  command.add_option("NAME", options.name, "Name that the user logs in with")
      ->required()
      ->check(UserName());
}

}  // namespace

void RegisterUsers(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& group = commands.AddGroup(
      "users", "Make the file of those who may log in",
      "  tandem users add users ALICE\n"
      "  tandem users add users OPER --rights operator < password\n"
      "  tandem sequencer --users users ...\n"
      "A role reads the file again on SIGHUP; who is not in it any more loses the connection.\n");
  CLI::App& add = commands.AddBelow(
      group, "add", "Add a user, or change the password and the rights of one",
      "  tandem users add users ALICE\n"
      "  tandem users add users A --rights read < password-of-a\n"
      "The password, 1 to 10 characters, is asked for on a terminal, or the first line of standard "
      "input.\n",
      [options] { return Add(*options); });
  AddFile(add, *options);
  AddName(add, *options);
  add.add_option("--rights", options->rights,
                 "What the user may: submit (messages of the application), read (streams), "
                 "operator (`tandem control`)")
      ->type_name("RIGHT,RIGHT")
      ->capture_default_str();
  CLI::App& remove =
      commands.AddBelow(group, "remove", "Remove a user", "  tandem users remove users ALICE\n",
                        [options] { return Remove(*options); });
  AddFile(remove, *options);
  AddName(remove, *options);
  CLI::App& list =
      commands.AddBelow(group, "list", "Print who is in it and what each may do",
                        "  tandem users list users\n", [options] { return List(*options); });
  AddFile(list, *options);
}

}  // namespace tandem::tools
