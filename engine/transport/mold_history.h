// SPDX-License-Identifier: Apache-2.0
//
// What a request server answers from: the latest messages in memory, the others in the log, where
// some cursors are kept so that whoever asks for one packet after another costs no search.
// Memory: kRecentBytes and an index. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/message.h"
#include "replay/log_reader.h"

namespace tandem::engine {

/// The latest messages of a stream, as many as fit.
class RecentMessages {
 public:
  static constexpr std::size_t kCount = 1u << 16;

  explicit RecentMessages(std::size_t bytes = 8u << 20) : buffer_(bytes), entries_(kCount) {}

  /// Messages come by number, without gap.
  void Add(const proto::MessageView& message);
  /// Empty if it is not there (any more). Valid until Add.
  [[nodiscard]] std::span<const std::byte> Find(std::uint64_t number) const;

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::uint64_t begin = 0;  ///< bytes written before it, ever
    std::size_t size = 0;
  };

  std::vector<std::byte> buffer_;
  std::vector<Entry> entries_;  ///< by number modulo kCount
  std::uint64_t written_ = 0;   ///< bytes, ever
};

class MoldHistory {
 public:
  static constexpr std::size_t kCursors = 8;

  MoldHistory(replay::Storage& storage, std::string folder)
      : storage_(storage), folder_(std::move(folder)) {}

  void Add(const proto::MessageView& message) { recent_.Add(message); }

  /// Message `number`, which the log has; empty if it cannot be read: error() says why, or there
  /// was a search too many (`may_search` false). Valid until the next call.
  std::span<const std::byte> Find(std::uint64_t number, bool may_search);
  /// Message `number`, which Find gave last, had no room: it will be asked for next.
  void PutBack(std::uint64_t number);
  [[nodiscard]] bool NeedsSearch(std::uint64_t number) const;
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Cursor {
    std::optional<replay::LogReader> reader;
    bool holds = false;  ///< the message that the reader gave last was put back
    std::uint64_t next = 0;
    std::uint64_t used_at = 0;
  };
  [[nodiscard]] const Cursor* CursorAt(std::uint64_t number) const;

  replay::Storage& storage_;
  std::string folder_;
  RecentMessages recent_;
  std::array<Cursor, kCursors> cursors_;
  std::uint64_t uses_ = 0;
  std::string error_;
};

}  // namespace tandem::engine
