// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_history.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::engine {

void RecentMessages::Add(const proto::MessageView& message) {
  const std::size_t size = message.bytes.size();
  if (size > buffer_.size()) return;
  const std::size_t at = written_ % buffer_.size();
  if (at + size > buffer_.size()) written_ += buffer_.size() - at;
  std::memcpy(buffer_.data() + written_ % buffer_.size(), message.bytes.data(), size);
  entries_[message.header.number % kCount] = {
      .number = message.header.number, .begin = written_, .size = size};
  written_ += size;
}

std::span<const std::byte> RecentMessages::Find(std::uint64_t number) const {
  const Entry& entry = entries_[number % kCount];
  if (entry.number != number || entry.size == 0) return {};
  if (written_ - entry.begin > buffer_.size()) return {};
  return std::span(buffer_).subspan(entry.begin % buffer_.size(), entry.size);
}

const MoldHistory::Cursor* MoldHistory::CursorAt(std::uint64_t number) const {
  const auto found = std::ranges::find_if(
      cursors_, [number](const Cursor& cursor) { return cursor.reader && cursor.next == number; });
  return found == cursors_.end() ? nullptr : &*found;
}

bool MoldHistory::NeedsSearch(std::uint64_t number) const {
  return recent_.Find(number).empty() && CursorAt(number) == nullptr;
}

std::span<const std::byte> MoldHistory::Find(std::uint64_t number, bool may_search) {
  if (const auto recent = recent_.Find(number); !recent.empty()) return recent;
  auto* cursor = const_cast<Cursor*>(CursorAt(number));
  if (cursor == nullptr) {
    error_ = "there were too many searches";
    if (!may_search) return {};
    cursor = &*std::ranges::min_element(cursors_, {}, &Cursor::used_at);
    *cursor = {};
    auto opened =
        replay::LogReader::Open(storage_, folder_, {.from_number = number, .check_digest = false});
    if (!opened) {
      error_ = opened.error().text;
      return {};
    }
    cursor->reader.emplace(std::move(*opened));
    cursor->next = number;
  }
  cursor->used_at = ++uses_;
  if (std::exchange(cursor->holds, false)) {
    ++cursor->next;
    return cursor->reader->message().bytes;
  }
  switch (cursor->reader->Next()) {
    case replay::ReadOutcome::kMessage:
      ++cursor->next;
      return cursor->reader->message().bytes;
    case replay::ReadOutcome::kDamaged:
      error_ = cursor->reader->error().text;
      break;
    case replay::ReadOutcome::kEnd:
      error_ = "the log " + folder_ + " does not have message " + std::to_string(number) + " yet";
      break;
  }
  cursor->reader.reset();
  return {};
}

void MoldHistory::PutBack(std::uint64_t number) {
  if (auto* cursor = const_cast<Cursor*>(CursorAt(number + 1)); cursor != nullptr) {
    if (cursor->reader->position().number != number) return;
    cursor->holds = true;
    cursor->next = number;
  }
}

}  // namespace tandem::engine
