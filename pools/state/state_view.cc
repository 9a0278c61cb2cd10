// SPDX-License-Identifier: Apache-2.0
#include "pools/state/state_view.h"

#include <string>

namespace tandem::state {

using pools::PoolControl;
using pools::ZoneHeader;

StateView StateView::Of(const pools::Zone& zone) {
  const auto& control = *reinterpret_cast<const pools::ZoneControl*>(zone.address());
  const auto* const controls =
      reinterpret_cast<const PoolControl*>(zone.address() + pools::kZoneSlotsOffset);
  std::vector<StateSlot> slots;
  for (std::uint64_t i = 0; i < control.slots_used; ++i) {
    const PoolControl& pool = controls[i];
    if (pool.kind == pools::PoolKind::kNone) continue;
    slots.push_back({.name = pool.name,
                     .kind = pool.kind,
                     .base = pool.base != nullptr ? pool.base->name : "",
                     .limit = pool.limit,
                     .address = reinterpret_cast<std::uintptr_t>(pool.pool)});
  }
  return {zone.address(), zone.state_bytes(), zone.description(), std::move(slots)};
}

Result<StateView> StateView::OfImage(std::uintptr_t address, std::span<const std::byte> state,
                                     std::string_view description, std::vector<StateSlot> slots) {
  StateView view(address, state, description, std::move(slots));
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
