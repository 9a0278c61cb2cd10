// SPDX-License-Identifier: Apache-2.0
//
// Text: a text of any length from a pool, an Lpool as a rule, any bytes in it.
//
//   struct Note { explicit Note(PoolRef base) : body(base) {}  Text body; };
//   note.body.Set(message.body());                 // out of memory ends the process
//
// Not for short texts with a bound (Str: no pointer, no request). Takes nothing while it is empty
// from the start; then one block, replaced by a larger one when it is too small, given back when
// the text is destroyed. What it takes counts in its base. One thread. May live in a zone.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <utility>

#include "pools/hash.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class Text {
 public:
  using IsZoneSafe = void;

  explicit Text(PoolRef base) : base_(base) {}
  ~Text() { GiveBack(); }
  Text(Text&& other) noexcept
      : base_(other.base_),
        bytes_(std::exchange(other.bytes_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Replaces the text by one that may be part of it. Out of memory ends the process.
  void Set(std::string_view text);
  /// As Set, but out of memory gives false outside a step, and the old text stays.
  [[nodiscard]] bool SetMaybe(std::string_view text);
  /// Adds a text, which may be part of this one, at the end. Out of memory ends the process.
  void Append(std::string_view text);
  /// The text becomes empty; its memory stays for the next one.
  void Clear() { size_ = 0; }

  [[nodiscard]] std::string_view view() const { return {bytes_, size_}; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// The longest text that needs no other block.
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

  friend bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }
  friend bool operator==(const Text& a, std::string_view b) { return a.view() == b; }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    return a.view() <=> b.view();
  }
  friend std::uint64_t HashOf(const Text& text) { return pools::HashOf(text.view()); }

 private:
  friend struct StateAccess;

  bool TrySet(std::string_view text);
  void GiveBack();

  PoolRef base_;
  char* bytes_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t capacity_ = 0;
};

}  // namespace tandem::pools
