// SPDX-License-Identifier: Apache-2.0
#include "tools/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "pools/ensure.h"

namespace tandem::tools {
namespace {

constexpr std::size_t kAnswerMax = 64u << 10;  ///< a pipe takes as much without a reader

[[noreturn]] void Work(const std::function<std::string()>& work, int to, unsigned seconds) {
  std::signal(SIGALRM, SIG_DFL);
  ::alarm(seconds);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  const std::string answer = work();
  const char* from = answer.data();
  std::size_t left = std::min(answer.size(), kAnswerMax);
  while (left > 0) {
    const ssize_t written = ::write(to, from, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);
    from += written;
    left -= static_cast<std::size_t>(written);
  }
  ::_exit(0);
}

}  // namespace

std::optional<std::string> RunInChild(const std::function<std::string()>& work, unsigned seconds) {
  std::array<int, 2> pipe{};
  ENSURE(::pipe2(pipe.data(), O_CLOEXEC) == 0, "no pipe: error %d", errno);
  const pid_t child = ::fork();
  ENSURE(child >= 0, "no child process: error %d", errno);
  if (child == 0) {
    ::close(pipe[0]);
    Work(work, pipe[1], seconds);
  }
  ::close(pipe[1]);
  std::string answer;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(pipe[0], buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return answer;
}

}  // namespace tandem::tools
