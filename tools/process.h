// SPDX-License-Identifier: Apache-2.0
//
// Process: a child process whose output goes to a file. It ends with us: killed when the Process is
// destroyed, and by the kernel if this process dies first. Not by a Ctrl-C at our terminal: it is
// in a process group of its own. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"

namespace tandem::tools {

class Process {
 public:
  /// Starts `arguments[0]`. stdout and stderr are appended to `output_file`; stdin is empty.
  /// `prepare` is called in the new process, before the program: for what a program is born with,
  /// as its environment. This process must have one thread then.
  static Result<Process> Start(const std::vector<std::string>& arguments,
                               const std::string& output_file,
                               const std::function<void()>& prepare = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Signal(int number) const;
  /// The exit code, 128 + signal number if a signal ended it, or null while it runs.
  std::optional<int> Poll();
  /// Null if it has not ended after `timeout`.
  std::optional<int> Wait(std::chrono::milliseconds timeout);
  /// SIGKILL, and waits for the end.
  void Kill();

 private:
  explicit Process(pid_t pid) : pid_(pid) {}

  pid_t pid_ = -1;  ///< -1: moved from
  std::optional<int> exit_code_;
};

/// The program that is running, for starting it again with other arguments.
[[nodiscard]] std::string ThisProgram();

/// `count` ports of 127.0.0.1, free for TCP and for UDP: nobody has them at the moment, the system
/// gives them to nobody who does not name them, and no other process gets them from here while this
/// one lives. Any thread.
Result<std::vector<std::uint16_t>> FreePorts(std::size_t count);

}  // namespace tandem::tools
