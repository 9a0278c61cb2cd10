// SPDX-License-Identifier: Apache-2.0
#include "pools/text.h"

#include <algorithm>
#include <cstring>

#include "pools/out_of_memory.h"

namespace tandem::pools {

void Text::Set(std::string_view text) {
  if (!TrySet(text)) {
    EndOutOfMemory(base_.control(), text.size());
  }
}

bool Text::SetMaybe(std::string_view text) {
  const bool done = TrySet(text);
  if (!done && StepScope::Active()) {
    EndOutOfMemory(base_.control(), text.size());
  }
  return done;
}

bool Text::TrySet(std::string_view text) {
  if (text.size() > capacity_) {
    const std::uint64_t capacity = base_.RealSize(text.size());
    auto* bytes = static_cast<char*>(base_.TryAllocMem(capacity));
    if (bytes == nullptr) {
      return false;
    }
    std::memcpy(bytes, text.data(), text.size());
    GiveBack();
    bytes_ = bytes;
    capacity_ = capacity;
  } else if (!text.empty()) {
    std::memmove(bytes_, text.data(), text.size());
  }
  size_ = text.size();
  return true;
}

void Text::Append(std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (text.size() <= capacity_ - size_) {
    std::memmove(bytes_ + size_, text.data(), text.size());
    size_ += text.size();
    return;
  }
  // Twice the room, so that many appends copy little; if that is refused, what is needed.
  const std::uint64_t size = size_ + text.size();
  std::uint64_t capacity = base_.RealSize(std::max(size, 2 * capacity_));
  auto* bytes = static_cast<char*>(base_.TryAllocMem(capacity));
  if (bytes == nullptr) {
    capacity = base_.RealSize(size);
    bytes = static_cast<char*>(base_.AllocMemOrEnd(capacity));
  }
  if (size_ != 0) {
    std::memcpy(bytes, bytes_, size_);
  }
  std::memcpy(bytes + size_, text.data(), text.size());
  GiveBack();
  bytes_ = bytes;
  size_ = size;
  capacity_ = capacity;
}

void Text::GiveBack() {
  if (bytes_ != nullptr) {
    base_.FreeMem(bytes_, capacity_);
  }
}

}  // namespace tandem::pools
