// SPDX-License-Identifier: Apache-2.0
#include "tools/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace tandem::tools {

namespace {

std::string LastError() { return std::generic_category().message(errno); }

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
  std::vector<std::uint16_t> ports;
  std::vector<int> sockets;
  bool failed = false;
  for (std::size_t i = 0; i < count && !failed; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockets.push_back(socket);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    failed = socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
             ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0;
    ports.push_back(ntohs(address.sin_port));
  }
  const std::string why = LastError();
  for (const int socket : sockets) ::close(socket);
  if (failed) return Error::Failure("cannot find free ports on 127.0.0.1: " + why);
  return ports;
}

}  // namespace tandem::tools
