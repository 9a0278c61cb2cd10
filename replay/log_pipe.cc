// SPDX-License-Identifier: Apache-2.0
#include "replay/log_pipe.h"

#include <utility>

namespace tandem::replay {

LogPipe::LogPipe(LogWriter& log) : log_(log), empty_(kChunks - 1) {
  thread_ = std::thread([this] { Write(); });
}

LogPipe::~LogPipe() { (void)Finish().ok(); }

bool LogPipe::Append(std::span<const std::byte> message) {
  filling_.bytes.insert(filling_.bytes.end(), message.begin(), message.end());
  filling_.sizes.push_back(static_cast<std::uint32_t>(message.size()));
  return filling_.bytes.size() < kChunkBytes || HandOver();
}

bool LogPipe::HandOver() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !empty_.empty() || failed_; });
  if (failed_) return false;
  full_.push_back(std::exchange(filling_, std::move(empty_.back())));
  empty_.pop_back();
  changed_.notify_all();
  return true;
}

Status LogPipe::Finish() {
  if (thread_.joinable()) {
    if (!filling_.sizes.empty()) HandOver();
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }
  return status_;
}

void LogPipe::Write() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !full_.empty() || finishing_; });
    if (full_.empty()) return;
    Chunk chunk = std::move(full_.front());
    full_.pop_front();
    lock.unlock();
    std::size_t begin = 0;
    for (const std::uint32_t size : chunk.sizes) {
      log_.Append({chunk.bytes.data() + begin, size});
      begin += size;
    }
    Status status = log_.Flush();
    chunk.bytes.clear();
    chunk.sizes.clear();
    lock.lock();
    empty_.push_back(std::move(chunk));
    if (!status) {
      status_ = std::move(status);
      failed_ = true;
    }
    changed_.notify_all();
    if (failed_) return;
  }
}

}  // namespace tandem::replay
