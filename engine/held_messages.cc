// SPDX-License-Identifier: Apache-2.0
#include "engine/held_messages.h"

#include <cstring>

#include "pools/ensure.h"

namespace tandem::engine {

namespace {

using Size = std::uint32_t;

}  // namespace

bool HeldMessages::Push(std::span<const std::byte> message) {
  const std::size_t needed = sizeof(Size) + message.size();
  if (count_ == 0) Clear();
  if (wrap_ == 0 && bytes_.size() - tail_ < needed) {
    if (count_ == 0) return false;
    wrap_ = tail_;
    tail_ = 0;
  }
  const std::size_t end = wrap_ == 0 ? bytes_.size() : head_;
  if (end - tail_ < needed) {
    if (wrap_ != 0 && tail_ == 0) {
      tail_ = wrap_;
      wrap_ = 0;
    }
    return false;
  }
  const auto size = static_cast<Size>(message.size());
  std::memcpy(bytes_.data() + tail_, &size, sizeof size);
  std::memcpy(bytes_.data() + tail_ + sizeof size, message.data(), message.size());
  tail_ += needed;
  ++count_;
  return true;
}

std::span<const std::byte> HeldMessages::front() const {
  ENSURE(count_ > 0, "no message is held");
  Size size = 0;
  std::memcpy(&size, bytes_.data() + head_, sizeof size);
  return std::span(bytes_).subspan(head_ + sizeof size, size);
}

void HeldMessages::Pop() {
  head_ += sizeof(Size) + front().size();
  if (--count_ == 0) return Clear();
  if (head_ == wrap_) {
    head_ = 0;
    wrap_ = 0;
  }
}

void HeldMessages::Clear() { head_ = tail_ = wrap_ = count_ = 0; }

std::size_t HeldMessages::free() const {
  return wrap_ == 0 ? bytes_.size() - tail_ + head_ : head_ - tail_;
}

}  // namespace tandem::engine
