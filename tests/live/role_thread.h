// SPDX-License-Identifier: Apache-2.0
//
// Live roles inside the test's process: each on a thread of its own, what they log kept for the
// test, their storage watched and made to fail.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pools/result.h"
#include "replay/storage.h"
#include "tests/live/raw_peer.h"

namespace tandem::test {

/// Takes what is logged, from any thread, instead of the terminal, as long as it lives.
class CapturedLog {
 public:
  CapturedLog();
  ~CapturedLog();

  [[nodiscard]] std::string text() const;
  /// Waits until this text was logged `times` times; fails the test if it is not.
  void Await(const std::string& text, std::size_t times = 1) const;
  /// The number that was logged after `before`, as a port; waits for it.
  [[nodiscard]] std::uint16_t PortAfter(const std::string& before) const;
  /// The errors, without time and level.
  [[nodiscard]] std::vector<std::string> errors() const;
  void Clear();

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
  std::shared_ptr<spdlog::logger> before_;
};

/// Runs a role until it ends or is stopped; stopped when it goes out of scope.
template <class Role>
class RoleThread {
 public:
  template <class... Arguments>
  explicit RoleThread(Arguments&&... arguments)
      : role_(std::forward<Arguments>(arguments)...), thread_([this] {
          code_ = role_.Run();
          ended_ = true;
        }) {}
  ~RoleThread() {
    if (thread_.joinable()) Stop();
  }

  ExitCode Stop() {
    role_.Stop();
    return Wait();
  }
  /// Fails the test if the role does not end by itself.
  ExitCode Wait() {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    while (!ended_ && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!ended_) {
      ADD_FAILURE() << "the role does not end";
      role_.Stop();
    }
    thread_.join();
    return code_;
  }

 private:
  Role role_;
  ExitCode code_ = ExitCode::kYes;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

/// The files of this host, with a say before each operation that changes something.
class WatchedStorage final : public replay::Storage {
 public:
  enum class Operation { kWrite, kPreallocate, kTruncate, kSync, kCreate, kOther };
  /// `data`: of a write. An error makes the operation fail; a write leaves its first half then.
  /// Called on the thread of whoever uses the storage.
  using Watch =
      std::function<Status(Operation operation, const std::string& path, std::string_view data)>;

  explicit WatchedStorage(Watch watch) : watch_(std::move(watch)) {}

  Result<std::unique_ptr<replay::File>> OpenToRead(const std::string& path) override;
  Result<std::unique_ptr<replay::File>> OpenToWrite(const std::string& path) override;
  Result<std::unique_ptr<replay::File>> Create(const std::string& path) override;
  Status MakeFolder(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  [[nodiscard]] bool FolderExists(const std::string& folder) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncFolder(const std::string& folder) override;
  Result<std::unique_ptr<replay::FileLock>> Lock(const std::string& path) override;
  [[nodiscard]] bool Locked(const std::string& path) override;
  [[nodiscard]] std::uint32_t BootId() override;

 private:
  class WatchedFile;

  replay::PosixStorage files_;
  Watch watch_;
};

}  // namespace tandem::test
