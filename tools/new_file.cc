// SPDX-License-Identifier: Apache-2.0
#include "tools/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tools/interrupt.h"

namespace tandem::tools {
namespace {

Error Cannot(const std::string& what, const std::string& path) {
  return Error::Failure("cannot " + what + " " + path + ": " + std::strerror(errno));
}

}  // namespace

Result<NewFile> NewFile::Create(const std::string& path) {
  if (path.empty()) {
    std::signal(SIGPIPE, SIG_DFL);
    return NewFile(path, STDOUT_FILENO);
  }
  CatchInterrupts();
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {  // a link that leads nowhere is something too
    return Error::BadInput(path + " is there already: remove it or choose another name");
  }
  const std::string partial = path + ".partial";
  const int descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 && errno == EEXIST) {
    return Error::BadInput(partial +
                           " is there: another run is writing it, or one was ended before it was "
                           "done; then remove it");
  }
  if (descriptor < 0) return Error::BadInput(Cannot("make", partial).text);
  return NewFile(path, descriptor);
}

NewFile::NewFile(NewFile&& other) noexcept
    : text(std::move(other.text)),
      path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0 || path_.empty()) return;
  ::close(descriptor_);
  ::unlink(partial().c_str());
}

Status NewFile::Flush() {
  if (!path_.empty() && Interrupted()) {
    return Error::Failure("interrupted; what was written is removed");
  }
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Cannot("write to", path_.empty() ? "standard output" : partial());
    done += static_cast<std::size_t>(written);
  }
  text.clear();
  return {};
}

Status NewFile::Finish() {
  if (Status status = Flush(); !status || path_.empty()) return status;
  if (::fsync(descriptor_) != 0) return Cannot("sync", partial());
  ::close(std::exchange(descriptor_, -1));
  if (std::rename(partial().c_str(), path_.c_str()) == 0) return {};
  const Error error = Cannot("rename", partial());
  ::unlink(partial().c_str());
  return error;
}

}  // namespace tandem::tools
