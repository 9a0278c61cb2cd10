// SPDX-License-Identifier: Apache-2.0
#include "replay/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "replay/log_format.h"

namespace tandem::replay {
namespace {

std::string Sentence(const char* what, const std::string& path, int error) {
  return std::string("cannot ") + what + " " + path + ": " + std::strerror(error);
}

class PosixMapping final : public Mapping {
 public:
  PosixMapping(void* address, std::size_t size) : address_(address), size_(size) {}
  PosixMapping(const PosixMapping&) = delete;
  PosixMapping& operator=(const PosixMapping&) = delete;
  ~PosixMapping() override {
    if (size_ > 0) ::munmap(address_, size_);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const override {
    return {static_cast<const std::byte*>(address_), size_};
  }

 private:
  void* address_;
  std::size_t size_;
};

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Status Write(std::uint64_t offset, std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t written =
          ::pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return WriteError(offset, written < 0 ? errno : EIO);
      data = data.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  Result<std::size_t> Read(std::uint64_t offset, std::span<std::byte> data) override {
    std::size_t total = 0;
    while (total < data.size()) {
      const ssize_t got = ::pread(descriptor_, data.data() + total, data.size() - total,
                                  static_cast<off_t>(offset + total));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ReadError(errno);
      if (got == 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

  Result<std::uint64_t> Size() override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return ReadError(errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Status Preallocate(std::uint64_t size) override {
    const Result<std::uint64_t> now = Size();
    if (!now) return now.error();
    if (*now >= size) return {};
    const auto bytes = static_cast<off_t>(size);
    int error = 0;
    do {
      error = ::fallocate(descriptor_, 0, 0, bytes) == 0 ? 0 : errno;
    } while (error == EINTR);
    if (error == EOPNOTSUPP || error == ENOSYS) {
      // A file system without it: only the length is set, space is found when it is written.
      error = ::ftruncate(descriptor_, bytes) == 0 ? 0 : errno;
    }
    if (error != 0) return Error::Failure(Sentence("preallocate", path_, error));
    return {};
  }

  Status Truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return Error::Failure(Sentence("truncate", path_, errno));
    }
    return {};
  }

  Status Sync() override {
    if (::fdatasync(descriptor_) != 0) return Error::Failure(Sentence("sync", path_, errno));
    return {};
  }

  Result<std::uint64_t> WrittenEnd(std::uint64_t from) override {
    const Result<std::uint64_t> size = Size();  // before others write behind it
    if (!size) return size;
    auto end = static_cast<off_t>(std::min(from, *size));
    for (;;) {
      const off_t data = ::lseek(descriptor_, end, SEEK_DATA);
      if (data < 0) return errno == ENXIO ? static_cast<std::uint64_t>(end) : *size;
      end = ::lseek(descriptor_, data, SEEK_HOLE);
      if (end <= data || static_cast<std::uint64_t>(end) >= *size) return *size;
    }
  }

  void HasName(const std::string& path) override { path_ = path; }

  Result<std::unique_ptr<Mapping>> Map() override {
    const Result<std::uint64_t> size = Size();
    if (!size) return size.error();
    if (*size == 0) return std::unique_ptr<Mapping>(new PosixMapping(nullptr, 0));
    void* address = ::mmap(nullptr, *size, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (address == MAP_FAILED && errno == ENODEV) return ReadError(EISDIR);
    if (address == MAP_FAILED) return Error::Failure(Sentence("map", path_, errno));
    return std::unique_ptr<Mapping>(new PosixMapping(address, *size));
  }

 private:
  Error WriteError(std::uint64_t offset, int error) const {
    return Error::Failure(
        Sentence("write to", path_ + " at offset " + std::to_string(offset), error));
  }

  // A folder where a file should be, for one: the user's input is wrong, not the disk.
  Error ReadError(int error) const {
    if (error == EIO) return Error::Failure(Sentence("read", path_, error));
    return Error::BadInput(Sentence("read", path_, error));
  }

  int descriptor_;
  std::string path_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;
  ~PosixLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

Result<std::unique_ptr<File>> OpenFile(const std::string& path, int flags, const char* what) {
  // Without waiting: nobody may ever write into a pipe that stands where a file should.
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0644);
  if (descriptor < 0) {
    if (errno == ENOENT && (flags & O_CREAT) == 0) return std::unique_ptr<File>();
    if (errno == ENOSPC || errno == EIO) return Error::Failure(Sentence(what, path, errno));
    return Error::BadInput(Sentence(what, path, errno));
  }
  struct stat status;
  if (::fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode)) {
    ::close(descriptor);
    return Error::BadInput(std::string("cannot ") + what + " " + path + ": it is a pipe");
  }
  return std::unique_ptr<File>(new PosixFile(descriptor, path));
}

struct flock WholeFile(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<std::unique_ptr<File>> PosixStorage::OpenToRead(const std::string& path) {
  return OpenFile(path, O_RDONLY, "open");
}

Result<std::unique_ptr<File>> PosixStorage::OpenToWrite(const std::string& path) {
  return OpenFile(path, O_RDWR, "open for writing");
}

Result<std::unique_ptr<File>> PosixStorage::Create(const std::string& path) {
  return OpenFile(path, O_RDWR | O_CREAT | O_TRUNC, "create");
}

Status PosixStorage::MakeFolder(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      return Error::BadInput(Sentence("make the folder", part, errno));
    }
    if (end == std::string::npos) break;
  }
  if (!FolderExists(path)) {
    return Error::BadInput("cannot make the folder " + path + ": there is a file of that name");
  }
  return {};
}

Result<std::vector<std::string>> PosixStorage::List(const std::string& folder) {
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return Error::BadInput(Sentence("list", folder, errno));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return Error::Failure(Sentence("list", folder, error));
  std::sort(names.begin(), names.end());
  return names;
}

bool PosixStorage::FolderExists(const std::string& folder) {
  struct stat status;
  return ::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Status PosixStorage::Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return Error::Failure(Sentence("rename", from + " to " + to, errno));
  }
  return {};
}

Status PosixStorage::Remove(const std::string& path) {
  if (std::remove(path.c_str()) != 0) return Error::Failure(Sentence("remove", path, errno));
  return {};
}

Status PosixStorage::SyncFolder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Error::Failure(Sentence("open", folder, errno));
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0) return Error::Failure(Sentence("sync", folder, error));
  return {};
}

// The lock belongs to the open file, not to the process: two writers in one process exclude each
// other too, and asking whether it is held takes nothing.
Result<std::unique_ptr<FileLock>> PosixStorage::Lock(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return Error::BadInput(Sentence("open for writing", path, errno));
  struct flock lock = WholeFile(F_WRLCK);
  if (::fcntl(descriptor, F_OFD_SETLK, &lock) == 0) {
    return std::unique_ptr<FileLock>(new PosixLock(descriptor));
  }
  const int error = errno;
  ::close(descriptor);
  if (error == EAGAIN || error == EACCES) return std::unique_ptr<FileLock>();
  return Error::Failure(Sentence("lock", path, error));
}

Result<std::unique_ptr<FileLock>> PosixStorage::LockShared(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::unique_ptr<FileLock>();
    return Error::BadInput(Sentence("read", path, errno));
  }
  struct flock lock = WholeFile(F_RDLCK);
  if (::fcntl(descriptor, F_OFD_SETLK, &lock) == 0) {
    return std::unique_ptr<FileLock>(new PosixLock(descriptor));
  }
  const int error = errno;
  ::close(descriptor);
  if (error == EAGAIN || error == EACCES) return std::unique_ptr<FileLock>();
  return std::make_unique<FileLock>();  // a file system without locks
}

bool PosixStorage::Locked(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct flock lock = WholeFile(F_RDLCK);
  const bool locked = ::fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(descriptor);
  return locked;
}

std::uint32_t PosixStorage::BootId() {
  const int descriptor = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  std::array<char, 36> uuid{};
  const ssize_t size = ::read(descriptor, uuid.data(), uuid.size());
  ::close(descriptor);
  if (size != static_cast<ssize_t>(uuid.size())) return 0;
  return Crc32c(0, std::as_bytes(std::span(uuid)));
}

}  // namespace tandem::replay
