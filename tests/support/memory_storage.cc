// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_storage.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pools/ensure.h"

namespace tandem::test {

using replay::File;
using replay::FileLock;
using replay::Mapping;

namespace {

constexpr std::size_t kSector = 512;

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.starts_with(folder + "/");
}
bool IsIn(const std::string& path, const std::string& folder) {
  return IsBelow(path, folder) && path.find('/', folder.size() + 1) == std::string::npos;
}
std::string Moved(const std::string& path, const std::string& from, const std::string& to) {
  return path == from || IsBelow(path, from) ? to + path.substr(from.size()) : path;
}
template <class Names>
void MoveNames(Names& names, const std::string& from, const std::string& to) {
  Names moved;
  for (auto& [path, node] : names) moved[Moved(path, from, to)] = node;
  names = std::move(moved);
}
void MoveFolders(std::set<std::string>& folders, const std::string& from, const std::string& to) {
  std::set<std::string> moved;
  for (const std::string& path : folders) moved.insert(Moved(path, from, to));
  folders = std::move(moved);
}

}  // namespace

/// What a name stands for. Writes wait in `unsynced` until a sync applies them to `durable`.
struct MemoryStorage::Node {
  struct Change {
    std::uint64_t offset = 0;
    std::vector<std::byte> data;
    std::uint64_t size_after = 0;
  };

  void SetSize(std::uint64_t size) { bytes.resize(size); }

  std::vector<std::byte> bytes;
  std::vector<std::byte> durable;
  std::vector<Change> unsynced;
  /// Copies for mappings: they outlive a change of the size, and see later writes.
  std::vector<std::weak_ptr<std::vector<std::byte>>> mapped;
};

class MemoryStorage::MemoryMapping final : public Mapping {
 public:
  explicit MemoryMapping(std::shared_ptr<std::vector<std::byte>> bytes)
      : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const override { return *bytes_; }

 private:
  std::shared_ptr<std::vector<std::byte>> bytes_;
};

class MemoryStorage::MemoryFile final : public File {
 public:
  MemoryFile(MemoryStorage& storage, std::shared_ptr<Node> node, std::string path)
      : storage_(storage), node_(std::move(node)), path_(std::move(path)) {}

  Status Write(std::uint64_t offset, std::span<const std::byte> data) override {
    bool torn = false;
    const Status status = storage_.Operation(path_, &torn);
    if (torn) Apply(offset, data.first(data.size() / 2));
    if (torn && storage_.operations_ == storage_.crash_at_) storage_.crash_();
    if (!status) return status;
    const std::uint64_t grown =
        std::max<std::uint64_t>(offset + data.size(), node_->bytes.size()) - node_->bytes.size();
    if (storage_.BytesTaken() + grown > storage_.bytes_max_) {
      return Error::Failure("cannot write to " + path_ + ": No space left on device");
    }
    Apply(offset, data);
    return {};
  }

  Result<std::size_t> Read(std::uint64_t offset, std::span<std::byte> data) override {
    if (offset >= node_->bytes.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(data.size(), node_->bytes.size() - offset);
    std::copy_n(node_->bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, data.begin());
    return size;
  }

  Result<std::uint64_t> Size() override { return std::uint64_t{node_->bytes.size()}; }
  Result<std::uint64_t> WrittenEnd(std::uint64_t from) override {
    std::uint64_t end = node_->bytes.size();
    while (end > from && node_->bytes[end - 1] == std::byte{0}) --end;
    return end;
  }

  Status Preallocate(std::uint64_t size) override {
    if (Status status = storage_.Operation(path_); !status) return status;
    if (node_->bytes.size() >= size) return {};
    if (size - node_->bytes.size() > storage_.bytes_max_ - storage_.BytesTaken()) {
      return Error::Failure("cannot preallocate " + path_ + ": No space left on device");
    }
    Resize(size);
    return {};
  }

  Status Truncate(std::uint64_t size) override {
    if (Status status = storage_.Operation(path_); !status) return status;
    Resize(size);
    return {};
  }

  Status Sync() override {
    if (Status status = storage_.Operation(path_); !status) return status;
    node_->durable = node_->bytes;
    node_->unsynced.clear();
    return {};
  }

  void HasName(const std::string& path) override { path_ = path; }

  Result<std::unique_ptr<Mapping>> Map() override {
    auto bytes = std::make_shared<std::vector<std::byte>>(node_->bytes);
    std::erase_if(node_->mapped, [](const auto& mapped) { return mapped.expired(); });
    node_->mapped.push_back(bytes);
    return std::unique_ptr<Mapping>(new MemoryMapping(std::move(bytes)));
  }

 private:
  void Apply(std::uint64_t offset, std::span<const std::byte> data) {
    if (node_->bytes.size() < offset + data.size()) node_->bytes.resize(offset + data.size());
    std::copy(data.begin(), data.end(), node_->bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    node_->unsynced.push_back({offset, {data.begin(), data.end()}, node_->bytes.size()});
    for (const auto& weak : node_->mapped) {
      const auto mapped = weak.lock();
      if (mapped == nullptr || mapped->size() <= offset) continue;
      std::copy_n(data.begin(), std::min<std::size_t>(data.size(), mapped->size() - offset),
                  mapped->begin() + static_cast<std::ptrdiff_t>(offset));
    }
  }

  void Resize(std::uint64_t size) {
    node_->bytes.resize(size);
    node_->unsynced.push_back({0, {}, size});
  }

  MemoryStorage& storage_;
  std::shared_ptr<Node> node_;
  std::string path_;
};

class MemoryStorage::MemoryLock final : public FileLock {
 public:
  /// `change`: -1 for the exclusive one, 1 for one of those that are shared.
  MemoryLock(std::shared_ptr<Locks> locks, std::shared_ptr<Node> node, int change)
      : locks_(std::move(locks)), node_(std::move(node)), change_(change) {
    (*locks_)[node_.get()] += change_;
  }
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  ~MemoryLock() override { (*locks_)[node_.get()] -= change_; }

 private:
  std::shared_ptr<Locks> locks_;
  std::shared_ptr<Node> node_;
  int change_;
};

void MemoryStorage::FailFrom(std::uint64_t nth, Fault fault, std::string error) {
  FailOnce(nth, fault, std::move(error));
  fail_until_ = std::numeric_limits<std::uint64_t>::max();
}

void MemoryStorage::FailOnce(std::uint64_t nth, Fault fault, std::string error) {
  fail_from_ = operations_ + nth;
  fail_until_ = fail_from_;
  fault_ = fault;
  fault_text_ = std::move(error);
}

void MemoryStorage::StopFailing() {
  fail_from_ = std::numeric_limits<std::uint64_t>::max();
  crash_at_ = std::numeric_limits<std::uint64_t>::max();
}

void MemoryStorage::CrashAt(std::uint64_t nth, bool torn, std::function<void()> crash) {
  crash_at_ = operations_ + nth;
  crash_is_torn_ = torn;
  crash_ = std::move(crash);
}

Status MemoryStorage::Operation(const std::string& path, bool* torn) {
  ++operations_;
  if (operations_ == crash_at_) {
    if (torn == nullptr || !crash_is_torn_) crash_();
    *torn = true;
  }
  if (operations_ < fail_from_ || operations_ > fail_until_) return {};
  if (torn != nullptr) *torn = fault_ == Fault::kTornWrite && operations_ == fail_from_;
  return Error::Failure("cannot work on " + path + ": " + fault_text_);
}

std::uint64_t MemoryStorage::BytesTaken() const {
  std::uint64_t taken = 0;
  for (const auto& [path, node] : names_) taken += node->bytes.size();
  return taken;
}

MemoryStorage MemoryStorage::Clone() const {
  MemoryStorage clone;
  std::map<const Node*, std::shared_ptr<Node>> copies;
  const auto copy = [&](const Names& from, Names& to) {
    for (const auto& [path, node] : from) {
      std::shared_ptr<Node>& copied = copies[node.get()];
      if (copied == nullptr) {
        copied = std::make_shared<Node>();
        copied->bytes = node->bytes;
        copied->durable = node->durable;
        copied->unsynced = node->unsynced;
      }
      to[path] = copied;
    }
  };
  copy(names_, clone.names_);
  copy(durable_names_, clone.durable_names_);
  clone.folders_ = folders_;
  clone.moves_ = moves_;
  clone.boot_id_ = boot_id_;
  clone.bytes_max_ = bytes_max_;
  return clone;
}

void MemoryStorage::CrashProcesses() {
  locks_ = std::make_shared<Locks>();
  StopFailing();
}

/// Of the folders that were moved and not synced, the first ones have been moved for good.
void MemoryStorage::LoseMoves(std::mt19937_64* random) {
  const std::size_t kept = random == nullptr ? 0 : (*random)() % (moves_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) MoveNames(durable_names_, moves_[i].from, moves_[i].to);
  for (std::size_t i = moves_.size(); i > kept; --i) {
    const Move& move = moves_[i - 1];
    MoveNames(names_, move.to, move.from);
    MoveNames(durable_names_, move.to, move.from);
    MoveFolders(folders_, move.to, move.from);
  }
  moves_.clear();
}

void MemoryStorage::CrashHost(std::mt19937_64* random) {
  CrashProcesses();
  ++boot_id_;
  if (!moves_.empty()) LoseMoves(random);
  Names names = durable_names_;
  if (random != nullptr) {
    for (const auto& [path, node] : names_) {
      if (!names.contains(path) && (*random)() % 2 == 0) names[path] = node;
    }
  }
  names_.clear();
  for (const auto& [path, node] : names) {
    // A new node: a file that is still open somewhere belongs to the time before the crash.
    auto after = std::make_shared<Node>();
    after->bytes = node->durable;
    for (const Node::Change& change : node->unsynced) {
      if (random == nullptr) break;
      if ((*random)() % 2 == 0) after->SetSize(change.size_after);
      for (std::size_t i = 0, size = 0; i < change.data.size(); i += size) {
        size = std::min(kSector - (change.offset + i) % kSector, change.data.size() - i);
        if ((*random)() % 2 != 0 || change.offset + i + size > after->bytes.size()) continue;
        std::copy_n(change.data.begin() + static_cast<std::ptrdiff_t>(i), size,
                    after->bytes.begin() + static_cast<std::ptrdiff_t>(change.offset + i));
      }
    }
    after->durable = after->bytes;
    names_[path] = std::move(after);
  }
  durable_names_ = names_;
}

std::vector<std::byte>& MemoryStorage::Bytes(const std::string& path) {
  const auto found = names_.find(path);
  ENSURE(found != names_.end(), "the test has no file %s", path.c_str());
  return found->second->bytes;
}

std::vector<std::string> MemoryStorage::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, node] : names_) paths.push_back(path);
  return paths;
}

void MemoryStorage::Copy(const std::string& from, const std::string& to) {
  auto node = std::make_shared<Node>();
  node->bytes = Bytes(from);
  node->durable = node->bytes;
  names_[to] = node;
  durable_names_[to] = node;
}

void MemoryStorage::Keep(const std::string& path) {
  const std::shared_ptr<Node>& node = names_.at(path);
  node->durable = node->bytes;
  node->unsynced.clear();
  durable_names_[path] = node;
}

Result<std::unique_ptr<File>> MemoryStorage::OpenToRead(const std::string& path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return std::unique_ptr<File>();
  return std::unique_ptr<File>(new MemoryFile(*this, found->second, path));
}

Result<std::unique_ptr<File>> MemoryStorage::OpenToWrite(const std::string& path) {
  return OpenToRead(path);
}

Result<std::unique_ptr<File>> MemoryStorage::Create(const std::string& path) {
  if (Status status = Operation(path); !status) return status.error();
  names_[path] = std::make_shared<Node>();
  return OpenToRead(path);
}

Status MemoryStorage::MakeFolder(const std::string& path) {
  if (Status status = Operation(path); !status) return status;
  for (std::size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    folders_.insert(path.substr(0, at));
  }
  return {};
}

Result<std::vector<std::string>> MemoryStorage::List(const std::string& folder) {
  std::set<std::string> list;
  for (const auto& [path, node] : names_) {
    if (IsIn(path, folder)) list.insert(path.substr(folder.size() + 1));
  }
  for (const std::string& path : folders_) {
    if (IsIn(path, folder)) list.insert(path.substr(folder.size() + 1));
  }
  return std::vector<std::string>(list.begin(), list.end());
}

bool MemoryStorage::FolderExists(const std::string& folder) { return folders_.contains(folder); }

Status MemoryStorage::Rename(const std::string& from, const std::string& to) {
  if (Status status = Operation(from); !status) return status;
  if (folders_.contains(from)) {
    if (folders_.contains(to))
      return Error::Failure("cannot rename " + from + ": " + to + " exists");
    MoveNames(names_, from, to);
    MoveFolders(folders_, from, to);
    moves_.push_back({from, to});
    return {};
  }
  const auto found = names_.find(from);
  if (found == names_.end()) return Error::Failure("cannot rename " + from + ": no such file");
  names_[to] = found->second;
  names_.erase(from);
  return {};
}

Status MemoryStorage::Remove(const std::string& path) {
  if (Status status = Operation(path); !status) return status;
  if (folders_.contains(path)) {
    const auto left = List(path);
    if (!left->empty()) return Error::Failure("cannot remove " + path + ": Directory not empty");
    folders_.erase(path);
    return {};
  }
  if (names_.erase(path) == 0) return Error::Failure("cannot remove " + path + ": no such file");
  return {};
}

Status MemoryStorage::SyncFolder(const std::string& folder) {
  if (Status status = Operation(folder); !status) return status;
  for (auto move = moves_.begin(); move != moves_.end();) {
    if (IsIn(move->from, folder) || IsIn(move->to, folder)) {
      MoveNames(durable_names_, move->from, move->to);
      move = moves_.erase(move);
    } else {
      ++move;
    }
  }
  const auto inside = [&](const auto& entry) { return IsIn(entry.first, folder); };
  std::erase_if(durable_names_, inside);
  for (const auto& entry : names_) {
    if (inside(entry)) durable_names_.insert(entry);
  }
  return {};
}

Result<std::unique_ptr<FileLock>> MemoryStorage::Lock(const std::string& path) {
  if (!names_.contains(path)) names_[path] = std::make_shared<Node>();
  const std::shared_ptr<Node>& node = names_[path];
  if ((*locks_)[node.get()] != 0) return std::unique_ptr<FileLock>();
  return std::unique_ptr<FileLock>(new MemoryLock(locks_, node, -1));
}

Result<std::unique_ptr<FileLock>> MemoryStorage::LockShared(const std::string& path) {
  const auto found = names_.find(path);
  if (found == names_.end() || (*locks_)[found->second.get()] < 0) {
    return std::unique_ptr<FileLock>();
  }
  return std::unique_ptr<FileLock>(new MemoryLock(locks_, found->second, 1));
}

bool MemoryStorage::Locked(const std::string& path) {
  const auto found = names_.find(path);
  return found != names_.end() && (*locks_)[found->second.get()] < 0;
}

}  // namespace tandem::test
