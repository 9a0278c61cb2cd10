// SPDX-License-Identifier: Apache-2.0
//
// LiveTest: a folder of its own, `tandem` as processes with verbs, and logs made to order. The
// folder is kept if the test fails. Ports are chosen by the system, so tests may run side by side.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "replay/log_writer.h"
#include "tests/live/raw_peer.h"
#include "tools/process.h"

namespace tandem::test {

/// `tandem ARGUMENTS...` as a process. Killed when it goes out of scope.
class Program {
 public:
  Program(tools::Process process, std::string output_file)
      : process_(std::move(process)), output_file_(std::move(output_file)) {}

  [[nodiscard]] std::string Output() const;  ///< stdout and stderr so far
  /// Waits until the output has this text `times` times. False, and the test fails: it has not.
  bool Says(const std::string& text, std::size_t times = 1);
  /// Waits for the end; the exit code, 128 + signal, or -1 and the test fails: it goes on.
  int Wait();
  int Stop(int signal);  ///< sends it, and waits
  void Signal(int signal) { process_.Signal(signal); }
  void Kill() { process_.Kill(); }
  [[nodiscard]] bool running() { return !process_.Poll(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// The number after `before` in the output, as a port; waits for it.
  std::uint16_t PortAfter(const std::string& before);

 private:
  tools::Process process_;
  std::string output_file_;
};

/// Lines of an output that are errors, without time and level: each should be one.
[[nodiscard]] std::vector<std::string> ErrorsIn(const std::string& output);

class LiveTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  /// Starts `tandem ARGUMENTS...`. `through`: words before it, such as a shell that sets limits.
  Program Start(std::vector<std::string> arguments, std::vector<std::string> through = {});
  /// Starts it and waits for the end.
  int Run(std::vector<std::string> arguments, std::string* output = nullptr);
  /// Must end with `code` and with one sentence that contains `sentence`.
  void ExpectEnds(std::vector<std::string> arguments, int code, const std::string& sentence);

  struct Sequencer {
    Program program;
    std::uint16_t submissions;
    std::uint16_t stream;
  };
  /// Of session TEST in folder `log`; on ports of an earlier one if given.
  Sequencer StartSequencer(const std::string& log, std::vector<std::string> extra = {},
                           const Sequencer* earlier = nullptr);

  /// Writes messages of type 200, `count` of them with `payload_size` bytes, and closes the log.
  void WriteLog(const std::string& name, replay::LogRole role, std::uint64_t count,
                const std::string& session = "TEST", std::size_t payload_size = 8);
  /// Every message in a log as "number type user origin payload-size".
  std::vector<std::string> ReadLog(const std::string& name);
  /// Waits until it has `count` messages.
  void AwaitMessages(const std::string& name, std::size_t count);
  void ExpectVerifies(const std::string& name);

  std::string folder_;
  std::string program_;  ///< that Start starts: `tandem`, unless the test says otherwise

 private:
  int programs_ = 0;
};

/// How often `text` is in `in`.
[[nodiscard]] std::size_t Count(const std::string& in, const std::string& text);
/// One of tools::FreePorts.
[[nodiscard]] std::uint16_t FreePort();
/// "127.0.0.1:PORT"
[[nodiscard]] std::string At(std::uint16_t port);

}  // namespace tandem::test
