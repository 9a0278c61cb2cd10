// SPDX-License-Identifier: Apache-2.0
//
// ChunkQueue: hands messages from one thread to another in chunks, a lock per chunk. Bounded: the
// producer waits while all chunks are full, the consumer while all are empty. The chunks go round,
// so after the first ones nothing is allocated.
//
// Push and Close: the producer. Pop: the consumer. Stop: either.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace tandem::replay {

/// Messages back to back.
struct Chunk {
  std::vector<std::byte> bytes;
  std::vector<std::uint32_t> sizes;  ///< of each message

  void Append(std::span<const std::byte> message) {
    bytes.insert(bytes.end(), message.begin(), message.end());
    sizes.push_back(static_cast<std::uint32_t>(message.size()));
  }
  void Clear() {
    bytes.clear();
    sizes.clear();
  }
};

class ChunkQueue {
 public:
  explicit ChunkQueue(std::size_t chunks) : empty_(chunks) {}

  /// Exchanges a filled chunk for an empty one. False: stopped.
  bool Push(Chunk& chunk) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !empty_.empty() || stopped_; });
    if (stopped_) return false;
    full_.push_back(std::exchange(chunk, std::move(empty_.back())));
    empty_.pop_back();
    changed_.notify_all();
    return true;
  }

  /// Exchanges a chunk that is done with for the next filled one. False: closed and all taken, or
  /// stopped.
  bool Pop(Chunk& chunk) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !full_.empty() || closed_ || stopped_; });
    if (stopped_ || full_.empty()) return false;
    chunk.Clear();
    empty_.push_back(std::exchange(chunk, std::move(full_.front())));
    full_.pop_front();
    changed_.notify_all();
    return true;
  }

  /// Nothing more will be pushed.
  void Close() { Set(closed_); }
  /// Whoever waits need not wait any longer.
  void Stop() { Set(stopped_); }

 private:
  void Set(bool& flag) {
    const std::lock_guard lock(mutex_);
    flag = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> full_;
  std::vector<Chunk> empty_;
  bool closed_ = false;
  bool stopped_ = false;
};

}  // namespace tandem::replay
