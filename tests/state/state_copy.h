// SPDX-License-Identifier: Apache-2.0
//
// What the tests of walking and comparing states share: a copy of a zone's state, as an image has
// one, and what is in it as lines.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "pools/state/compare.h"
#include "pools/state/zone_walk.h"

namespace tandem::state {

/// A copy of a zone's state, as an image has one.
class Copy {
 public:
  explicit Copy(const pools::Zone& zone)
      : view_(StateView::Of(zone)), description_(view_.description()) {
    const std::span<const std::byte> bytes = view_.bytes();
    bytes_ = static_cast<std::byte*>(std::aligned_alloc(4096, (bytes.size() + 4095) / 4096 * 4096));
    for (std::size_t i = 0; i < bytes.size(); i += 8) {  // also what a sanitizer hides
      const std::uint64_t word = LoadWord(bytes.data() + i);
      std::memcpy(bytes_ + i, &word, sizeof word);
    }
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { std::free(bytes_); }

  [[nodiscard]] ZoneWalk Walk() const {
    auto view = StateView::OfImage(view_.address(), {bytes_, view_.bytes().size()}, description_,
                                   view_.pools());
    ENSURE(view.ok(), "%s", view.error().text.c_str());
    auto walk = ZoneWalk::Of(*view);
    ENSURE(walk.ok(), "%s", walk.error().text.c_str());
    return std::move(walk).value();
  }
  /// The copy of what lies there in the zone.
  template <class T>
  T& At(const T& object) {
    return *reinterpret_cast<T*>(bytes_ +
                                 (reinterpret_cast<std::uintptr_t>(&object) - view_.begin()));
  }
  [[nodiscard]] std::span<std::byte> bytes() { return {bytes_, view_.bytes().size()}; }

 private:
  StateView view_;
  std::string description_;
  std::byte* bytes_;
};

inline std::vector<std::string> Lines(const ZoneWalk& walk, std::string_view name) {
  const StatePool* const pool = walk.FindPool(name);
  ENSURE(pool != nullptr, "there is no such pool");
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < pool->count; ++i) {
    if (pool->IsLive(i))
      lines.push_back(std::to_string(i) + " " + RecordOf(walk.ValuesOf(*pool, i)));
  }
  return lines;
}

inline std::vector<std::string> Texts(const Comparison& comparison) {
  std::vector<std::string> texts;
  for (const Difference& one : comparison.differences) texts.push_back(TextOf(one));
  return texts;
}

}  // namespace tandem::state
