// SPDX-License-Identifier: Apache-2.0
//
// StateView: the state in a zone by the addresses that it has, or had: of a zone that is live in
// this process, or of an image that lies anywhere. Read only. What an image holds is not believed:
// every address that is followed is looked up, and one that leads out gives null.
//
// A view of a live zone is good until the zone changes. The memory must outlive it. Any thread, if
// nobody writes meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"
#include "pools/zone.h"
#include "pools/zone_layout.h"
#include "pools/zone_view.h"

namespace tandem::state {

class StateView {
 public:
  static StateView Of(const pools::ZoneView& zone);
  static StateView Of(const pools::Zone& zone) { return Of(zone.view()); }
  /// Of an image: state bytes (Zone::state_bytes) of a zone at `address`, aligned to 64 bytes, what
  /// Zone::Describe was given there, and its pools. An error says what is wrong with them.
  static Result<StateView> OfImage(std::uintptr_t address, std::span<const std::byte> state,
                                   std::string_view description,
                                   std::vector<pools::PoolInfo> pools);

  /// `size` bytes that had this address; null if they are not all part of the state.
  [[nodiscard]] const std::byte* At(std::uint64_t address, std::uint64_t size) const {
    if (address < begin() || size > state_.size() || address - begin() > state_.size() - size) {
      return nullptr;
    }
    return state_.data() + (address - begin());
  }
  /// The T at that address; null if it is not in the state, or not aligned.
  template <class T>
  [[nodiscard]] const T* Get(std::uint64_t address) const {
    const std::byte* const bytes = address % alignof(T) == 0 ? At(address, sizeof(T)) : nullptr;
    return reinterpret_cast<const T*>(bytes);
  }
  template <class T>
  [[nodiscard]] const T* Get(const T* pointer) const {
    return Get<T>(reinterpret_cast<std::uintptr_t>(pointer));
  }

  /// Of the zone.
  [[nodiscard]] std::uintptr_t address() const { return address_; }
  /// Of the first byte of the state.
  [[nodiscard]] std::uintptr_t begin() const { return address_ + pools::kZoneHeaderOffset; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return state_; }
  [[nodiscard]] const pools::ZoneHeader& header() const {
    return *reinterpret_cast<const pools::ZoneHeader*>(state_.data());
  }
  [[nodiscard]] std::string_view description() const { return description_; }
  /// In the order in which the pools were made.
  [[nodiscard]] const std::vector<pools::PoolInfo>& pools() const { return pools_; }

 private:
  StateView(std::uintptr_t address, std::span<const std::byte> state, std::string_view description,
            std::vector<pools::PoolInfo> pools)
      : address_(address), state_(state), description_(description), pools_(std::move(pools)) {}

  std::uintptr_t address_;
  std::span<const std::byte> state_;
  std::string_view description_;
  std::vector<pools::PoolInfo> pools_;
};

/// A word of memory that a pool may have marked as free.
[[nodiscard]] std::uint64_t LoadWord(const std::byte* bytes);

}  // namespace tandem::state
