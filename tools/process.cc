// SPDX-License-Identifier: Apache-2.0
#include "tools/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace tandem::tools {

namespace {

std::string LastError() { return std::generic_category().message(errno); }

bool CanBind(int type, std::uint16_t port) {
  const int socket = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool can =
      socket >= 0 && ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (socket >= 0) ::close(socket);
  return can;
}

/// A name in the abstract namespace of Unix sockets, which ends with this process: of all that find
/// ports by FreePorts at the same time, one has it.
bool Reserve(std::uint16_t port) {
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const std::string name = "tandem-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (socket >= 0 && ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0) return true;
  if (socket >= 0) ::close(socket);
  return false;
}

}  // namespace

Result<Process> Process::Start(const std::vector<std::string>& arguments,
                               const std::string& output_file,
                               const std::function<void()>& prepare) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const int output = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return Error::Failure("cannot write " + output_file + ": " + LastError());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    const std::string why = LastError();
    ::close(output);
    return Error::Failure("cannot start a process: " + why);
  }
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::setpgid(0, 0);  // Ctrl-C is for us: we stop it in our order
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    if (prepare) prepare();
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  ::close(output);
  return Process(pid);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    exit_code_ = other.exit_code_;
  }
  return *this;
}

Process::~Process() { Kill(); }

void Process::Signal(int number) const {
  if (pid_ > 0 && !exit_code_) ::kill(pid_, number);
}

std::optional<int> Process::Poll() {
  if (exit_code_ || pid_ < 0) return exit_code_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

std::optional<int> Process::Wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!Poll() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return exit_code_;
}

void Process::Kill() {
  if (pid_ < 0 || exit_code_) return;
  Signal(SIGKILL);
  while (!Wait(std::chrono::seconds(1))) {
  }
}

std::string ThisProgram() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

Result<std::vector<std::uint16_t>> FreePorts(std::size_t count) {
  constexpr unsigned kFirst = 10'000;
  constexpr unsigned kEnd = 32'768;  // here Linux begins to give ports to those who name none
  static std::atomic<unsigned> next = static_cast<unsigned>(::getpid()) * 31;
  std::vector<std::uint16_t> ports;
  for (unsigned tries = kFirst; tries < kEnd && ports.size() < count; ++tries) {
    const auto port = static_cast<std::uint16_t>(kFirst + next++ % (kEnd - kFirst));
    if (CanBind(SOCK_STREAM, port) && CanBind(SOCK_DGRAM, port) && Reserve(port)) {
      ports.push_back(port);
    }
  }
  if (ports.size() < count) {
    return Error::Failure("cannot find " + std::to_string(count) +
                          " free ports on 127.0.0.1: " + LastError());
  }
  return ports;
}

}  // namespace tandem::tools
