// SPDX-License-Identifier: Apache-2.0
#include "replay/log_pipe.h"

#include <cstring>

namespace tandem::replay {
namespace {

/// Four of them, on their way between two cores, fit into the cache that those share.
constexpr std::size_t kChunkBytes = 256u << 10;
constexpr std::size_t kChunks = 4;

}  // namespace

ReadAhead::ReadAhead(LogReader& log, std::uint64_t last) : log_(log), queue_(kChunks) {
  thread_ = std::thread([this, last] { Read(last); });
}

ReadAhead::~ReadAhead() {
  queue_.Stop();
  thread_.join();
}

void ReadAhead::Read(std::uint64_t last) {
  Chunk filling;
  ReadOutcome outcome;
  while ((outcome = log_.Next(last)) == ReadOutcome::kMessage) {
    filling.Append(log_.message().bytes);
    if (filling.bytes.size() >= kChunkBytes && !queue_.Push(filling)) return;
  }
  if (!filling.sizes.empty() && !queue_.Push(filling)) return;
  outcome_ = outcome;
  if (outcome == ReadOutcome::kDamaged) error_ = log_.error();
  queue_.Close();
}

ReadOutcome ReadAhead::Next() {
  if (index_ == chunk_.sizes.size()) {
    index_ = 0;
    begin_ = 0;
    if (!queue_.Pop(chunk_)) {
      chunk_.Clear();
      return outcome_;
    }
  }
  message_.bytes = std::span(chunk_.bytes).subspan(begin_, chunk_.sizes[index_]);
  std::memcpy(&message_.header, message_.bytes.data(), sizeof message_.header);
  begin_ += chunk_.sizes[index_++];
  return ReadOutcome::kMessage;
}

LogPipe::LogPipe(LogWriter& log) : log_(log), queue_(kChunks) {
  thread_ = std::thread([this] { Write(); });
}

LogPipe::~LogPipe() { (void)Finish().ok(); }

bool LogPipe::Append(std::span<const std::byte> message) {
  filling_.Append(message);
  return filling_.bytes.size() < kChunkBytes || queue_.Push(filling_);
}

Status LogPipe::Finish() {
  if (thread_.joinable()) {
    if (!filling_.sizes.empty()) queue_.Push(filling_);
    queue_.Close();
    thread_.join();
  }
  return status_;
}

void LogPipe::Write() {
  Chunk chunk;
  while (queue_.Pop(chunk)) {
    std::size_t begin = 0;
    for (const std::uint32_t size : chunk.sizes) {
      log_.Append({chunk.bytes.data() + begin, size});
      begin += size;
    }
    status_ = log_.Flush();
    if (!status_) return queue_.Stop();
  }
}

}  // namespace tandem::replay
