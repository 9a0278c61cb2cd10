// SPDX-License-Identifier: Apache-2.0
//
// Output: what a command says on standard output, in large pieces. A reader that goes away (as
// `head` does) ends the process silently by SIGPIPE; a full disk is an error. One thread.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "pools/result.h"

namespace tandem::tools {

class Output {
 public:
  Output() { std::signal(SIGPIPE, SIG_DFL); }

  /// Append here; call MayFlush after each line.
  std::string text;

  Status MayFlush() { return text.size() < kFlushBytes ? Status{} : Flush(); }

  Status Flush() {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        return Error::Failure(std::string("cannot write to standard output: ") +
                              std::strerror(errno));
      }
      done += static_cast<std::size_t>(written);
    }
    text.clear();
    return {};
  }

 private:
  static constexpr std::size_t kFlushBytes = 1u << 16;
};

}  // namespace tandem::tools
