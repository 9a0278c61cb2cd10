// SPDX-License-Identifier: Apache-2.0
//
// Storage: the one seam for files. Logs touch the disk through it and nothing else (images are
// mapped where the state lies and written by a forked child, so they do not: pools/zone_image.h),
// so that a test or the simulation can tear a write, fail the n-th operation, fill the disk or lose
// what was not synced. PosixStorage is the real one; the in-memory one is in
// tests/support/memory_storage.h.
//
// Errors are values that name the path and what the system said. What a Write left behind after an
// error is not known; a Sync that failed must not be tried again: the data may be gone.
// Threads: one object is used by one thread at a time; different objects by different threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"

namespace tandem::replay {

/// A file's bytes as memory, for reading. Shows later writes to the same bytes, by whomever. Its
/// extent is the file's size when it was made; whoever shrinks a file keeps away from readers.
class Mapping {
 public:
  virtual ~Mapping() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
};

class File {
 public:
  virtual ~File() = default;

  /// Writes all of `data` or fails; extends the file if needed.
  virtual Status Write(std::uint64_t offset, std::span<const std::byte> data) = 0;
  /// Reads up to data.size() bytes; less only at the end of the file.
  virtual Result<std::size_t> Read(std::uint64_t offset, std::span<std::byte> data) = 0;
  virtual Result<std::uint64_t> Size() = 0;
  /// Makes the file at least `size` bytes long, new bytes zero, and claims the space if it can.
  virtual Status Preallocate(std::uint64_t size) = 0;
  virtual Status Truncate(std::uint64_t size) = 0;
  /// Returns when everything written so far survives a crash of the host.
  virtual Status Sync() = 0;
  virtual Result<std::unique_ptr<Mapping>> Map() = 0;
  /// Where the last of all that was written at or after `from` ends, as the file system knows
  /// without reading: what lies behind reads as zeros. The size if that is not known.
  virtual Result<std::uint64_t> WrittenEnd(std::uint64_t from) = 0;
  /// It has this name now, and its errors give it.
  virtual void HasName(const std::string& path) { (void)path; }
};

/// Held as long as it lives; the end of the process ends it too.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// Null pointer: there is no such file.
  virtual Result<std::unique_ptr<File>> OpenToRead(const std::string& path) = 0;
  /// Null pointer: there is no such file.
  virtual Result<std::unique_ptr<File>> OpenToWrite(const std::string& path) = 0;
  /// A new, empty file; one that was there is emptied.
  virtual Result<std::unique_ptr<File>> Create(const std::string& path) = 0;

  /// With parents; no error if it is there.
  virtual Status MakeFolder(const std::string& path) = 0;
  /// Names in a folder, sorted, without the path.
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;
  [[nodiscard]] virtual bool FolderExists(const std::string& folder) = 0;
  /// A file, or a folder.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// A file, or an empty folder.
  virtual Status Remove(const std::string& path) = 0;
  /// Makes the names in a folder survive a crash of the host.
  virtual Status SyncFolder(const std::string& folder) = 0;

  /// An exclusive lock on a file, which is made if it is missing. Null pointer: somebody has it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  /// Beside other shared locks of an existing file, against an exclusive one. Null pointer:
  /// somebody has that, or there is no such file. A storage that cannot guard its files gives an
  /// empty lock.
  virtual Result<std::unique_ptr<FileLock>> LockShared(const std::string& path) {
    (void)path;
    return std::make_unique<FileLock>();
  }
  /// True if somebody, this process included, has the exclusive lock. Takes none itself.
  [[nodiscard]] virtual bool Locked(const std::string& path) = 0;

  /// Another one after each start of the host (by chance of 2^-32 the same); 0: not known. What was
  /// written since the host started is still there, synced or not.
  [[nodiscard]] virtual std::uint32_t BootId() = 0;
};

/// The files of this host. Has no state; copy or share it at will, from any thread.
class PosixStorage final : public Storage {
 public:
  Result<std::unique_ptr<File>> OpenToRead(const std::string& path) override;
  Result<std::unique_ptr<File>> OpenToWrite(const std::string& path) override;
  Result<std::unique_ptr<File>> Create(const std::string& path) override;
  Status MakeFolder(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  [[nodiscard]] bool FolderExists(const std::string& folder) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncFolder(const std::string& folder) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> LockShared(const std::string& path) override;
  [[nodiscard]] bool Locked(const std::string& path) override;
  [[nodiscard]] std::uint32_t BootId() override;
};

}  // namespace tandem::replay
