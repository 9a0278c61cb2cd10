// SPDX-License-Identifier: Apache-2.0
//
// MemoryStorage: files in memory that keep what was written apart from what was synced. A test can
// let the process die (what was written stays), let the host die (what was not synced goes, all of
// it or a random part), fail the n-th operation, tear a write, and fill the disk. Deterministic.
//
// Operations that change something are counted: Write, Preallocate, Truncate, Sync, Create, Rename,
// Remove, SyncFolder, MakeFolder. Folders themselves always survive, under the name that they had
// when the folder above was synced. Mappings stay valid as long as they live and show later writes.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "replay/storage.h"

namespace tandem::test {

class MemoryStorage final : public replay::Storage {
 public:
  enum class Fault : std::uint8_t {
    kError,      ///< the operation does nothing and fails, as on an I/O error
    kTornWrite,  ///< a write leaves its first half and fails; other operations as kError
  };

  /// The n-th operation from now (1: the next one) fails, and so do all after it: `error` is what
  /// the system is said to have answered.
  void FailFrom(std::uint64_t nth, Fault fault, std::string error = "Input/output error");
  /// Only the n-th operation from now fails.
  void FailOnce(std::uint64_t nth, Fault fault, std::string error = "Input/output error");
  void StopFailing();
  /// In the n-th operation from now `crash` is called, which throws: the process ends there, before
  /// the operation has done anything, or, `torn`, when a write has done half of it.
  void CrashAt(std::uint64_t nth, bool torn, std::function<void()> crash);
  [[nodiscard]] std::uint64_t operations() const { return operations_; }

  /// The same files, without locks and without faults to come; neither sees the other's changes.
  [[nodiscard]] MemoryStorage Clone() const;

  /// Bytes that all files together may have; a write beyond it fails.
  void LimitBytes(std::uint64_t bytes) { bytes_max_ = bytes; }

  /// Every lock is gone, what was written stays: the end of all processes.
  void CrashProcesses();
  /// As after a loss of power: each file has what was synced and, if `random` is given, of each
  /// later write its part in each 512-byte sector with a chance of one half. Names come and go by
  /// SyncFolder.
  void CrashHost(std::mt19937_64* random = nullptr);

  /// A file's bytes as written; the test may change them, or the size. Fails on a missing file.
  std::vector<std::byte>& Bytes(const std::string& path);
  [[nodiscard]] bool Exists(const std::string& path) const { return names_.contains(path); }
  [[nodiscard]] std::vector<std::string> Paths() const;
  void Copy(const std::string& from, const std::string& to);
  /// The file as it is now, changes of the test too, survives the end of the host.
  void Keep(const std::string& path);

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
  Result<std::unique_ptr<replay::FileLock>> LockShared(const std::string& path) override;
  [[nodiscard]] bool Locked(const std::string& path) override;
  [[nodiscard]] std::uint32_t BootId() override { return boot_id_; }

 private:
  class MemoryFile;
  class MemoryMapping;
  class MemoryLock;
  struct Node;
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  struct Move {
    std::string from;
    std::string to;
  };
  /// How many share the lock of a file; -1: one has it alone.
  using Locks = std::map<const Node*, int>;

  /// Counts an operation on `path`; an error if it is to fail.
  Status Operation(const std::string& path, bool* torn = nullptr);
  [[nodiscard]] std::uint64_t BytesTaken() const;
  void LoseMoves(std::mt19937_64* random);

  Names names_;          ///< as seen by processes
  Names durable_names_;  ///< as found after the end of the host
  std::set<std::string> folders_;
  std::vector<Move> moves_;  ///< of folders, not yet synced
  std::shared_ptr<Locks> locks_ = std::make_shared<Locks>();
  std::uint32_t boot_id_ = 1;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_from_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t fail_until_ = 0;
  Fault fault_ = Fault::kError;
  std::string fault_text_;
  std::uint64_t crash_at_ = std::numeric_limits<std::uint64_t>::max();
  bool crash_is_torn_ = false;
  std::function<void()> crash_;
  std::uint64_t bytes_max_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace tandem::test
