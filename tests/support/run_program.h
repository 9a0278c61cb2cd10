// SPDX-License-Identifier: Apache-2.0
//
// RunProgram: runs a program to its end and gives what it wrote and how it ended. A program that
// takes longer than the limit is killed and ends as by signal 9. One thread.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "pools/ensure.h"

namespace tandem::test {

struct Ran {
  int exit_code = 0;  ///< of exit; 128 and the number of the signal that ended it
  std::string out;
  std::string err;
};

/// `arguments`: the program's path, then its arguments.
inline Ran RunProgram(const std::vector<std::string>& arguments,
                      std::chrono::seconds limit = std::chrono::seconds(60)) {
  int out[2];
  int err[2];
  ENSURE(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0, "no pipe");
  const pid_t child = ::fork();
  ENSURE(child >= 0, "no process");
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);

  Ran ran;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<pollfd, 2> ends{pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (std::chrono::steady_clock::now() > deadline) ::kill(child, SIGKILL);
    ::poll(ends.data(), ends.size(), 100);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 65536> block;
      const ssize_t size = ::read(ends[i].fd, block.data(), block.size());
      if (size > 0) {
        (i == 0 ? ran.out : ran.err).append(block.data(), static_cast<std::size_t>(size));
      } else {
        ends[i].fd = -1;
      }
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  int status = 0;
  ENSURE(::waitpid(child, &status, 0) == child, "the program went away");
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace tandem::test
