// SPDX-License-Identifier: Apache-2.0
#include "pools/state/state_view.h"

#include <string>

namespace tandem::state {

StateView StateView::Of(const pools::ZoneView& zone) {
  return {zone.address(), zone.state_bytes(), zone.description(), zone.Pools()};
}

Result<StateView> StateView::OfImage(std::uintptr_t address, std::span<const std::byte> state,
                                     std::string_view description,
                                     std::vector<pools::PoolInfo> pools) {
  StateView view(address, state, description, std::move(pools));
  if (state.size() < pools::Sbrk::kPageBytes || view.header().magic != pools::kZoneMagic) {
    return Error::BadInput("the state in it does not begin as a zone does");
  }
  if (view.header().layout_version != pools::kZoneLayoutVersion) {
    return Error::BadInput(
        "the zone in it has layout version " + std::to_string(view.header().layout_version) +
        ", and this program knows version " + std::to_string(pools::kZoneLayoutVersion));
  }
  return view;
}

[[gnu::no_sanitize_address]] std::uint64_t LoadWord(const std::byte* bytes) {
  std::uint64_t word = 0;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace tandem::state
