// SPDX-License-Identifier: Apache-2.0
#include "tools/run_control.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

namespace tandem::tools {

namespace {

std::string LastError() { return std::strerror(errno); }

/// False: the path does not fit into a socket's address.
bool MakeAddress(const std::string& path, sockaddr_un& address, socklen_t& size) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return true;
}

std::string SocketPath(const std::string& folder) { return folder + "/run.socket"; }

void SendAll(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void LimitWaiting(int socket) {
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// What comes up to the end of a line; null: it did not come.
std::optional<std::string> ReadLine(int socket) {
  constexpr std::size_t kLineSizeMax = 4096;
  std::string line;
  for (char character = 0; line.size() < kLineSizeMax;) {
    const ssize_t size = ::recv(socket, &character, 1, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    if (character == '\n') return line;
    line += character;
  }
  return std::nullopt;
}

}  // namespace

RunControl::~RunControl() {
  for (const int descriptor : {client_, listener_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
  if (listener_ >= 0) ::unlink(path_.c_str());
  if (lock_ >= 0) ::close(lock_);
}

Status RunControl::Listen(const std::string& folder) {
  const std::string lock = folder + "/run.lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) return Error::Failure("cannot write " + lock + ": " + LastError());
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error::BadInput("another `tandem run` works in " + folder +
                           "; stop it, or give this one another folder");
  }
  path_ = SocketPath(folder);
  sockaddr_un address;
  socklen_t size = 0;
  if (!MakeAddress(path_, address, size)) {
    return Error::BadInput("the path " + path_ +
                           " is too long for a socket; keep the configuration nearer to its "
                           "folder, or give the folder a shorter name");
  }
  ::unlink(path_.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::chmod(path_.c_str(), 0600) != 0 || ::listen(socket, 4) != 0) {
    const std::string why = LastError();
    if (socket >= 0) ::close(socket);
    return Error::Failure("cannot listen on " + path_ + ": " + why);
  }
  listener_ = socket;
  return {};
}

std::optional<std::vector<std::string>> RunControl::Poll() {
  if (listener_ < 0 || client_ >= 0) return std::nullopt;
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return std::nullopt;
  LimitWaiting(client);
  const auto line = ReadLine(client);
  std::istringstream words(line.value_or(""));
  std::string word;
  if (!(words >> word) || word != "restart") {
    ::close(client);
    return std::nullopt;
  }
  client_ = client;
  std::vector<std::string> names;
  while (words >> word) names.push_back(word);
  return names;
}

void RunControl::Say(const std::string& text) {
  if (client_ >= 0) SendAll(client_, "- " + text + "\n");
}

void RunControl::Finish(const Result<std::string>& outcome) {
  if (client_ < 0) return;
  SendAll(client_, outcome ? "0 " + *outcome + "\n"
                           : std::to_string(static_cast<int>(outcome.error().code)) + " " +
                                 outcome.error().text + "\n");
  ::close(std::exchange(client_, -1));
}

Result<ExitCode> AskForRestart(const std::string& folder, const std::vector<std::string>& names) {
  sockaddr_un address;
  socklen_t size = 0;
  const std::string path = SocketPath(folder);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!MakeAddress(path, address, size) || socket < 0 ||
      ::connect(socket, reinterpret_cast<sockaddr*>(&address), size) != 0) {
    if (socket >= 0) ::close(socket);
    return Error::Failure("no `tandem run` works in " + folder + "; start it first");
  }
  std::string request = "restart";
  for (const std::string& name : names) request += " " + name;
  SendAll(socket, request + "\n");
  Result<ExitCode> outcome = Error::Failure("`tandem run` ended before the restart was complete");
  while (const auto line = ReadLine(socket)) {
    const std::string text = line->size() > 2 ? line->substr(2) : "";
    if (line->starts_with("- ")) {
      std::printf("%s\n", text.c_str());
      std::fflush(stdout);
      continue;
    }
    const int code = std::atoi(line->c_str());
    if (code != 0) {
      outcome = Error{static_cast<ExitCode>(code), text};
    } else {
      std::printf("%s\n", text.c_str());
      outcome = ExitCode::kYes;
    }
  }
  ::close(socket);
  return outcome;
}

void NotifyReady() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address;
  socklen_t size = 0;
  if (path == nullptr || !MakeAddress(path, address, size)) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  constexpr std::string_view kReady = "READY=1";
  ::sendto(socket, kReady.data(), kReady.size(), MSG_NOSIGNAL,
           reinterpret_cast<sockaddr*>(&address), size);
  ::close(socket);
}

}  // namespace tandem::tools
