// SPDX-License-Identifier: Apache-2.0
#include "tests/live/role_thread.h"

#include "tests/live/live_test.h"

namespace tandem::test {

class CapturedLog::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    text_.clear();
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    text_.append(line.data(), line.size());
  }
  void flush_() override {}

  std::string text_;
};

CapturedLog::CapturedLog() : sink_(std::make_shared<Sink>()), before_(spdlog::default_logger()) {
  auto logger = std::make_shared<spdlog::logger>("test", sink_);
  logger->set_pattern("%H:%M:%S.%e %l %v");
  spdlog::set_default_logger(std::move(logger));
}

CapturedLog::~CapturedLog() { spdlog::set_default_logger(before_); }

std::string CapturedLog::text() const { return sink_->text(); }
void CapturedLog::Clear() { sink_->Clear(); }
std::vector<std::string> CapturedLog::errors() const { return ErrorsIn(text()); }

void CapturedLog::Await(const std::string& expected, std::size_t times) const {
  const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
  while (Count(text(), expected) < times) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "nobody says \"" << expected << "\", but:\n" << text();
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::uint16_t CapturedLog::PortAfter(const std::string& before) const {
  Await(before);
  const std::string log = text();
  const std::size_t at = log.rfind(before);
  if (at == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::stoul(log.substr(at + before.size())));
}

class WatchedStorage::WatchedFile final : public replay::File {
 public:
  WatchedFile(std::unique_ptr<replay::File> file, const Watch& watch, std::string path)
      : file_(std::move(file)), watch_(watch), path_(std::move(path)) {}

  Status Write(std::uint64_t offset, std::span<const std::byte> data) override {
    const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    Status status = watch_(Operation::kWrite, path_, text);
    if (status) return file_->Write(offset, data);
    if (Status half = file_->Write(offset, data.first(data.size() / 2)); !half) return half;
    return status;
  }
  Result<std::size_t> Read(std::uint64_t offset, std::span<std::byte> data) override {
    return file_->Read(offset, data);
  }
  Result<std::uint64_t> Size() override { return file_->Size(); }
  Result<std::uint64_t> WrittenEnd(std::uint64_t from) override { return file_->WrittenEnd(from); }
  Status Preallocate(std::uint64_t size) override {
    Status status = watch_(Operation::kPreallocate, path_, {});
    return status ? file_->Preallocate(size) : status;
  }
  Status Truncate(std::uint64_t size) override {
    Status status = watch_(Operation::kTruncate, path_, {});
    return status ? file_->Truncate(size) : status;
  }
  Status Sync() override {
    Status status = watch_(Operation::kSync, path_, {});
    return status ? file_->Sync() : status;
  }
  Result<std::unique_ptr<replay::Mapping>> Map() override { return file_->Map(); }
  void HasName(const std::string& path) override { file_->HasName(path); }

 private:
  std::unique_ptr<replay::File> file_;
  const Watch& watch_;
  std::string path_;
};

Result<std::unique_ptr<replay::File>> WatchedStorage::OpenToRead(const std::string& path) {
  return files_.OpenToRead(path);
}

Result<std::unique_ptr<replay::File>> WatchedStorage::OpenToWrite(const std::string& path) {
  auto file = files_.OpenToWrite(path);
  if (!file || *file == nullptr) return file;
  return std::unique_ptr<replay::File>(new WatchedFile(std::move(*file), watch_, path));
}

Result<std::unique_ptr<replay::File>> WatchedStorage::Create(const std::string& path) {
  if (Status status = watch_(Operation::kCreate, path, {}); !status) return status.error();
  auto file = files_.Create(path);
  if (!file) return file;
  return std::unique_ptr<replay::File>(new WatchedFile(std::move(*file), watch_, path));
}

Status WatchedStorage::MakeFolder(const std::string& path) {
  Status status = watch_(Operation::kOther, path, {});
  return status ? files_.MakeFolder(path) : status;
}
Result<std::vector<std::string>> WatchedStorage::List(const std::string& folder) {
  return files_.List(folder);
}
bool WatchedStorage::FolderExists(const std::string& folder) { return files_.FolderExists(folder); }
Status WatchedStorage::Rename(const std::string& from, const std::string& to) {
  Status status = watch_(Operation::kOther, from, {});
  return status ? files_.Rename(from, to) : status;
}
Status WatchedStorage::Remove(const std::string& path) {
  Status status = watch_(Operation::kOther, path, {});
  return status ? files_.Remove(path) : status;
}
Status WatchedStorage::SyncFolder(const std::string& folder) {
  Status status = watch_(Operation::kSync, folder, {});
  return status ? files_.SyncFolder(folder) : status;
}
Result<std::unique_ptr<replay::FileLock>> WatchedStorage::Lock(const std::string& path) {
  return files_.Lock(path);
}
bool WatchedStorage::Locked(const std::string& path) { return files_.Locked(path); }
std::uint32_t WatchedStorage::BootId() { return files_.BootId(); }

}  // namespace tandem::test
